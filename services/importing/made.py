"""Rows that a file only mentions, such as the customer of an order: found, or else made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from db.bulk import Bulk, Clash
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.validate import read_field
from services.importing.entries import Placed, Rejection, explain, reject
from services.importing.profiles import Cell, Made
from services.slugs import unique_slug


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row that another one refers to: its key, its name if the file gives one, and further values."""

    key: str
    name: str | None
    values: Mapping[str, Any]


def read_cell(resource: Resource, name: str, cell: Cell, values: Mapping[str, Any]) -> Any:
    """Return the value of the field `name` as the cell reads it, or an `Invalid`."""
    given = values.get(cell.column)
    value = cell.read("" if given is None else str(given))
    if value is None and cell.optional:
        return None
    # Moments and maps were typed by the cell; what is left to judge is length, range and blankness.
    return read_field(resource, name, value) if value is None or isinstance(value, str | int) else value


def read_made(item: Made, values: Mapping[str, Any]) -> tuple[Wanted | None, dict[str, Invalid]]:
    """Return the row that a line refers to, if any, and what is wrong with what the line says of it."""
    given = values.get(item.column)
    key = "" if given is None else str(given).strip()
    if not key:
        return None, {}
    found = {name: read_cell(item.resource, name, cell, values) for name, cell in item.values.items()}
    found["name"] = read_cell(item.resource, "name", item.name, values) if item.name else None
    if len(item.key) == 1:
        found[item.key[0]] = read_field(item.resource, item.key[0], key)
    faults = {name: value for name, value in found.items() if isinstance(value, Invalid)}
    return Wanted(key, found["name"], {name: found[name] for name in item.values}), faults


def fill_in(bulk: Bulk, workspace_id: UUID, item: Made, rows: Sequence[Placed]) -> list[Rejection]:
    """Replace what each row refers to by its id, making what is absent; returns what could not be made."""
    wanted: dict[str, Wanted] = {}
    for row, _ in rows:
        asked = row[item.via]
        # The first line that names the row gives it its name.
        if asked is not None and (asked.key not in wanted or wanted[asked.key].name is None):
            wanted[asked.key] = asked
    found = bulk.find(item.resource.model, workspace_id, item.key, list(wanted))
    absent = [key for key in wanted if key not in found]
    made = [_new(item, wanted[key]) for key in absent]
    clashes = bulk.insert(item.resource.model, workspace_id, made)
    refused = {absent[place]: clash for place, clash in clashes.items()}
    found |= {
        key: (row["id"], row["name"]) for key, row in zip(absent, made, strict=True) if key not in refused
    }
    faults = [(lines, _refer(item, row, found, refused)) for row, lines in rows]
    return [reject(line, item.via, *fault) for lines, fault in faults if fault is not None for line in lines]


def _refer(
    item: Made,
    row: dict[str, Any],
    found: Mapping[str, tuple[UUID, str]],
    refused: Mapping[str, Clash],
) -> tuple[Invalid, str] | None:
    asked = row[item.via]
    if asked is None:
        return None
    if asked.key in refused:
        return explain(refused[asked.key]), asked.key
    row[item.via], name = found[asked.key]
    if "name" in row and row["name"] is None:
        row["name"] = name
    return None


def _new(item: Made, asked: Wanted) -> dict[str, Any]:
    id_ = uuid4()
    name = asked.name or item.template.format(asked.key)
    column, *member = item.key
    row = {"id": id_, "name": name, **asked.values, column: {member[0]: asked.key} if member else asked.key}
    if "slug" in item.resource.facts:
        row["slug"] = unique_slug(name, id_.hex[:12])
    return row
