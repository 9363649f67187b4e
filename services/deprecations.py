"""Deprecations: who in the workspace still uses what is deprecated."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from db.driver import Row
from db.queries import deprecation_uses as queries
from services.engine.encoding import decoded
from services.engine.procedures import Method, Procedure, Result
from services.engine.resource import Field, Kind
from services.engine.work import Work

_PAGE, _LARGEST_PAGE = 100, 500
_FARTHEST = 1_000_000


class SurfaceName(StrEnum):
    """What a token may use the API by."""

    REST = "rest"
    GRAPHQL = "graphql"
    MCP = "mcp"


async def _usage(work: Work, inputs: Mapping[str, Any]) -> Result:
    asked = [_text(inputs[name]) for name in ("token_id", "name", "surface", "limit", "offset")]
    return Result([_shown(row) for row in await work.rows(queries.LIST, *asked)])


def _text(value: Any) -> bytes | None:
    return None if value is None else str(value).encode()


def _shown(row: Row) -> dict[str, Any]:
    found = {
        field.name: None if value is None else decoded(value)
        for field, value in zip(USAGE.outputs, row, strict=True)
    }
    return found | {"count": int(row[_COUNT] or 0)}


USAGE = Procedure(
    "deprecation_usage",
    "deprecations/usage",
    "Which tokens have used what is deprecated, where, how often and when; the latest come first.",
    Method.GET,
    _usage,
    scope="deprecations:read",
    inputs=(
        Field("token_id", "Only uses by this token.", kind=Kind.UUID),
        Field("name", "Only uses of this.", kind=Kind.STRING, example="order.notes"),
        Field("surface", "Only uses by this surface.", kind=Kind.STRING, enum=SurfaceName),
        Field(
            "limit",
            "How many there are to be.",
            kind=Kind.INTEGER,
            default=_PAGE,
            minimum=1,
            maximum=_LARGEST_PAGE,
        ),
        Field(
            "offset",
            "How many to skip.",
            kind=Kind.INTEGER,
            default=0,
            minimum=0,
            maximum=_FARTHEST,
            example=0,
        ),
    ),
    outputs=(
        Field("token_id", "The token.", kind=Kind.UUID, required=True),
        Field("token_name", "What the token is called.", kind=Kind.STRING, required=True, example="till 3"),
        Field(
            "token_prefix",
            "How the token begins.",
            kind=Kind.STRING,
            required=True,
            example="dip_prod_a1b",
        ),
        Field("name", "What was used.", kind=Kind.STRING, required=True, example="order.notes"),
        Field("surface", "What it was used by.", kind=Kind.STRING, enum=SurfaceName, required=True),
        Field(
            "operation",
            "Where: an address of REST, or a root field of GraphQL.",
            kind=Kind.STRING,
            required=True,
            example="GET /orders/{id}",
        ),
        Field("count", "How many requests have used it.", kind=Kind.BIG_INTEGER, required=True),
        Field("first_used_at", "When first, in UTC.", kind=Kind.DATETIME, required=True),
        Field("last_used_at", "When last, in UTC.", kind=Kind.DATETIME, required=True),
        Field(
            "sunset",
            "The day after which it may be gone; null where none is planned.",
            kind=Kind.STRING,
            example="2027-03-01",
        ),
    ),
    many=True,
)
_COUNT = [each.name for each in USAGE.outputs].index("count")
