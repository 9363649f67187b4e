"""Planning: names, scopes on every node, limits and costs, without a database."""

from typing import Any

import pytest

from db import query
from services.catalog import CATALOG
from services.engine.binding import MOST_NESTED_ROWS, Binder, Plan, key_encoder, resolve
from services.engine.cursor import Cursor, CursorCodec
from services.engine.errors import Problem, Slug
from services.engine.filters import FilterPlanner
from services.engine.intent import (
    Comparison,
    Condition,
    Fetch,
    Junction,
    Leaf,
    Listing,
    Paging,
    Parent,
    Pick,
    Search,
    Select,
    SelectAny,
    SelectMany,
    SortTerm,
    Within,
)
from services.engine.plan import plan
from services.engine.pricing import Price, together

ALL = frozenset({"all:read"})
CODEC = CursorCodec(b"k" * 32)
BASE = "/api/v1"
ID = "00000000-0000-4000-8000-000000000000"


def planned(asked: Any, scopes: frozenset[str] = ALL) -> Plan:
    return plan(asked, CATALOG, scopes)


def price(asked: Any) -> Price:
    made = planned(asked)
    return made.price(made.bind([], CODEC, 0.0))


def search(resource: str = "product", **changes: Any) -> Search:
    values: dict[str, Any] = {"listing": Listing(paging=Paging(page=1)), "base": BASE, **changes}
    return Search(resource, **values)


def filtered(condition: Condition, resource: str = "product") -> Search:
    return search(resource, listing=Listing(filter=condition, paging=Paging(page=1)))


def slug(asked: Any, scopes: frozenset[str] = ALL) -> Slug:
    with pytest.raises(Problem) as refusal:
        planned(asked, scopes)
    return refusal.value.slug


# Shapes


def test_equal_shapes_make_equal_queries() -> None:
    """Design 4: one SQL text per request shape; values stand outside it."""
    first = planned(filtered(Comparison(("name",), "eq", Leaf(0))))
    second = planned(filtered(Comparison(("name",), "eq", Leaf(0))))

    assert first.query == second.query
    assert hash(first.query) == hash(second.query)


def test_values_are_encoded_into_slots_when_bound() -> None:
    asked = filtered(
        Junction(
            "and",
            (Comparison(("name",), "like", Leaf(1)), Comparison(("quantity",), "in", Leaf(0))),
        )
    )

    bound = planned(asked).bind(["1,2", "50%"], CODEC, 0.0)

    assert b"%50\\%%" in bound
    assert b'{"1","2"}' in bound


def test_the_costs_are_the_resources_touched() -> None:
    """Design 7: a plain call costs 1, each included set one more."""
    assert price(search()) == (1, 0, 0)
    assert price(search("product", include=(("brand",), ("category",)))) == (3, 0, 0)
    assert price(Fetch("order", ID, BASE, include=(("customer",),))) == (2, 0, 0)
    picks = (Pick("n", "nodes", picks=(Pick("id", "id"), Pick("b", "brand", picks=(Pick("id", "id"),)))),)
    assert price(SelectMany("product", Listing(), picks)) == (2, 0, 0)


def items(listing: Listing | None = None, *picks: Pick) -> Pick:
    nodes = Pick("nodes", "nodes", picks=(Pick("id", "id"), *picks))
    return Pick("items", "items", picks=(nodes,), listing=listing)


def orders(size: int, *picks: Pick) -> SelectMany:
    nodes = (Pick("nodes", "nodes", picks=picks),)
    return SelectMany("order", Listing(paging=Paging(size=size, relay=True)), nodes)


def first(size: int) -> Listing:
    return Listing(paging=Paging(size=size, relay=True))


@pytest.mark.parametrize(
    ("size", "below", "held"),
    [(1, 500, 0), (2, 500, 1), (100, 5, 0), (100, 6, 1), (100, 50, 9), (100, None, 9), (500, 500, 9)],
)
def test_nested_lists_cost_what_they_may_hold(size: int, below: int | None, held: int) -> None:
    """A point for 500 rows, the first of which the list's own point pays for, and 5,000 are the most."""
    listing = None if below is None else first(below)

    assert price(orders(size, items(listing))) == (2 + held, held, 1)


@pytest.mark.parametrize("size", [1, 2, 9, 10, 100, 500])
def test_an_include_costs_what_the_selection_of_whole_pages_does(size: int) -> None:
    """Design 7: `?include=` and the equal selection cost the same points."""
    page = search("order", listing=Listing(paging=Paging(page=1, size=size)), include=(("items", "product"),))
    product = Pick("product", "product", picks=(Pick("id", "id"),))

    assert price(page) == price(orders(size, items(first(500), product)))


