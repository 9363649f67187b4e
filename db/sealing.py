"""Every stored secret in turn, to be encrypted anew: its column says `sealed`, and its row has an `id`."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import MetaData

from db.migrate import operating
from db.models import Model

Tables = MetaData
EVERYTHING = Model.metadata
_BATCH = 500

Renew = Callable[[str, str, str, str], str | None]
"""Takes a table, a column, a row's id and what is stored; returns what is stored instead, if anything."""


def columns(metadata: Tables = EVERYTHING) -> list[tuple[str, str]]:
    """Return the table and name of every column that holds sealed secrets."""
    return [
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("sealed")
    ]


def renew(url: str, change: Renew, metadata: Tables = EVERYTHING) -> int:
    """Replace every secret that `change` returns another text for; returns how many.

    A secret that is written meanwhile is left as it was written. Each batch is a transaction of its own, so
    that it can be repeated.
    """
    with psycopg.connect(operating(url), autocommit=True) as connection:
        return sum(
            _renew_batch(connection, table, column, batch, change)
            for table, column in columns(metadata)
            for batch in _batches(connection, table, column)
        )


def _batches(connection: psycopg.Connection[Any], table: str, column: str) -> Iterator[list[tuple[str, str]]]:
    query = sql.SQL(
        "SELECT id::text, {column} FROM {table} WHERE {column} IS NOT NULL AND id > %s::uuid"
        " ORDER BY id LIMIT %s"
    ).format(table=sql.Identifier(table), column=sql.Identifier(column))
    after = "00000000-0000-0000-0000-000000000000"
    while batch := connection.execute(query, (after, _BATCH)).fetchall():
        yield batch
        after = batch[-1][0]


def _renew_batch(
    connection: psycopg.Connection[Any],
    table: str,
    column: str,
    batch: list[tuple[str, str]],
    change: Renew,
) -> int:
    query = sql.SQL("UPDATE {table} SET {column} = %s WHERE id = %s::uuid AND {column} = %s").format(
        table=sql.Identifier(table), column=sql.Identifier(column)
    )
    changed = 0
    with connection.transaction():
        for id_, stored in batch:
            fresh = change(table, column, id_, stored)
            if fresh is not None:
                changed += connection.execute(query, (fresh, id_, stored)).rowcount
    return changed
