"""Conditions of the query tree as SQL expressions."""

from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from db.describe import table
from db.query import All, Compare, ComparePath, Condition, Deleted, Match, Never, Related, Slot, Some
from db.tenancy import fence


def bound(slot: Slot, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """Return the placeholder of a slot."""
    return bindparam(f"s{slot.index}", type_=type_)


def condition(node: Condition, source: FromClause) -> ColumnElement[bool]:
    """Return `node` as an expression over the columns of `source`."""
    match node:
        case Compare():
            return _compare(node, source.c[node.column])
        case ComparePath():
            return _compare_path(node, source.c[node.column])
        case Match():
            return source.c.search.op("@@")(
                func.to_tsquery(literal_column("'simple'"), bound(node.slot, Text()))
            )
        case Related():
            return _related(node, source)
        case All():
            return and_(*(condition(part, source) for part in node.parts))
        case Some():
            return or_(*(condition(part, source) for part in node.parts))
        case Never():
            # A comparison with null is unknown; its negation must be true, as people read it.
            return not_(func.coalesce(condition(node.part, source), false()))
        case _:
            assert_never(node)


def _compare(node: Compare, column: ColumnElement[Any]) -> ColumnElement[bool]:
    if node.slot is None:
        return column.is_not(None) if node.negated else column.is_(None)
    if node.operator in ("in", "nin"):
        return _among(node.operator, column, bound(node.slot, ARRAY(column.type)))
    if node.operator == "like":
        return column.op("ILIKE", is_comparison=True)(bound(node.slot, Text()))
    return _ordered(node.operator, column, bound(node.slot, column.type))


def _among(operator: str, column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    if operator == "in":
        return column == func.any(values)
    return or_(column != func.all(values), column.is_(None))


def _ordered(operator: str, left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    match operator:
        case "eq":
            return left == right
        case "neq":
            return left.is_distinct_from(right)
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case "lt":
            return left < right
        case "lte":
            return left <= right
    raise ValueError(f"{operator} is no comparison.")


def _compare_path(node: ComparePath, column: ColumnElement[Any]) -> ColumnElement[bool]:
    if node.operator in ("eq", "neq"):
        return _contains(node, column)
    path = bound(node.slots[0], ARRAY(Text()))
    text = column.op("#>>", return_type=Text())(path)
    if node.operator == "null":
        return text.is_not(None) if node.negated else text.is_(None)
    if node.operator in ("in", "nin"):
        return _among(node.operator, text, bound(node.slots[1], ARRAY(Text())))
    if node.operator == "like":
        return text.op("ILIKE", is_comparison=True)(bound(node.slots[1], Text()))
    # JSON orders numbers with numbers and texts with texts; comparing across types would mislead.
    found, value = column.op("#>", return_type=JSONB())(path), bound(node.slots[1], JSONB())
    same = func.jsonb_typeof(found) == func.jsonb_typeof(value)
    return and_(same, _ordered(node.operator, found, value))


def _contains(node: ComparePath, column: ColumnElement[Any]) -> ColumnElement[bool]:
    # Containment is what the GIN index serves; the second document is the other reading of the value,
    # since `5` in a query string may mean the number or the text.
    documents = (bound(slot, JSONB()) for slot in node.slots)
    held = or_(*(column.op("@>", is_comparison=True)(document) for document in documents))
    return held if node.operator == "eq" else not_(func.coalesce(held, false()))


def _related(node: Related, source: FromClause) -> ColumnElement[bool]:
    other = table(node.model).alias(f"{source.name}_{node.ours}")  # type: ignore[attr-defined]  # Aliases have names.
    # The outer column is written as text so that it is correlated however deep the statement nests.
    ours: ColumnElement[Any] = literal_column(f"{source.name}.{node.ours}", source.c[node.ours].type)  # type: ignore[attr-defined]  # Aliases have names.
    where = [fence(other), other.c[node.theirs] == ours, condition(node.condition, other)]
    if node.deleted is Deleted.HIDDEN:
        where.append(other.c.deleted_at.is_(None))
    return exists().where(*where)
