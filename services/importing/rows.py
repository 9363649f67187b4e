"""Files in which every row is one row of a resource."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from db.bulk import Bulk
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.validate import UNKNOWN, validate
from services.importing.columns import Columns, assign, typed
from services.importing.entries import Entry, Rejection, clashing, reject
from services.importing.refusal import ImportRefused
from services.importing.source import Record, Source
from services.slugs import unique_slug

KEYS = ("gtin", "slug")
"""Fields that identify a row by themselves, so that importing it again is noticed."""


class Rows:
    """The shape of such a file, on its way into `resource`."""

    def __init__(
        self, resource: Resource, source: Source, given: Mapping[str, str], rest: str | None
    ) -> None:
        writable = [item.name for item in resource.fields if item.writable]
        _check_rest(resource, writable, rest)
        self._resource = resource
        self.resources: tuple[Resource, ...] = (resource,)
        self._digest = source.digest
        self._texts = source.texts
        self._columns = assign(source.columns, writable, given, rest)
        if not source.texts:
            # Objects may leave members out, so later ones may have fields that the first one lacks.
            self._columns = self._columns.with_targets(writable)
        self._sluggish = "slug" in writable
        self._names = _names(resource, self._columns, self._sluggish)

    def entries(self, records: Iterable[Record]) -> Iterator[Entry]:
        """Yield an entry per row."""
        for record in records:
            yield self._entry(record)

    def write(self, bulk: Bulk, workspace_id: UUID, entries: Sequence[Entry]) -> list[Rejection]:
        """Insert the good rows."""
        good = [(entry.row, entry.lines) for entry in entries if not entry.rejections]
        clashes = bulk.insert(self._resource.model, workspace_id, [row for row, _ in good])
        return clashing(good, clashes)

    def _entry(self, record: Record) -> Entry:
        if record.fault is not None:
            return _rejected(record, [reject(record, "", record.fault)])
        values, left = self._columns.split(record.values)
        if left:
            if self._columns.rest is None:
                column = next(iter(left))
                return _rejected(record, [reject(record, column, UNKNOWN, left[column])])
            values[self._columns.rest] = typed(left)
        clean, invalid = validate(self._resource, values, from_text=self._texts)
        if invalid:
            return _rejected(record, _rejections(record, values, invalid))
        return Entry(1, record.end, record.last_line, self._row(record, clean), (record,))

    def _row(self, record: Record, clean: dict[str, Any]) -> dict[str, Any]:
        row = dict.fromkeys(self._names)
        row.update(clean)
        row["id"] = id_ = uuid4() if any(row.get(key) for key in KEYS) else _line_id(self._digest, record)
        if self._sluggish and row["slug"] is None:
            row["slug"] = unique_slug(clean["name"], clean.get("gtin") or id_.hex[:12])
        return row


def _rejected(record: Record, rejections: list[Rejection]) -> Entry:
    return Entry(1, record.end, record.last_line, rejections=tuple(rejections))


def _rejections(
    record: Record, values: Mapping[str, Any], invalid: Mapping[str, list[Invalid]]
) -> list[Rejection]:
    return [
        reject(record, name, fault, values.get(name)) for name, found in invalid.items() for fault in found
    ]


def _line_id(digest: str, record: Record) -> UUID:
    """Return an id that the same line of the same file always gets, so that it is imported once."""
    hashed = hashlib.blake2b(f"{digest}:{record.line}".encode(), digest_size=16).digest()
    return UUID(bytes=hashed, version=4)


def _check_rest(resource: Resource, writable: list[str], rest: str | None) -> None:
    maps = [name for name in writable if resource.facts[name].kind == "json"]
    if rest is not None and rest not in maps:
        choice = f"it can be {', '.join(maps)}" if maps else f"{resource.plural} have none"
        raise ImportRefused(f"--rest needs a field that holds a map, which '{rest}' is not; {choice}.")


def _names(resource: Resource, columns: Columns, sluggish: bool) -> list[str]:
    """Return the columns of every row; raises `ImportRefused` when a row could never be complete."""
    names = {"id", *columns.targets.values(), *([columns.rest] if columns.rest else ())}
    names |= {"slug"} if sluggish else set()
    required = [item.name for item in resource.fields if demanded(resource, item.name)]
    for name in required:
        if name not in names:
            raise ImportRefused(
                f"Rows of {resource.plural} need '{name}', and no column goes there; use --map COLUMN={name}."
            )
    return sorted(names)


def demanded(resource: Resource, name: str) -> bool:
    """Tell whether a row cannot be stored unless it is given that field."""
    facts = resource.facts[name]
    return not facts.nullable and not facts.has_default and name != "slug"
