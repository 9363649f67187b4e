"""MCP over HTTP: one message, one answer in JSON, nothing kept (revisions 2026-07-28 and 2025-11-25)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    GetPromptRequestParams,
    PaginatedRequestParams,
    ReadResourceRequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from rest.http import Response
from rest.mcp.messages import posted, scope, unreadable
from rest.mcp.offer import Answer, Asker, Offer
from rest.mcp.resources import GUIDE, Resources
from rest.mcp.tools import Tool
from services.engine.calling import Guest
from services.engine.context import Caller
from services.engine.errors import Problem, Slug
from services.engine.read import Reader
from services.engine.strict_json import JsonProblem, load

PATH = "/mcp"
TITLE = "Diptych"

_NO_RESOURCE = -32002
_REFUSED = -32000
_NOT_FOUND = 404
_LARGEST_VISIT = 16_384
_KEPT = CacheHint(60_000, "private")
_HINTS: dict[CacheableMethod, CacheHint] = {
    "server/discover": _KEPT,
    "tools/list": _KEPT,
    "resources/list": _KEPT,
    "resources/templates/list": _KEPT,
    "prompts/list": _KEPT,
}
_PROMPT = {
    "name": "introduction",
    "title": "Introduction to this API",
    "description": "Everything to know of the API before working with it.",
}
_ASKER = "diptych.asker"
_SHOWN = ("etag", "idempotency-replayed")
"""Headers that a model should see, and not its client alone."""

_INSTRUCTIONS = """\
Each tool is one operation of a REST API, with its rules. Rows come in pages: go on with `cursor` set to the
`next_cursor` of an answer (the first page needs `pagination: "cursor"`), or with `page`. A write takes
`dry_run` to try it, `idempotency_key` so that repeating it is harmless, and `if_match`, the ETag that an
answer ends with, so that nobody else's change is lost. A refusal is a problem document: `detail` says what is
wrong, `errors` names the fields."""

_NO_TOOLS = b'"tools":[]'

_Context = ServerRequestContext[Any, Any]


@dataclass(slots=True)
class _Asking:
    """Who asks, and what is answered in place of everything, such as the problem of a dead token.

    `tools` is the list of them as JSON, which stands in for the empty one that the library has checked, and
    `failure` is what nobody had foreseen.
    """

    asker: Asker
    problem: Problem | None = None
    dead: Response | None = None
    tools: bytes | None = None
    failure: Exception | None = None


class Protocol:
    """The MCP server: the official library's, without sessions, whose tools are those of an offer."""

    def __init__(
        self, offer: Offer, reader: Reader, version: str, *, body_limit: int, site: str = ""
    ) -> None:
        self._offer, self._reader, self._body_limit = offer, reader, body_limit
        self._server: Server[Any] = Server(
            "diptych",
            version=version,
            title=TITLE,
            instructions=_INSTRUCTIONS,
            website_url=site or None,
            cache_hints=_HINTS,
            # No tool has arguments that are repeated in headers.
            get_tool_input_schema=lambda _: None,
        )
        # What it brings itself goes to traces, which nobody collects.
        self._server.middleware[:] = [_failing]
        add = self._server.add_request_handler
        add("tools/list", PaginatedRequestParams, self._list_tools)
        add("tools/call", CallToolRequestParams, self._call_tool)
        add("resources/list", PaginatedRequestParams, self._list_resources)
        add("resources/templates/list", PaginatedRequestParams, self._list_templates)
        add("resources/read", ReadResourceRequestParams, self._read_resource)
        add("prompts/list", PaginatedRequestParams, self._list_prompts)
        add("prompts/get", GetPromptRequestParams, self._get_prompt)
        # It tells each request twice, and clients' mistakes as warnings.
        logging.getLogger("mcp").setLevel(logging.ERROR)

    async def answer(self, asker: Asker, headers: Mapping[bytes, bytes], body: bytes) -> Response:
        """Return the response to a posted message; raises Problems, and whatever is unforeseen."""
        asking = _Asking(asker)
        found = unreadable(body) or await self._served(asking, headers, body)
        if isinstance(asker, Caller):
            # Nothing but what was read with it proves a token, and a dead one hears only that.
            await self._reader.confirm(asker)
        for raised in (asking.problem, asking.failure):
            if raised is not None:
                raise raised
        return asking.dead or _listed(asking, found)

    async def is_public(self, body: bytes) -> bool:
        """Tell whether a message, of no more than such calls need, calls a tool that needs no token."""
        if len(body) > _LARGEST_VISIT:
            return False
        try:
            message = load(body)
        except JsonProblem:
            return False
        params = message.get("params") if isinstance(message, dict) else None
        if not isinstance(params, dict) or message.get("method") != "tools/call":
            return False
        tool = await self._tool(params.get("name"))
        return tool is not None and tool.public

    async def _tool(self, name: object) -> Tool | None:
        return (await self._offer.toolbox()).by_name.get(name) if isinstance(name, str) else None

    async def _served(self, asking: _Asking, headers: Mapping[bytes, bytes], body: bytes) -> Response:
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=self._body_limit
        )
        told = scope(PATH, headers) | {_ASKER: asking}
        # It keeps nothing, so it lives as long as the request, and nothing has to end it.
        async with manager.run():
            return await posted(manager.handle_request, told, body)

    # Methods

    async def _list_tools(self, context: _Context, _: PaginatedRequestParams) -> dict[str, Any]:
        scopes = await self._scopes(context)
        # A list of a megabyte, which the library would copy and check for the fifteenth of a second.
        _asking(context).tools = (await self._offer.toolbox()).listed(scopes)
        return _whole(tools=[])

    async def _call_tool(self, context: _Context, params: CallToolRequestParams) -> dict[str, Any]:
        tool = await self._tool(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name[:64]}")
        asking = _asking(context)
        answer = await self._offer.call(asking.asker, tool, params.arguments or {})
        asking.dead = answer.dead
        return _result(answer)

    async def _list_resources(self, context: _Context, _: PaginatedRequestParams) -> dict[str, Any]:
        await self._scopes(context)
        found = (await self._resources()).documents.values()
        return _whole(resources=[each.described() for each in found])

    async def _list_templates(self, context: _Context, _: PaginatedRequestParams) -> dict[str, Any]:
        scopes = await self._scopes(context)
        return _whole(resourceTemplates=(await self._resources()).templates(scopes))

    async def _read_resource(self, context: _Context, params: ReadResourceRequestParams) -> dict[str, Any]:
        found = await self._read(context, params.uri)
        return _whole(contents=[found], ttlMs=0, cacheScope="private")

    async def _list_prompts(self, context: _Context, _: PaginatedRequestParams) -> dict[str, Any]:
        await self._scopes(context)
        return _whole(prompts=[_PROMPT])

    async def _get_prompt(self, context: _Context, params: GetPromptRequestParams) -> dict[str, Any]:
        if params.name != _PROMPT["name"]:
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name[:64]}")
        found = {"type": "resource", "resource": await self._read(context, GUIDE)}
        messages = [{"role": "user", "content": found}]
        return _whole(description=_PROMPT["description"], messages=messages)

    async def _read(self, context: _Context, uri: str) -> dict[str, Any]:
        """Return what a resource holds; raises the error of a refusal, whose problem goes with it."""
        asking = _asking(context)
        try:
            answer = await (await self._resources()).read(asking.asker, uri)
        except Problem as problem:
            answer = await self._offer.refusal(asking.asker, problem)
        asking.dead = answer.dead
        if answer.refused:
            raise MCPError(_code(answer, context), answer.document["detail"], answer.document)
        return {"uri": uri, "mimeType": answer.media_type, "text": answer.text}

    async def _resources(self) -> Resources:
        return Resources(self._offer, await self._offer.toolbox())

    async def _scopes(self, context: _Context) -> frozenset[str]:
        """Return what the caller may do as it is now; a dead token is told so in place of everything."""
        asking = _asking(context)
        try:
            if isinstance(asking.asker, Guest):
                raise Problem(Slug.INVALID_TOKEN, "This needs a token.")
            await self._reader.prove(asking.asker)
        except Problem as problem:
            asking.problem = problem
            raise MCPError(_REFUSED, problem.detail) from None
        return asking.asker.principal.scopes