def test_lists_within_lists_multiply() -> None:
    nested = Pick("orders", "orders", picks=(Pick("nodes", "nodes", picks=(items(first(100)),)),))
    customers = SelectMany("customer", first(1), (Pick("nodes", "nodes", picks=(nested,)),))

    # A page of 100 orders and as many lines for each are more than the answer may hold.
    assert price(customers) == (3 + 8, 8, 2)
    assert price(Fetch("customer", ID, BASE, include=(("orders", "items"),))) == (3 + 8, 8, 2)
    assert price(Fetch("order", ID, BASE, include=(("items",),))) == (2, 0, 1)


def test_any_of_many_costs_its_dearest_candidate_for_each_id() -> None:
    product, order = (Pick("id", "id"),), (items(first(500)),)
    candidates = (("product", "Product", product), ("order", "Order", order))

    assert price(SelectAny(("a",), candidates)) == (2, 0, 1)
    assert price(SelectAny(("a", "b", "c"), candidates)) == (2 + 2, 2, 1)
    assert price(SelectAny(("a", "b", "c"), candidates[:1])) == (1, 0, 0)


def test_prices_add_up() -> None:
    assert together([]) == (0, 0)
    assert together([Price(3, 1, 1), Price(5, 2, 1), Price(1)]) == (9, 3)


@pytest.mark.parametrize(
    ("rows", "unused"), [(0, 9), (500, 9), (501, 8), (1_000, 8), (4_501, 0), (5_000, 0), (50_000, 0)]
)
def test_what_lists_do_not_hold_is_left_over(rows: int, unused: int) -> None:
    assert price(orders(100, items())).unused(rows) == unused


# Scopes


@pytest.mark.parametrize(
    "asked",
    [
        search("order"),
        Fetch("order", Leaf(0), BASE),
        search("order", include=(("items",),)),
        search("order", include=(("items", "product"),)),
        search("order", include=(("customer",),)),
        filtered(Comparison(("customer", "country"), "eq", Leaf(0)), "order"),
        filtered(Junction("not", (Comparison(("items", "product", "name"), "eq", Leaf(0)),)), "order"),
        filtered(Within("items", Comparison(("quantity",), "gt", Leaf(0))), "order"),
        Select("order", Leaf(0), (Pick("c", "customer", picks=(Pick("id", "id"),)),)),
        Select("order", Leaf(0), (Pick("i", "items", picks=(Pick("t", "totalCount"),)),)),
    ],
)
def test_every_node_of_a_plan_needs_its_own_scope(asked: Any) -> None:
    """S3-062, C-09: taking away any one of the scopes that suffice refuses the whole."""
    every = {f"{resource.plural}:read" for resource in CATALOG}
    needed = {scope for scope in every if _refused(asked, frozenset(every - {scope}))}

    assert "orders:read" in needed
    assert not _refused(asked, frozenset(needed))
    assert _refused(asked, frozenset())


def _refused(asked: Any, scopes: frozenset[str]) -> bool:
    try:
        planned(asked, scopes)
    except Problem as problem:
        return problem.slug is Slug.INSUFFICIENT_SCOPE
    return False


def test_a_nested_collection_needs_its_parents_scope_alone() -> None:
    """S3-073."""
    nested = search("order_item", parent=Parent("order", "items", Leaf(0)))

    assert not _refused(nested, frozenset({"orders:read"}))
    assert _refused(nested, frozenset({"order_items:read"}))


