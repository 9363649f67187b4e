"""The documents as they are served: from memory, with an entity tag, compressed where that is understood."""

import gzip
import hashlib
from dataclasses import dataclass

import orjson

from rest import compat, conditional
from rest.http import Headers, Request, Response
from rest.openapi.document import below, document, of_module
from services.engine.catalog import Catalog
from services.engine.errors import Problem, Slug, bad_request, not_found

NAME = "openapi.json"
"""The last segment of the address of every document."""

_OPENAPI = b"application/openapi+json"
_JSON = b"application/json"
_ANY = (_JSON, b"application/*", b"*/*")
_KEPT: Headers = [(b"cache-control", b"public, max-age=60"), (b"vary", b"Accept, Accept-Encoding")]


@dataclass(frozen=True, slots=True)
class Published:
    """One document in the two forms in which it is sent."""

    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, found: object) -> "Published":
        """Return a document as it is sent."""
        plain = orjson.dumps(found)
        return cls(plain, gzip.compress(plain, mtime=0), hashlib.blake2b(plain, digest_size=12).hexdigest())


class Documents:
    """The document of a whole server, and those of its modules."""

    def __init__(self, catalog: Catalog, version: str) -> None:
        whole = document(catalog, version)
        parts = {name: below(whole, name, segments) for name, segments in compat.MODULES.items()}
        parts |= {module.name: of_module(whole, module.name) for module in catalog.modules}
        self._found: dict[str | None, Published] = {None: Published.of(whole)}
        self._found |= {name: Published.of(part) for name, part in parts.items()}

    def answer(self, request: Request) -> Response:
        """Return the response to a request of a document; raises the 400, 404 and 406 problems."""
        if request.query:
            raise bad_request(f"{request.path} takes no query parameters.")
        found = self._found.get(request.segments[1] if len(request.segments) > 1 else None)
        if found is None:
            raise not_found(f"There is nothing at {request.path}.")
        kind = _media_type(request.headers.get(b"accept"))
        packed = _accepts(request.headers.get(b"accept-encoding", b""), (b"gzip", b"*"))
        tag = f'"{found.tag}{"-gzip" if packed else ""}"'.encode()
        headers: Headers = [(b"content-type", kind), (b"etag", tag), *_KEPT]
        if conditional.is_current(request.headers.get(b"if-none-match"), tag):
            return Response(304, headers[1:])
        if packed:
            return Response(200, [*headers, (b"content-encoding", b"gzip")], found.packed)
        return Response(200, headers, found.plain)


def _media_type(accept: bytes | None) -> bytes:
    """Return the type that is asked for by name, else JSON; raises the 406 problem."""
    if not accept or _accepts(accept, _ANY):
        return _OPENAPI if accept and _named_first(accept) else _JSON
    if _accepts(accept, (_OPENAPI,)):
        return _OPENAPI
    raise Problem(Slug.NOT_ACCEPTABLE, "The document is application/json or application/openapi+json.")


def _named_first(accept: bytes) -> bool:
    return accept.strip().lower().startswith(_OPENAPI)


def _accepts(header: bytes, wanted: tuple[bytes, ...]) -> bool:
    parts = (part.partition(b";") for part in header.lower().split(b","))
    return any(kind.strip() in wanted and rest.replace(b" ", b"") != b"q=0" for kind, _, rest in parts)