def _asking(context: _Context) -> _Asking:
    request: Any = context.request
    found: _Asking = request.scope[_ASKER]
    return found


async def _failing(ctx: _Context, call_next: CallNext) -> HandlerResult:
    """Note what the library would answer as an error of its own, so that it is logged as everywhere else."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception as failure:
        _asking(ctx).failure = failure
        raise MCPError(INTERNAL_ERROR, "Internal error") from None


def _listed(asking: _Asking, found: Response) -> Response:
    if asking.tools is None:
        return found
    before, mark, after = found.body.partition(_NO_TOOLS)
    assert mark, found.body  # noqa: S101 (what the library writes is known)
    return found._replace(body=b"".join((before, b'"tools":', asking.tools, after)))


def _code(answer: Answer, context: _Context) -> int:
    """Return the code of a resource that is refused; the revision of 2026 has none for what is not there."""
    if answer.status != _NOT_FOUND:
        return _REFUSED
    return INVALID_PARAMS if context.protocol_version in MODERN_PROTOCOL_VERSIONS else _NO_RESOURCE


def _result(answer: Answer) -> dict[str, Any]:
    """Return the result of a call: what REST answered, as it is, and beside it what its headers said."""
    content = [{"type": "text", "text": answer.text or "{}"}]
    shown = [f"{name}: {answer.headers[name]}" for name in _SHOWN if name in answer.headers]
    shown += [each.warning for each in answer.outdated]
    outdated = [each.members() for each in answer.outdated]
    if shown:
        content.append({"type": "text", "text": "\n".join(shown)})
    return _whole(
        content=content,
        structuredContent=_structured(answer),
        isError=answer.refused,
        _meta={
            "diptych.http/status": answer.status,
            "diptych.http/headers": dict(answer.headers),
            **({"diptych/deprecations": outdated} if outdated else {}),
        },
    )


def _whole(**members: Any) -> dict[str, Any]:
    """Return a result that nothing more follows; earlier revisions do not say so."""
    return {"resultType": "complete", **members}


def _structured(answer: Answer) -> dict[str, Any]:
    if isinstance(answer.document, dict):
        return answer.document
    if answer.document is not None:
        return {"result": answer.document}
    return {"media_type": answer.media_type, "text": answer.text} if answer.media_type else {}
