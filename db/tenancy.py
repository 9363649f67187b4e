"""Wall 1: the only place that adds the workspace to a statement, and the check that none lacks it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    Table,
    Update,
    Uuid,
    bindparam,
    or_,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping
from sqlalchemy.sql.expression import Alias, Select
from sqlalchemy.sql.visitors import ExternallyTraversible

from db.models import Workspace

_OWN = ("id", "parent_workspace_id")

WORKSPACE: BindParameter[Any] = bindparam("workspace", type_=Uuid())
"""The workspace of the caller's token; no other value ever reaches a fence."""


class UnfencedStatementError(Exception):
    """A statement would read a tenant table without its workspace: a programming error."""


def fence(source: FromClause) -> ColumnElement[bool]:
    """Return the condition that keeps `source` inside the caller's workspace.

    The workspaces themselves are fenced to the caller's own and those it created (C-12).
    """
    if "workspace_id" in source.c:
        return source.c.workspace_id == WORKSPACE
    return or_(source.c.id == WORKSPACE, source.c.parent_workspace_id == WORKSPACE)


def check(statement: ExternallyTraversible) -> None:
    """Refuse a statement in which a tenant table appears without its fence.

    Raises UnfencedStatementError naming the table.
    """
    for part in _parts(statement):
        if isinstance(part, Select):
            _check_select(part)
        elif isinstance(part, Update | Delete):
            _check_fenced(part.table, part.whereclause, "changed")
        elif isinstance(part, Insert):
            _check_insert(part)


def _parts(statement: ExternallyTraversible) -> Iterable[ExternallyTraversible]:
    """Return every element of a statement once, however often it is referred to."""
    found: dict[int, ExternallyTraversible] = {}
    pending = [statement]
    while pending:
        part = pending.pop()
        if id(part) not in found:
            found[id(part)] = part
            pending.extend(part.get_children())
    return found.values()


def _check_select(select: Select[Any]) -> None:
    # The final FROM clauses would be exact too, but each select would be compiled to find them.
    for source in select.get_children():
        for found in _direct_tables(source) if isinstance(source, FromClause) else ():
            _check_fenced(found, select.whereclause, "read")


def _check_fenced(source: FromClause, condition: ColumnElement[bool] | None, how: str) -> None:
    fenced = set() if condition is None else {_fenced(part) for part in _conjuncts(condition)}
    if source not in fenced:
        raise UnfencedStatementError(f"{_name(source)} is {how} without its workspace.")


def _check_insert(statement: Insert) -> None:
    """Refuse an insertion whose first column is anything but the caller's workspace."""
    made_from, names = statement.select, statement._select_names
    first = next(iter(made_from.selected_columns), None) if isinstance(made_from, Select) else None
    if first is not WORKSPACE or not names or names[0] not in ("workspace_id", "parent_workspace_id"):
        raise UnfencedStatementError(f"{_name(statement.table)} is written to without its workspace.")


def _direct_tables(source: FromClause) -> list[FromClause]:
    """Return the tables of a FROM clause itself, not those inside its subqueries."""
    if isinstance(source, Table) or (isinstance(source, Alias) and isinstance(source.element, Table)):
        return [source]
    left, right = getattr(source, "left", None), getattr(source, "right", None)
    return [found for side in (left, right) if side is not None for found in _direct_tables(side)]


def _conjuncts(condition: Any) -> Iterable[Any]:
    """Return the conditions that must all hold: a fence beside an OR, or inside a NOT, keeps nothing out."""
    if isinstance(condition, Grouping):
        return _conjuncts(condition.element)
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        return [found for part in condition.clauses for found in _conjuncts(part)]
    return [condition]


def _fenced(part: Any) -> FromClause | None:
    """Return the table that a condition fences, each of its alternatives if it has several."""
    alternatives = part.clauses if isinstance(part, BooleanClauseList) else [part]
    tables = {_kept_inside(alternative) for alternative in alternatives}
    return tables.pop() if len(tables) == 1 else None


def _kept_inside(part: Any) -> FromClause | None:
    left = getattr(part, "left", None)
    if getattr(part, "right", None) is not WORKSPACE or not isinstance(left, Column):
        return None
    if getattr(part, "operator", None) is not operators.eq:
        return None
    own = left.table.name == Workspace.__tablename__ or _is_alias_of_workspaces(left.table)
    return left.table if left.name in (_OWN if own else ("workspace_id",)) else None


def _name(source: FromClause) -> str:
    return str(getattr(source, "name", source))


def _is_alias_of_workspaces(source: FromClause) -> bool:
    element = getattr(source, "element", None)
    return isinstance(element, Table) and element.name == Workspace.__tablename__
