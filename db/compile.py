"""Query trees to statements: one SQLAlchemy Core statement each, its text compiled once per shape.

Every statement answers `token` first: the version of the caller's token if it is live, else null. So a
revoked token never reads a row, without a round trip of its own.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ClauseElement,
    ColumnElement,
    FromClause,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from db import cursors, tenancy
from db.conditions import bound
from db.describe import table
from db.included import Sets, common_table, kept
from db.models import Token, Workspace
from db.outputs import (
    Compiler,
    cell,
    connection,
    counted,
    fixed,
    joined,
    needed,
    rows,
    shape,
    total,
    visible,
)
from db.query import (
    AnyOf,
    Batch,
    Connect,
    Connection,
    Count,
    Deleted,
    Estimate,
    Get,
    Object,
    Page,
    Query,
)

SYSTEM_VALUES = ("workspace", "token", "cursor_inner", "cursor_outer")
"""Placeholders that execution itself fills, for every statement alike."""

TOKEN = bindparam("token", type_=Uuid())

_DIALECT: Any = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # Untyped there.


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement's text, and for each placeholder in turn the number of its slot or a system name."""

    text: str
    sources: tuple[int | str, ...]


@lru_cache(maxsize=2_000)
def compile_query(node: Query, sizes: tuple[tuple[int, int], ...] = ()) -> Compiled:
    """Return the statement of `node`; equal trees of equal page sizes share one text.

    `sizes` are pairs of a slot and the page size to write out in its place. Raises UnfencedStatementError if
    a tenant table would be read without its workspace.
    """
    made = finished(_statement(node, Compiler(dict(sizes))))
    prefix = "EXPLAIN (FORMAT JSON) " if isinstance(node, Estimate) else ""
    return Compiled(prefix + made.text, made.sources)


def finished(statement: ClauseElement) -> Compiled:
    """Return the text of a statement; raises UnfencedStatementError if it leaves the caller's workspace."""
    tenancy.check(statement)
    compiled: Any = statement.compile(dialect=_DIALECT)
    sources = tuple(_source(name) for name in compiled.positiontup or ())
    return Compiled(compiled.string, sources)


def _source(name: str) -> int | str:
    if name[1:].isdigit():
        return int(name[1:])
    if name not in SYSTEM_VALUES:
        raise ValueError(f"{name} is a constant that should stand in the statement's text.")
    return name


def _statement(node: Query, compiler: Compiler) -> Select[Any]:
    match node:
        case Get():
            return _get(node, compiler)
        case Page():
            return _page(node, compiler)
        case Connect():
            inner = connection(node.connection, None, compiler).subquery("x")
            return _answer(inner, _json("x"), cell("x", "n").label("rows"))
        case AnyOf():
            return _any_of(node, compiler)
        case Batch():
            return _batch(node, compiler)
        case Estimate():
            source = table(node.rows.model).alias("t")
            parent = None if node.parent is None else bound(node.parent, Uuid())
            where = visible(node.rows, source, parent)
            return select(literal_column("1")).select_from(source).where(*where)


def _answer(source: FromClause, *columns: ColumnElement[Any]) -> Select[Any]:
    """Return one answer row even where `source` has none, led by the token's version."""
    alone = select(literal_column("1")).subquery("one")
    return select(_token(), *columns).select_from(alone.outerjoin(source, true()))


def _token() -> ColumnElement[Any]:
    token, workspace = table(Token).alias("token"), table(Workspace).alias("tenant")
    live = (
        select(token.c.version)
        .select_from(token.join(workspace, workspace.c.id == token.c.workspace_id))
        .where(
            tenancy.fence(token),
            workspace.c.id == tenancy.WORKSPACE,
            token.c.id == TOKEN,
            token.c.revoked_at.is_(None),
            token.c.deleted_at.is_(None),
            func.coalesce(token.c.expires_at > func.now(), true()),
            workspace.c.deleted_at.is_(None),
        )
    )
    return live.scalar_subquery().label("token")


def _single(node: Object, id_: ColumnElement[Any], hidden: bool, compiler: Compiler) -> Select[Any]:
    """Return the row of that id: record `r`, its version `v`, and the number `n` of nested rows."""
    source = table(node.model).alias(compiler.name("t"))
    row = compiler.name("n")
    built = shape(node, str(source.name), compiler)
    below = total(built.counters) if built.counters else literal_column("0")
    body = select(*built.outputs).lateral(row)
    return (
        select(literal_column(row).label("r"), source.c.version.label("v"), below.label("n"))
        .select_from(joined(source, built.joins).join(body, true()))
        .where(*_identified(source, id_, hidden))
    )


def _identified(source: FromClause, id_: ColumnElement[Any], hidden: bool) -> list[ColumnElement[bool]]:
    """Return the conditions on the one row of that id; a deleted one is no row where `hidden`."""
    live = [source.c.deleted_at.is_(None)] if hidden else []
    return [tenancy.fence(source), source.c.id == id_, *live]


# One row


def _get(node: Get, compiler: Compiler) -> Select[Any]:
    id_ = bound(node.id, Uuid())
    if not node.included:
        found = _single(node.object, id_, node.deleted is Deleted.HIDDEN, compiler).lateral("x")
        return _answer(found, _json("x"), cell("x", "n").label("rows"), cell("x", "v").label("version"))
    source = table(node.object.model).alias(compiler.name("t"))
    where = _identified(source, id_, node.deleted is Deleted.HIDDEN)
    columns = kept(node.object, node.included, None) | {"version"}
    chosen = select(*(source.c[name] for name in sorted(columns)), literal_column("1").label("rn"))
    page = common_table(chosen.where(*where), "p")
    sets = Sets(node.included, page, compiler)
    row = sets.listed(node.object, None, plain=True).subquery("x")
    body = cell("x", "j").label("body")
    version = select(page.c.version).scalar_subquery().label("version")
    return _answer(row, body, sets.count(), version, *sets.outputs())


