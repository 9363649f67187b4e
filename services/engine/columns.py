"""Many rows read at once, column by column: what is good at a glance is not looked at value by value."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from services.engine.errors import Invalid
from services.engine.resource import Check, Kind, Resource
from services.engine.validate import read_values, readers
from services.engine.values import DEEPEST, LARGEST_INTEGER, Inner, Number, Read, bounds

Column = list[Any]
Glance = Callable[[Column], Column | None]
"""Takes one field of many rows and returns what is to be stored, or None to have each value read."""


def read_rows(
    resource: Resource, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, list[Invalid]]]]:
    """Return what `read_values` says of each row, for less where many rows have the same fields."""
    if len(rows) > 1 and len(set(map(len, rows))) == 1:
        good = _read_columns(resource, rows)
        if good is not None:
            return [(values, {}) for values in good]
    return [read_values(resource, row) for row in rows]


def _read_columns(resource: Resource, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the values of rows with as many fields each, or None if these differ or any is wrong."""
    columns = _columns(resource)
    result = [dict(row) for row in rows]
    for name in rows[0]:
        if name not in columns:
            return None
        try:
            sent = [row[name] for row in rows]
        except KeyError:
            return None
        found = columns[name](sent)
        if found is None:
            return None
        if found is not sent:
            for values, value in zip(result, found, strict=True):
                values[name] = value
    return result


@lru_cache(maxsize=512)
def _columns(resource: Resource) -> dict[str, Glance]:
    return {name: _careful(_glance(resource, name, read), read) for name, read in readers(resource).items()}


def _careful(glance: Glance, read: Read) -> Glance:
    """Return a reader of columns that reads value by value what a glance does not tell."""

    def read_column(column: Column) -> Column | None:
        found = glance(column)
        return _each(read, column) if found is None else found

    return read_column


def _each(read: Read, column: Column) -> Column | None:
    found = list(map(read, column))
    return found if {Invalid, Inner}.isdisjoint(map(type, found)) else None


def _glance(resource: Resource, name: str, read: Read) -> Glance:
    if name not in resource.all_fields:
        return lambda _: None
    field, facts = resource.all_fields[name], resource.facts[name]
    if facts.kind is Kind.STRING and field.enum is None:
        return _texts(field.check, facts.max_length or LARGEST_INTEGER)
    if facts.kind in (Kind.INTEGER, Kind.BIG_INTEGER) and field.check is None:
        return _integers(*bounds(field, facts))
    if facts.kind is Kind.JSON and not facts.array and field.check is None:
        return _maps
    return _few(read)


def _texts(check: Check | None, longest: int) -> Glance:
    def glance(column: Column) -> Column | None:
        if not _plain(column):
            return None
        found = column if check is None else list(map(check, column))
        # What a check refuses is no text.
        return found if set(map(type, found)) == {str} and max(map(len, found)) <= longest else None

    return glance


def _plain(column: Column) -> bool:
    """Tell whether all are texts with nothing to normalise: not blank, printable ASCII, no outer spaces."""
    if set(map(type, column)) != {str}:
        return False
    joined = "".join(column)
    return (
        joined.isascii() and joined.isprintable() and all(column) and list(map(str.strip, column)) == column
    )


def _integers(low: Number, high: Number) -> Glance:
    def glance(column: Column) -> Column | None:
        good = set(map(type, column)) == {int} and low <= min(column) and max(column) <= high
        return column if good else None

    return glance


def _maps(column: Column) -> Column | None:
    if set(map(type, column)) != {dict}:
        return None
    try:
        # Refuses integers beyond 53 bits, and texts that are no Unicode.
        text = orjson.dumps(column, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return None
    # No map can be nested deeper than all of them have inner maps and lists together.
    nested = text.count(b"{") + text.count(b"[") - len(column)
    return column if nested <= DEEPEST and b"\\u0000" not in text else None


def _few(read: Read) -> Glance:
    """Return a glance at values of which many are equal, such as references: each is read once."""

    def glance(column: Column) -> Column | None:
        # Equal values mean the same only if they are of one type: 1 is equal to true.
        if len(set(map(type, column))) > 1 or isinstance(column[0], dict | list):
            return None
        distinct = list(set(column))
        found = _each(read, distinct)
        if found is None:
            return None
        known = dict(zip(distinct, found, strict=True))
        return [known[value] for value in column]

    return glance
