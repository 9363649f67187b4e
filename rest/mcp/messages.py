"""Messages of JSON-RPC in posts of HTTP: what is none, and how one is handed to an application and back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson
from mcp_types import INVALID_REQUEST, PARSE_ERROR

from rest.http import JSON, Headers, Response
from services.engine.strict_json import JsonProblem, load

_NO_MESSAGE = "The body must be one request or notification of JSON-RPC 2.0; batches are not read."
_Message = MutableMapping[str, Any]
Application = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]


async def posted(application: Application, told: dict[str, Any], body: bytes) -> Response:
    """Return what an application answers to a whole body."""
    sent: list[_Message] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> _Message:
        if not messages:
            # The client stays until it is answered.
            await asyncio.Event().wait()
        return messages.pop()

    async def send(message: _Message) -> None:
        sent.append(message)

    await application(told, receive, send)
    return _response(sent)


def unreadable(body: bytes) -> Response | None:
    """Return the answer to what is not one message of JSON-RPC; batches went with the revision of 2025-06."""
    try:
        message = load(body)
    except JsonProblem as problem:
        return _error(PARSE_ERROR, f"The body {problem}")
    return None if _is_message(message) else _error(INVALID_REQUEST, _NO_MESSAGE)


def _is_message(found: object) -> bool:
    """Tell whether this is a request or a notification (JSON-RPC 2.0, section 4)."""
    if (
        not isinstance(found, dict)
        or found.get("jsonrpc") != "2.0"
        or not isinstance(found.get("method"), str)
    ):
        return False
    id_, params = found.get("id", 0), found.get("params", {})
    return isinstance(id_, str | int) and not isinstance(id_, bool) and isinstance(params, dict)


def _error(code: int, message: str) -> Response:
    told = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return Response(400, [JSON, (b"cache-control", b"no-store")], orjson.dumps(told))


def scope(path: str, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return what an application is told of a post (ASGI 3)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers.items()),
    }


def _response(sent: list[_Message]) -> Response:
    """Return what was sent, with the headers that are not the server's own affair."""
    start, *rest = sent
    own: Headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    body = b"".join(message.get("body", b"") for message in rest)
    return Response(start["status"], [*own, (b"cache-control", b"no-store")], body)
