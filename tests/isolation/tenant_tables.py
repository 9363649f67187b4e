"""The tenant tables as the database itself lists them, each with at least one row of two workspaces."""

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.support.seed import plant

_TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND a.attname = 'workspace_id' AND NOT a.attisdropped ORDER BY 1
"""
_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull AND NOT atthasdef AND attidentity = ''
    FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
      AND attgenerated = '' AND attidentity = '' ORDER BY attnum
"""
_VALUES = {
    "uuid": "gen_random_uuid()",
    "bytea": "'x'",
    "json": "'{}'",
    "jsonb": "'{}'",
    "boolean": "false",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "date": "current_date",
    "timestamp with time zone": "now()",
}
# Columns that take only some values, or never the same twice.
_NAMED = {"role": "'viewer'", "kind": "'query'", "token_key": "left(md5(random()::text), 16)"}


def names(connection: psycopg.Connection[Any]) -> list[str]:
    """Return every table whose rows belong to a workspace."""
    return [name for (name,) in connection.execute(_TABLES)]


@dataclass(frozen=True, slots=True)
class Planted:
    """A database in which both workspaces have rows in every tenant table."""

    database: str
    own: uuid.UUID
    foreign: uuid.UUID
    tables: tuple[str, ...]


def planted(database: str) -> Planted:
    """Fill the tables; those that the seed leaves out get a row of whatever their columns take."""
    seed = plant(database)
    own, foreign = seed.workspaces["acme"]["id"], seed.workspaces["globex"]["id"]
    with psycopg.connect(database) as connection:
        # The rows refer to nothing, which nobody asks here.
        connection.execute("SET LOCAL session_replication_role = replica")
        found = names(connection)
        for table in found:
            for workspace in (own, foreign):
                if not rows(connection, table, workspace):
                    _make(connection, table, workspace)
    return Planted(database, own, foreign, tuple(found))


def rows(connection: psycopg.Connection[Any], table: str, workspace: uuid.UUID) -> int:
    """Return how many rows of a workspace a table has."""
    query = sql.SQL("SELECT count(*) FROM {} WHERE workspace_id = %s").format(sql.Identifier(table))
    (count,) = connection.execute(query, [workspace]).fetchone() or (0,)
    return int(count)


def columns(connection: psycopg.Connection[Any], table: str) -> list[str]:
    """Return the columns of a table that an insertion may name."""
    return [name for name, _, _ in connection.execute(_COLUMNS, [table])]


def _make(connection: psycopg.Connection[Any], table: str, workspace: uuid.UUID) -> None:
    needed = [
        (name, _NAMED.get(name) or _VALUES.get(kind.partition("(")[0], "'x'"))
        for name, kind, needs in connection.execute(_COLUMNS, [table])
        if needs and name != "workspace_id"
    ]
    query = sql.SQL("INSERT INTO {} (workspace_id, {}) VALUES (%s, {})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in needed),
        sql.SQL(", ").join(sql.SQL(value) for _, value in needed),
    )
    connection.execute(query, [workspace])
