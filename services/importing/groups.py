"""Files in which consecutive lines make one row, such as the lines of an order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from db.bulk import Bulk
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.validate import BLANK, UNKNOWN
from services.importing.columns import assign, typed
from services.importing.entries import Entry, Placed, Rejection, clashing, reject
from services.importing.made import fill_in, read_cell, read_made
from services.importing.profiles import Cell, Made, Profile
from services.importing.refusal import ImportRefused
from services.importing.source import Record, Source

LARGEST_GROUP = 10_000
"""How many lines one group may have; a larger one is rejected rather than held in memory."""

_INCOMPLETE = Invalid("incomplete_group", "Another line of the same group is invalid, so none is imported.")


class Groups:
    """The shape of such a file, as `profile` declares it."""

    def __init__(self, profile: Profile, source: Source, given: Mapping[str, str], rest: str | None) -> None:
        if rest not in (None, profile.rest):
            raise ImportRefused(f"--rest of {profile.name} can only be {profile.rest}, not {rest}.")
        self._profile = profile
        made = (profile.parent_made.resource, profile.child_made.resource)
        self.resources: tuple[Resource, ...] = (profile.parent, profile.child, *made)
        found = {given.get(column, column) for column in source.columns}
        missing = [name for name in profile.columns if name not in found]
        if missing:
            raise ImportRefused(
                f"A file of {profile.name} has the columns {', '.join(profile.columns)}; '{missing[0]}' is "
                f"missing. Use --map COLUMN={missing[0]} if it has another name."
            )
        self._columns = assign(source.columns, profile.columns, given, rest)

    def entries(self, records: Iterable[Record]) -> Iterator[Entry]:
        """Yield an entry per group of consecutive lines; an unreadable line spoils the group it stands in."""
        group: list[Record] = []
        current, count = "", 0
        for record in records:
            name = self._name(record)
            if count and name not in ("", current):
                yield self._entry(group, count)
                group, count = [], 0
            current = name if count == 0 else current
            # Beyond the limit only the last line is kept, for its position.
            group[LARGEST_GROUP:] = [record]
            count += 1
        if count:
            yield self._entry(group, count)

    def write(self, bulk: Bulk, workspace_id: UUID, entries: Sequence[Entry]) -> list[Rejection]:
        """Insert the good groups with all that they refer to; a group that clashes is rejected whole."""
        good = [entry for entry in entries if not entry.rejections]
        rejections: list[Rejection] = []
        while good:
            with bulk.transaction():
                found = self._insert(bulk, workspace_id, good)
                if found:
                    bulk.undo()
            if not found:
                break
            lines = {rejection.line for rejection in found}
            spoilt = [entry for entry in good if any(record.line in lines for record in entry.lines)]
            good = [entry for entry in good if entry not in spoilt]
            for entry in spoilt:
                own = {record.line for record in entry.lines}
                rejections += _whole(entry.lines, [fault for fault in found if fault.line in own])
        return rejections

    def _insert(self, bulk: Bulk, workspace_id: UUID, good: Sequence[Entry]) -> list[Rejection]:
        """Write what `good` holds; the first step that fails for some rows ends it with their rejections."""
        profile = self._profile
        parents: list[Placed] = [(dict(entry.row), entry.lines) for entry in good]
        children: list[Placed] = [
            (dict(row), (record,))
            for entry in good
            for row, record in zip(entry.children, entry.lines, strict=True)
        ]
        return (
            fill_in(bulk, workspace_id, profile.parent_made, parents)
            or _inserted(bulk, workspace_id, profile.parent, parents)
            or fill_in(bulk, workspace_id, profile.child_made, children)
            or _inserted(bulk, workspace_id, profile.child, children)
        )

    def _name(self, record: Record) -> str:
        values, _ = self._columns.split(record.values)
        given = values.get(self._profile.group)
        return "" if given is None else str(given).strip()

    def _entry(self, group: list[Record], count: int) -> Entry:
        last = group[-1]
        if count > LARGEST_GROUP:
            said = f"More than {LARGEST_GROUP} lines belong together, up to line {last.last_line}."
            faults = [reject(group[0], "", Invalid("too_long", said))]
            return Entry(count, last.end, last.last_line, rejections=tuple(faults))
        row, children, faults = self._read(group)
        if faults:
            return Entry(count, last.end, last.last_line, rejections=tuple(_whole(group, faults)))
        return Entry(count, last.end, last.last_line, row, tuple(group), tuple(children))

    def _read(self, group: list[Record]) -> tuple[dict[str, Any], list[dict[str, Any]], list[Rejection]]:
        profile = self._profile
        split = [self._columns.split(record.values) for record in group]
        faults = [reject(record, "", record.fault) for record in group if record.fault is not None]
        faults += [
            reject(line, profile.group, BLANK) for line in group if not line.fault and not self._name(line)
        ]
        for record, (_, left) in zip(group, split, strict=True):
            if left and self._columns.rest is None:
                faults.append(reject(record, next(iter(left)), UNKNOWN))
        if faults:
            return {}, [], faults
        parent, found = _row(profile.parent, profile.parent_cells, profile.parent_made, split[0][0])
        faults += _rejections(group[0], found, split[0][0], profile.parent_cells)
        parent.update(profile.parent_constants)
        if split[0][1]:
            parent[profile.rest] = typed(split[0][1]) | (parent[profile.rest] or {})
        children = []
        for record, (values, _) in zip(group, split, strict=True):
            child, found = _row(profile.child, profile.child_cells, profile.child_made, values)
            faults += _rejections(record, found, values, profile.child_cells)
            children.append({**child, **profile.child_constants, profile.link: parent["id"]})
        if not faults:
            faults = [
                reject(group[0], name, fault) for name, fault in profile.finish(parent, children).items()
            ]
        return parent, children, faults


def _row(
    resource: Resource, cells: Mapping[str, Cell], made: Made, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Invalid]]:
    row = {name: read_cell(resource, name, cell, values) for name, cell in cells.items()}
    faults = {name: value for name, value in row.items() if isinstance(value, Invalid)}
    wanted, found = read_made(made, values)
    # A row that has a name neither of its own nor to inherit cannot be called anything.
    if wanted is None and "name" in row and row["name"] is None:
        faults[made.via] = Invalid(
            "cant_be_blank", f"{made.column} is needed where {cells['name'].column} is blank."
        )
    return {"id": uuid4(), **row, made.via: wanted}, found | faults


def _rejections(
    record: Record, faults: Mapping[str, Invalid], values: Mapping[str, Any], cells: Mapping[str, Cell]
) -> list[Rejection]:
    return [
        reject(record, name, fault, values.get(cells[name].column) if name in cells else None)
        for name, fault in faults.items()
    ]


def _inserted(bulk: Bulk, workspace_id: UUID, resource: Resource, rows: Sequence[Placed]) -> list[Rejection]:
    return clashing(rows, bulk.insert(resource.model, workspace_id, [row for row, _ in rows]))


def _whole(group: Sequence[Record], faults: Sequence[Rejection]) -> list[Rejection]:
    """Return the faults, and one more for every line of the group that has none of its own."""
    lines = {fault.line for fault in faults}
    others = [reject(record, "", _INCOMPLETE) for record in group if record.line not in lines]
    return sorted([*faults, *others], key=lambda rejection: rejection.line)
