"""Writes as SQL: one statement each for looking, judging and changing, for one row as for a hundred.

Rows arrive as one JSON array, typed by their table (`json_populate_recordset`), so the number of rows never
changes the text. A change writes its event and its audit row in the same statement, and answers with the
finished document.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    FromClause,
    Select,
    String,
    Table,
    Uuid,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db import tenancy
from db.compile import TOKEN, Compiled, finished
from db.conditions import bound
from db.constraints import references, uniques
from db.describe import ColumnFacts, Kind, columns, settable, table
from db.models import AuditLog, Event, Model
from db.outputs import Compiler, cell, fixed, joined, shape
from db.query import Object, Slot


@lru_cache(maxsize=500)
def inserting(node: Object, resource: str) -> Compiled:
    """Return the statement that makes rows.

    Slots are the rows, the event's type, the request's id, and the user and the address it came from.
    """
    target, names = table(node.model), settable(node.model)
    sent = func.json_populate_recordset(_no_row(target), bound(Slot(0), JSON())).alias("sent")
    tenant = "workspace_id" if "workspace_id" in target.c else "parent_workspace_id"
    kept = [name for name in names if name != tenant]
    values: list[ColumnElement[Any]] = [literal_column(f"sent.{name}") for name in ("id", *kept)]
    made = (
        insert(target)
        .from_select([tenant, "id", *kept], select(tenancy.WORKSPACE, *values).select_from(sent))
        .returning(*target.c)
        .cte("made")
    )
    return finished(_told(node, made, None, resource))


@lru_cache(maxsize=500)
def changing(node: Object, resource: str) -> Compiled:
    """Return the statement that changes rows: each sent row holds its id and the columns to be set alone.

    The slots are those of the statement that makes rows.
    """
    target, names = table(node.model), settable(node.model)
    sent = func.json_array_elements(bound(Slot(0), JSON())).alias("sent")
    row = target.alias("old_row")
    entry: Any = select(
        literal_column("sent.value").label("doc"), literal_column("(sent.value->>'id')::uuid").label("id")
    )
    asked = entry.select_from(sent).cte("asked")
    filled = func.json_populate_record(literal_column("old_row"), asked.c.doc).alias("filled")
    wanted = (
        select(row.c.id, *(literal_column(f"filled.{name}").label(name) for name in names))
        .select_from(asked.join(row, row.c.id == asked.c.id).join(filled, true()))
        .where(tenancy.fence(row))
        .cte("wanted")
    )
    made = (
        update(target)
        .values(
            {name: wanted.c[name] for name in names}
            | {
                "version": target.c.version + literal_column("1"),
                "updated_at": func.greatest(func.clock_timestamp(), _just_after(target.c.updated_at)),
            }
        )
        .where(tenancy.fence(target), target.c.id == wanted.c.id)
        .returning(*target.c)
        .cte("made")
    )
    compiler = Compiler()
    before = (
        _documents(node, row, compiler, row.c.id)
        .where(tenancy.fence(row), row.c.id.in_(select(asked.c.id)))
        .cte("before")
    )
    return finished(_told(node, made, before, resource, compiler))


@lru_cache(maxsize=500)
def showing(node: Object) -> Compiled:
    """Return the statement that shows rows as they are: the slot holds their ids."""
    row = table(node.model).alias("shown")
    ids = bound(Slot(0), ARRAY(Uuid()))
    documents = _documents(node, row, Compiler(), row.c.id, row.c.version)
    return finished(documents.where(tenancy.fence(row), row.c.id == func.any(ids)))


@lru_cache(maxsize=500)
def loading(model: type[Model], belonging: tuple[str, ...] = ()) -> Compiled:
    """Return the statement that locks rows and tells id, version and every column: the slot holds their ids.

    Rows are locked in the order of their ids, so that two writers cannot wait for each other. What they
    belong to by the columns `belonging` is locked before them, as it is by whoever writes that with all its
    rows.
    """
    row = table(model).alias("stored_row")
    ids = bound(Slot(0), ARRAY(Uuid()))
    shown = [_exact(name, facts).label(name) for name, facts in columns(model).items()]
    stored = select(*shown).lateral("stored")
    return finished(
        select(row.c.id, row.c.version, func.row_to_json(literal_column("stored")))
        .select_from(row.join(stored, true()))
        .where(tenancy.fence(row), row.c.id == func.any(ids))
        .where(*(_locked(model, column, ids) for column in belonging))
        .order_by(row.c.id)
        .with_for_update(of=row, key_share=True)
    )


def _locked(model: type[Model], column: str, ids: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return a condition that locks what rows of `model` name in `column` before any of them is looked at."""
    part, whole = table(model).alias(f"part_{column}"), table(references(model)[column]).alias(f"of_{column}")
    named = select(part.c[column]).where(tenancy.fence(part), part.c.id == func.any(ids))
    locking = select(whole.c.id).where(tenancy.fence(whole), whole.c.id.in_(named)).order_by(whole.c.id)
    locked = locking.with_for_update(of=whole, key_share=True).cte(f"locked_{column}")
    # It does not depend on the row, so it is worked out once and first.
    return select(func.count()).select_from(locked).scalar_subquery().is_not(None)


