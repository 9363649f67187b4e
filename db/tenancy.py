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
    exists,
    literal_column,
    or_,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping, Null
from sqlalchemy.sql.expression import Alias, Exists, Select
from sqlalchemy.sql.visitors import ExternallyTraversible

from db.models import Workspace

_OWN = ("id", "parent_workspace_id")

WORKSPACE: BindParameter[Any] = bindparam("workspace", type_=Uuid())
"""The workspace of the caller's token; no other value ever reaches a fence."""


class UnfencedStatementError(Exception):
    """A statement would read a tenant table without its workspace: a programming error."""


def fence(source: FromClause) -> ColumnElement[bool]:
    """Return the condition that keeps `source` inside the caller's workspace.

    The workspaces themselves are fenced to the caller's own and those it created (C-12). Rows that belong to
    workspaces by live rows of another table, as users do by their memberships, are fenced through that one.
    """
    if "workspace_id" in source.c:
        return source.c.workspace_id == WORKSPACE
    through = seen_through(source)
    if through is not None:
        link, column = through
        members = link.alias(f"{_name(source)}_link")
        # The outer column is written as text so that it is correlated however deep the statement nests.
        linked = members.c[column] == literal_column(f"{_name(source)}.id", Uuid())
        return exists().where(fence(members), linked, members.c.deleted_at.is_(None))
    return or_(source.c.id == WORKSPACE, source.c.parent_workspace_id == WORKSPACE)


def seen_through(source: FromClause) -> tuple[Table, str] | None:
    """Return the table whose live rows put rows of `source` into workspaces, and its column that names them.

    That is what a table says of itself as `seen_through`; None for one that says nothing.
    """
    own: Any = getattr(source, "element", source)
    said = own.info.get("seen_through") if isinstance(own, Table) else None
    return None if said is None else (own.metadata.tables[said[0]], said[1])


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
    parts = [] if condition is None else list(_conjuncts(condition))
    if source not in {_fenced(part) for part in parts} and not any(_leads_to(part, source) for part in parts):
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


def _leads_to(part: Any, source: FromClause) -> bool:
    """Tell whether a condition demands a live row of the caller's workspace that names that of `source`."""
    through = seen_through(source)
    found = getattr(getattr(part, "element", None), "element", None) if isinstance(part, Exists) else None
    if through is None or not isinstance(found, Select) or found.whereclause is None:
        return False
    link, column = through
    said = list(_conjuncts(found.whereclause))
    wanted = {"workspace_id": WORKSPACE, column: f"{_name(source)}.id", "deleted_at": None}
    return any(
        all(any(_says(each, table, name, value) for each in said) for name, value in wanted.items())
        for table in found.get_children()
        if getattr(table, "element", table) is link
    )


def _says(part: Any, table: Any, column: str, value: Any) -> bool:
    left, right = getattr(part, "left", None), getattr(part, "right", None)
    if not isinstance(left, Column) or left.table is not table or left.name != column:
        return False
    operator = getattr(part, "operator", None)
    if value is None:
        return operator is operators.is_ and isinstance(right, Null)
    written = getattr(right, "is_literal", False) and getattr(right, "name", None) == value
    return operator is operators.eq and (right is value or written)


def _name(source: FromClause) -> str:
    return str(getattr(source, "name", source))


def _is_alias_of_workspaces(source: FromClause) -> bool:
    element = getattr(source, "element", None)
    return isinstance(element, Table) and element.name == Workspace.__tablename__
