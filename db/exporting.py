"""Exports for operators: the rows of one table, streamed through a cursor of the server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import DateTime

from db.describe import table
from db.migrate import operating
from db.models import Model

_PORTION = 500
# Moments as the REST surface writes them.
_MOMENT: LiteralString = "replace(timezone('UTC', {column})::text, ' ', 'T') || 'Z' AS {column}"


def portions(
    url: str, model: type[Model], columns: Sequence[str], only: Mapping[tuple[str, LiteralString], Any]
) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as JSON would hold them, the newest first: those that meet every condition in `only`.

    A condition is a column and an operator, and what it is compared with. No more than one portion is held
    in memory.
    """
    query = _query(model, columns, list(only))
    with psycopg.connect(operating(url)) as connection, connection.cursor("export") as cursor:
        cursor.execute(query, list(only.values()))
        while rows := cursor.fetchmany(_PORTION):
            yield [orjson.loads(text) for (text,) in rows]


def _query(
    model: type[Model], columns: Sequence[str], conditions: Sequence[tuple[str, LiteralString]]
) -> sql.Composed:
    described = table(model)
    shown = (
        sql.SQL(_MOMENT).format(column=sql.Identifier(name))
        if isinstance(described.c[name].type, DateTime)
        else sql.Identifier(name)
        for name in columns
    )
    met = [
        sql.SQL("t.{} {} %s").format(sql.Identifier(name), sql.SQL(operator)) for name, operator in conditions
    ]
    return sql.SQL(
        "SELECT row_to_json(x)::text FROM {table} t, LATERAL (SELECT {columns}) x WHERE {met}"
        " ORDER BY t.inserted_at DESC, t.id DESC"
    ).format(
        table=sql.Identifier(described.name),
        columns=sql.SQL(", ").join(shown),
        met=sql.SQL(" AND ").join([sql.SQL("true"), *met]),
    )
