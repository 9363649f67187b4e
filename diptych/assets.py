"""Files of pages for browsers: with an entity tag, compressed where that is understood, kept for good."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rest import conditional
from rest.http import Headers, Response

_FOR_GOOD = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"public, no-cache"
_LEAST_PACKED = 1_024


@dataclass(frozen=True, slots=True)
class _Packed:
    """One content in the forms in which it is sent, with its tag."""

    plain: bytes
    packed: bytes | None
    tag: str


def response(content: bytes, media_type: str, headers: Mapping[bytes, bytes], query: bytes = b"") -> Response:
    """Return the response to a request with `headers` for a file.

    A page links its files by `linked`, with a query that changes with the content: only that address may be
    kept for good.
    """
    found = _packed(content)
    packs = found.packed is not None and b"gzip" in headers.get(b"accept-encoding", b"")
    tag = f'"{found.tag}{"-gzip" if packs else ""}"'.encode()
    kept: Headers = [
        (b"etag", tag),
        (b"cache-control", _FOR_GOOD if query == f"v={found.tag}".encode() else _ASK_AGAIN),
        (b"vary", b"Accept-Encoding"),
    ]
    if conditional.is_current(headers.get(b"if-none-match"), tag):
        return Response(304, kept)
    told: Headers = [(b"content-type", media_type.encode()), *kept]
    if packs and found.packed is not None:
        return Response(200, [*told, (b"content-encoding", b"gzip")], found.packed)
    return Response(200, told, found.plain)


def linked(page: bytes, files: Mapping[str, bytes]) -> bytes:
    """Return an HTML page whose links to `files`, by their addresses, name the version of each."""
    for address, content in files.items():
        page = page.replace(f'"{address}"'.encode(), f'"{address}?v={_packed(content).tag}"'.encode())
    return page


@cache
def _packed(content: bytes) -> _Packed:
    packed = gzip.compress(content, mtime=0) if len(content) >= _LEAST_PACKED else None
    return _Packed(content, packed, hashlib.blake2b(content, digest_size=9).hexdigest())
