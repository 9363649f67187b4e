"""Query trees to statements: one SQLAlchemy Core statement each, its text compiled once per shape.

Every statement answers `token` first: the version of the caller's token if it is live, else null. So a
revoked token never reads a row, without a round trip of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
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
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, distinct_on
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from db import cursors, tenancy
from db.conditions import bound
from db.describe import table
from db.models import Token, Workspace
from db.outputs import (
    Compiler,
    cell,
    connection,
    fixed,
    joined,
    needed,
    ordering,
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
    Included,
    Object,
    Page,
    Query,
    Reference,
    References,
)

INCLUDED_LIMIT = 5_000
"""The most rows that to-many relations may add to one response."""

SYSTEM_VALUES = ("workspace", "token", "cursor_inner", "cursor_outer")
"""Placeholders that execution itself fills, for every statement alike."""

TOKEN = bindparam("token", type_=Uuid())

# A row that several paths lead to is one object with the relationships of all of them.
_LINKED_OBJECT = (
    "CASE WHEN linked.r IS NULL THEN once.j"
    " ELSE (left(once.j::text, -1) || ',\"relationships\":' || linked.r::text || '}')::json END"
)

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
    statement = _statement(node, Compiler(dict(sizes)))
    tenancy.check(statement)
    compiled = statement.compile(dialect=_DIALECT)
    sources = tuple(_source(name) for name in compiled.positiontup or ())
    prefix = "EXPLAIN (FORMAT JSON) " if isinstance(node, Estimate) else ""
    return Compiled(prefix + compiled.string, sources)


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
            return _answer(
                inner, func.row_to_json(cell("x", "r")).label("body"), cell("x", "n").label("rows")
            )
        case AnyOf():
            return _any_of(node, compiler)
        case Batch():
            return _batch(node, compiler)
        case Estimate():
            source = table(node.rows.model).alias("t")
            where = visible(node.rows, source)
            if node.rows.via is not None and node.parent is not None:
                where.append(source.c[node.rows.via] == bound(node.parent, Uuid()))
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
    where = [tenancy.fence(source), source.c.id == id_]
    if hidden:
        where.append(source.c.deleted_at.is_(None))
    counted = total(built.counters) if built.counters else literal_column("0")
    body = select(*built.outputs).lateral(row)
    return (
        select(literal_column(row).label("r"), source.c.version.label("v"), counted.label("n"))
        .select_from(joined(source, built.joins).join(body, true()))
        .where(*where)
    )


# One row


def _get(node: Get, compiler: Compiler) -> Select[Any]:
    id_ = bound(node.id, Uuid())
    if not node.included:
        found = _single(node.object, id_, node.deleted is Deleted.HIDDEN, compiler).lateral("x")
        return _answer(found, _json("x"), cell("x", "n").label("rows"), cell("x", "v").label("version"))
    source = table(node.object.model).alias(compiler.name("t"))
    where = [tenancy.fence(source), source.c.id == id_]
    if node.deleted is Deleted.HIDDEN:
        where.append(source.c.deleted_at.is_(None))
    columns = _kept(node.object, node.included, None) | {"version"}
    chosen = select(*(source.c[name] for name in sorted(columns)), literal_column("1").label("rn"))
    page = _materialized(chosen.where(*where), "p")
    sets = _Sets(node.included, page, compiler)
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
    counted = func.coalesce(cell("y", "n"), literal_column("0")).label("rows")
    place = cell("y", "place")
    return _answer(each.subquery("y"), cell("y", "body"), counted, place.label("place")).order_by(place)


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
    keyed = tuple(term.column for term in node.rows.order)
    columns = _kept(node.object, node.included, None) | set(keyed)
    page = _materialized(select(rows(node.rows, columns, compiler, parent)), "p")
    window = node.rows.window
    limit = compiler.limit(window.limit) if window.probe else None
    sets = _Sets(node.included, page, compiler, limit)
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


def _count(node: Page, parent: ColumnElement[Any] | None, compiler: Compiler) -> ColumnElement[Any]:
    if node.count is not Count.EXACT:
        return null()
    source = table(node.rows.model).alias(compiler.name("t"))
    where = visible(node.rows, source)
    if node.rows.via is not None and parent is not None:
        where.append(source.c[node.rows.via] == parent)
    return select(func.count()).select_from(source).where(*where).scalar_subquery()


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
    found = select(source.c.id).where(
        tenancy.fence(source), source.c.id == parent, source.c.deleted_at.is_(None)
    )
    return found.exists().label("owner")


# Included sets


def _materialized(statement: Select[Any], name: str) -> CTE:
    return statement.cte(name)


def _kept(node: Object, included: Iterable[Included], index: int | None) -> set[str]:
    """Return the columns that a set must keep: its own outputs' and those that lead to further sets."""
    return needed(node) | {item.ours for item in included if item.parent == index}


