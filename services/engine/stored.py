"""Rows as PostgreSQL spells them in JSON, with the types that the values of a write have."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from services.engine.resource import Kind, Resource


def stored_values(resource: Resource, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return `row`, which is JSON made by `row_to_json`, with the types that `read_values` gives.

    Ids become UUIDs, times datetimes and numerics Decimals, so that rules compare like with like.
    """
    values = dict(row)
    for name, convert in _converters(resource):
        value = values.get(name)
        if value is not None:
            values[name] = convert(value)
    return values


def _decimal(value: Any) -> Decimal:
    # A float's shortest text has every digit that a numeric of up to 15 digits had.
    return Decimal(str(value))


_CONVERSIONS: dict[Kind, Callable[[Any], Any]] = {
    Kind.UUID: uuid.UUID,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.DECIMAL: _decimal,
}


@lru_cache(maxsize=256)
def _converters(resource: Resource) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple(
        (name, _CONVERSIONS[facts.kind])
        for name, facts in resource.facts.items()
        if facts.kind in _CONVERSIONS
    )
