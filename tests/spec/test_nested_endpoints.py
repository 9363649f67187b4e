"""Nested read-only endpoints (S3.37)."""

import uuid
from typing import Any

import pytest

from db.driver import Driver
from diptych.edge import Application
from services.engine.encoding import short_identifier
from tests.support.application import driver_of
from tests.support.client import Client
from tests.support.expected import document, ids, in_order, newest
from tests.support.seed import Row, Seed

NESTED = [
    ("brands", "products", "products", "brand_id", "-inserted_at"),
    ("categories", "children", "categories", "parent_id", "position"),
    ("categories", "products", "products", "category_id", "-inserted_at"),
    ("customers", "orders", "orders", "customer_id", "-inserted_at"),
    ("orders", "items", "order_items", "order_id", "position"),
]
EACH = pytest.mark.parametrize(("parent", "child", "plural", "via", "sort"), NESTED)


def children(seed: Seed, plural: str, via: str, parent: Row) -> list[Row]:
    return [row for row in seed.live(plural) if row[via] == parent["id"]]


@EACH
async def test_children_of_every_parent_are_listed_whole_and_in_order(
    api: Client, seed: Seed, parent: str, child: str, plural: str, via: str, sort: str
) -> None:
    """S3-338, S3-342, S3-188."""
    for row in seed.live(parent):
        answer = await api.get(f"/api/v1/{parent}/{row['id']}/{child}")

        expected = in_order(children(seed, plural, via, row), sort)
        assert answer.rows() == [document(plural, item) for item in expected]
        assert answer.json()["pagination"]["total_count"] == len(expected)


@EACH
async def test_a_parent_without_children_has_an_empty_list(
    api: Client, seed: Seed, parent: str, child: str, plural: str, via: str, sort: str
) -> None:
    """S3-340."""
    lonely = [row for row in seed.live(parent) if not children(seed, plural, via, row)]
    for row in lonely:
        assert (await api.get(f"/api/v1/{parent}/{row['id']}/{child}")).json()["data"] == []
    target = f"/api/v1/{parent}/{seed.live(parent)[0]['id']}/{child}?filter[id]={uuid.uuid4()}"
    assert (await api.get(target)).json()["data"] == []


@EACH
async def test_a_parent_that_is_not_there_is_not_found(
    api: Client, seed: Seed, parent: str, child: str, plural: str, via: str, sort: str
) -> None:
    """S3-258, S3-340, Q-01: missing, malformed, deleted and foreign parents are all alike."""
    wrong = [
        str(uuid.uuid4()),
        "malformed",
        "1",
        str(seed.live(parent, "globex")[0]["id"]),
        *ids(seed.deleted(parent)),
    ]
    assert len(wrong) > 4
    for id_ in wrong:
        for query in ("", "?cursor=", "?with_count=false", "?with_count=estimated", "?per_page=1&page=9"):
            refused = (await api.get(f"/api/v1/{parent}/{id_}/{child}{query}")).problem(404)
            assert refused["code"] == "not-found"


@pytest.mark.parametrize("spelled", [str.upper, lambda id_: id_.replace("-", ""), short_identifier])
async def test_parents_are_found_under_every_spelling_of_their_id(
    api: Client, seed: Seed, spelled: Any
) -> None:
    """C-35."""
    row = seed.live("brands")[0]

    answer = await api.get(f"/api/v1/brands/{spelled(str(row['id']))}/products")

    assert answer.ids() == ids(newest(children(seed, "products", "brand_id", row)))


async def test_filters_search_sort_pages_fields_and_includes_work(api: Client, seed: Seed) -> None:
    """S3-341."""
    brand = seed.live("brands")[1]
    own = children(seed, "products", "brand_id", brand)
    base = f"/api/v1/brands/{brand['id']}/products"

    filtered = await api.get(f"{base}?filter[quantity][gt]=2")
    found = await api.get(f"{base}?q=rolled")
    sorted_ = await api.get(f"{base}?sort=-quantity,name&per_page=2&page=2")
    thin = await api.get(f"{base}?fields=name&include=category&fields[categories]=name")

    assert filtered.ids() == ids(newest(row for row in own if row["quantity"] > 2))
    assert found.ids() == ids(newest(row for row in own if "Rolled" in (row["description"] or "")))
    assert sorted_.ids() == ids(in_order(own, "-quantity", "name")[2:4])
    assert sorted_.json()["pagination"]["total_count"] == len(own)
    assert {tuple(row) for row in thin.rows()} == {
        ("id", "name", "inserted_at", "updated_at", "links", "relationships")
    }
    assert {item["type"] for item in thin.json()["included"]} == {"category"}


