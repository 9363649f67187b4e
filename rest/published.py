"""Published documents: served from memory, with an entity tag, compressed where that is understood."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from rest import conditional
from rest.http import Headers, Response
from services.engine.errors import Problem, Slug

_WEIGHT = re.compile(rb"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


@dataclass(frozen=True, slots=True)
class Published:
    """One representation in the two forms in which it is sent; `tag` goes by its content."""

    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, found: object) -> "Published":
        """Return a JSON document as it is sent."""
        return cls.of_bytes(orjson.dumps(found))

    @classmethod
    def of_bytes(cls, plain: bytes, prefix: str = "") -> "Published":
        """Return finished bytes as they are sent; `prefix` begins their tag."""
        tag = prefix + hashlib.blake2b(plain, digest_size=12).hexdigest()
        return cls(plain, gzip.compress(plain, mtime=0), tag)


Forms = Mapping[bytes, Published]
"""The representations of one address by content type, the preferred one first."""


def publish(
    forms: Forms, headers: Mapping[bytes, bytes], *, seconds: int = 60, more: Headers | None = None
) -> Response:
    """Return the representation that a request prefers, or that it has it already (RFC 9110, 12.5 and 13.1).

    It may be kept for so many `seconds` by anybody, since it is the same for everybody. Raises the 406
    problem.
    """
    kind = _preferred(tuple(forms), headers.get(b"accept"))
    found = forms[kind]
    packed = _wanted(headers.get(b"accept-encoding", b""), b"gzip", b"*")[0] > 0
    tag = f'"{found.tag}{"-gzip" if packed else ""}"'.encode()
    kept = [(b"cache-control", b"public, max-age=%d" % seconds), (b"vary", b"Accept, Accept-Encoding")]
    told: Headers = [(b"content-type", kind), (b"etag", tag), *kept, *(more or ())]
    if conditional.is_current(headers.get(b"if-none-match"), tag):
        return Response(304, told[1:])
    if packed:
        return Response(200, [*told, (b"content-encoding", b"gzip")], found.packed)
    return Response(200, told, found.plain)


def _preferred(kinds: tuple[bytes, ...], accept: bytes | None) -> bytes:
    """Return the content type that is wanted most, of several the one that was named first, else ours."""
    if not accept:
        return kinds[0]
    wanted = []
    for kind in kinds:
        bare = kind.partition(b";")[0]
        wanted.append(_wanted(accept, bare, bare.partition(b"/")[0] + b"/*", b"*/*"))
    best = max(wanted)
    if best[0] <= 0:
        offered = " or ".join(kind.partition(b";")[0].decode() for kind in kinds)
        raise Problem(Slug.NOT_ACCEPTABLE, f"The document is {offered}.")
    return kinds[wanted.index(best)]


def _wanted(header: bytes, *names: bytes) -> tuple[float, int]:
    """Return the weight of the first of these names that a header has, and how early it stands there."""
    listed: dict[bytes, tuple[float, int]] = {}
    for position, part in enumerate(header.lower().split(b",")):
        name, *parameters = (each.strip() for each in part.split(b";"))
        weights = [float(found[1]) for found in map(_WEIGHT.fullmatch, parameters) if found]
        listed.setdefault(name, (weights[0] if weights else 1.0, -position))
    return next((listed[name] for name in names if name in listed), (0.0, 0))
