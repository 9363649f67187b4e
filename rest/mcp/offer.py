"""What one server offers to agents: its tools, called by way of REST, and what they can read."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, Protocol

import orjson

from rest.http import Request, Response
from rest.mcp.tools import Tool, Toolbox
from rest.openapi.document import document
from services.engine.calling import Guest, nobody
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.deprecation import Deprecated, each_once
from services.engine.errors import Problem, Slug

LARGEST_FILE = 1_048_576
"""How many bytes of an export a tool answers with."""

Asker = Caller | Guest
"""Who asks: with a live token, or with none."""

_REFUSED = 400
_JSON = ("/json", "+json")
_MOVED = frozenset({"content-type", "content-disposition", "cache-control", "vary", "set-cookie", "link"})
"""Headers that are about HTTP alone, or that an answer says otherwise."""


class Surface(Protocol):
    """The REST surface, as tools see it."""

    async def answer(self, caller: Caller, request: Request) -> Response:
        """Return the response to any request, problems included."""

    async def visit(self, guest: Guest, request: Request) -> Response:
        """Return the response to a request that needs no token; raises a Problem."""

    def problem(self, problem: Problem, caller: Caller) -> Response:
        """Return the response of a problem in this caller's request."""


class Answer(NamedTuple):
    """What a tool or a resource answered: `document` is None where that is no JSON, `text` what was sent.

    `refused` tells that it is a problem document, `dead` that the token was the problem, and `outdated` what
    was used that is deprecated.
    """

    status: int
    media_type: str
    text: str
    document: Any
    headers: Mapping[str, str]
    dead: Response | None = None
    outdated: tuple[Deprecated, ...] = ()

    @property
    def refused(self) -> bool:
        """Tell whether nothing was done."""
        return self.status >= _REFUSED


class Offer:
    """The tools of one server, made beside the requests when they are first asked for."""

    def __init__(self, surface: Surface, catalog: Catalog, version: str) -> None:
        self._surface, self._catalog, self._version = surface, catalog, version
        self._making: asyncio.Future[Toolbox] | None = None

    async def toolbox(self) -> Toolbox:
        """Return the tools."""
        if self._making is None:
            self._making = asyncio.ensure_future(asyncio.to_thread(self._make))
        return await asyncio.shield(self._making)

    def _make(self) -> Toolbox:
        return Toolbox(document(self._catalog, self._version))

    async def call(self, asker: Asker, tool: Tool, arguments: Mapping[str, Any]) -> Answer:
        """Return what a tool answers, refusals included."""
        before = len(asker.outdated)
        try:
            request = tool.form.request(tool.name, arguments)
            found = await told(await self.ask(asker, request, public=tool.public))
        except Problem as problem:
            found = await self.refusal(asker, problem)
        return found._replace(outdated=each_once(asker.outdated[before:]))

    async def refusal(self, asker: Asker, problem: Problem) -> Answer:
        """Return a problem as an answer."""
        caller = asker if isinstance(asker, Caller) else nobody(asker.visit, asker.instance)
        return await told(self._surface.problem(problem, caller))

    async def ask(self, asker: Asker, request: Request, *, public: bool) -> Response:
        """Return the response of REST; raises Problems where there is no token, or where none is needed."""
        if not public and isinstance(asker, Caller):
            return await self._surface.answer(asker, request)
        if not public:
            raise Problem(Slug.INVALID_TOKEN, "This needs a token.")
        if isinstance(asker, Guest):
            return await self._surface.visit(asker, request)
        # The client's address pays, as for anybody; and what was asked may have ended the token.
        asker.taken, asker.proving = asker.taken or 0, True
        guest = Guest(asker.visit, asker.instance)
        try:
            return await self._surface.visit(guest, request)
        finally:
            asker.outdated += guest.outdated


async def told(response: Response) -> Answer:
    """Return a response as an answer; raises the Problem of a file that is too large, or that broke off."""
    headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
    media_type = headers.get("content-type", "").partition(";")[0]
    body = response.body if response.more is None else await _whole(response)
    kept = {name: value for name, value in headers.items() if name not in _MOVED}
    shown = orjson.loads(body) if body and media_type.endswith(_JSON) else None
    dead = response if "www-authenticate" in headers else None
    return Answer(response.status, media_type, body.decode(), shown, kept, dead)


async def _whole(response: Response) -> bytes:
    portions = [response.body]
    assert response.more is not None  # noqa: S101 (narrows the type)
    async with aclosing(response.more) as more:
        size = _bounded(len(response.body))
        async for portion in more:
            portions.append(portion)
            size = _bounded(size + len(portion))
    return b"".join(portions)


def _bounded(size: int) -> int:
    if size > LARGEST_FILE:
        detail = f"The file is larger than {LARGEST_FILE} bytes; narrow it, or export it over REST."
        raise Problem(Slug.PAYLOAD_TOO_LARGE, detail)
    return size
