"""Sideloading with `include` (S3.24)."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from db.driver import Driver
from db.embedded import Embedded
from diptych.edge import Application
from services.catalog import CATALOG
from tests.support.application import driver_of, running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.expected import document, ids, in_order, newest
from tests.support.seed import Row, Seed, insert, plant

TYPES = {resource.plural: resource.type for resource in CATALOG}


def included(seed: Seed, plural: str, rows: list[Row], **relationships: Any) -> list[dict[str, Any]]:
    """Return rows as included objects, in order of their ids."""
    made = []
    for row in rows:
        shown = {"type": TYPES[plural], **document(plural, row)}
        if relationships:
            shown["relationships"] = {name: give(row) for name, give in relationships.items()}
        made.append(shown)
    return sorted(made, key=lambda item: item["id"])


def by_id(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(objects, key=lambda item: item["id"])


def one(seed: Seed, plural: str, id_: uuid.UUID | None) -> Row | None:
    return next((row for row in seed.live(plural) if row["id"] == id_), None)


def reference(seed: Seed, plural: str, id_: uuid.UUID | None) -> dict[str, str] | None:
    """Return a to-one reference, None where the target is absent or deleted."""
    return None if one(seed, plural, id_) is None else {"type": TYPES[plural], "id": str(id_)}


def lines(seed: Seed, order: Row) -> list[Row]:
    """Return the live lines of an order in their own order."""
    return in_order((row for row in seed.live("order_items") if row["order_id"] == order["id"]), "position")


def targets(seed: Seed, plural: str, wanted: list[uuid.UUID | None]) -> list[Row]:
    return [row for row in seed.live(plural) if row["id"] in wanted]


@pytest.fixture
def driver(application: Application) -> Driver:
    return driver_of(application)


async def test_a_to_one_relation_is_referred_to_and_included_once(api: Client, seed: Seed) -> None:
    """S3-226, S3-227, S3-228, S3-229, S3-230, S3-235."""
    answer = await api.get("/api/v1/products?include=brand")

    rows = newest(seed.live("products"))
    assert answer.rows() == [
        {**document("products", row), "relationships": {"brand": reference(seed, "brands", row["brand_id"])}}
        for row in rows
    ]
    brands = targets(seed, "brands", [row["brand_id"] for row in rows])
    assert by_id(answer.json()["included"]) == included(seed, "brands", brands)
    assert len(brands) < len(rows)


async def test_absent_and_deleted_targets_are_null_references(api: Client, seed: Seed) -> None:
    """S3-227, S3-318: a deleted row is not included; its id stays in the field."""
    gone = {row["id"] for row in seed.deleted("brands")}
    answer = await api.get("/api/v1/products?include=brand")

    found = {row["id"]: row for row in answer.rows()}
    absent = [row for row in seed.live("products") if row["brand_id"] is None]
    deleted = [row for row in seed.live("products") if row["brand_id"] in gone]
    assert absent
    assert deleted
    assert all(found[id_]["relationships"] == {"brand": None} for id_ in ids(absent + deleted))
    assert all(found[str(row["id"])]["brand_id"] == str(row["brand_id"]) for row in deleted)
    assert not {str(id_) for id_ in gone} & {item["id"] for item in answer.json()["included"]}


async def test_a_to_many_relation_is_an_ordered_list(api: Client, seed: Seed) -> None:
    """S3-227, S3-228, S3-229, S3-318, C-45: lines are of type `item`, ordered by position."""
    answer = await api.get("/api/v1/orders?include=items")

    rows = newest(seed.live("orders"))
    assert answer.rows() == [
        {
            **document("orders", row),
            "relationships": {
                "items": [{"type": "item", "id": str(line["id"])} for line in lines(seed, row)]
            },
        }
        for row in rows
    ]
    every = [line for row in rows for line in lines(seed, row)]
    assert by_id(answer.json()["included"]) == included(seed, "order_items", every)


async def test_the_example_of_the_law(api: Client, seed: Seed) -> None:
    """S3-230, S3-231, S3-234, S3-236: include=items.product,customer on one order."""
    for order in seed.live("orders"):
        answer = await api.get(f"/api/v1/orders/{order['id']}?include=items.product,customer")

        own = lines(seed, order)
        customer = one(seed, "customers", order["customer_id"])
        assert answer.json()["data"] == {
            **document("orders", order),
            "relationships": {
                "items": [{"type": "item", "id": str(line["id"])} for line in own],
                "customer": reference(seed, "customers", order["customer_id"]),
            },
        }
        assert by_id(answer.json()["included"]) == by_id(
            included(
                seed,
                "order_items",
                own,
                product=lambda line: reference(seed, "products", line["product_id"]),
            )
            + included(seed, "products", targets(seed, "products", [line["product_id"] for line in own]))
            + included(seed, "customers", [customer] if customer else [])
        )


async def test_three_levels_lead_all_the_way(api: Client, seed: Seed) -> None:
    """S3-226, S3-234, C-26: customers → orders → items → product."""
    answer = await api.get("/api/v1/customers?include=orders.items.product&sort=name")

    orders = [
        row
        for row in seed.live("orders")
        if any(row["customer_id"] == customer["id"] for customer in seed.live("customers"))
    ]
    every = [line for order in orders for line in lines(seed, order)]
    found = answer.json()["included"]
    assert by_id([item for item in found if item["type"] == "order"]) == included(
        seed,
        "orders",
        orders,
        items=lambda order: [{"type": "item", "id": str(line["id"])} for line in lines(seed, order)],
    )
    assert by_id([item for item in found if item["type"] == "item"]) == included(
        seed, "order_items", every, product=lambda line: reference(seed, "products", line["product_id"])
    )
    assert by_id([item for item in found if item["type"] == "product"]) == included(
        seed, "products", targets(seed, "products", [line["product_id"] for line in every])
    )


async def test_every_reference_leads_to_an_included_object_and_back(api: Client) -> None:
    """S3-227, S3-235: full linkage, and nothing twice."""
    for target in (
        "/api/v1/orders?include=items.product.brand,items.product.category,customer",
        "/api/v1/categories?include=parent,children.products,products.brand",
        "/api/v1/products?include=category.parent.parent,category.children,brand",
        "/api/v1/order-items?include=order.customer,order.items,product",
        "/api/v1/customers?include=orders.customer.orders",
    ):
        document_ = (await api.get(target)).json()
        objects = [(item["type"], item["id"]) for item in document_["included"]]

        pointed: set[tuple[str, str]] = set()
        for holder in (*document_["data"], *document_["included"]):
            for found in holder.get("relationships", {}).values():
                many = found if isinstance(found, list) else [found] if found else []
                pointed |= {(item["type"], item["id"]) for item in many}
        assert len(objects) == len(set(objects)), target
        assert pointed == set(objects), target


async def test_a_row_reached_on_several_paths_appears_once(api: Client, seed: Seed) -> None:
    """S3-235."""
    answer = await api.get("/api/v1/categories?include=parent,children")

    live = seed.live("categories")
    ids_ = [item["id"] for item in answer.json()["included"]]
    reached = {row["parent_id"] for row in live} | {row["id"] for row in live if row["parent_id"]}
    assert sorted(ids_) == sorted(str(row["id"]) for row in live if row["id"] in reached)


async def test_without_include_there_are_no_relationships(api: Client, seed: Seed) -> None:
    """S3-232."""
    listed = (await api.get("/api/v1/orders")).json()
    single = (await api.get(f"/api/v1/orders/{seed.live('orders')[0]['id']}")).json()

    assert "included" not in listed
    assert "included" not in single
    assert all("relationships" not in row for row in (*listed["data"], single["data"]))


async def test_included_leaves_have_no_relationships(api: Client) -> None:
    """S3-230, S3-232."""
    answer = await api.get("/api/v1/products?include=brand,category")

    assert all("relationships" not in item for item in answer.json()["included"])


async def test_included_objects_carry_their_own_links(api: Client) -> None:
    """S3-230, S3-238."""
    answer = await api.get("/api/v1/orders?include=items.product,customer")
    paths = {"item": "order-items", "product": "products", "customer": "customers"}

    for item in answer.json()["included"]:
        assert item["links"]["self"] == f"/api/v1/{paths[item['type']]}/{item['id']}"
        assert list(item)[:2] == ["type", "id"]


async def test_a_path_includes_what_lies_on_it(api: Client) -> None:
    """S3-226: items.product means items too; naming both changes nothing."""
    short = (await api.get("/api/v1/orders?include=items.product")).json()
    long = (await api.get("/api/v1/orders?include=items,items.product")).json()

    assert short["data"] == long["data"]
    assert short["included"] == long["included"]


async def test_included_pages_hold_only_what_the_page_refers_to(api: Client, seed: Seed) -> None:
    """S3-227, S3-236: neither the row fetched to look ahead nor another page's."""
    for target in ("per_page=3&page=2", "cursor=&per_page=3&sort=number", "with_count=false&per_page=3"):
        document_ = (await api.get(f"/api/v1/orders?include=items&{target}")).json()

        wanted = [item["id"] for row in document_["data"] for item in row["relationships"]["items"]]
        assert len(document_["data"]) == 3
        assert sorted(item["id"] for item in document_["included"]) == sorted(wanted)


