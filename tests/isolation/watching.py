"""What a step did to the database: every row that was written or locked, and every row that went."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
    SELECT c.relname, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                              AND a.attname = 'workspace_id' AND NOT a.attisdropped)
    FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND c.relname <> 'alembic_version' ORDER BY 1
"""
_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_KEPT = "kept_"


@dataclass(frozen=True, slots=True)
class Touched:
    """One row that a transaction wrote, or only locked; its owner is None where it is no workspace's."""

    table: str
    owner: str | None
    written: bool
    row: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: the next transaction there will be, and how many rows each workspace has in each table."""

    transaction: int
    counts: dict[tuple[str, str | None], int]


class Watch:
    """Looks at a database from beside the application; whatever writes or locks a row takes a number."""

    def __init__(self, database: str) -> None:
        # The same few statements are asked thousands of times, and planning them takes longer than they do.
        self._connection = psycopg.connect(
            database, autocommit=True, options="-c plan_cache_mode=force_generic_plan"
        )
        self.tables = dict(self._connection.execute(_TABLES).fetchall())
        self._rows = self._union(
            "SELECT {name}, {owner}, t.xmin::text::bigint >= %(since)s, to_jsonb(t), to_jsonb(t)::text"
            " FROM {table} t WHERE t.xmin::text::bigint >= %(since)s OR t.xmax::text::bigint >= %(since)s"
        )
        self._counts = self._union("SELECT {name}, {owner}, count(*) FROM {table} t GROUP BY 2")
        self._known: dict[tuple[str, str | None], int] | None = None

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _union(self, text: str) -> sql.Composed:
        return sql.SQL(" UNION ALL ").join(
            sql.SQL(text).format(
                name=sql.Literal(name), owner=_owner(name, tenant), table=sql.Identifier(name)
            )
            for name, tenant in self.tables.items()
        )

    def mark(self) -> Mark:
        """Return the moment."""
        (next_,) = self._connection.execute(_NEXT, prepare=True).fetchone() or (0,)
        if self._known is None:
            self._known = self._count()
        return Mark(next_, self._known)

    def since(self, mark: Mark) -> tuple[list[Touched], set[tuple[str, str | None]]]:
        """Return the rows touched since a mark, and the workspaces that have fewer rows of a table."""
        (next_,) = self._connection.execute(_NEXT, prepare=True).fetchone() or (0,)
        if next_ == mark.transaction:
            return [], set()
        found = self._connection.execute(self._rows, {"since": mark.transaction}, prepare=True)
        touched = [Touched(*row) for row in found]
        self._known = self._count()
        fewer = {key for key, count in mark.counts.items() if self._known.get(key, 0) < count}
        return touched, fewer

    def _count(self) -> dict[tuple[str, str | None], int]:
        found = self._connection.execute(self._counts, prepare=True)
        return {(table, owner): count for table, owner, count in found}

    def rows(self) -> list[Touched]:
        """Return every row there is."""
        return [Touched(*row) for row in self._connection.execute(self._rows, {"since": 0})]

    def digests(self, workspaces: Iterable[str]) -> dict[tuple[str, str | None], str]:
        """Return a digest of all rows that these workspaces have in each table."""
        digest = self._union(
            "SELECT {name}, {owner}, md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
            " WHERE {owner} = ANY(%(workspaces)s) GROUP BY 2"
        )
        found = self._connection.execute(digest, {"workspaces": list(workspaces)}, prepare=True)
        return {(table, owner): text for table, owner, text in found}

    # Beginning anew

    def keep(self) -> None:
        """Remember all rows as they are now."""
        for name in self.tables:
            copy = sql.SQL("CREATE TABLE {}.{} AS TABLE {}").format(*_names(name))
            self._connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(_KEPT)))
            self._connection.execute(copy)
        self._connection.execute("ANALYZE")

    def restore(self) -> None:
        """Let all rows be as they were remembered."""
        with self._connection.transaction():
            self._connection.execute("SET LOCAL session_replication_role = replica")
            for name in self.tables:
                columns = self._columns(name)
                kept, _, own = _names(name)
                self._connection.execute(sql.SQL("DELETE FROM {}").format(own))
                self._connection.execute(
                    sql.SQL(
                        "INSERT INTO {own} ({columns}) OVERRIDING SYSTEM VALUE"
                        " SELECT {columns} FROM {kept}.{own}"
                    ).format(own=own, kept=kept, columns=columns)
                )
        self._known = None

    def _columns(self, table: str) -> sql.Composed:
        found = self._connection.execute(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
            [table],
            prepare=True,
        )
        return sql.SQL(", ").join(sql.Identifier(name) for (name,) in found)


def _names(table: str) -> tuple[sql.Identifier, sql.Identifier, sql.Identifier]:
    return sql.Identifier(_KEPT), sql.Identifier(table), sql.Identifier(table)


def _owner(name: str, tenant: bool) -> sql.SQL:
    if tenant:
        return sql.SQL("t.workspace_id::text")
    return sql.SQL("t.id::text" if name == "workspaces" else "NULL")