class _Sets:
    """The included rows as one common table expression per path, deduplicated per type on output.

    `limit` is the size of a page that was read with one row more, which leads to nothing.
    """

    def __init__(
        self,
        included: tuple[Included, ...],
        page: CTE,
        compiler: Compiler,
        limit: ColumnElement[Any] | None = None,
    ) -> None:
        self.included, self.page, self.compiler = included, page, compiler
        self.limit = limit
        self.tables: list[CTE] = []
        for index, item in enumerate(included):
            parent = page if item.parent is None else self.tables[item.parent]
            self.tables.append(self._set(index, item, parent))

    def _set(self, index: int, item: Included, parent: CTE) -> CTE:
        source = table(item.object.model).alias(self.compiler.name("t"))
        columns = _kept(item.object, self.included, index) | {item.theirs}
        place = func.row_number().over(order_by=ordering(source, item.order, False)) if item.order else None
        chosen = select(
            *(source.c[name] for name in sorted(columns)),
            (literal_column("1") if place is None else place).label("rn"),
        ).where(
            tenancy.fence(source),
            source.c.deleted_at.is_(None),
            source.c[item.theirs].in_(self._leading(item, parent)),
        )
        if item.order:
            chosen = chosen.limit(literal_column(str(INCLUDED_LIMIT + 1)))
        return _materialized(chosen, f"i{index}")

    def _leading(self, item: Included, parent: CTE) -> Select[Any]:
        keys = select(parent.c[item.ours])
        return (
            keys if self.limit is None or parent is not self.page else keys.where(parent.c.rn <= self.limit)
        )

    def listed(
        self,
        node: Object,
        index: int | None,
        *,
        limit: ColumnElement[Any] | None = None,
        backward: bool = False,
        plain: bool = False,
    ) -> Select[Any]:
        """Return one row `j`: the objects of a set as a JSON list, or the single one where `plain`."""
        source: Any = self.page if index is None else self.tables[index]
        from_, row = self._objects(node, source)
        element: Any = literal_column(row)
        if plain:
            return select(func.row_to_json(element).label("j")).select_from(from_)
        place = source.c.rn.desc() if backward else source.c.rn
        listed: Any = func.json_agg(aggregate_order_by(element, place))
        if limit is not None:
            listed = listed.filter(source.c.rn <= limit)
        return select(listed.label("j")).select_from(from_)

    def _objects(self, node: Object, source: CTE, beside: FromClause | None = None) -> tuple[FromClause, str]:
        name, row = str(source.name), self.compiler.name("n")
        built = shape(node, name, self.compiler)
        from_: FromClause = source if beside is None else beside
        for output in node.outputs:
            if isinstance(output, References):
                for reference in output.references:
                    found = self._referred(reference)
                    from_ = from_.outerjoin(found, found.c.parent == source.c[reference.via or "id"])
        from_ = joined(from_, built.joins).join(select(*built.outputs).lateral(row), true())
        return from_, row

    def _referred(self, reference: Reference) -> FromClause:
        """Return what a set's rows are referred to by: one reference each, or a list for each parent."""
        source = self.tables[reference.source]
        name = str(source.name)
        link = select(fixed(reference.type).label("type"), cell(name, "id").label("id")).lateral("ref")
        ref: Any = literal_column("ref")
        if reference.via is not None:
            found = select(source.c.id.label("parent"), ref.label("refs")).select_from(
                source.join(link, true())
            )
            return found.subquery(f"g{reference.source}")
        parent = source.c[self.included[reference.source].theirs]
        listed = func.json_agg(aggregate_order_by(ref, source.c.rn)).label("refs")
        grouped = select(parent.label("parent"), listed).select_from(source.join(link, true()))
        return grouped.group_by(parent).subquery(f"g{reference.source}")

    def count(self) -> ColumnElement[Any]:
        """Return the number of rows in the to-many sets."""
        counted = [
            select(func.count()).select_from(made).scalar_subquery()
            for made, item in zip(self.tables, self.included, strict=True)
            if item.order
        ]
        return (total(tuple(counted)) if counted else literal_column("0")).label("rows")

    def outputs(self) -> list[ColumnElement[Any]]:
        """Return one JSON list per type, in the order in which the types first appear."""
        by_type: dict[str, list[int]] = {}
        for index, item in enumerate(self.included):
            by_type.setdefault(item.type, []).append(index)
        return [
            self._type(indexes).scalar_subquery().label(f"included_{number}")
            for number, indexes in enumerate(by_type.values())
        ]

    def _type(self, indexes: list[int]) -> Select[Any]:
        if len(indexes) == 1:
            return self.listed(self.included[indexes[0]].object, indexes[0])
        parts = [self._whole(place, index) for place, index in enumerate(indexes)]
        every = parts[0].union_all(*parts[1:]).subquery("every")
        once = select(every.c.id, every.c.j).ext(distinct_on(every.c.id)).order_by(every.c.id, every.c.place)
        rows = once.subquery("once")
        if not any(self._references(index).outputs for index in indexes):
            return select(func.json_agg(rows.c.j))
        linked = _linked(every)
        return select(func.json_agg(literal_column(_LINKED_OBJECT))).select_from(
            rows.outerjoin(linked, linked.c.id == rows.c.id)
        )

    def _references(self, index: int) -> Object:
        node = self.included[index].object
        return Object(node.model, tuple(item for item in node.outputs if isinstance(item, References)))

    def _whole(self, place: int, index: int) -> Select[Any]:
        """Return the rows of one set: their ids, their objects without relationships, and these alone."""
        node, references = self.included[index].object, self._references(index)
        bare = Object(node.model, tuple(item for item in node.outputs if not isinstance(item, References)))
        source = self.tables[index]
        from_, row = self._objects(bare, source)
        related = "NULL::json"
        if references.outputs:
            from_, beside = self._objects(references, source, from_)
            related = f"row_to_json({beside}) -> 'relationships'"
        return select(
            source.c.id.label("id"),
            literal_column(str(place)).label("place"),
            func.row_to_json(literal_column(row)).label("j"),
            literal_column(related).label("r"),
        ).select_from(from_)


def _linked(every: FromClause) -> FromClause:
    """Return the relationships of each row of `every`, those of all its places together."""
    pairs = func.json_each(every.c.r).table_valued("key", "value", name="p").lateral()
    named = (
        select(every.c.id, pairs.c.key, pairs.c.value)
        .select_from(every.join(pairs, true()))
        .ext(distinct_on(every.c.id, pairs.c.key))
        .order_by(every.c.id, pairs.c.key, every.c.place)
        .subquery("named")
    )
    merged = func.json_object_agg(named.c.key, named.c.value).label("r")
    return select(named.c.id, merged).group_by(named.c.id).subquery("linked")
