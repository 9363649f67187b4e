"""Filters, sorts and searches: typed, nested, and never wider than what was asked."""

from typing import Any

import pytest

from tests.schema.asking import Asker
from tests.support.seed import Seed


async def _ids(gql: Asker, filter_: Any, collection: str = "products", type_: str = "Product") -> set[str]:
    reply = await gql.ask(
        f"query($f: {type_}Filter) {{ {collection}(filter: $f, first: 500) {{ nodes {{ id }} }} }}",
        {"f": filter_},
    )
    assert reply.way == "compiled"
    return {node["id"] for node in reply.data[collection]["nodes"]}


_SOME_SKU = {"sku": {"null": False}}


def _inside(row: dict, name: str) -> Any:
    return (row["metadata"] or {}).get(name)


def _where(seed: Seed, condition: Any, plural: str = "products") -> set[str]:
    return {str(row["id"]) for row in seed.live(plural) if condition(row)}


@pytest.mark.parametrize(
    ("filter_", "condition"),
    [
        ({"status": {"eq": "ACTIVE"}}, lambda row: row["status"] == "active"),
        ({"status": {"in": ["ACTIVE", "DRAFT"]}}, lambda row: row["status"] in ("active", "draft")),
        ({"currency": {"neq": "EUR"}}, lambda row: row["currency"] != "EUR"),
        ({"priceCents": {"gte": 249, "lt": "549"}}, lambda row: 249 <= (row["price_cents"] or 0) < 549),
        ({"sku": {"null": True}}, lambda row: row["sku"] is None),
        ({"name": {"like": "100%"}}, lambda row: "100%" in row["name"]),
        ({"name": {"in": []}}, lambda row: False),
        ({"name": {"nin": ["Fresh Oats"]}}, lambda row: row["name"] != "Fresh Oats"),
        ({"quantity": {"gt": 3}}, lambda row: row["quantity"] > 3),
        ({"not": {"status": {"eq": "ACTIVE"}}}, lambda row: row["status"] != "active"),
        (
            {"or": [{"status": {"eq": "DRAFT"}}, {"and": [{"quantity": {"eq": 1}}, _SOME_SKU]}]},
            lambda row: row["status"] == "draft" or (row["quantity"] == 1 and row["sku"] is not None),
        ),
        ({"metadata": [{"path": "source", "eq": "import"}]}, lambda row: _inside(row, "source") == "import"),
        (
            {"metadata": [{"path": "flag", "eq": True}, {"path": "score", "gt": 10}]},
            lambda row: _inside(row, "flag") is True and _inside(row, "score") > 10,
        ),
        (
            {"nutrition": [{"path": "energy.kcal", "lte": 100}]},
            lambda row: row["nutrition"]["energy"]["kcal"] <= 100,
        ),
        ({"metadata": [{"path": "source", "null": True}]}, lambda row: _inside(row, "source") is None),
    ],
)
async def test_filters_keep_exactly_the_rows_that_meet_them(
    gql: Asker, seed: Seed, filter_: Any, condition: Any
) -> None:
    expected = _where(seed, condition)
    assert await _ids(gql, filter_) == expected


async def test_a_relation_filter_meets_related_rows(gql: Asker, seed: Seed) -> None:
    german = {row["id"] for row in seed.live("customers") if row["country"] == "Germany"}
    found = await _ids(gql, {"customer": {"country": {"eq": "Germany"}}}, "orders", "Order")
    assert found == _where(seed, lambda row: row["customer_id"] in german, "orders")
    assert found


async def test_conditions_on_a_to_many_relation_must_be_met_by_one_row(gql: Asker, seed: Seed) -> None:
    def meets(brand: dict) -> bool:
        mine = [row for row in seed.live("products") if row["brand_id"] == brand["id"]]
        return any(row["status"] == "active" and row["quantity"] == 4 for row in mine)

    filter_ = {"products": {"status": {"eq": "ACTIVE"}, "quantity": {"eq": 4}}}
    assert await _ids(gql, filter_, "brands", "Brand") == _where(seed, meets, "brands")


async def test_search_finds_prefixes_and_a_blank_one_means_none(gql: Asker, seed: Seed) -> None:
    query = "query($q: String) { products(search: $q, first: 500) { nodes { name } totalCount } }"
    found = (await gql.ask(query, {"q": "brea"})).data["products"]["nodes"]
    assert {node["name"] for node in found} == {
        row["name"] for row in seed.live("products") if "brea" in row["name"].lower()
    }
    for blank in ("", "  ", None):
        assert (await gql.ask(query, {"q": blank})).data["products"]["totalCount"] == len(
            seed.live("products")
        )


async def test_sorts_are_stable_with_nulls_last(gql: Asker, seed: Seed) -> None:
    query = "query($s: [ProductSort!]) { products(sort: $s, first: 500) { nodes { id priceCents } } }"
    for direction, sign in (("ASC", 1), ("DESC", -1)):
        nodes = (await gql.ask(query, {"s": [f"PRICE_CENTS_{direction}", "ID_ASC"]})).data["products"][
            "nodes"
        ]
        rows = sorted(
            seed.live("products"),
            key=lambda row: (row["price_cents"] is None, sign * (row["price_cents"] or 0), str(row["id"])),
        )
        assert [node["id"] for node in nodes] == [str(row["id"]) for row in rows]


@pytest.mark.parametrize(
    ("query", "variables", "named"),
    [
        ("query($v: String) { products(filter: {name: {eq: $v}}) { totalCount } }", {}, "name"),
        ("query($v: String) { products(filter: {name: {eq: $v}}) { totalCount } }", {"v": None}, "name.eq"),
        ("query($v: StringFilter) { products(filter: {name: $v}) { totalCount } }", {"v": None}, "name"),
        ("query($v: StringFilter) { products(filter: {name: $v}) { totalCount } }", {}, "filter"),
        ("{ products(filter: {}) { totalCount } }", {}, "filter"),
        ("{ products(filter: {or: []}) { totalCount } }", {}, "or"),
        ("{ products(filter: {and: [{}]}) { totalCount } }", {}, "and"),
        ("{ products(filter: {not: {}}) { totalCount } }", {}, "not"),
        ("{ products(filter: {brand: {}}) { totalCount } }", {}, "brand"),
        ("{ products(filter: {metadata: []}) { totalCount } }", {}, "metadata"),
        ('{ products(filter: {metadata: [{path: "source"}]}) { totalCount } }', {}, "metadata.source"),
        ('{ products(filter: {metadata: [{path: "a b", eq: 1}]}) { totalCount } }', {}, "metadata.a b"),
    ],
)
@pytest.mark.parametrize("way", [None, "executor"])
async def test_a_filter_that_says_nothing_is_refused_and_never_means_all_rows(
    gql: Asker, query: str, variables: dict, named: str, way: str | None
) -> None:
    reply = await gql.ask(query, variables, way=way)
    assert reply.json["data"] == {"products": None}
    assert reply.refused("BAD_REQUEST", named)["extensions"]["problem"]["status"] == 400
