"""What the constraints of a table say of its columns: unique groups, references, and faults by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Table
from sqlalchemy.sql.schema import Constraint

from db.describe import table
from db.models.columns import Model


class FaultKind(StrEnum):
    """In which way a row violates a constraint."""

    TAKEN = "taken"
    MISSING = "missing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """What a violated constraint says: the column it speaks of, and for REFUSED a code of a field error."""

    column: str
    kind: FaultKind
    code: str = ""


@dataclass(frozen=True, slots=True)
class Unique:
    """Columns that together are unique among the live rows of a workspace, and the name of their index."""

    name: str
    columns: tuple[str, ...]


@lru_cache(maxsize=256)
def faults(model: type[Model]) -> dict[str, Fault]:
    """Return what each constraint of `model` says, by the name under which PostgreSQL reports it.

    A check speaks by its `info`; one without is left out, which start-up refuses.
    """
    return {name: fault for name, fault in _named(table(model)) if fault is not None}


def unmapped(model: type[Model]) -> tuple[str, ...]:
    """Return the names of the constraints of `model` that say nothing of a column."""
    return tuple(name for name, fault in _named(table(model)) if fault is None)


def absent(column: str) -> Fault:
    """Return the fault of a null where there may be none (code 23502), which PostgreSQL reports by column."""
    return Fault(column, FaultKind.REFUSED, "cant_be_blank")


@lru_cache(maxsize=256)
def uniques(model: type[Model]) -> tuple[Unique, ...]:
    """Return the column groups of `model` that are unique among live rows, without the workspace."""
    found = [Unique(str(index.name), _columns(index)) for index in _live_unique(table(model))]
    return tuple(sorted(found, key=lambda unique: unique.name))


@lru_cache(maxsize=256)
def references(model: type[Model]) -> dict[str, type[Model]]:
    """Return the models that columns of `model` refer to within the workspace, by column."""
    models = {mapper.local_table: mapper.class_ for mapper in Model.registry.mappers}
    return {
        _own(constraint): models[constraint.referred_table]
        for constraint in table(model).foreign_key_constraints
        if len(constraint.columns) > 1
    }


def _named(table: Table) -> Iterator[tuple[str, Fault | None]]:
    for constraint in table.constraints:
        yield str(constraint.name), _fault(constraint)
    for index in table.indexes:
        if index.unique:
            yield str(index.name), Fault(_columns(index)[-1], FaultKind.TAKEN)


def _fault(constraint: Constraint) -> Fault | None:
    if isinstance(constraint, CheckConstraint):
        said = constraint.info
        return Fault(said["column"], FaultKind.REFUSED, said["code"]) if said else None
    if isinstance(constraint, ForeignKeyConstraint):
        return Fault(_own(constraint), FaultKind.MISSING)
    columns: Any = getattr(constraint, "columns", ())
    return Fault([column.name for column in columns][-1], FaultKind.TAKEN)


def _own(constraint: ForeignKeyConstraint) -> str:
    """Return the referring column; of a composite key the one beside the workspace."""
    return list(constraint.column_keys)[-1]


def _columns(index: Index) -> tuple[str, ...]:
    return tuple(column.name for column in index.columns if column.name != "workspace_id")


def _live_unique(table: Table) -> list[Index]:
    return [
        index
        for index in table.indexes
        if index.unique and str(index.dialect_options["postgresql"]["where"]) == "deleted_at IS NULL"
    ]
