"""Included resources as SQL: one common table expression for every include path, one JSON list per type."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from db import tenancy
from db.describe import table
from db.outputs import Compiler, cell, fixed, joined, needed, ordering, shape, total
from db.query import Included, Object, Reference, References

INCLUDED_LIMIT = 5_000
"""The most rows that to-many relations may add to one response."""

# A row that several paths lead to is one object with the relationships of all of them.
_LINKED_OBJECT = (
    "CASE WHEN linked.r IS NULL THEN once.j"
    " ELSE (left(once.j::text, -1) || ',\"relationships\":' || linked.r::text || '}')::json END"
)


def common_table(statement: Select[Any], name: str) -> CTE:
    """Return `statement` as a common table expression."""
    return statement.cte(name)


def kept(node: Object, included: Iterable[Included], index: int | None) -> set[str]:
    """Return the columns that a set must keep: its own outputs' and those that lead to further sets."""
    return needed(node) | {item.ours for item in included if item.parent == index}


class Sets:
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
        columns = kept(item.object, self.included, index) | {item.theirs}
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
        return common_table(chosen, f"i{index}")

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
