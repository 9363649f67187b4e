"""Headers of responses in the document."""

from rest.openapi.deprecation import told_of
from rest.openapi.draft import Draft, Json

_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "integer"}

_HEADERS: dict[str, tuple[str, Json]] = {
    "X-Request-Id": ("The id of the request, as sent or made; the log knows it by that.", _TEXT),
    "RateLimit": ("What is left of the budget: `limit`, `remaining`, and `reset` in seconds.", _TEXT),
    "RateLimit-Policy": ("The budget: points and window.", _TEXT),
    "ETag": ("The version, for If-Match and If-None-Match.", _TEXT),
    "Location": ("The address of the new row.", {"type": "string", "format": "uri-reference"}),
    "Link": ("The neighbours of the page, and pages about what is deprecated (RFC 8288).", _TEXT),
    "Idempotency-Replayed": (
        "`true` if this is the answer to an earlier request with the same key.",
        {"type": "string", "enum": ["true"]},
    ),
    "Retry-After": ("Seconds after which to try again.", _NUMBER),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", _TEXT),
    "Content-Disposition": ("The name of the file.", _TEXT),
    "Deprecation": ("That the request used what is deprecated: `true`, or since when (RFC 9745).", _TEXT),
    "Sunset": ("When the first of it may be gone (RFC 8594).", _TEXT),
    "Warning": ("What it was, and what to use instead.", _TEXT),
    "Set-Cookie": ("The token of the session, where a session begins, goes on or ends.", _TEXT),
}

_ALWAYS = ("X-Request-Id", "RateLimit", "RateLimit-Policy")


def headers(draft: Draft, *names: str) -> Json:
    """Return references to the headers of these names, and to those that tell of what is deprecated."""
    return {name: _header(draft, name) for name in dict.fromkeys((*names, *told_of(draft)))}


def answered(draft: Draft, *names: str) -> Json:
    """Return references to these headers and to those that every answer to a caller has."""
    return headers(draft, *_ALWAYS, *names)


def _header(draft: Draft, name: str) -> Json:
    said, schema = _HEADERS[name]
    return draft.header(name.replace("-", ""), {"description": said, "schema": schema})
