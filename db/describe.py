"""Facts about columns that the layers above need, without showing them SQLAlchemy."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    Numeric,
    String,
    Table,
    TextClause,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from db.models.columns import Model

_LITERAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|true|false")


_MADE_ELSEWHERE = frozenset({"workspace_id", "id", "version", "inserted_at", "updated_at"})


class Kind(StrEnum):
    """What a column holds, in the words of every surface; no column holds a `number`, only answers do."""

    UUID = "uuid"
    STRING = "string"
    INTEGER = "integer"
    BIG_INTEGER = "big_integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    JSON = "json"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column: its kind, whether it may be null, its longest text in characters, if it has a default.

    A decimal column also has a `precision` (all digits) and a `scale` (digits after the point). `default` is
    the literal default as JSON has it (a decimal as text), None where there is none or a function makes it.
    """

    name: str
    kind: Kind
    nullable: bool
    max_length: int | None
    has_default: bool
    array: bool = False
    precision: int | None = None
    scale: int | None = None
    default: Any = field(default=None, hash=False)


# The order matters: a BigInteger is an Integer too.
_KINDS = (
    (Uuid, Kind.UUID),
    (BigInteger, Kind.BIG_INTEGER),
    (Integer, Kind.INTEGER),
    (Numeric, Kind.DECIMAL),
    (Boolean, Kind.BOOLEAN),
    (DateTime, Kind.DATETIME),
    (JSONB, Kind.JSON),
    (String, Kind.STRING),
)


def table(model: type[Model]) -> Table:
    """Return the table of `model`."""
    if not isinstance(model.__table__, Table):
        raise TypeError(f"{model.__name__} is not mapped to a table.")
    return model.__table__


def columns(model: type[Model]) -> dict[str, ColumnFacts]:
    """Return the facts of every column of `model` that a resource can show, by name."""
    found = ((column, _kind(column)) for column in table(model).columns)
    return {column.name: _facts(column, kind) for column, kind in found if kind is not None}


def settable(model: type[Model]) -> list[str]:
    """Return the columns that a write may set, those among them that no resource can show."""
    return [
        column.name
        for column in table(model).columns
        if column.computed is None and column.identity is None and column.name not in _MADE_ELSEWHERE
    ]


def indexed(model: type[Model]) -> set[str]:
    """Return the columns that lead an index of `model`, after the workspace."""
    leading: set[str] = {"id"}
    for index in table(model).indexes:
        names = [column.name for column in index.columns if column.name != "workspace_id"]
        leading.update(names[:1])
    return leading


def has_column(model: type[Model], name: str) -> bool:
    """Tell whether `model` has a column of that name."""
    return name in table(model).columns


def is_tenant(model: type[Model]) -> bool:
    """Tell whether rows of `model` belong to one workspace."""
    return "workspace_id" in table(model).columns


def leads_with_workspace(model: type[Model]) -> bool:
    """Tell whether the workspace leads the primary key of `model`."""
    return next(iter(table(model).primary_key.columns)).name == "workspace_id"


def _kind(column: Column[Any]) -> Kind | None:
    return next((kind for type_, kind in _KINDS if isinstance(column.type, type_)), None)


def _facts(column: Column[Any], kind: Kind) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        kind=kind,
        nullable=bool(column.nullable),
        max_length=getattr(column.type, "length", None),
        has_default=column.server_default is not None,
        array=kind is Kind.JSON and "'[]'" in str(getattr(column.server_default, "arg", "")),
        precision=getattr(column.type, "precision", None),
        scale=getattr(column.type, "scale", None),
        default=_default(column, kind),
    )


def _default(column: Column[Any], kind: Kind) -> Any:
    """Return the literal default of `column`; what is neither quoted nor a plain number is a function."""
    argument = getattr(column.server_default, "arg", None)
    if isinstance(argument, str):
        literal = str(argument)
    elif isinstance(argument, TextClause) and argument.text[:1] + argument.text[-1:] == "''":
        literal = argument.text[1:-1].replace("''", "'")
    elif isinstance(argument, TextClause) and _LITERAL.fullmatch(argument.text):
        literal = argument.text
    else:
        return None
    if kind in (Kind.JSON, Kind.INTEGER, Kind.BIG_INTEGER, Kind.BOOLEAN):
        return json.loads(literal)
    return literal