# Refusals


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (search(listing=Listing(sort=(SortTerm("nope", False),))), "nope"),
        (search(listing=Listing(sort=tuple(SortTerm(n, False) for n in ("id", "name", "sku", "gtin")))), "3"),
        (search(listing=Listing(sort=(SortTerm("name", False), SortTerm("name", True)))), "once"),
        (search("workspace", listing=Listing(q=Leaf(0))), "workspaces"),
        (search(fields=(("", "nope"),)), "nope"),
        (search(fields=(("brands", "name"),)), "brands.name"),
        (search(include=(("nope",),)), "nope"),
        (search("order", include=(("items", "product", "category", "parent"),)), "deeper than 3"),
        (filtered(Comparison(("nope",), "eq", Leaf(0))), "nope"),
        (filtered(Comparison(("name",), "nope", Leaf(0))), "nope"),
        (filtered(Comparison(("name", "x"), "eq", Leaf(0))), "name.x"),
        (filtered(Comparison(("nutrition",), "eq", Leaf(0))), "nutrition"),
        (filtered(Comparison(("sku",), "null", "maybe")), "sku"),
        (filtered(Within("nope", Comparison(("name",), "eq", Leaf(0)))), "nope"),
        (filtered(Junction("or", tuple(Comparison(("name",), "eq", Leaf(0)) for _ in range(51)))), "50"),
        (SelectMany("product", Listing(), (Pick("x", "nope"),)), "nope"),
        (Select("product", Leaf(0), (Pick("x", "nope"),)), "nope"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(asked: Any, named: str) -> None:
    """S3-187, S3-209, S3-221, S3-233, design 4: never dropped."""
    with pytest.raises(Problem, match=named) as refusal:
        planned(asked)
    assert refusal.value.slug is Slug.BAD_REQUEST


def test_a_path_of_relations_is_bounded() -> None:
    deep: Condition = Comparison(("name",), "eq", Leaf(0))
    for _ in range(4):
        deep = Within("parent", deep)

    assert slug(filtered(deep, "category")) is Slug.BAD_REQUEST
    assert (
        slug(filtered(Comparison(("parent",) * 4 + ("name",), "eq", Leaf(0)), "category")) is Slug.BAD_REQUEST
    )


# Filters


def conditions(condition: Condition, resource: str = "product") -> tuple[query.Condition, bool]:
    planner = FilterPlanner(CATALOG, ALL, Binder())
    return planner.plan(condition, CATALOG[resource]), planner.touches_deleted


@pytest.mark.parametrize(
    ("condition", "touches"),
    [
        (Comparison(("name",), "eq", Leaf(0)), False),
        (Comparison(("deleted_at",), "null", "true"), True),
        (Comparison(("deleted_at",), "gt", Leaf(0)), True),
        (Comparison(("status",), "eq", "deleted"), True),
        (Comparison(("status",), "neq", "deleted"), True),
        (
            Junction("or", (Comparison(("name",), "eq", Leaf(0)), Comparison(("status",), "eq", "deleted"))),
            True,
        ),
        (Comparison(("brand", "deleted_at"), "null", "false"), False),
        (Within("brand", Comparison(("deleted_at",), "null", "false")), False),
    ],
)
def test_filters_know_whether_they_ask_for_deleted_rows(condition: Condition, touches: bool) -> None:
    """C-33: those of a relation ask for deleted relatives, not for deleted rows."""
    assert conditions(condition)[1] is touches


def test_a_relation_filter_sees_deleted_relatives_only_when_it_asks() -> None:
    """C-33, S3-318."""
    plain, _ = conditions(Comparison(("brand", "name"), "eq", Leaf(0)))
    asking, _ = conditions(Comparison(("brand", "deleted_at"), "null", "false"))

    assert isinstance(plain, query.Related)
    assert isinstance(asking, query.Related)
    assert (plain.deleted, asking.deleted) == (query.Deleted.HIDDEN, query.Deleted.SHOWN)


def test_aliases_stand_for_canonical_fields() -> None:
    """C-28, C-29."""
    assert conditions(Comparison(("price",), "gt", Leaf(0)))[0] == query.Compare(
        "price_cents", "gt", query.Slot(0)
    )
    assert conditions(Comparison(("created_at",), "gt", Leaf(0)))[0] == query.Compare(
        "inserted_at", "gt", query.Slot(0)
    )


# Binding


def test_sources_are_resolved_from_the_values() -> None:
    assert resolve(Leaf(1), ["a", "b"]) == "b"
    assert resolve((Leaf(0), 5, None), ["a"]) == ("a", 5, None)
    assert resolve("constant", []) == "constant"


def test_keys_of_a_cursor_must_be_as_many_as_the_sort_terms() -> None:
    """S3-180."""
    cursor = Cursor("q", False, ("a", None))

    assert [key_encoder(place, 2)(cursor) for place in (0, 1)] == [b"a", None]
    with pytest.raises(Problem, match="another query"):
        key_encoder(0, 3)(cursor)


def test_a_cursor_must_belong_to_the_query() -> None:
    """S3-180, C-22."""
    listing = Listing(paging=Paging(keyset=True, cursor=Leaf(0), nulls=(False, False)))

    with pytest.raises(Problem, match="another query"):
        planned(search(listing=listing)).bind([Cursor("other", False, ("x", "y"))], CODEC, 0.0)


def test_nested_lists_may_not_multiply_without_end() -> None:
    """Design 4: included rows are bounded before anything is read."""
    leaf = (Pick("nodes", "nodes", picks=(Pick("id", "id"),)),)

    def nested(size: int) -> SelectMany:
        paging = Listing(paging=Paging(size=size))
        items = Pick("items", "items", picks=leaf, listing=paging)
        orders = Pick("orders", "orders", picks=(Pick("nodes", "nodes", picks=(items,)),), listing=paging)
        return SelectMany("customer", paging, (Pick("nodes", "nodes", picks=(orders,)),))

    assert planned(nested(50)).bind([], CODEC, 0.0)
    with pytest.raises(Problem, match=str(MOST_NESTED_ROWS)):
        planned(nested(500)).bind([], CODEC, 0.0)