async def test_included_pages_backwards_hold_only_what_the_page_refers_to(api: Client) -> None:
    """S3-227, C-21."""
    document_ = (await api.get("/api/v1/orders?include=items&cursor=&direction=prev&per_page=3")).json()

    wanted = [item["id"] for row in document_["data"] for item in row["relationships"]["items"]]
    assert sorted(item["id"] for item in document_["included"]) == sorted(wanted)
    assert wanted


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/products/{product}",
        "/api/v1/orders/{order}?include=items.product.brand,customer",
        "/api/v1/orders?include=items.product.category,customer&filter[customer.country]=Germany",
        "/api/v1/orders?include=items.product.category,customer&cursor=&per_page=3&sort=-placed_at",
        "/api/v1/products?q=sweet&sort=-price_cents&with_count=false",
        "/api/v1/products",
        "/api/v1/brands/{brand}/products?include=category.parent.parent",
    ],
)
async def test_any_read_is_one_statement_in_one_round_trip(
    api: Client, seed: Seed, driver: Driver, target: str
) -> None:
    """Issue: for any include depth, exact counts and the token check included."""
    target = target.format(
        product=seed.live("products")[0]["id"],
        order=seed.live("orders")[4]["id"],
        brand=seed.live("brands")[0]["id"],
    )
    first = await api.get(target)
    statements, trips = driver.statements_sent, driver.round_trips

    second = await api.get(target)

    assert first.status == 200
    assert second.body == first.body
    assert (driver.statements_sent - statements, driver.round_trips - trips) == (1, 1)


