"""Bodies of requests: one JSON object in UTF-8, of a media type that is read there (Q-03, Q-04)."""

from collections.abc import Sequence
from typing import Any

from rest.http import Request
from services.engine.errors import Problem, Slug, bad_request
from services.engine.strict_json import JsonProblem, load

JSON_TYPE = b"application/json"
MERGE_TYPE = b"application/merge-patch+json"
"""JSON whose maps are merged into what is stored (RFC 7396, C-41)."""

PATCHES = (JSON_TYPE, MERGE_TYPE)
"""What PATCH reads."""

_UTF8 = (b"utf-8", b"utf8")
_WHITESPACE = b" \t\r\n"


def read(request: Request, *accepted: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the object in the body and its media type, JSON unless others are `accepted`.

    Raises the 415 problem for any other type, and the 400 problem for what is no JSON object.
    """
    kind = media_type(request, accepted or (JSON_TYPE,))
    if not request.body.strip(_WHITESPACE):
        raise bad_request("The body is missing; it must be a JSON object.")
    return parsed(request.body), kind


def read_if_any(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body, an empty one if there is no body; raises like `read`."""
    media_type(request, (JSON_TYPE,))
    return parsed(request.body) if request.body.strip(_WHITESPACE) else {}


def refuse(request: Request) -> None:
    """Raise the 400 problem if there is a body where none is read."""
    if request.body:
        raise bad_request(f"A body does not go with {request.method} {request.path}; send none.")


def parsed(body: bytes) -> dict[str, Any]:
    """Return the object that `body` is; raises the 400 problem, also for a member given twice."""
    try:
        found = load(body)
    except JsonProblem as problem:
        raise bad_request(f"The body {problem}") from None
    if not isinstance(found, dict):
        raise bad_request("The body must be a JSON object.")
    return found


def media_type(request: Request, accepted: Sequence[bytes]) -> bytes:
    """Return the media type of the body, the first `accepted` one if there is neither body nor type.

    Raises the 415 problem for any other type or character set.
    """
    sent = request.headers.get(b"content-type", b"")
    if sent in accepted:
        return sent
    if not sent and not request.body:
        return accepted[0]
    kind, *parameters = (part.strip().lower() for part in sent.split(b";"))
    charset = next((part[8:].strip(b'"') for part in parameters if part.startswith(b"charset=")), b"utf-8")
    if kind not in accepted or charset not in _UTF8:
        named = " or ".join(item.decode() for item in accepted)
        raise Problem(Slug.UNSUPPORTED_MEDIA_TYPE, f"The body must be {named}, in UTF-8.")
    return kind