@lru_cache(maxsize=500)
def checking(model: type[Model]) -> Compiled | None:
    """Return the statement that finds taken values and missing references of sent rows, if any can be.

    It tells a row's place from 1, the column, and `taken` or `missing`. A row never clashes with itself.
    """
    target = table(model)
    if not checked(model):
        return None
    sent: Any = func.json_populate_recordset(_no_row(target), bound(Slot(0), JSON())).table_valued(
        *(column.name for column in target.c), with_ordinality="ordinality", name="sent"
    )
    found = [_taken(target, sent, names) for names in groups(model)]
    found += [_missing(sent, column, other) for column, other in references(model).items()]
    return finished(union_all(*found))


@lru_cache(maxsize=500)
def checked(model: type[Model]) -> frozenset[str]:
    """Return the columns that the check of `model` looks at."""
    return frozenset().union(*groups(model), references(model))


@lru_cache(maxsize=500)
def groups(model: type[Model]) -> list[tuple[str, ...]]:
    """Return the groups of columns that are unique within a workspace.

    What is unique beyond a workspace cannot be looked up from inside one; the constraint itself says it.
    """
    if "workspace_id" not in table(model).c:
        return []
    return [each.columns for each in uniques(model)]


def _taken(target: Table, sent: Any, names: tuple[str, ...]) -> Select[Any]:
    row = target.alias(f"taken_{names[0]}")
    same = [row.c[name] == _cast(sent.c[name], row.c[name]) for name in names]
    return (
        select(literal_column("sent.ordinality"), fixed(names[0]), fixed("taken"))
        .select_from(sent.join(row, true()))
        .where(tenancy.fence(row), *same, row.c.deleted_at.is_(None), row.c.id != literal_column("sent.id"))
    )


def _missing(sent: Any, column: str, model: type[Model]) -> Select[Any]:
    row = table(model).alias(f"found_{column}")
    live = select(row.c.id).where(
        tenancy.fence(row), row.c.id == literal_column(f"sent.{column}"), row.c.deleted_at.is_(None)
    )
    return (
        select(literal_column("sent.ordinality"), fixed(column), fixed("missing"))
        .select_from(sent)
        .where(literal_column(f"sent.{column}").is_not(None), ~live.correlate(sent).exists())
    )


def _cast(value: Any, column: Any) -> Any:
    return literal_column(f"sent.{column.name}", column.type)


def _no_row(target: Table) -> ColumnElement[Any]:
    return literal_column(f"NULL::{target.name}")


def _exact(name: str, facts: ColumnFacts) -> ColumnElement[Any]:
    """Return a column of `stored_row` so that JSON loses none of its digits."""
    return cell("stored_row", f"{name}::text" if facts.kind is Kind.DECIMAL else name)


def _documents(node: Object, source: FromClause, compiler: Compiler, *first: Any) -> Select[Any]:
    """Return `first` and the document of each row of `source`."""
    built = shape(node, str(source.name), compiler)  # type: ignore[attr-defined]  # Every source here is named.
    name = compiler.name("d")
    body = select(*built.outputs).lateral(name)
    document = func.row_to_json(literal_column(name), type_=JSON()).label("document")
    return select(*first, document).select_from(joined(source, built.joins).join(body, true()))


def _told(
    node: Object, made: CTE, before: CTE | None, resource: str, compiler: Compiler | None = None
) -> Select[Any]:
    """Return id, version and document of the rows just `made`, and write down what happened to them."""
    first = (made.c.id, made.c.version, made.c.updated_at)
    told = _documents(node, made, compiler or Compiler(), *first).cte("told")
    kind = bound(Slot(1), String())
    event = insert(Event).from_select(
        ["workspace_id", "type", "resource_id", "data"],
        select(tenancy.WORKSPACE, kind, told.c.id, told.c.document),
    )
    after = _without_links(told.c.document)
    source: FromClause = told
    earlier: ColumnElement[Any] = null()
    if before is not None:
        new, old = told.c.document, before.c.document
        source = told.join(before, before.c.id == told.c.id)
        earlier, after = _difference(old, new), _difference(new, old)
    # It bears the moment of the row itself, so that the changes of one row are in the order of time.
    values = {
        "workspace_id": tenancy.WORKSPACE,
        "action": kind,
        "resource": fixed(resource),
        "resource_id": told.c.id,
        "token_id": TOKEN,
        "user_id": bound(Slot(3), Uuid()),
        "address": bound(Slot(4), String()),
        "request_id": bound(Slot(2), String()),
        "before": earlier,
        "after": after,
        "inserted_at": told.c.updated_at,
        "updated_at": told.c.updated_at,
    }
    audit = insert(AuditLog).from_select(list(values), select(*values.values()).select_from(source))
    shown = select(told.c.id, told.c.version, told.c.document)
    return shown.add_cte(event.cte("event"), audit.cte("audit"))


def _just_after(moment: Any) -> ColumnElement[Any]:
    """Return the next moment there is, so that a clock put back never makes two changes simultaneous."""
    later: ColumnElement[Any] = moment + literal_column("interval '1 microsecond'")
    return later


def _difference(these: Any, those: Any) -> ColumnElement[Any]:
    """Return the members of one document that the other has not, or has with another value."""
    each = func.jsonb_each(_without_links(these)).table_valued("key", "value")
    other = _without_links(those)
    return (
        select(func.jsonb_object_agg(each.c.key, each.c.value))
        .where(each.c.value.is_distinct_from(other.op("->")(each.c.key)))
        .scalar_subquery()
    )


def _without_links(document: Any) -> ColumnElement[Any]:
    bare: ColumnElement[Any] = document.cast(JSONB).op("-")(literal_column("'links'::text"))
    return bare
