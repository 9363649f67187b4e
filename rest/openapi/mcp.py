"""Operations by which tools and resources are reached over REST, without MCP itself (S2-047 to S2-051)."""

from collections.abc import Iterator

from rest.openapi.draft import Draft, Json, array, nullable, opened, strict
from rest.openapi.operations import Operation, body, response
from services.engine.mcp import READ, WRITE

_TEXT: Json = {"type": "string"}
_NAME: Json = {"type": "string", "minLength": 1}
_JSON_SCHEMA: Json = {"type": "object", "additionalProperties": True, "examples": [{"type": "object"}]}
_SERVER: Json = {**_NAME, "description": "Which server, by its id.", "examples": ["commerce"]}
_TOOL: Json = {**_NAME, "description": "Which of its tools, by its name.", "examples": ["listOrders"]}
_URI: Json = {**_TEXT, "description": "Which resource.", "examples": ["diptych://enums.json"]}
_OF_TOOLS = (409, 412, 422, 428)
"""What tools may be refused with, beside what any operation may."""


def operations(draft: Draft, tag: str) -> Iterator[tuple[Operation, Json]]:
    """Yield the operations."""
    yield _reading(
        draft,
        tag,
        "/mcp/servers",
        "listMcpServers",
        "List the servers",
        array(_server(draft)),
        "One for each module of the API, with the tools that the token may call.",
    )
    yield _reading(draft, tag, "/mcp/servers/{id}", "getMcpServer", "Get one server", _server(draft))
    yield _reading(
        draft,
        tag,
        "/mcp/servers/{id}/tools",
        "listMcpTools",
        "List the tools of one server",
        array(_tool(draft)),
        "Those that the token may call.",
    )
    yield _calling(draft, tag)
    yield _reading(
        draft,
        tag,
        "/mcp/resources/{uri}",
        "getMcpResource",
        "Read one resource",
        _resource(draft),
        "A document, or a row of any resource; slashes in its URI may be escaped or not.",
    )


def _reading(
    draft: Draft, tag: str, path: str, name: str, summary: str, schema: Json, said: str = ""
) -> tuple[Operation, Json]:
    found = Operation(path, "get", name, summary, tag, said, READ)
    if "{" in path:
        of = path.partition("{")[2].partition("}")[0]
        found.parameters = [draft.parameter(f"Mcp{of.capitalize()}", _parameter, of)]
    named = f"{name[:1].upper()}{name[1:]}Response"
    envelope = draft.schema(named, lambda: opened({"data": schema}, ["data"]))
    found.responses = {"200": response(draft, f"{summary}.", envelope)}
    return found, found.document(draft)


def _parameter(name: str) -> Json:
    shown = _URI if name == "uri" else _SERVER
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": shown["description"],
        "schema": shown,
    }


def _calling(draft: Draft, tag: str) -> tuple[Operation, Json]:
    found = Operation(
        "/mcp/tools/call",
        "post",
        "callMcpTool",
        "Call one tool",
        tag,
        "Needs the scope of the tool too, costs what it costs, and is refused as it would be.",
        WRITE,
    )
    arguments: Json = {"type": "object", "additionalProperties": True, "examples": [{"per_page": 2}]}
    members: Json = {
        "server": _SERVER,
        "tool": _TOOL,
        "arguments": {**nullable(arguments), "description": "By the names that its input schema has."},
    }
    found.body = body(draft.schema("McpToolCall", lambda: strict(members, ["server", "tool"])))
    result = draft.schema("McpToolResult", lambda: opened(_RESULT, list(_RESULT)))
    envelope = draft.schema("CallMcpToolResponse", lambda: opened({"result": result}, ["result"]))
    found.responses = {"200": response(draft, "What the tool answers.", envelope)}
    return found, found.document(draft, *_OF_TOOLS)


_RESULT: Json = {
    "content": {
        **_TEXT,
        "description": "What the tool answers, as text; most is JSON.",
        "examples": ['{"data":[]}'],
    },
    "size": {"type": "integer", "description": "Of the content, in bytes.", "examples": [11]},
    "media_type": {"type": ["string", "null"], "examples": ["application/json"]},
    "status": {"type": "integer", "description": "As REST would have it.", "examples": [200]},
    "etag": {"type": ["string", "null"], "description": "For `if_match`, where there is one."},
    "replayed": {"type": "boolean", "description": "Whether this is the answer to an earlier call."},
}


def _server(draft: Draft) -> Json:
    members = {
        "id": {**_TEXT, "examples": ["commerce"]},
        "name": {**_TEXT, "examples": ["Commerce Server"]},
        "description": _TEXT,
        "tools": array({**_TEXT, "examples": ["listOrders"]}),
    }
    said = "A server: the tools of one module."
    return draft.schema("McpServer", lambda: opened(members, list(members), description=said))


def _tool(draft: Draft) -> Json:
    one: Json = {"type": _TEXT, "description": _TEXT, "required": {"type": "boolean"}}
    parameter = draft.schema("McpParameter", lambda: opened(one, list(one)))
    members: Json = {
        "name": {**_TEXT, "examples": ["listOrders"]},
        "description": _TEXT,
        "parameters": {"type": "object", "additionalProperties": parameter},
        "input_schema": {**_JSON_SCHEMA, "description": "What it takes (JSON Schema 2020-12)."},
        "output_schema": {**_JSON_SCHEMA, "description": "What it answers (JSON Schema 2020-12)."},
    }
    return draft.schema("McpTool", lambda: opened(members, list(members), description="A tool."))


def _resource(draft: Draft) -> Json:
    members = {"uri": _URI, "mime_type": {**_TEXT, "examples": ["application/json"]}, "text": _TEXT}
    return draft.schema("McpResource", lambda: opened(members, list(members), description="A resource."))
