"""Exports: a whole collection as one file, read page by page while it is sent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import orjson

from rest import query_string
from rest.http import BASE, PRIVATE, Handler, Headers, Request, Response
from services import exporting
from services.engine import read
from services.engine.context import Caller
from services.engine.cursor import Cursor
from services.engine.encoding import LARGEST_PAGE_SIZE
from services.engine.errors import Problem, Slug, bad_request
from services.engine.intent import Count, Leaf, Listing, Paging, Search
from services.engine.resource import Resource
from services.exporting import Format

NAME = "export"
"""The last segment of the address of an export."""

_FORMAT = b"format="
_SHAPING = query_string.PAGING | {"fields", "include", "with_count"}
_LONGEST_WAIT_SECONDS = 90
_MEDIA_TYPES = {kind.media_type.encode(): kind for kind in Format}
_ANYTHING = (b"*/*", b"application/*")


def handler(resource: Resource, reader: read.Reader) -> Handler:
    """Return what answers `GET …/export`: the collection that the same filters list, as NDJSON or CSV."""
    columns = [item.name for item in resource.shown_fields]

    async def get(caller: Caller, request: Request) -> Response:
        chosen, query = _format(request)
        portions = _portions(chosen, columns, _pages(resource, reader, caller, query))
        # Whatever is to be refused is refused before the answer begins.
        first = await anext(portions)
        name = f"{resource.path}.{chosen}".encode()
        headers: Headers = [
            (b"content-type", _content_type(chosen)),
            (b"content-disposition", b'attachment; filename="' + name + b'"'),
            *PRIVATE,
        ]
        return Response(200, headers, first, portions)

    return get


async def _portions(
    chosen: Format, columns: list[str], pages: AsyncGenerator[list[Any], None]
) -> AsyncGenerator[bytes, None]:
    before = exporting.head(chosen, columns)
    async with aclosing(pages):
        async for rows in pages:
            yield before + exporting.portion(chosen, columns, rows)
            before = b""


async def _pages(
    resource: Resource, reader: read.Reader, caller: Caller, query: bytes
) -> AsyncGenerator[list[Any], None]:
    """Yield the pages of a collection, the first one even if it is empty; raises Problems."""
    parsed = query_string.parse_many(query, resource, reader.codec, caller.now)
    for name, _ in parsed.shape:
        if name.partition("[")[0] in _SHAPING:
            raise bad_request(f"{name!r} does not go with an export, which holds whole rows and all of them.")
    listing = query_string.listing(parsed, resource)
    cursor: Cursor | None = None
    while True:
        asked = _asked(resource, listing, parsed, cursor)
        answer = await _patiently(reader, caller, asked, first=cursor is None)
        yield orjson.loads(answer.body or b"[]")
        after = answer.cursors[1]
        if answer.fetched <= LARGEST_PAGE_SIZE or after is None:
            return
        cursor = reader.codec.decode(after, caller.now)


def _asked(
    resource: Resource, listing: Listing, parsed: query_string.Parsed, cursor: Cursor | None
) -> read.Request:
    nulls = () if cursor is None else cursor.nulls
    leaf = None if cursor is None else Leaf(len(parsed.values))
    paging = Paging(size=LARGEST_PAGE_SIZE, keyset=True, cursor=leaf, nulls=nulls)
    page = Search(resource.name, replace(listing, paging=paging), BASE, count=Count.NONE)
    shape = ("export", resource.name, parsed.shape, tuple(parsed.names.items()), leaf, nulls)
    values = parsed.values if cursor is None else [*parsed.values, cursor]
    return read.Request(shape, lambda: page, values)


async def _patiently(reader: read.Reader, caller: Caller, asked: read.Request, *, first: bool) -> read.Answer:
    """Return one page; an export that has begun waits until it may go on, as it cannot be begun anew."""
    while True:
        try:
            return await reader.read(caller, asked)
        except Problem as problem:
            wait = problem.retry_after
            limited = problem.slug is Slug.RATE_LIMIT_EXCEEDED and wait is not None
            if first or not limited or (wait or 0) > _LONGEST_WAIT_SECONDS:
                raise
            await asyncio.sleep(wait or 1)


def _format(request: Request) -> tuple[Format, bytes]:
    """Return the format and the query string without it; raises the 400 and the 406 problem."""
    parts = [part for part in request.query.split(b"&") if part]
    named = [part[len(_FORMAT) :] for part in parts if part.startswith(_FORMAT)]
    rest = b"&".join(part for part in parts if not part.startswith(_FORMAT))
    if not named:
        return _accepted(request.headers.get(b"accept")), rest
    if len(named) > 1 or named[0].decode("latin-1") not in list(Format):
        raise bad_request("format takes ndjson or csv, once.")
    return Format(named[0].decode()), rest


def _accepted(accept: bytes | None) -> Format:
    """Return the format that is liked best, NDJSON where everything is as good."""
    if not accept:
        return Format.NDJSON
    liked: dict[Format, float] = {}
    for part in accept.lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        quality = next((each[2:] for each in parameters if each.startswith(b"q=")), b"1")
        found = _MEDIA_TYPES.get(name) or (Format.NDJSON if name in _ANYTHING else None)
        if found is not None and quality.replace(b".", b"", 1).isdigit() and float(quality) > 0:
            liked[found] = max(liked.get(found, 0.0), float(quality))
    if not liked:
        raise Problem(Slug.NOT_ACCEPTABLE, "Exports are application/x-ndjson or text/csv.")
    return max(liked, key=lambda each: liked[each])


def _content_type(chosen: Format) -> bytes:
    extra = "; charset=utf-8; header=present" if chosen is Format.CSV else ""
    return (chosen.media_type + extra).encode()
