"""Refusals in the document: the problem object, its codes, and one response for every status."""

from collections.abc import Iterable

from rest.openapi.draft import Draft, Json, among, array, opened, pascal
from rest.openapi.headers import headers
from services.engine.enumerations import field_codes, problem_codes
from services.engine.errors import CATALOGUE, Problem, ProblemType, Slug
from services.engine.validate import ERROR_CODES

_REQUEST_ID = "0b7c9a52-3f1d-4e8a-9c46-5d2e8f7a1b30"

ALWAYS = (400, 406, 429, 431, 500, 503)
"""What any operation may be answered with."""

WITH_TOKEN = (401, 403, 404)
"""What an operation may be answered with that needs a token: it may name another workspace than its own."""

WITH_BODY = (408, 413, 415, 422)
"""What an operation that reads a body may be answered with."""

_WAITING = (429, 503)


def error(draft: Draft) -> Json:
    """Return the schema of the problem object (RFC 9457)."""
    return draft.schema("ErrorResponse", lambda: _error(draft, _of_rows(draft), "A refusal (RFC 9457)."))


def error_of_row(draft: Draft) -> Json:
    """Return the schema of the problem object of one row of a bulk request, which has no rows of its own."""
    return draft.schema("RowError", lambda: _error(draft, {}, "What is wrong with one row (RFC 9457)."))


def _of_rows(draft: Draft) -> Json:
    rows = array(_row(draft), description="What became of the rows of a bulk request.")
    return {"data": rows, "summary": summary(draft)}


def _error(draft: Draft, more: Json, said: str) -> Json:
    codes = draft.schema("ErrorCode", lambda: among(problem_codes()))
    texts = {"type": "object", "additionalProperties": array({"type": "string"})}
    faults = {"type": "object", "additionalProperties": array(_fault(draft))}
    scope = {"type": "string"}
    return opened(
        {
            "type": {"type": "string", "format": "uri-reference", "description": "Where it is explained."},
            "title": {"type": "string"},
            "status": {"type": "integer", "format": "int32"},
            "detail": {"type": "string", "description": "A sentence that names the offending thing."},
            "instance": {"type": "string", "format": "uri-reference", "description": "The path asked."},
            "code": codes,
            "request_id": {"type": "string", "description": "Under which the log holds the request."},
            "errors": {**faults, "description": "Codes of what is wrong, by dotted path of the field."},
            "error_messages": {**texts, "description": "The same as sentences."},
            "retry_after": {"type": "integer", "description": "Seconds after which to try again."},
            "required_scope": {**scope, "description": "The scope that the token lacks."},
            "token_scopes": array(scope, description="The scopes that the token has."),
            **more,
        },
        ["type", "title", "status", "detail", "instance", "code", "request_id"],
        description=said,
    )


def _row(draft: Draft) -> Json:
    entry = {
        "index": {"type": "integer", "format": "int32", "description": "Its place in the request."},
        "id": {"type": ["string", "null"], "description": "As it was sent; null where none was."},
        "status": {"type": "string", "enum": ["failed", "skipped"]},
        "error": error_of_row(draft),
    }
    said = "A row of a bulk request of which nothing was written."
    return draft.schema("BulkFailure", lambda: opened(entry, ["index", "id", "status"], description=said))


def summary(draft: Draft) -> Json:
    """Return the schema of the counts of a bulk request."""
    number = {"type": "integer", "format": "int32"}
    names = ("total", "succeeded", "failed")
    return draft.schema(
        "BulkSummary", lambda: opened(dict.fromkeys(names, number), list(names), description="How many.")
    )


def _fault(draft: Draft) -> Json:
    known = draft.schema(
        "FieldErrorCode",
        lambda: {
            "type": "string",
            "description": " ".join(f"`{code}`: {text}" for code, text in ERROR_CODES.items()),
            "enum": list(field_codes()),
        },
    )
    # openapi-generator's Python client fails on maps of lists of enums, but not of unions with one.
    other = {"type": "string"}
    said = "What is wrong; later versions may have further codes."
    return draft.schema("FaultCode", lambda: {"description": said, "anyOf": [known, other]})


def refusals(draft: Draft, statuses: Iterable[int]) -> Json:
    """Return the responses of problems, by status."""
    return {str(status): _refusal(draft, status) for status in sorted(set(statuses))}


def _refusal(draft: Draft, status: int) -> Json:
    kinds = [kind for kind in CATALOGUE.values() if kind.status == status]
    return draft.response(pascal(kinds[0].slug), lambda: _response(draft, status, kinds))


def _response(draft: Draft, status: int, kinds: list[ProblemType]) -> Json:
    names = ["X-Request-Id", "RateLimit", "RateLimit-Policy"]
    names += ["WWW-Authenticate"] if status == CATALOGUE[Slug.INVALID_TOKEN].status else []
    names += ["Retry-After"] if status in _WAITING else []
    examples = {str(kind.slug): _example(draft, kind) for kind in kinds}
    return {
        "description": " ".join(f"{kind.title}: {kind.meaning}" for kind in kinds),
        "headers": headers(draft, *names),
        "content": {"application/problem+json": {"schema": error(draft), "examples": examples}},
    }


def _example(draft: Draft, kind: ProblemType) -> Json:
    members = Problem(kind.slug, kind.meaning).members(instance="/api/v1/orders", request_id=_REQUEST_ID)
    return draft.example(f"{pascal(kind.slug)}Problem", {"summary": kind.title, "value": members})