async def test_an_estimated_count_is_a_second_statement_in_the_same_round_trip(
    api: Client, driver: Driver
) -> None:
    """Issue, design 4."""
    target = "/api/v1/orders?with_count=estimated&include=items.product"
    await api.get(target)
    statements, trips = driver.statements_sent, driver.round_trips

    assert (await api.get(target)).status == 200

    assert (driver.statements_sent - statements, driver.round_trips - trips) == (2, 1)


# Refusals


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("products?include=nope", "nope"),
        ("products?include=brand,nope", "nope"),
        ("products?include=brand.nope", "brand.nope"),
        ("orders?include=items.product.nope", "items.product.nope"),
        ("products?include=brands", "brands"),
        ("products?include=BRAND", "BRAND"),
        ("products?include=brand_id", "brand_id"),
        ("products?include=name", "name"),
        ("products?include=metadata", "metadata"),
        ("products?include=", "include"),
        ("products?include=brand,", "include"),
        ("products?include=.", "."),
        ("products?include=brand.", "brand."),
        ("products?include=*", "*"),
        ("products?include[]=brand", "include[]"),
        ("workspaces?include=brand", "brand"),
        ("orders?include=items.product.category.parent", "items.product.category.parent"),
        ("customers?include=orders.items.product.category", "orders.items.product.category"),
        ("categories?include=parent.parent.parent.parent", "parent.parent.parent.parent"),
    ],
)
async def test_wrong_includes_are_refused_by_name(api: Client, target: str, named: str) -> None:
    """S3-226, S3-233, S3-234, C-26: four levels are too deep."""
    (await api.get(f"/api/v1/{target}")).names(400, named)


