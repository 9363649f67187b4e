"""The pages of problems, where the `type` of a refusal leads: for people, and the same as data."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from rest.discovery import html
from rest.published import Forms, Published
from services.engine.errors import CATALOGUE, Invalid, Problem, ProblemType, Slug, insufficient_scope
from services.engine.errors import validation_failed as invalid
from services.engine.limits import STANDARD, Standing
from services.engine.validate import ERROR_CODES

PATH = "/problems"
IN_PAYLOADS = (400, 404, 409, 412, 422, 428)
"""Statuses of problems that GraphQL tells in the payload of a mutation."""

_SCOPES = ("products:read",)
_MOMENT, _WAIT = 1_773_568_800, 42
_REQUEST_ID = "0b7c9a52-3f1d-4e8a-9c46-5d2e8f7a1b30"
_INVALID = {
    "name": [Invalid("cant_be_blank", "This is required.")],
    "items.1.price_cents": [Invalid("greater_than", "This must be at least 0.")],
}


@lru_cache(maxsize=8)
def index_page(origin: str) -> Forms:
    """Return the list of all problems."""
    listed = [_summary(kind, origin) for kind in CATALOGUE.values()]
    lines = [
        "# Problems",
        "",
        "Every way in which a request is refused, the same over REST, GraphQL and MCP.",
        "",
    ]
    lines += ["| Status | Problem | Meaning |", "|---|---|---|"]
    lines += [f"| {k.status} | [{k.slug}]({PATH}/{k.slug}) | {k.meaning} |" for k in CATALOGUE.values()]
    return _forms("Problems", "\n".join(lines), {"data": listed})


@lru_cache(maxsize=128)
def problem_page(slug: str, origin: str) -> Forms | None:
    """Return the page of one problem, None where there is none of that name."""
    kind = CATALOGUE.get(Slug(slug)) if slug in tuple(Slug) else None
    if kind is None:
        return None
    shown = _example(kind)
    example = shown.members(instance="/api/v1/products", request_id=_REQUEST_ID, origin=origin)
    told = {**_summary(kind, origin), **_surfaces(kind), "example": example}
    if kind.slug is Slug.VALIDATION_FAILED:
        told["codes"] = dict(ERROR_CODES)
    return _forms(kind.title, "\n".join(_lines(kind, example)), {"data": told})


def _forms(title: str, markdown: str, data: dict[str, Any]) -> Forms:
    """Return a page for people, as data, and as the text that it is made of."""
    return {
        b"text/html; charset=utf-8": Published.of_bytes(html.page(title, markdown).encode()),
        b"application/json": Published.of(data),
        b"text/markdown; charset=utf-8": Published.of_bytes(f"{markdown}\n".encode()),
    }


def _summary(kind: ProblemType, origin: str) -> dict[str, Any]:
    return {
        "type": f"{origin}{PATH}/{kind.slug}",
        "code": str(kind.slug),
        "title": kind.title,
        "status": kind.status,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
    }


def _surfaces(kind: ProblemType) -> dict[str, Any]:
    place = "payload" if kind.status in IN_PAYLOADS else "errors"
    return {"surfaces": {"rest": {"status": kind.status}, "graphql": {"code": kind.code, "mutations": place}}}


def _example(kind: ProblemType) -> Problem:
    """Return a problem of a kind, with the members that it usually has."""
    match kind.slug:
        case Slug.VALIDATION_FAILED:
            return invalid(_INVALID)
        case Slug.INSUFFICIENT_SCOPE:
            return insufficient_scope("products:write", _SCOPES)
        case Slug.RATE_LIMIT_EXCEEDED:
            return STANDARD.exceeded(Standing(STANDARD.limit, 0, _WAIT, STANDARD.text), _MOMENT)
    return Problem(kind.slug, kind.meaning)


def _lines(kind: ProblemType, example: dict[str, Any]) -> Iterator[str]:
    yield f"# {kind.title}\n\n`{kind.slug}`, status {kind.status}\n\n{kind.meaning}\n"
    yield f"## What to do\n\n{kind.remedy}\n"
    yield "## How it looks\n"
    yield f"Over REST it is the answer, with status {kind.status} and the type `application/problem+json`:\n"
    yield f"```json\n{orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()}\n```\n"
    if kind.status in IN_PAYLOADS:
        yield (
            "Over GraphQL the same object is the `problem` in the payload of a mutation. Elsewhere it is an "
            f"entry of `errors`, with `extensions.code` `{kind.code}` and the object as `extensions.problem`."
        )
    else:
        yield (
            f"Over GraphQL it is an entry of `errors`, with `extensions.code` `{kind.code}` and the same "
            "object as `extensions.problem`."
        )
    yield "\nOver MCP it is the result of the tool, marked as an error."
    if kind.slug is Slug.VALIDATION_FAILED:
        yield "\n## Codes\n\n| Code | Meaning |\n|---|---|"
        yield "\n".join(f"| `{code}` | {said} |" for code, said in ERROR_CODES.items())
    yield f"\n[All problems]({PATH})"
