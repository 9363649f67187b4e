"""Requests and responses of the REST surface, free of any server."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from services.engine.context import Caller

BASE = "/api/v1"

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
PROBLEM_JSON = (b"content-type", b"application/problem+json")
# What a token may read is no one else's: a cache in between might not know X-API-Key for a credential.
PRIVATE: Headers = [(b"cache-control", b"private, no-cache"), (b"vary", b"Authorization")]


class Request(NamedTuple):
    """One request below the base path: `segments` are its decoded path segments, `query` is raw."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes = b""


class Response(NamedTuple):
    """Status, headers and finished body; the body of an answer to HEAD is dropped by the server.

    A body that is not finished goes on with `more`, whose portions are made as they are sent.
    """

    status: int
    headers: Headers
    body: bytes = b""
    more: AsyncGenerator[bytes, None] | None = None


Handler = Callable[[Caller, Request], Awaitable[Response]]
"""Answers the requests of one method at one address; raises a Problem."""
