"""What an import writes: entries, each made of one or more lines, and the rejections of lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from db.bulk import Bulk, Clash, Fault
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.importing.source import Record

_EXCERPT = 100


@dataclass(frozen=True, slots=True)
class Rejection:
    """One thing wrong with one line of the file; `value` is the beginning of what the line holds."""

    line: int
    field: str
    code: str
    message: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to write or reject as a whole: `count` rows of the file, the last ending at byte `end`."""

    count: int
    end: int
    last_line: int
    row: dict[str, Any] = field(default_factory=dict)
    lines: tuple[Record, ...] = ()
    children: tuple[dict[str, Any], ...] = ()
    rejections: tuple[Rejection, ...] = ()


class Shape(Protocol):
    """How the rows of a file become rows of the database, of `resources`."""

    resources: tuple[Resource, ...]

    def entries(self, records: Iterable[Record]) -> Iterator[Entry]:
        """Yield what to write, in the order of the file."""

    def write(self, bulk: Bulk, workspace_id: UUID, entries: Sequence[Entry]) -> list[Rejection]:
        """Write the entries without rejections, and return the rejections of those that clash."""


Placed = tuple[dict[str, Any], Sequence[Record]]
"""A row on its way into the database, and the lines of the file that fall with it."""


def reject(record: Record, name: str, found: Invalid, value: Any = None) -> Rejection:
    """Return the rejection of `record` for what was found wrong with the field or column `name`."""
    excerpt = "" if value is None else str(value)
    return Rejection(record.line, name, found.code, found.message, excerpt[:_EXCERPT])


def explain(clash: Clash) -> Invalid:
    """Return a clash with rows of the database in the standard codes."""
    if clash.fault is Fault.MISSING:
        return Invalid("not_found", "The row that this refers to does not exist.")
    if clash.fault is Fault.REFUSED:
        return Invalid("invalid_format", f"The database refuses the row: {clash.reason}.")
    if clash.column == "id":
        return Invalid("already_taken", "This row was imported before.")
    return Invalid("already_taken", "Another row has this value already.")


def clashing(rows: Sequence[Placed], clashes: Mapping[int, Clash]) -> list[Rejection]:
    """Return the rejections of every line whose row clashes."""
    return [
        reject(record, clash.column, explain(clash), rows[place][0].get(clash.column))
        for place, clash in sorted(clashes.items())
        for record in rows[place][1]
    ]