async def test_a_cursor_walk_meets_every_child_once(api: Client, seed: Seed) -> None:
    """S3-341."""
    brand = seed.live("brands")[2]
    found: list[str] = []
    target: str | None = f"/api/v1/brands/{brand['id']}/products?cursor=&per_page=2&sort=-price_cents"
    while target is not None:
        answer = await api.get(target)
        found += answer.ids()
        target = answer.json()["links"]["next"]

    assert found == ids(in_order(children(seed, "products", "brand_id", brand), "-price_cents"))


async def test_deleted_children_appear_when_asked_for(api: Client, seed: Seed) -> None:
    """S3-341, C-33."""
    gone = next(
        row
        for row in seed.deleted("products")
        if row["brand_id"] and row["brand_id"] in {b["id"] for b in seed.live("brands")}
    )
    base = f"/api/v1/brands/{gone['brand_id']}/products"

    assert str(gone["id"]) not in (await api.get(base)).ids()
    assert str(gone["id"]) in (await api.get(f"{base}?include_deleted=true")).ids()


async def test_the_parents_scope_is_enough(api: Client, seed: Seed) -> None:
    """S3-073, C-09."""
    order = seed.live("orders")[4]
    narrow = api.using(seed.tokens["acme", "orders"])

    assert (await narrow.get(f"/api/v1/orders/{order['id']}/items")).rows()
    assert (await narrow.get("/api/v1/order-items")).problem(403)


async def test_the_childs_scope_alone_is_not_enough(api: Client, seed: Seed) -> None:
    """S3-073, S3-077: 403 whether or not the parent exists (C-17)."""
    narrow = api.using(seed.tokens["acme", "products"])
    for id_ in (seed.live("brands")[0]["id"], uuid.uuid4()):
        refused = (await narrow.get(f"/api/v1/brands/{id_}/products")).problem(403)

        assert refused["required_scope"] == "brands:read"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@EACH
async def test_nested_paths_are_read_only(
    api: Client, seed: Seed, method: str, parent: str, child: str, plural: str, via: str, sort: str
) -> None:
    """S3-339."""
    answer = await api.request(method, f"/api/v1/{parent}/{seed.live(parent)[0]['id']}/{child}")

    answer.problem(405)
    assert answer.header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "target",
    [
        "orders/{order}/items/{line}",
        "orders/{order}/items/{line}/product",
        "orders/{order}/customer",
        "orders/{order}/products",
        "orders/{order}/nope",
        "orders/{order}/items/",
        "order-items/{line}/product",
        "products/{order}/orders",
    ],
)
async def test_nothing_is_nested_deeper_or_otherwise(api: Client, seed: Seed, target: str) -> None:
    """S3-343."""
    order, line = seed.live("orders")[4]["id"], seed.live("order_items")[0]["id"]

    (await api.get("/api/v1/" + target.format(order=order, line=line))).problem(404)


async def test_wrong_parameters_are_refused_before_the_parent_is_looked_up(api: Client) -> None:
    """S3-255, Q-22: what is wrong is named."""
    (await api.get(f"/api/v1/brands/{uuid.uuid4()}/products?nope=1")).names(400, "nope")


@EACH
async def test_a_nested_read_is_one_statement_in_one_round_trip(
    api: Client,
    seed: Seed,
    application: Application,
    parent: str,
    child: str,
    plural: str,
    via: str,
    sort: str,
) -> None:
    """Issue: the parent's existence and the token ride along."""
    driver: Driver = driver_of(application)
    target = f"/api/v1/{parent}/{seed.live(parent)[0]['id']}/{child}"
    await api.get(target)
    statements, trips = driver.statements_sent, driver.round_trips

    assert (await api.get(target)).status == 200
    assert (await api.get(f"/api/v1/{parent}/{uuid.uuid4()}/{child}")).status == 404

    assert (driver.statements_sent - statements, driver.round_trips - trips) == (2, 2)
