"""Embedded lists as they are sent: every row judged by the fields of its own resource."""

from collections.abc import Callable, Mapping
from typing import Any

from services.engine.errors import Invalid
from services.engine.resource import Embedded
from services.engine.values import BLANK, Inner, Read, read_uuid

ReadRow = Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, list[Invalid]]]]
"""Takes the members of one row and returns its values and what is wrong with them."""

_NO_LIST = Invalid("invalid_format", "This must be a list.")
_NO_MAP = Invalid("invalid_format", "This must be a map.")
_TWICE = Invalid("already_taken", "This row is named twice.")


def reader(item: Embedded, read_row: ReadRow) -> Read:
    """Return the reader of an embedded list, which gives a list of values by field name.

    A row that names its `id` is one that is there already, so it may leave out what stays as it is; that id
    is among its values. `read_row` judges the members that are not `id`.
    """
    read_one = _row_reader(item, read_row)
    none = Invalid("cant_be_blank", "Send [] for an empty list.")
    too_long = Invalid("too_long", f"The list may bring at most {item.most} new entries.")

    def read(value: Any) -> Any:
        if value is None:
            return none
        if not isinstance(value, list):
            return _NO_LIST
        # Those that are there already may be more, since one was added after the other.
        if sum(map(_is_new, value)) > item.most:
            return too_long
        rows, faults = [], dict[str, list[Invalid]]()
        for index, one in enumerate(value):
            clean, invalid = read_one(one)
            rows.append(clean)
            faults |= {f"{index}.{name}".rstrip("."): found for name, found in invalid.items()}
        return Inner(faults) if faults else _once(rows)

    return read


def _is_new(row: Any) -> bool:
    return not isinstance(row, dict) or row.get("id") is None


def _row_reader(item: Embedded, read_row: ReadRow) -> ReadRow:
    unsent = frozenset(field.name for field in item.resource.writable) - frozenset(item.fields)
    required = tuple(name for name in item.fields if item.resource.all_fields[name].required)

    def read(value: Any) -> tuple[dict[str, Any], dict[str, list[Invalid]]]:
        if not isinstance(value, dict):
            return {}, {"": [_NO_MAP]}
        members = {name: part for name, part in value.items() if name not in unsent}
        id_ = members.pop("id", None)
        clean, invalid = read_row(members)
        if id_ is None:
            absent = (name for name in required if name not in clean and name not in invalid)
            return clean, invalid | {name: [BLANK] for name in absent}
        known = read_uuid(id_)
        if isinstance(known, Invalid):
            return clean, invalid | {"id": [known]}
        return {**clean, "id": known}, invalid

    return read


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]] | Inner:
    """Return the rows, or what is wrong if two of them have one id."""
    seen: set[Any] = set()
    faults: dict[str, list[Invalid]] = {}
    for index, row in enumerate(rows):
        id_ = row.get("id")
        if id_ is not None and id_ in seen:
            faults[f"{index}.id"] = [_TWICE]
        seen.add(id_)
    return Inner(faults) if faults else rows