def _any_of(node: AnyOf, compiler: Compiler) -> Select[Any]:
    unnested = func.unnest(bound(node.ids, ARRAY(Uuid())), bound(node.types, ARRAY(Text())))
    wanted = unnested.table_valued("id", "type", with_ordinality="place").render_derived(name="ids")
    type_ = cell("ids", "type")
    found = [
        select(_json("x"), cell("x", "n").label("n"))
        .select_from(_single(item, cell("ids", "id"), True, compiler).subquery("x"))
        .where(type_.is_(None) | (type_ == fixed(name)))
        for name, item in node.objects
    ]
    first = union_all(*found).limit(literal_column("1")).lateral("f")
    each = select(cell("ids", "place").label("place"), cell("f", "body"), cell("f", "n")).select_from(
        wanted.outerjoin(first, true())
    )
    below = func.coalesce(cell("y", "n"), literal_column("0")).label("rows")
    place = cell("y", "place")
    return _answer(each.subquery("y"), cell("y", "body"), below, place.label("place")).order_by(place)


def _batch(node: Batch, compiler: Compiler) -> Select[Any]:
    wanted = func.unnest(bound(node.ids, ARRAY(Uuid()))).table_valued("id").render_derived(name="ids")
    id_ = cell("ids", "id")
    if isinstance(node.target, Connection):
        found = connection(node.target, id_, compiler)
    else:
        found = _single(node.target, id_, True, compiler)
    columns = (id_.label("id"), _json("x"), cell("x", "n").label("n"))
    each = select(*columns).select_from(wanted.join(found.lateral("x"), true())).subquery("y")
    body = cell("y", "body").label("body")
    return _answer(each, body, cell("y", "n").label("rows"), cell("y", "id").label("id"))


def _json(source: str) -> ColumnElement[Any]:
    return func.row_to_json(cell(source, "r")).label("body")


# Pages


def _page(node: Page, compiler: Compiler) -> Select[Any]:
    parent = None if node.parent is None else bound(node.parent, Uuid())
    if not (node.included or node.cursors or node.rows.window.probe):
        return _plain_page(node, parent, compiler)
    keyed = tuple(term.column for term in node.rows.order)
    columns = kept(node.object, node.included, None) | set(keyed)
    page = common_table(select(rows(node.rows, columns, compiler, parent)), "p")
    window = node.rows.window
    limit = compiler.limit(window.limit) if window.probe else None
    sets = Sets(node.included, page, compiler, limit)
    found = sets.listed(node.object, None, limit=limit, backward=window.backward).subquery("x")
    body = func.coalesce(cell("x", "j"), literal_column("'[]'::json")).label("body")
    return _answer(
        found,
        body,
        sets.count(),
        _count(node, parent, compiler).label("total"),
        _fetched(node, page),
        *_boundaries(node, keyed, page, compiler),
        _owner(node, parent),
        *sets.outputs(),
    )


def _plain_page(node: Page, parent: ColumnElement[Any] | None, compiler: Compiler) -> Select[Any]:
    """Return a page that needs no places: nothing is joined to its rows, so they stay in order.

    It has two levels less than the other pages, which is a third of what PostgreSQL takes to plan it.
    """
    page = rows(node.rows, needed(node.object), compiler, parent, placed=False)
    built = shape(node.object, str(page.name), compiler)
    row = compiler.name("n")
    source = joined(page, built.joins).join(select(*built.outputs).lateral(row), true())
    element: Any = literal_column(row)
    found = select(func.json_agg(element).label("j")).select_from(source).subquery("x")
    return _answer(
        found,
        func.coalesce(cell("x", "j"), literal_column("'[]'::json")).label("body"),
        literal_column("0").label("rows"),
        _count(node, parent, compiler).label("total"),
        null().label("fetched"),
        null().label("first"),
        null().label("last"),
        _owner(node, parent),
    )


def _count(node: Page, parent: ColumnElement[Any] | None, compiler: Compiler) -> ColumnElement[Any]:
    if node.count is not Count.EXACT:
        return null()
    return counted(node.rows, parent, compiler).scalar_subquery()


def _fetched(node: Page, page: CTE) -> ColumnElement[Any]:
    """Return how many rows were found, where one more than the page holds was asked for."""
    if not node.rows.window.probe:
        return null().label("fetched")
    return select(func.count()).select_from(page).scalar_subquery().label("fetched")


def _boundaries(
    node: Page, keyed: tuple[str, ...], page: CTE, compiler: Compiler
) -> list[ColumnElement[Any]]:
    """Return the cursors of the page's first and last row, in the order they are shown."""
    if node.cursors is None:
        return [null().label("first"), null().label("last")]
    window = node.rows.window
    limit = compiler.limit(window.limit)
    place: ColumnElement[Any] = literal_column("p.rn")
    places = (place, place.desc())
    made = [
        cursors.cursor(
            bound(beginning, Text()),
            select(cursors.keys("p", keyed))
            .select_from(page)
            .where(place <= limit)
            .order_by(end)
            .limit(literal_column("1"))
            .scalar_subquery(),
        )
        for beginning, end in zip(node.cursors, reversed(places) if window.backward else places, strict=True)
    ]
    return [made[0].label("first"), made[1].label("last")]


def _owner(node: Page, parent: ColumnElement[Any] | None) -> ColumnElement[Any]:
    """Tell whether the parent of a nested collection exists."""
    if node.owner is None or parent is None:
        return null().label("owner")
    source = table(node.owner).alias("owner_row")
    found = select(source.c.id).where(*_identified(source, parent, hidden=True))
    return found.exists().label("owner")
