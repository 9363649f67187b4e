"""Rows of every table for one workspace, made from the models alone; whatever holds text holds a canary."""

import random
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Uuid,
)

from tests.isolation.marks import Marks

COUNT = 6
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_LIFE = ("version", "inserted_at", "updated_at", "deleted_at")
_CANARY_LENGTH = 10
_QUOTED = re.compile(r"'([^']*)'")
_MOST_TRIES = 40


@dataclass(slots=True)
class Planter:
    """Plants the rows of one workspace; `seen_by` are the workspaces that may see them."""

    connection: psycopg.Connection[Any]
    marks: Marks
    workspace: str
    letter: str
    seen_by: tuple[str, ...]
    ids: dict[str, list[str]] = field(default_factory=dict)

    def plant(self, table: Table, count: int = COUNT) -> None:
        """Insert rows, each referring to some that are there already."""
        for n in range(count):
            self._insert(table, n)

    def _insert(self, table: Table, n: int) -> None:
        """Insert one row; a value that a constraint refuses gives way to the next one."""
        tries = dict.fromkeys((column.name for column in table.columns), 0)
        for _ in range(_MOST_TRIES):
            row = {
                column.name: values[min(tries[column.name], len(values) - 1)]
                for column in table.columns
                if (values := self._values(table, column, n))
            }
            try:
                with self.connection.transaction():
                    self.connection.execute(_inserting(table, list(row)), list(row.values()))
            except psycopg.errors.IntegrityError as error:
                for name in _blamed(table, error):
                    tries[name] += 1
                continue
            self.ids.setdefault(table.name, []).append(str(row.get("id", "")))
            return
        raise AssertionError(f"No row of {table.name} is accepted: {row}, {tries}.")

    def _values(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return values for one column of the n-th row, the one with a mark first; none for its default."""
        if column.name == "workspace_id":
            return [self.workspace]
        if column.computed is not None or column.identity is not None:
            return []
        if column.name == "id" or (column.primary_key and isinstance(column.type, Uuid)):
            return [str(uuid.uuid4())]
        if column.name in _LIFE:
            return self._life(column, n)
        referred = self._referred(table, column)
        return self._free(table, column, n) if referred is None else referred[n % len(referred) :]

    def _life(self, column: Column[Any], n: int) -> list[Any]:
        if column.name == "version":
            return [1 + n % 3]
        moment = _BEGINNING + timedelta(minutes=n, microseconds=self.marks.serial)
        if column.name == "deleted_at":
            return [moment + timedelta(days=1) if n == COUNT - 1 else None]
        return [moment]

    def _referred(self, table: Table, column: Column[Any]) -> list[Any] | None:
        """Return ids of rows that a column may refer to, None where it refers to nothing."""
        for constraint in table.foreign_key_constraints:
            if column.name == [key.parent.name for key in constraint.elements][-1]:
                target = constraint.referred_table
                found: list[Any] = [*self.ids.get(target.name, ())]
                return (found or [None]) if target is not table else ([None, *found][:2])
        return None

    def _free(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        for type_, make in _MAKERS:
            if isinstance(column.type, type_):
                return [*make(self, table, column, n), None]
        return []

    # What each type holds

    def texts(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return members of an enumeration, or a canary."""
        members = _members(table, column)
        if members:
            return members[n % len(members) :] + members
        length = getattr(column.type, "length", None)
        if length is not None and length < _CANARY_LENGTH:
            return ["x" * length]
        return [self.marks.canary(self.letter, *self.seen_by)]

    def documents(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return JSON whose every name and text is a canary."""
        canary = [self.marks.canary(self.letter, *self.seen_by) for _ in range(4)]
        made = {canary[0]: canary[1], "source": canary[2], "deep": {"list": [canary[3], n]}}
        if "'[]'" in str(getattr(column.server_default, "arg", "")):
            return [Jsonb([canary[0], canary[1]])]
        return [Jsonb(made)]

    def numbers(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return a number that nobody else has."""
        return [self.marks.number(*self.seen_by), 1 + n % 3, 0]

    def decimals(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return a small decimal."""
        return [Decimal(n % 4) / 4]

    def flags(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return one of both."""
        return [False if column.name.startswith("is_") else n % 2 == 0]

    def moments(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return a moment, or none where there may be none."""
        moment = _BEGINNING + timedelta(days=400, hours=n)
        return [None if n % 2 and column.nullable else moment, moment]

    def bytes(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return random bytes, as many as fit."""
        return [random.Random(self.marks.serial).randbytes(getattr(column.type, "length", None) or 8)]

    def lists(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return an empty list."""
        return [[]]

    def ids_of_nobody(self, table: Table, column: Column[Any], n: int) -> list[Any]:
        """Return an id that leads nowhere, as audit rows have of what is gone."""
        return [str(uuid.uuid4())]


_MAKERS: tuple[tuple[Any, Callable[..., list[Any]]], ...] = (
    (Uuid, Planter.ids_of_nobody),
    (ARRAY, Planter.lists),
    (Boolean, Planter.flags),
    (Integer, Planter.numbers),
    (Numeric, Planter.decimals),
    (DateTime, Planter.moments),
    (JSON, Planter.documents),
    (LargeBinary, Planter.bytes),
    (String, Planter.texts),
)


def _members(table: Table, column: Column[Any]) -> list[Any]:
    """Return what a check lets a text be, if one lists that."""
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and constraint.info.get("column") == column.name:
            text = str(constraint.sqltext)
            if text.startswith(f"{column.name} IN ("):
                return _QUOTED.findall(text)
    return []


def _blamed(table: Table, error: psycopg.errors.IntegrityError) -> list[str]:
    """Return the columns that a violated constraint speaks of."""
    constraint = next((each for each in table.constraints if each.name == error.diag.constraint_name), None)
    if isinstance(constraint, CheckConstraint):
        text = str(constraint.sqltext)
        named = [column.name for column in table.columns if re.search(rf"\b{column.name}\b", text)]
        return named or [str(constraint.info.get("column"))]
    if error.diag.column_name:
        return [error.diag.column_name]
    raise error


def _inserting(table: Table, names: list[str]) -> sql.Composed:
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table.name),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() * len(names)),
    )
