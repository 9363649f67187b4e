"""The scalars beside GraphQL's own.

They check the JSON type of a value alone: what it means is judged in the engine, where REST's values are
judged too, so that a malformed UUID or time is the same problem on both surfaces.
"""

import re
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, Undefined
from strawberry.types.scalar import ScalarDefinition

from services.engine.resource import Kind

_DIGITS = re.compile(r"-?[0-9]{1,20}\Z")
_LARGEST_NUMBER = 2**64


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(value, "a string")
    return value


def _big_integer(value: Any) -> int | str:
    if (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and _DIGITS.match(value)
    ):
        _check_bounds(value)
        return value
    raise _refused(value, "a BigInt, an integer or a string of digits")


def _decimal(value: Any) -> str | int | float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        _check_bounds(value)
        return value
    raise _refused(value, "a Decimal, a string or a number")


def _json(value: Any) -> Any:
    pending = [value]
    while pending:
        item = pending.pop()
        _check_bounds(item)
        if isinstance(item, dict):
            # A variable inside a literal that the request leaves out is no member of an object …
            for name in [name for name, inner in item.items() if inner is Undefined]:
                del item[name]
            pending += item.values()
        elif isinstance(item, list):
            # … and null in a list.
            item[:] = [None if inner is Undefined else inner for inner in item]
            pending += item
    return value


def _check_bounds(value: object) -> None:
    if isinstance(value, int | float) and not -_LARGEST_NUMBER < value < _LARGEST_NUMBER:
        raise GraphQLError(f"{_shown(value)} is beyond 64 bits; such numbers are sent as strings.")


def _refused(value: object, wanted: str) -> GraphQLError:
    return GraphQLError(f"{_shown(value)} is not {wanted}.")


def _shown(value: object) -> str:
    return f"{value!r}"[:80]


def _same(value: Any) -> Any:
    return value


UUID = NewType("UUID", str)
DateTime = NewType("DateTime", str)
BigInt = NewType("BigInt", int)
Decimal = NewType("Decimal", str)
JSON = NewType("JSON", object)

SCALARS: dict[object, ScalarDefinition] = {
    UUID: strawberry.scalar(
        name="UUID",
        description="A UUID (RFC 9562). Filters also take its 22-character short form.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc9562",
        serialize=_same,
        parse_value=_text,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A time in UTC (ISO 8601), such as 2026-03-15T10:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_same,
        parse_value=_text,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer that every JSON reader represents exactly, at most 2^53 - 1 either way. "
        "Input may also be a string of digits.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7493#section-2.2",
        serialize=_same,
        parse_value=_big_integer,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal number, as a string such as `0.0875`.",
        specified_by_url="https://www.w3.org/TR/xmlschema-2/#decimal",
        serialize=_same,
        parse_value=_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_same,
        parse_value=_json,
    ),
}

SCALAR_OF: dict[Kind, Any] = {
    Kind.UUID: UUID,
    Kind.STRING: str,
    Kind.INTEGER: int,
    Kind.BIG_INTEGER: BigInt,
    Kind.DECIMAL: Decimal,
    Kind.BOOLEAN: bool,
    Kind.DATETIME: DateTime,
    Kind.JSON: JSON,
    Kind.NUMBER: float,
}
"""The scalar of each kind of column."""