async def test_every_documented_relation_can_be_included(api: Client, seed: Seed) -> None:
    """S3-233: names are documented per resource and every one of them works."""
    for resource in CATALOG:
        for relation in resource.relations:
            answer = await api.get(f"/api/v1/{resource.path}?include={relation.name}&per_page=500")

            assert all(set(row["relationships"]) == {relation.name} for row in answer.rows())
            assert answer.json()["included"]
    assert {resource.plural: {item.name for item in resource.relations} for resource in CATALOG} == {
        "workspaces": set(),
        "brands": {"products"},
        "categories": {"parent", "children", "products"},
        "products": {"category", "brand"},
        "customers": {"orders"},
        "orders": {"items", "customer"},
        "order_items": {"product", "order"},
        "users": {"memberships"},
        "memberships": {"user", "invitation"},
        "invitations": {"accepted_by", "invited_by"},
        "tokens": {"rotated_from"},
        "audit_logs": set(),
        "trusted_operations": set(),
    }


@pytest.mark.parametrize(
    ("scopes", "include", "required"),
    [
        ("orders", "items", "order_items:read"),
        ("orders", "customer", "customers:read"),
        ("order_lines", "items.product", "products:read"),
        ("order_lines", "items,customer", "customers:read"),
        ("orders_and_customers", "customer,items", "order_items:read"),
    ],
)
async def test_every_included_type_needs_its_own_scope(
    api: Client, seed: Seed, scopes: str, include: str, required: str
) -> None:
    """S3-062, S3-079, C-09."""
    narrow = api.using(seed.tokens["acme", scopes])
    for target in (f"orders?include={include}", f"orders/{seed.live('orders')[0]['id']}?include={include}"):
        refused = (await narrow.get(f"/api/v1/{target}")).problem(403)

        assert refused["code"] == "insufficient-scope"
        assert refused["required_scope"] == required
        assert (await narrow.get(f"/api/v1/{target.partition('?')[0]}")).status == 200


# Many rows


@pytest.fixture(scope="module")
async def crowded(postgres: Embedded, migrated_template: str) -> AsyncIterator[tuple[Client, Seed]]:
    """A database in which one brand has 4,990 products and another 20."""
    planted = plant(copied(postgres, migrated_template), ("reader",))
    with psycopg.connect(planted.database, autocommit=True) as connection:
        brands = [
            {**planted.live("brands")[0], "id": uuid.uuid4(), "slug": f"big-{n}", "name": f"Big {n}"}
            for n in (1, 2)
        ]
        insert(connection, "brands", brands)
        for brand, count in zip(brands, (4990, 20), strict=True):
            connection.execute(
                "INSERT INTO products (workspace_id, name, slug, brand_id)"
                " SELECT %s, 'Copy ' || n, %s || '-' || n, %s FROM generate_series(1, %s) n",
                [brand["workspace_id"], brand["slug"], brand["id"], count],
            )
    async with running(planted.database) as application:
        yield Client(application, planted.tokens["acme", "reader"]), planted


async def test_included_rows_are_capped_with_advice(crowded: tuple[Client, Seed]) -> None:
    """C-26, design 4: 5,000 rows, then 400 that says what to do."""
    api, _ = crowded

    refused = (await api.get("/api/v1/brands?filter[name][like]=Big&include=products")).names(400, "5000")
    assert "smaller page" in refused["detail"]
    for body in ({"filter": {"name": {"like": "Big"}}, "include": ["products"]},):
        (await api.search("brands", body)).names(400, "5000")


async def test_up_to_the_cap_everything_is_included(crowded: tuple[Client, Seed]) -> None:
    """C-26."""
    api, _ = crowded

    answer = await api.get("/api/v1/brands?filter[name]=Big 1&include=products")
    (brand,) = answer.rows()

    assert len(brand["relationships"]["products"]) == 4990
    assert len(answer.json()["included"]) == 4990
    single = await api.get(f"/api/v1/brands/{brand['id']}?include=products")
    assert len(single.json()["included"]) == 4990


async def test_a_single_resource_is_capped_too(crowded: tuple[Client, Seed]) -> None:
    """C-26."""
    api, planted = crowded
    with psycopg.connect(planted.database, autocommit=True) as connection:
        row = connection.execute("SELECT id FROM brands WHERE name = 'Big 2'").fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO products (workspace_id, name, slug, brand_id)"
            " SELECT workspace_id, 'More ' || n, 'more-' || n, id FROM brands, generate_series(1, 4981) n"
            " WHERE name = 'Big 2'"
        )
    (await api.get(f"/api/v1/brands/{row[0]}?include=products")).names(400, "5000")
