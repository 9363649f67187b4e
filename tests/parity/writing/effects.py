"""What a write left behind: every row of every table that is new or different, in words that twins share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.parity.neutral import Row
from tests.parity.writing.neutral import without_request

LOGS = ("events", "audit_logs", "idempotency_records")
"""Tables that tell of changes, beside the changed rows."""

_UNWATCHED = ("alembic_version",)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?(?:Z|\+00:00)")
_LONG = re.compile(r"(?<=\\x)[0-9a-f]+|[0-9A-Za-z+/]{12,}")
_BEGINNING_OF_SECRET = re.compile(r"([a-z]+_[a-z]+_)[0-9a-f]{3}")
_HOUR, _LEAST_PART = 3600.0, 8
_SUFFIX = re.compile(r"-[0-9a-f]{6}\b")
# Every transaction there has been is older than this one.
_NONE = 2**31
# Where the record of a key holds the size of an item's document.
_SIZE = 3
_OWN = {"events": ("id", "position"), "audit_logs": ("id", "request_id")}


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in the life of a database: its newest transaction, and how many rows each table has."""

    transaction: int
    counts: dict[str, int]
    begun: datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """The rows by table that were written since a mark, and how many more rows a table has than before."""

    rows: dict[str, list[Row]]
    grown: dict[str, int]

    @property
    def nothing(self) -> bool:
        """Tell whether all is as it was."""
        return not self.rows and not self.grown

    def without(self, *tables: str) -> "Effect":
        """Return the effect on the other tables."""
        rows, grown = (
            {name: found for name, found in each.items() if name not in tables}
            for each in (self.rows, self.grown)
        )
        return Effect(rows, grown)  # type: ignore[arg-type]  # Both dictionaries keep their types.

    def ids(self) -> set[str]:
        """Return the ids of all rows that were written."""
        return {row["id"] for rows in self.rows.values() for row in rows if "id" in row}


