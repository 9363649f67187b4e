"""What a database holds, read directly: rows, events, audit rows, and whether anything changed at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.support.seed import Row

_TABLES = (
    "workspaces",
    "brands",
    "categories",
    "products",
    "customers",
    "orders",
    "order_items",
    "events",
    "audit_logs",
    "counters",
    "users",
    "memberships",
    "invitations",
    "trusted_operations",
)
_KEPT = "idempotency_records"


@dataclass(frozen=True, slots=True)
class Stored:
    """The database of an application under test."""

    database: str

    def row(self, table: str, id_: Any) -> Row:
        """Return one row without what is made of it for searching; fails the test if there is none."""
        (found,) = self.rows(table, id_)
        found.pop("search", None)
        return found

    def rows(self, table: str, id_: Any, column: str = "id") -> list[Row]:
        """Return the rows of a table whose `column` is `id_`, the oldest first where there are positions."""
        query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        if table == "events":
            query = query + sql.SQL(" ORDER BY position")
        elif table == "audit_logs":
            query = query + sql.SQL(" ORDER BY inserted_at")
        with psycopg.connect(self.database, row_factory=dict_row) as connection:
            return connection.execute(query, [id_]).fetchall()

    def events(self, id_: str) -> list[Row]:
        """Return the events of a row, the oldest first."""
        return self.rows("events", id_, "resource_id")

    def audits(self, id_: str) -> list[Row]:
        """Return the audit rows of a row, the oldest first."""
        return self.rows("audit_logs", id_, "resource_id")

    def kept(self, key: str) -> list[Row]:
        """Return what is kept under an idempotency key, in any workspace."""
        return self.rows(_KEPT, key, "key")

    def age(self, key: str, interval: str) -> None:
        """Let what is kept under an idempotency key be as old as `interval` says."""
        query = f"UPDATE {_KEPT} SET inserted_at = now() - %s::interval WHERE key = %s"
        with psycopg.connect(self.database) as connection:
            assert connection.execute(query, [interval, key]).rowcount == 1

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        with psycopg.connect(self.database) as connection:
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            return int(connection.execute(query).fetchone()[0])  # type: ignore[index]  # There is one row.

    def content(self, *, kept: bool = True) -> dict[str, tuple[int, str]]:
        """Return for every table how many rows it has and a digest of all their values."""
        digest = sql.SQL(
            "SELECT count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t"
        )
        with psycopg.connect(self.database) as connection:
            return {
                table: connection.execute(digest.format(sql.Identifier(table))).fetchone()  # type: ignore[misc]
                for table in (*_TABLES, *([_KEPT] if kept else []))
            }

    @contextmanager
    def unchanged(self, *, kept: bool = True) -> Iterator[None]:
        """Fail the test unless all is as it was; without `kept`, idempotency records may come and go."""
        before = self.content(kept=kept)
        yield
        assert self.content(kept=kept) == before

    def settled(self, id_: str, version: int) -> None:
        """Fail the test unless a row of this version has as many events and audit rows."""
        assert (len(self.events(id_)), len(self.audits(id_))) == (version, version)
