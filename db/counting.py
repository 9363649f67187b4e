"""Counting live rows as SQL: all of them, or only as many as a limit lets there be and one more."""

from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Table, func, literal_column, select

from db import tenancy
from db.compile import Compiled, finished
from db.conditions import bound
from db.describe import table
from db.models import Model
from db.outputs import fixed
from db.query import Slot

Only = tuple[tuple[str, str], ...]
"""Values that a row must have in these columns to count."""


@lru_cache(maxsize=500)
def counting(model: type[Model], only: Only) -> Compiled:
    """Return the statement that counts live rows: the slot holds how many are counted at most."""
    rows = _live(model, only).limit(bound(Slot(0), BigInteger())).subquery("live")
    return finished(select(func.count()).select_from(rows))


@lru_cache(maxsize=50)
def counting_all(counted: tuple[tuple[str, type[Model], Only], ...]) -> Compiled:
    """Return the statement that counts the live rows of several tables, each under its name, in one row."""
    counts = (
        select(func.count())
        .select_from(_live(model, only).subquery(f"live_{name}"))
        .scalar_subquery()
        .label(name)
        for name, model, only in counted
    )
    return finished(select(*counts))


def _live(model: type[Model], only: Only) -> Select[Any]:
    row = table(model).alias(f"counted_{table(model).name}")
    conditions = [row.c[name] == fixed(value) for name, value in only]
    return (
        select(literal_column("1").label("one"))
        .select_from(row)
        .where(tenancy.fence(row), *_below(table(model), row), row.c.deleted_at.is_(None), *conditions)
    )


def _below(target: Table, row: Any) -> list[ColumnElement[bool]]:
    """Return the condition that leaves out a workspace itself where those below it are counted."""
    return [] if "workspace_id" in target.c else [row.c.parent_workspace_id == tenancy.WORKSPACE]
