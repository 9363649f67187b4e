"""Writes many rows at once: COPY into a temporary table, judge them there, insert the good ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, LiteralString, NoReturn
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded
from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB

from db.auditing import Note
from db.describe import table
from db.migrate import operating
from db.models import Model

Row = Mapping[str, Any]
"""One row by column name; every row of a call has the same columns."""


class Fault(StrEnum):
    """Why a row was not written."""

    TAKEN = "taken"
    MISSING = "missing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Clash:
    """A row that was not written: the column at fault and, where PostgreSQL refused it, its reason."""

    fault: Fault
    column: str
    reason: str = ""


class BulkFailed(Exception):
    """The database could not be reached or ended the work; the message is a sentence for the operator."""


class Bulk:
    """A synchronous connection for bulk work; transactions are opened explicitly and may nest."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def transaction(self) -> AbstractContextManager[Any]:
        """Return a transaction, or a savepoint within one."""
        return self._connection.transaction()

    def undo(self) -> NoReturn:
        """Roll back the innermost `transaction` and go on after its block."""
        raise psycopg.Rollback

    def run(self, query: LiteralString | sql.Composed, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run one statement and return its rows, if it has any."""
        cursor = self._connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []

    def workspace_id(self, slug: str) -> UUID | None:
        """Return the id of the live workspace called `slug`."""
        found = self.run("SELECT id FROM workspaces WHERE slug = %s AND deleted_at IS NULL", (slug,))
        return found[0][0] if found else None

    def lock(self, name: str) -> None:
        """Wait for the lock called `name` and hold it until the transaction ends."""
        self.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))

    def analyse(self, *models: type[Model]) -> None:
        """Let the planner look at the tables that have grown fourfold since it last did.

        Autovacuum would look after a minute; until then a partial index that was made on an empty table
        seems to be empty, which makes the planner scan it for anything.
        """
        for name in (table(model).name for model in models):
            grown = self.run(
                "SELECT pg_relation_size(oid) > 32768 + 4 * 8192 * relpages::bigint FROM pg_class"
                " WHERE oid = %s::regclass",
                (name,),
            )
            if grown[0][0]:
                self.run(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))

    def settle(self, *models: type[Model]) -> None:
        """Bring statistics, visibility and pending index entries up to date, outside any transaction."""
        names = [sql.Identifier(table(model).name) for model in models]
        self.run(sql.SQL("VACUUM (ANALYZE) {}").format(sql.SQL(", ").join(names)))

    def note(self, workspace_id: UUID, note: Note) -> None:
        """Write to the audit log of a workspace what is done in it."""
        self.run(
            "INSERT INTO audit_logs (workspace_id, action, resource, resource_id, request_id, before, after)"
            " VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)",
            (
                workspace_id,
                note.action,
                note.resource,
                note.resource_id,
                note.request,
                None if note.before is None else _plain(dict(note.before)),
                None if note.after is None else _plain(dict(note.after)),
            ),
        )

    def copy(self, model: type[Model], rows: Iterable[Row]) -> None:
        """Write `rows` straight into the table of `model`; nothing may clash, and None is null."""
        remaining = iter(rows)
        first = next(remaining, None)
        if first is None:
            return
        name, every = table(model).name, chain((first,), remaining)
        if not self.run("SELECT row_security_active(%s)", (name,))[0][0]:
            self.write(sql.Identifier(name), list(first), every)
            return
        # PostgreSQL copies into no table whose policies hold for this account.
        names = {"target": sql.Identifier(name), "columns": _names(list(first))}
        self.run(
            sql.SQL(
                "CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT {columns} FROM {target} WITH NO DATA"
            ).format(**names)
        )
        self.write(sql.Identifier("copied"), list(first), every)
        self.run(sql.SQL("INSERT INTO {target} ({columns}) SELECT {columns} FROM copied").format(**names))
        self.run("DROP TABLE copied")

    def find(
        self, model: type[Model], workspace_id: UUID, key: tuple[str, ...], values: Sequence[str]
    ) -> dict[str, tuple[UUID, str]]:
        """Return id and name of the oldest live row for each of `values` that one has as its `key`.

        `key` is a column of texts, or a JSONB column and the name of a member.
        """
        same = sql.SQL("t.{} = v" if len(key) == 1 else "t.{} @> jsonb_build_object({}, v)").format(
            sql.Identifier(key[0]), *map(sql.Literal, key[1:])
        )
        query = sql.SQL(
            "SELECT DISTINCT ON (v) v, t.id, t.name FROM unnest(%s::text[]) v JOIN {target} t"
            " ON t.workspace_id = %s AND {same} AND t.deleted_at IS NULL ORDER BY v, t.inserted_at, t.id"
        ).format(target=sql.Identifier(table(model).name), same=same)
        return {value: (id_, name) for value, id_, name in self.run(query, (list(values), workspace_id))}

    def insert(self, model: type[Model], workspace_id: UUID, rows: Sequence[Row]) -> dict[int, Clash]:
        """Write the rows that clash with nothing and return the others by their place in `rows`.

        Every row has an `id`. None stands for the column's default. A row clashes when a live row, or an
        earlier one of the call, has its key; when it refers to a row that is absent or deleted; or when
        PostgreSQL refuses it.
        """
        if not rows:
            return {}
        with self.transaction():
            stage = _Stage(self, table(model), list(rows[0]), workspace_id)
            stage.fill(rows)
            clashes = stage.dangling()
            clashes |= stage.insert([ordinal for ordinal in range(len(rows)) if ordinal not in clashes])
            stage.drop()
        return clashes

    def write(self, target: sql.Identifier, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Copy `columns` of `rows` into `target`."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, _names(columns))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([_plain(row[column]) for column in columns])


class _Stage:
    """Rows on their way into `target`, in a temporary table that is theirs alone."""

    def __init__(self, bulk: Bulk, target: Table, columns: list[str], workspace_id: UUID) -> None:
        self._bulk = bulk
        self._target = target
        self._columns = columns
        self._workspace_id = workspace_id
        self._ids: list[UUID] = []
        self._stage = sql.Identifier(f"stage_{target.name}")
        self._names: dict[str, sql.Composable] = {
            "stage": self._stage,
            "target": sql.Identifier(target.name),
            "columns": _names(columns),
        }

    def fill(self, rows: Sequence[Row]) -> None:
        """Make the table and copy `rows` into it, each with its place."""
        self._run(
            "CREATE TEMP TABLE {stage} ON COMMIT DROP AS"
            " SELECT 0 AS ordinal, {columns} FROM {target} WITH NO DATA"
        )
        numbered = ({"ordinal": ordinal, **row} for ordinal, row in enumerate(rows))
        self._bulk.write(self._stage, ["ordinal", *self._columns], numbered)
        self._ids = [row["id"] for row in rows]

    def drop(self) -> None:
        """Drop the table, as the transaction may stage more rows for the same target."""
        self._run("DROP TABLE {stage}")

    def dangling(self) -> dict[int, Clash]:
        """Return the rows whose reference leads nowhere."""
        clashes: dict[int, Clash] = {}
        for column, referred in _references(self._target, self._columns):
            missing = self._missing(column, referred)
            clashes |= {ordinal: Clash(Fault.MISSING, column) for ordinal in missing}
        return clashes

    def _taken(self, key: tuple[str, ...], ordinals: list[int]) -> list[int]:
        found = self._run(
            "SELECT ordinal FROM {stage} s WHERE ordinal = ANY(%s) AND EXISTS (SELECT FROM {target} t"
            " WHERE t.workspace_id = %s AND ({theirs}) = ({ours}) AND t.deleted_at IS NULL)",
            ordinals,
            self._workspace_id,
            ours=_names(key, "s"),
            theirs=_names(key, "t"),
        )
        return [ordinal for (ordinal,) in found]

    def _missing(self, column: str, referred: str) -> list[int]:
        found = self._run(
            "SELECT ordinal FROM {stage} s WHERE s.{column} IS NOT NULL AND NOT EXISTS (SELECT FROM"
            " {referred} t WHERE t.workspace_id = %s AND t.id = s.{column} AND t.deleted_at IS NULL)",
            self._workspace_id,
            column=sql.Identifier(column),
            referred=sql.Identifier(referred),
        )
        return [ordinal for (ordinal,) in found]

    def insert(self, ordinals: list[int]) -> dict[int, Clash]:
        """Write the rows at `ordinals`; those that PostgreSQL refuses are found by halving."""
        if not ordinals:
            return {}
        try:
            with self._bulk.transaction():
                written = self._insert(ordinals)
        except (DataError, IntegrityError, ProgramLimitExceeded) as error:
            if len(ordinals) == 1:
                return {ordinals[0]: _refusal(self._target, error)}
            half = len(ordinals) // 2
            return self.insert(ordinals[:half]) | self.insert(ordinals[half:])
        return self._explain([ordinal for ordinal in ordinals if self._ids[ordinal] not in written])

    def _explain(self, ordinals: list[int]) -> dict[int, Clash]:
        """Return which key of each row exists already; the first of its keys counts."""
        clashes: dict[int, Clash] = {}
        for key in _unique_keys(self._target, self._columns) if ordinals else ():
            clashes = {
                ordinal: Clash(Fault.TAKEN, key[0]) for ordinal in self._taken(key, ordinals)
            } | clashes
        return {ordinal: Clash(Fault.TAKEN, "id") for ordinal in ordinals} | clashes

    def _insert(self, ordinals: list[int]) -> set[UUID]:
        values = sql.SQL(", ").join(_value(self._target.columns[column]) for column in self._columns)
        found = self._run(
            "INSERT INTO {target} (workspace_id, {columns}) SELECT %s, {values} FROM {stage} s"
            " WHERE ordinal = ANY(%s) ORDER BY ordinal ON CONFLICT DO NOTHING RETURNING id",
            self._workspace_id,
            ordinals,
            values=values,
        )
        return {id_ for (id_,) in found}

    def _run(self, query: LiteralString, *parameters: Any, **names: sql.Composable) -> list[Any]:
        return self._bulk.run(sql.SQL(query).format(**self._names, **names), parameters)


@contextmanager
def connect(url: str) -> Iterator[Bulk]:
    """Open a connection for bulk work; raises `BulkFailed` when the database is or becomes unreachable."""
    try:
        with psycopg.connect(operating(url), autocommit=True, application_name="diptych-bulk") as connection:
            # Rows enter a GIN index faster in large portions than in the default ones of 4 MiB.
            connection.execute("SET gin_pending_list_limit = '64MB'")
            yield Bulk(connection)
    except psycopg.OperationalError as error:
        raise BulkFailed(f"The database ended the work: {str(error).strip().splitlines()[0]}.") from error


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _names(columns: Sequence[str], alias: str = "") -> sql.Composed:
    prefix = (alias,) if alias else ()
    return sql.SQL(", ").join(sql.Identifier(*prefix, column) for column in columns)


def _value(column: Column[Any]) -> sql.Composed:
    """Return the staged value, or the column's default where none was given."""
    staged = sql.SQL("s.{}").format(sql.Identifier(column.name))
    default = getattr(column.server_default, "arg", None)
    if default is None:
        return sql.Composed([staged])
    literal = f"'{default}'" if isinstance(default, str) else str(default)
    suffix = "::jsonb" if isinstance(column.type, JSONB) else ""
    return sql.SQL("coalesce({}, {})").format(staged, sql.SQL(literal + suffix))


def _unique_keys(target: Table, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the keys among `columns` that live rows of a workspace have in common with none."""
    keys = (
        tuple(column.name for column in index.columns if column.name != "workspace_id")
        for index in sorted(target.indexes, key=lambda index: str(index.name))
        if index.unique
    )
    return [key for key in keys if set(key) <= set(columns)]


def _references(target: Table, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns that refer to rows of the same workspace, each with the table referred to."""
    keys = (key for key in target.foreign_key_constraints if len(key.columns) == 2)
    found = ((key.columns.values()[1].name, key.referred_table.name) for key in keys)
    return sorted(pair for pair in found if pair[0] in columns)


def _refusal(target: Table, error: psycopg.Error) -> Clash:
    constraint = (error.diag.constraint_name or "").removeprefix(f"ck_{target.name}_")
    column = error.diag.column_name or (constraint if constraint in target.columns else "")
    return Clash(Fault.REFUSED, column, error.diag.message_primary or str(error))
