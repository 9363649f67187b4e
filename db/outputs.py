"""Rows, objects and connections of the query tree as SQL: records that PostgreSQL itself turns into JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from operator import add
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    Select,
    Subquery,
    Text,
    UnaryExpression,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from db import cursors, query
from db.conditions import bound, condition
from db.describe import table
from db.query import Deleted, Object, Order, Render, Rows, Slot, Window
from db.tenancy import fence


@dataclass(slots=True)
class Compiler:
    """The state of one compilation: a source of fresh names, and the page sizes that are written out.

    The names' dollar sign keeps them apart from the names that callers give to outputs. `sizes` are page
    sizes by slot: with an unknown limit the planner expects a tenth of the rows and plans every execution
    anew, so a size stands in the text wherever it is known.
    """

    sizes: Mapping[int, int] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def limit(self, slot: Slot) -> ColumnElement[Any]:
        """Return a page size: written out if it is known, else its placeholder."""
        size = self.sizes.get(slot.index)
        return bound(slot, BigInteger()) if size is None else literal_column(str(size), BigInteger())

    def name(self, letter: str) -> str:
        """Return a fresh name, safe to write unquoted."""
        return f"{letter}${next(self.numbers)}"


def cell(source: str, column: str) -> ColumnElement[Any]:
    """Return a column of a named source, written as text so that it correlates at any depth."""
    return literal_column(f"{source}.{column}")


def fixed(text: str) -> ColumnElement[Any]:
    """Return a constant written into the statement; only names from declarations come here."""
    quoted = text.replace("'", "''")
    return literal_column(f"'{quoted}'::text", Text())


def record(source: str, alias: str) -> ColumnElement[Any]:
    """Return the whole row of a named source as one output."""
    return literal_column(source, JSON()).label(alias)


# Rows


def rows(
    node: Rows,
    columns: set[str],
    compiler: Compiler,
    parent: ColumnElement[Any] | None,
    *,
    placed: bool = True,
) -> Subquery:
    """Return the rows in order, with their place as column `rn` where `placed`."""
    source = table(node.model).alias(compiler.name("t"))
    where = visible(node, source, parent)
    window = node.window
    order = tuple(_turned(term) for term in node.order) if window.backward else node.order
    limit = compiler.limit(window.limit)
    if window.probe:
        limit = limit + literal_column("1")
    picked = [source.c[name] for name in sorted(columns | {term.column for term in order} | {"id"})]
    sort = ordering(source, order, window.backward)
    chosen = select(*picked).where(*where).order_by(*sort).limit(limit)
    if window.offset is not None:
        chosen = chosen.offset(bound(window.offset, BigInteger()))
    if window.after is not None:
        chosen = _stacked([chosen.where(part) for part in _beyond(source, order, window)], limit, compiler)
    page = chosen.subquery(compiler.name("q"))
    if not placed:
        return page
    return select(*page.c, func.row_number().over().label("rn")).subquery(compiler.name("c"))


def _stacked(parts: list[Select[Any]], limit: ColumnElement[Any], compiler: Compiler) -> Select[Any]:
    """Return the parts one after the other, the later ones read only if the earlier ones do not fill it."""
    if len(parts) == 1:
        return parts[0]
    stacked = union_all(*(select(part.subquery(compiler.name("u"))) for part in parts))
    return select(stacked.subquery(compiler.name("u"))).limit(limit)


def visible(node: Rows, source: FromClause, parent: ColumnElement[Any] | None) -> list[ColumnElement[bool]]:
    """Return the conditions that decide whether a row belongs to the collection at all."""
    where = [fence(source)]
    if node.via is not None and parent is not None:
        where.append(source.c[node.via] == parent)
    if node.deleted is Deleted.HIDDEN:
        where.append(source.c.deleted_at.is_(None))
    if node.where is not None:
        where.append(condition(node.where, source))
    return where


def _turned(term: Order) -> Order:
    return Order(term.column, not term.descending, term.nullable)


def ordering(source: FromClause, order: tuple[Order, ...], backward: bool) -> list[ColumnElement[Any]]:
    """Return the sort expressions; nulls come last going forward and therefore first going backward."""
    terms: list[ColumnElement[Any]] = []
    for term in order:
        column = source.c[term.column]
        ordered: UnaryExpression[Any] = column.desc() if term.descending else column.asc()
        if term.nullable:
            ordered = ordered.nulls_first() if backward else ordered.nulls_last()
        terms.append(ordered)
    return terms


def _beyond(source: FromClause, order: tuple[Order, ...], window: Window) -> list[ColumnElement[bool]]:
    """Return the keyset predicates: rows strictly beyond the key, in one range or in two.

    Each range bounds the leading column on its own, so that an index scan starts at the key however deep it
    lies. Values and nulls of a nullable leading column are two ranges.
    """
    after = window.after or ()
    exact: ColumnElement[bool] = literal_column("false")
    for term, slot in reversed(tuple(zip(order[1:], after[1:], strict=True))):
        column = source.c[term.column]
        exact = or_(_strictly_beyond(column, term, slot, window.backward), and_(_same(column, slot), exact))
    lead, slot = source.c[order[0].column], after[0]
    if slot is None:
        nulls = and_(lead.is_(None), exact)
        return [nulls, lead.is_not(None)] if window.backward else [nulls]
    key = bound(slot, lead.type)
    down = order[0].descending
    bounded = and_(
        lead <= key if down else lead >= key,
        or_(lead < key if down else lead > key, and_(lead == key, exact)),
    )
    return [bounded, lead.is_(None)] if order[0].nullable and not window.backward else [bounded]


def _same(column: ColumnElement[Any], slot: Slot | None) -> ColumnElement[bool]:
    return column.is_(None) if slot is None else column == bound(slot, column.type)


def _strictly_beyond(
    column: ColumnElement[Any], term: Order, slot: Slot | None, backward: bool
) -> ColumnElement[bool]:
    if slot is None:
        # Going forward nothing lies beyond the nulls; going backward every value does.
        return column.is_not(None) if backward else literal_column("false")
    key = bound(slot, column.type)
    beyond = column < key if term.descending else column > key
    return or_(beyond, column.is_(None)) if term.nullable and not backward else beyond


# Objects


@dataclass(frozen=True, slots=True)
class Shape:
    """What an object needs beside its own row: joined laterals, outputs, and counters of nested rows."""

    joins: tuple[FromClause, ...]
    outputs: tuple[ColumnElement[Any], ...]
    counters: tuple[ColumnElement[Any], ...]


def needed(node: Object) -> set[str]:
    """Return the columns that an object reads of its row."""
    columns = {"id"}
    for output in node.outputs:
        match output:
            case query.Value():
                columns.add(output.column)
            case query.One():
                columns.add(output.via)
            case query.Links():
                columns.update(link.column for link in output.links)
            case query.Etag():
                columns.add("version")
            case query.References():
                columns.update(found.via for found in output.references if found.via is not None)
    return columns


def shape(node: Object, source: str, compiler: Compiler) -> Shape:
    """Return how to build `node` from a row of `source`."""
    joins: list[FromClause] = []
    outputs: list[ColumnElement[Any]] = []
    counters: list[ColumnElement[Any]] = []
    for output in node.outputs:
        match output:
            case query.Value():
                outputs.append(_rendered(source, output).label(output.alias))
            case query.Constant():
                outputs.append(fixed(output.text).label(output.alias))
            case query.Etag():
                outputs.append(_etag(source).label(output.alias))
            case query.Links():
                name = compiler.name("l")
                joins.append(_links(output, source).lateral(name))
                outputs.append(record(name, output.alias))
            case query.References():
                name = compiler.name("r")
                joins.append(_references(output).lateral(name))
                outputs.append(record(name, output.alias))
            case query.One():
                name = compiler.name("o")
                inner, counts = one(output, source, compiler)
                joins.append(inner.lateral(name))
                outputs.append(cell(name, "r").label(output.alias))
                if counts:
                    counters.append(func.coalesce(cell(name, "n"), literal_column("0")))
            case query.Many():
                name = compiler.name("k")
                joins.append(connection(output.connection, cell(source, "id"), compiler).lateral(name))
                outputs.append(cell(name, "r").label(output.alias))
                counters.append(cell(name, "n"))
            case query.Embed():
                name = compiler.name("m")
                joins.append(embedded(output, source, compiler).lateral(name))
                outputs.append(cell(name, "j").label(output.alias))
    return Shape(tuple(joins), tuple(outputs), tuple(counters))


def joined(source: FromClause, laterals: tuple[FromClause, ...]) -> FromClause:
    """Return `source` with each lateral joined; a missing one leaves nulls."""
    for lateral in laterals:
        source = source.outerjoin(lateral, true())
    return source


def total(counters: tuple[ColumnElement[Any], ...]) -> ColumnElement[Any]:
    """Return the sum of the counters of one row."""
    return reduce(add, counters)


def one(node: query.One, source: str, compiler: Compiler) -> tuple[Select[Any], bool]:
    """Return the related row as record `r`, with its nested rows `n`, and whether it has any."""
    target = table(node.target.model).alias(compiler.name("t"))
    row = compiler.name("n")
    built = shape(node.target, str(target.name), compiler)
    body = select(*built.outputs).lateral(row)
    columns: list[ColumnElement[Any]] = [literal_column(row).label("r")]
    if built.counters:
        columns.append(total(built.counters).label("n"))
    statement = (
        select(*columns)
        .select_from(joined(target, built.joins).join(body, true()))
        .where(fence(target), target.c.id == cell(source, node.via), target.c.deleted_at.is_(None))
    )
    return statement, bool(built.counters)


def embedded(node: query.Embed, source: str, compiler: Compiler) -> Select[Any]:
    """Return one row `j`: the list of the rows that hang on a row of `source`, empty where there are none."""
    target = table(node.object.model).alias(compiler.name("t"))
    row = compiler.name("n")
    built = shape(node.object, str(target.name), compiler)
    element: Any = literal_column(row)
    listed: Any = func.json_agg(aggregate_order_by(element, *ordering(target, node.order, False)))
    return (
        select(func.coalesce(listed, literal_column("'[]'::json")).label("j"))
        .select_from(joined(target, built.joins).join(select(*built.outputs).lateral(row), true()))
        .where(fence(target), target.c[node.via] == cell(source, "id"), target.c.deleted_at.is_(None))
    )


def _rendered(source: str, output: query.Value) -> ColumnElement[Any]:
    column = f"{source}.{output.column}"
    match output.render:
        case Render.TIMESTAMP:
            return literal_column(f"replace(timezone('UTC', {column})::text, ' ', 'T') || 'Z'")
        case Render.DECIMAL:
            return literal_column(f"trim_scale({column})::text")
        case Render.ENUM_NAME:
            return literal_column(f"upper(replace({column}, '-', '_'))")
        case Render.PLAIN:
            return literal_column(column)


def _etag(source: str) -> ColumnElement[Any]:
    return literal_column(
        f"'\"' || left(encode(sha256(convert_to({source}.id || ':' || {source}.version, 'UTF8')),"
        " 'hex'), 12) || '\"'"
    )


def _links(node: query.Links, source: str) -> Select[Any]:
    columns: list[ColumnElement[Any]] = []
    for link in node.links:
        text = f"'{link.prefix}' || {source}.{link.column}" + (f" || '{link.suffix}'" if link.suffix else "")
        columns.append(literal_column(text).label(link.name))
    return select(*columns)


def _references(node: query.References) -> Select[Any]:
    """Return the references of one row; the sets they come from are joined beside it, once for all rows."""
    columns: list[ColumnElement[Any]] = []
    for reference in node.references:
        found = cell(f"g{reference.source}", "refs")
        if reference.via is None:
            found = func.coalesce(found, literal_column("'[]'::json"))
        columns.append(found.label(reference.name))
    return select(*columns)


# Connections


def connection(node: query.Connection, parent: ColumnElement[Any] | None, compiler: Compiler) -> Select[Any]:
    """Return one row: the connection as record `r` and the number `n` of nested rows.

    The rows of a nested connection count themselves; those of a whole collection are the page asked for.
    """
    paged = rows(node.rows, set().union(*map(needed, node.objects)), compiler, parent)
    pieces = _Pieces(node, str(paged.name), compiler)
    outputs = [pieces.add(part) for part in node.parts]
    if pieces.aggregates:
        below = pieces.count(own=parent is not None).label("n")
        gathered = select(below, *pieces.aggregates).select_from(joined(paged, tuple(pieces.laterals)))
    else:
        # Nothing of the page is shown, so it need not be read.
        gathered = select(literal_column("0").label("n"))
    name, row = pieces.name, compiler.name("n")
    source: FromClause = gathered.subquery(name)
    if any(isinstance(part, query.Total) for part in node.parts):
        source = source.join(counted(node.rows, parent, compiler).lateral(pieces.totals), true())
    body = select(*outputs).lateral(row)
    return select(literal_column(row).label("r"), cell(name, "n").label("n")).select_from(
        source.join(body, true())
    )


def counted(node: Rows, parent: ColumnElement[Any] | None, compiler: Compiler) -> Select[Any]:
    """Return the number of rows of the collection, all pages, as `total`."""
    source = table(node.model).alias(compiler.name("t"))
    where = visible(node, source, parent)
    return select(func.count().label("total")).select_from(source).where(*where)


class _Pieces:
    """The aggregates that a connection's parts draw on, gathered while the parts are laid out."""

    def __init__(self, node: query.Connection, source: str, compiler: Compiler) -> None:
        self.node, self.source, self.compiler = node, source, compiler
        self.name, self.totals = compiler.name("a"), compiler.name("s")
        self.laterals: list[FromClause] = []
        self.aggregates: list[Label[Any]] = []
        self.counters: list[ColumnElement[Any]] = []
        window = node.rows.window
        self.limit = compiler.limit(window.limit)
        self.place = cell(source, "rn")
        self.sorted = self.place.desc() if window.backward else self.place

    def add(self, part: query.Part) -> ColumnElement[Any]:
        """Return the output of `part`, adding what it needs."""
        match part:
            case query.Constant():
                return fixed(part.text).label(part.alias)
            case query.Total():
                return cell(self.totals, "total").label(part.alias)
            case query.Nodes():
                return self._list(self._object(part.object)).label(part.alias)
            case query.Edges():
                return self._list(self._edge(part)).label(part.alias)
            case query.PageInfo():
                return self._page_info(part)

    def count(self, *, own: bool) -> ColumnElement[Any]:
        """Return the number of rows below the page, and its `own` if they count."""
        parts: list[ColumnElement[Any]] = [self._shown(func.count(self.place))] if own else []
        sums = (self._shown(func.sum(counter)) for counter in self.counters)
        parts += [func.coalesce(found, literal_column("0")) for found in sums]
        return total(tuple(parts)) if parts else literal_column("0")

    def _shown(self, aggregate: Any) -> Any:
        """Return an aggregate over the rows of the page alone, not the one that is read to see if it ends."""
        return aggregate.filter(self.place <= self.limit) if self.node.rows.window.probe else aggregate

    def _object(self, node: Object) -> str:
        built = shape(node, self.source, self.compiler)
        name = self.compiler.name("n")
        self.laterals += [*built.joins, select(*built.outputs).lateral(name)]
        self.counters += built.counters
        return name

    def _edge(self, node: query.Edges) -> str:
        columns: list[ColumnElement[Any]] = []
        for alias, kind, item in node.parts:
            if isinstance(item, Object):
                columns.append(record(self._object(item), alias))
            elif kind == "cursor":
                columns.append(self._cursor(self._keys()).label(alias))
            else:
                columns.append(fixed(str(item)).label(alias))
        name = self.compiler.name("e")
        self.laterals.append(select(*columns).lateral(name))
        return name

    def _list(self, name: str) -> ColumnElement[Any]:
        element: Any = literal_column(name, JSON())
        listed: Any = self._shown(func.json_agg(aggregate_order_by(element, self.sorted)))
        self.aggregates.append(listed.label(f"j{len(self.aggregates)}"))
        return func.coalesce(cell(self.name, f"j{len(self.aggregates) - 1}"), literal_column("'[]'::json"))

    def _keys(self) -> ColumnElement[Any]:
        return cursors.keys(self.source, tuple(term.column for term in self.node.rows.order))

    def _cursor(self, row_keys: ColumnElement[Any]) -> ColumnElement[Any]:
        if self.node.cursor is None:
            raise ValueError("A connection with cursors needs the slot of their beginning.")
        return cursors.cursor(bound(self.node.cursor, Text()), row_keys)

    def _page_info(self, node: query.PageInfo) -> ColumnElement[Any]:
        window, facts = self.node.rows.window, {name for _, name in node.parts}
        if facts & {"startCursor", "endCursor"}:
            ordered: Any = func.array_agg(aggregate_order_by(self._keys(), self.sorted))
            self._aggregate("keys", ordered.filter(self.place <= self.limit))
        self._aggregate("fetched", func.count(self.place))
        more = cell(self.name, "fetched") > self.limit
        came_from: ColumnElement[Any] = literal_column("true" if window.after is not None else "false")
        values = {
            "hasNextPage": came_from if window.backward else more,
            "hasPreviousPage": more if window.backward else came_from,
        }
        if window.offset is not None:
            values["hasPreviousPage"] = bound(window.offset, BigInteger()) > literal_column("0")
        columns = [self._fact(name, values, node.typename).label(alias) for alias, name in node.parts]
        name = self.compiler.name("p")
        inner = select(*columns).subquery(name)
        return select(literal_column(name)).select_from(inner).scalar_subquery().label(node.alias)

    def _aggregate(self, name: str, value: ColumnElement[Any]) -> None:
        if all(known.name != name for known in self.aggregates):
            self.aggregates.append(value.label(name))

    def _fact(self, name: str, values: dict[str, ColumnElement[Any]], typename: str) -> ColumnElement[Any]:
        if name == "startCursor":
            return self._cursor(literal_column(f"{self.name}.keys[1]", Text()))
        if name == "endCursor":
            last = f"{self.name}.keys[array_upper({self.name}.keys, 1)]"
            return self._cursor(literal_column(last, Text()))
        if name == "__typename":
            return fixed(typename)
        return values[name]
