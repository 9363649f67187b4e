"""Tools and resources over REST, for clients that do not speak MCP (S2-047 to S2-051, C-82)."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import orjson

from rest import bodies
from rest.http import JSON, PRIVATE, Handler, Headers, Request, Response
from rest.mcp.offer import Answer, Offer
from rest.mcp.resources import Resources
from rest.mcp.tools import Tool, Toolbox
from rest.openapi.draft import Json
from services.engine.access import require_scope
from services.engine.context import Caller
from services.engine.errors import Invalid, bad_request, not_found, validation_failed
from services.engine.mcp import READ, WRITE
from services.engine.read import Reader
from services.engine.values import BLANK

NAME = "mcp"
"""The first segment of every address here."""

_UNSTORED: Headers = [(b"cache-control", b"no-store"), (b"vary", b"Authorization")]
_UNHEEDED = (b"idempotency-key", b"if-match", b"if-none-match")
_NO_TEXT = Invalid("invalid_format", "This must be a text.")
_NO_OBJECT = Invalid("invalid_format", "This must be an object.")

_KINDS = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_Answering = Callable[[Caller, Request], Awaitable[Response]]


class Facade:
    """The handlers of these addresses: a server stands for each module of the catalogue."""

    def __init__(self, offer: Offer, reader: Reader) -> None:
        self._offer, self._reader = offer, reader
        self.routes: dict[str, dict[str, Handler]] = {
            "servers": self._reading(self._servers),
            "servers/{id}": self._reading(self._server),
            "servers/{id}/tools": self._reading(self._tools),
            "tools/call": {"POST": self._demanding(WRITE, self._call)},
            "resources/{uri}": self._reading(self._resource),
        }

    def handlers(self, segments: tuple[str, ...]) -> dict[str, Handler]:
        """Return what answers at the path segments below `/mcp`, by method; nothing where nothing does."""
        match segments:
            case ("servers", _):
                path = "servers/{id}"
            case ("servers", _, "tools"):
                path = "servers/{id}/tools"
            case ("resources", _, *_):
                # The URI of a resource has slashes of its own.
                path = "resources/{uri}"
            case _:
                path = "/".join(segments)
        return self.routes.get(path, {})

    def _reading(self, answer: _Answering) -> dict[str, Handler]:
        async def get(caller: Caller, request: Request) -> Response:
            if request.query:
                raise bad_request(f"{request.path} takes no query parameters.")
            return await answer(caller, request)

        return dict.fromkeys(("GET", "HEAD"), self._demanding(READ, get))

    def _demanding(self, scope: str, answer: _Answering) -> Handler:
        async def demand(caller: Caller, request: Request) -> Response:
            # What is answered here may come from memory, so nothing else proves the token.
            await self._reader.prove(caller)
            require_scope(caller.principal.scopes, scope)
            return await answer(caller, request)

        return demand

    async def _servers(self, caller: Caller, _: Request) -> Response:
        toolbox, scopes = await self._offer.toolbox(), caller.principal.scopes
        return _shown([_server(toolbox, module, scopes) for module in toolbox.servers])

    async def _server(self, caller: Caller, request: Request) -> Response:
        toolbox = await self._offer.toolbox()
        return _shown(_server(toolbox, _named(toolbox, request.segments[2]), caller.principal.scopes))

    async def _tools(self, caller: Caller, request: Request) -> Response:
        toolbox = await self._offer.toolbox()
        module = _named(toolbox, request.segments[2])
        return _shown([_tool(each) for each in toolbox.allowed(caller.principal.scopes, module)])

    async def _call(self, caller: Caller, request: Request) -> Response:
        for header in _UNHEEDED:
            if header in request.headers:
                raise bad_request(
                    f"{header.decode().title()} goes into the arguments of a tool; leave it out."
                )
        if request.query:
            raise bad_request(f"{request.path} takes no query parameters.")
        body, _ = bodies.read(request)
        server, name, arguments = _asked(body)
        found = (await self._offer.toolbox()).by_name.get(name)
        if found is None or found.module != server:
            raise not_found(f"There is no tool {name[:64]!r} on a server {server[:64]!r}.")
        answer = await self._offer.call(caller, found, arguments)
        return _passed_on(answer) if answer.refused else _result(answer)

    async def _resource(self, caller: Caller, request: Request) -> Response:
        uri = "/".join(request.segments[2:])
        resources = Resources(self._offer, await self._offer.toolbox())
        answer = await resources.read(caller, uri)
        if answer.refused:
            return _passed_on(answer)
        return _shown({"uri": uri, "mime_type": answer.media_type, "text": answer.text})


def _named(toolbox: Toolbox, name: str) -> str:
    if name not in toolbox.servers:
        raise not_found(f"There is no server {name[:64]!r}.")
    return name


def _server(toolbox: Toolbox, module: str, scopes: Collection[str]) -> Json:
    return {
        "id": module,
        "name": f"{module.capitalize()} Server",
        "description": toolbox.modules[module],
        "tools": [tool.name for tool in toolbox.allowed(scopes, module)],
    }


def _tool(tool: Tool) -> Json:
    required = tool.takes.get("required", ())
    parameters = {
        name: {
            "type": _kind(tool.takes, schema),
            "description": schema.get("description", ""),
            "required": name in required,
        }
        for name, schema in tool.takes["properties"].items()
    }
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "input_schema": tool.takes,
        "output_schema": tool.answers,
    }


def _kind(root: Json, schema: Json) -> str:
    """Return the one type that older clients know a parameter by; null is none."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return _kind(root, schema[union][0])
    if "type" in schema:
        return str(schema["type"])
    values = schema.get("enum", [schema.get("const", "")])
    return _KINDS.get(type(values[0]), "string")


def _asked(body: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Return the server, the tool and its arguments; raises the 400 and the 422 problem."""
    for name in body:
        if name not in ("server", "tool", "arguments"):
            raise bad_request(f"{name[:64]!r} is not a member of this body.")
    faults = {name: [_fault(body.get(name))] for name in ("server", "tool") if not _is_name(body.get(name))}
    arguments = body.get("arguments")
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, dict):
        faults["arguments"] = [_NO_OBJECT]
    if faults:
        raise validation_failed(faults)
    return body["server"], body["tool"], arguments


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _fault(value: Any) -> Invalid:
    return BLANK if value in (None, "") else _NO_TEXT


def _shown(document: Any) -> Response:
    return Response(200, [JSON, *PRIVATE], orjson.dumps({"data": document}))


def _result(answer: Answer) -> Response:
    result = {
        "content": answer.text,
        "size": len(answer.text.encode()),
        "media_type": answer.media_type or None,
        "status": answer.status,
        "etag": answer.headers.get("etag"),
        "replayed": "idempotency-replayed" in answer.headers,
    }
    return Response(200, [JSON, *_UNSTORED], orjson.dumps({"result": result}))


def _passed_on(answer: Answer) -> Response:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    kind = (b"content-type", answer.media_type.encode())
    return Response(answer.status, [kind, (b"cache-control", b"no-store"), *headers], answer.text.encode())
