"""Documents: envelopes spliced around finished JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from rest.http import JSON, PRIVATE, Headers, Response
from rest.query_string import Parsed
from services.engine import encoding
from services.engine.read import Answer

_LINK_SAFE = "/?&=%,:;@!$'()*+~-._"


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of a page's neighbours, null where there is none (S3-157)."""

    self: str
    first: str | None
    prev: str | None
    next: str | None
    last: str | None

    def json(self) -> bytes:
        """Return them as a JSON object."""
        names = ("self", "first", "prev", "next", "last")
        return orjson.dumps({name: getattr(self, name) for name in names})

    def header(self) -> tuple[bytes, bytes]:
        """Return them as a `Link` header (RFC 8288)."""
        found = ((name, getattr(self, name)) for name in ("next", "prev", "first", "last"))
        parts = [f'<{quote(target, safe=_LINK_SAFE)}>; rel="{name}"' for name, target in found if target]
        return b"link", ", ".join(parts).encode()


def single(data: bytes, included: Iterable[bytes | None] | None) -> bytes:
    """Return the envelope of one resource."""
    return b'{"data":' + data + (b"" if included is None else _included(included)) + b"}"


def collection(answer: Answer, parsed: Parsed, path: str, *, keyset: bool, with_includes: bool) -> Response:
    """Return the response of a page."""
    page = _by_cursor(answer, parsed, path) if keyset else _by_page(answer, parsed, path)
    pagination, links = page
    included = _included(answer.included(page=True)) if with_includes else b""
    parts = (
        b'{"data":',
        answer.body or b"[]",
        b',"pagination":',
        orjson.dumps(pagination),
        b',"links":',
        links.json(),
        included,
        b"}",
    )
    headers: Headers = [JSON, links.header(), *PRIVATE]
    return Response(200, headers, b"".join(parts))


def _included(lists: Iterable[bytes | None]) -> bytes:
    inner = [item[1:-1] for item in lists if item and item != b"[]"]
    return b',"included":[' + b",".join(inner) + b"]"


def _by_page(answer: Answer, parsed: Parsed, path: str) -> tuple[dict[str, object], Links]:
    size = encoding.size_of(parsed.value("per_page"))
    offset = parsed.value("offset")
    if offset is None:
        page = encoding.page_of(parsed.value("page"))
    else:
        page = max(encoding.whole(offset, "offset"), 0) // size + 1
    total = answer.total if answer.estimate is None else answer.estimate
    pagination: dict[str, object] = {
        "page": page,
        "per_page": size,
        "total_count": total,
        "total_pages": None if total is None else -(-total // size),
    }
    if answer.estimate is not None:
        pagination["total_precision"] = "estimated"
    return pagination, _page_links(answer, parsed, path, page, size)


def _page_links(answer: Answer, parsed: Parsed, path: str, page: int, size: int) -> Links:
    pages = None if answer.total is None else max(-(-answer.total // size), 1)
    more = answer.fetched > size if pages is None else page < pages
    before = page - 1 if pages is None else min(page - 1, pages)

    def link(number: int) -> str:
        return _address(path, parsed.kept, f"page={number}&per_page={size}")

    return Links(
        link(page),
        link(1),
        link(before) if page > 1 else None,
        link(page + 1) if more else None,
        None if pages is None else link(pages),
    )


def _by_cursor(answer: Answer, parsed: Parsed, path: str) -> tuple[dict[str, object], Links]:
    size, backward = encoding.size_of(parsed.value("per_page")), parsed.backward
    fetched = answer.fetched
    started = "cursor" in parsed.names
    onward = fetched > 0 if backward and started else fetched > size and not backward
    back = fetched > size if backward else started and fetched > 0
    first, last = answer.cursors
    after, before = (last if onward else None), (first if back else None)
    pagination: dict[str, object] = {
        "per_page": size,
        "has_more": onward,
        "next_cursor": after,
        "prev_cursor": before,
    }

    def link(cursor: str, extra: str = "") -> str:
        return _address(path, parsed.kept, f"cursor={cursor}&per_page={size}{extra}")

    own = parsed.own_cursor or ""
    links = Links(
        link(own, "&direction=prev" if backward else ""),
        link(""),
        link(before, "&direction=prev") if before else None,
        link(after) if after else None,
        None,
    )
    return pagination, links


def _address(path: str, kept: list[str], page: str) -> str:
    return f"{path}?{'&'.join((*kept, page))}"
