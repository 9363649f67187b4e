"""Headers of every response: security, correlation, limits and cross-origin access."""

import os
import re
import time
from collections.abc import Sequence

from rest.discovery.resource import metadata_path
from rest.http import Headers
from services.engine.limits import Standing

CSP = b"default-src 'none'; frame-ancestors 'none'"

SECURITY: Headers = [
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains; preload"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
]

_ALLOW_METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD"
_ALLOW_HEADERS = (
    b"Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id,"
    b" X-API-Key, X-Workspace-ID, traceparent, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name"
)
_EXPOSE_HEADERS = (
    b"ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Link, Deprecation, Sunset,"
    b" Warning, Location, Idempotency-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset,"
    b" X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, WWW-Authenticate"
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")


def _fresh_id() -> str:
    """Return a UUID version 4; the library's own makes an object first, which every request would pay."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def request_id(sent: bytes | None) -> str:
    """Return the request id sent, or a fresh one where it is missing or not safe to log (C-65)."""
    if sent is not None and _REQUEST_ID.match(sent):
        return sent.decode()
    return _fresh_id()


def trace_id(traceparent: bytes | None) -> str | None:
    """Return the trace id of a `traceparent` header (W3C Trace Context), None if absent or malformed."""
    found = _TRACEPARENT.match(traceparent) if traceparent is not None else None
    return found[1].decode() if found is not None and found[1] != b"0" * 32 else None


def rate_limit(standing: Standing, *, aliases: bool) -> Headers:
    """Return what is left of a budget under its names: the first two, or all of them (C-57)."""
    limit, remaining, reset = b"%d" % standing.limit, b"%d" % standing.remaining, b"%d" % standing.reset
    found = [
        (b"ratelimit", b"limit=%b, remaining=%b, reset=%b" % (limit, remaining, reset)),
        (b"ratelimit-policy", standing.policy.encode()),
    ]
    if aliases:
        found += [
            (b"ratelimit-limit", limit),
            (b"ratelimit-remaining", remaining),
            (b"ratelimit-reset", reset),
            (b"x-ratelimit-limit", limit),
            (b"x-ratelimit-remaining", remaining),
            (b"x-ratelimit-reset", b"%d" % (int(time.time()) + standing.reset)),
        ]
    return found


def challenged(headers: Headers, origin: str, path: str) -> Headers:
    """Return the headers of a 401, whose challenge also tells where tokens are described (RFC 9728, 5.1)."""
    where = f', resource_metadata="{origin}{metadata_path(path)}"'.encode()
    return [
        (name, value + where if name == b"www-authenticate" and b"resource_metadata" not in value else value)
        for name, value in headers
    ]


def allowed_origin(origin: bytes | None, allowed: Sequence[str]) -> Headers:
    """Return the headers that let an allowed origin read the response."""
    if origin is None or origin.decode("latin-1") not in allowed:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", _EXPOSE_HEADERS),
    ]


def preflight(origin: bytes | None, allowed: Sequence[str]) -> Headers:
    """Return what the answer to a preflight adds to `allowed_origin`; nothing for an unknown origin."""
    if not allowed_origin(origin, allowed):
        return []
    return [
        (b"access-control-allow-methods", _ALLOW_METHODS),
        (b"access-control-allow-headers", _ALLOW_HEADERS),
        (b"access-control-max-age", b"86400"),
    ]