class Watch:
    """Looks at one database, beside the application that serves it."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database, autocommit=True)
        self._counts: dict[str, int] | None = None
        self.tables = self._tables()
        self._query = sql.SQL(" UNION ALL ").join(
            sql.SQL(
                "SELECT {name}, count(*), jsonb_agg(to_jsonb(t))"
                " FILTER (WHERE age(t.xmin) < age(%(since)s::text::xid)) FROM {table} t"
            ).format(name=sql.Literal(name), table=sql.Identifier(name))
            for name in self.tables
        )

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _tables(self) -> dict[str, list[str]]:
        """Return the columns of every table that can be written, by table."""
        found = self._connection.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'"
            " GROUP BY table_name ORDER BY table_name"
        )
        return {name: names for name, names in found if name not in _UNWATCHED}

    def _look(self, since: int) -> tuple[dict[str, int], dict[str, list[Row]]]:
        """Return how many rows each table has, and those that later transactions than `since` wrote."""
        found = self._connection.execute(self._query, {"since": since}, prepare=True).fetchall()
        return {name: count for name, count, _ in found}, {name: rows for name, _, rows in found if rows}

    def _transaction(self) -> int:
        """Return the number of a transaction of its own; the databases of a server share the numbers."""
        found = self._connection.execute("SELECT pg_current_xact_id()::text::bigint", prepare=True).fetchone()
        return int(found[0])  # type: ignore[index]  # There is one row.

    def mark(self) -> Mark:
        """Return the moment."""
        if self._counts is None:
            self._counts, _ = self._look(_NONE)
        return Mark(self._transaction(), self._counts, datetime.now(UTC))

    def since(self, mark: Mark) -> Effect:
        """Return what was written after a mark."""
        if self._transaction() == mark.transaction + 1:
            # Whatever writes or locks takes a number, so nothing has.
            return Effect({}, {})
        self._counts, rows = self._look(mark.transaction)
        grown = {name: count - mark.counts[name] for name, count in self._counts.items()}
        return Effect(rows, {name: more for name, more in grown.items() if more})

    def everything(self) -> Effect:
        """Return every row."""
        return Effect(self._look(0)[1], {})

    def forget(self) -> None:
        """Empty the tables that tell of changes, which only grow; and count anew after other writes."""
        names = sql.SQL(", ").join(map(sql.Identifier, LOGS))
        self._connection.execute(sql.SQL("TRUNCATE {}").format(names))
        self._counts = None

    def recount(self) -> None:
        """Count anew: something was written that is no effect of a case."""
        self._counts = None

    def put(self, effect: Effect) -> None:
        """Write the same rows here; what tells of their changes is left out."""
        with self._connection.transaction():
            self._connection.execute("SET LOCAL session_replication_role = replica")
            for name, rows in effect.without(*LOGS).rows.items():
                self._connection.execute(self._upsert(name), [Jsonb(rows)])
        self._counts = None

    def change(self, table: str, id_: str, values: dict[str, Any]) -> None:
        """Set columns of one row."""
        pairs = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
        text = sql.SQL("UPDATE {} SET {} WHERE id = %s").format(sql.Identifier(table), pairs)
        assert self._connection.execute(text, [*values.values(), id_]).rowcount == 1

    def row(self, table: str, id_: str) -> Row:
        """Return one row as JSON."""
        text = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE id = %s").format(sql.Identifier(table))
        (found,) = self._connection.execute(text, [id_]).fetchone() or ({},)
        assert isinstance(found, dict)
        return found

    def rows(self, table: str, column: str, value: str) -> list[Row]:
        """Return the rows of a table whose `column` has a value, as JSON."""
        text = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        return [found for (found,) in self._connection.execute(text, [value])]

    def _upsert(self, name: str) -> sql.Composed:
        key = self._connection.execute(
            "SELECT array_agg(attname::text) FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
            " AND attnum = ANY(indkey) WHERE indrelid = %s::regclass AND indisprimary",
            [name],
        ).fetchone()
        assert key is not None
        names = [sql.Identifier(column) for column in self.tables[name]]
        return sql.SQL(
            "INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, %s)"
            " ON CONFLICT ({key}) DO UPDATE SET ({names}) = ROW ({new})"
        ).format(
            table=sql.Identifier(name),
            names=sql.SQL(", ").join(names),
            key=sql.SQL(", ").join(map(sql.Identifier, key[0])),
            new=sql.SQL(", ").join(sql.SQL("excluded.{}").format(column) for column in names),
        )


@dataclass(slots=True)
class Canonical:
    """Rewrites values so that equal ones are equal in both twins.

    Ids that are not `known` to both become labels in the order of their appearance, and random endings of
    generated texts one word. Moments of the write itself, of earlier ones since the twins were `born`, and of
    those that it sets so many hours ahead become words too. Of the `secrets` that an answer shows, of their
    parts, and of what no field shows (`hidden` columns) in a row that they were made for, the shape is left;
    if they are `veiled`, as a trial leaves them out, so is what shows how they begin.
    """

    known: set[str]
    born: datetime
    begun: datetime
    secrets: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    veiled: bool = False
    labels: dict[str, str] = field(default_factory=dict)

    def value(self, value: Any) -> Any:
        """Return any value of JSON rewritten."""
        if isinstance(value, dict):
            return {self.value(name): self.value(value[name]) for name in sorted(value)}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in sorted(value, key=self._place)]
        return self._text(value) if isinstance(value, str) else value

    def _place(self, one: Any) -> tuple[Any, ...]:
        """Return where an entry of a list belongs: rows in one position are in the order of random ids."""
        if not isinstance(one, dict) or "position" not in one:
            return ()
        bare = {name: value for name, value in one.items() if name != "id" or value in self.known}
        return one["position"], _spelled(bare)

    def _text(self, text: str) -> str:
        for secret in self.secrets:
            if len(text) >= _LEAST_PART and text in secret:
                return f"<{len(text)} from {secret.index(text)} of {shape(secret)}>"
        if self.veiled and (found := _BEGINNING_OF_SECRET.fullmatch(text)):
            return f"<{found[1]} and so on>"
        if _UUID.search(text):
            text = _UUID.sub(self._label, text)
        text = _TIME.sub(self._moment, text)
        return text if _UUID.search(text) else _SUFFIX.sub("-<random>", text)

    def _label(self, found: re.Match[str]) -> str:
        id_ = found[0]
        return id_ if id_ in self.known else self.labels.setdefault(id_, f"<new {len(self.labels)}>")

    def _moment(self, found: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(found[0])
        except ValueError:
            # A day that does not exist, quoted by a refusal.
            return found[0]
        if moment < self.born:
            return moment.isoformat()
        ahead = (moment - self.begun).total_seconds() / _HOUR
        if ahead < 1:
            return "<now>" if ahead >= 0 else "<earlier>"
        return f"<in {round(ahead)} hours>" if moment.microsecond else moment.isoformat()

    def effect(self, effect: Effect) -> dict[str, Any]:
        """Return an effect rewritten: events in their order, all other rows sorted by what they hold.

        Events of one type that follow each other belong to one statement, which is in no order.
        """
        events = sorted(effect.rows.get("events", []), key=lambda row: row["position"])
        groups = groupby(self._rows("events", events), key=lambda row: row["type"])
        found: dict[str, Any] = {"grown": effect.grown}
        found["events"] = [row for _, rows in groups for row in sorted(rows, key=_spelled)]
        for name in sorted(effect.rows.keys() - {"events"}):
            found[name] = sorted(self._rows(name, effect.rows[name]), key=_spelled)
        return found

    def _rows(self, table: str, rows: Iterable[Row]) -> list[Row]:
        dropped = _OWN.get(table, ())
        bare = ({name: value for name, value in row.items() if name not in dropped} for row in rows)
        if table == "idempotency_records":
            bare = map(_unmeasured, bare)
        return [self.value(self._veiled(without_request(row))) for row in bare]

    def _veiled(self, row: Row) -> Row:
        """Return a row that a secret was made for with the shapes of what no field shows."""
        texts = [value for value in row.values() if isinstance(value, str) and len(value) >= _LEAST_PART]
        if not any(text in secret for secret in self.secrets for text in texts):
            return row
        return {
            name: shape(value)
            if name in self.hidden and isinstance(value, str) and not _UUID.search(value)
            else value
            for name, value in row.items()
        }


def shape(text: str) -> str:
    """Return a text with the lengths of its long runs of letters and digits in their place."""
    return _LONG.sub(lambda found: f"<{len(found[0])}>", text)


def _unmeasured(record: Row) -> Row:
    """Return a key's record without the sizes of its documents: moments are not all equally long."""
    items = [
        [*item[:_SIZE], item[_SIZE] is not None, *item[_SIZE + 1 :]] if isinstance(item, list) else item
        for item in record["outcome"].get("items", ())
    ]
    return {**record, "outcome": {**record["outcome"], "items": items}}


def _spelled(row: Row) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
