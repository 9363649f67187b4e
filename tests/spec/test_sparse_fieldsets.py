"""Sparse fieldsets (S3.22)."""

import pytest

from services.catalog import CATALOG
from tests.support.client import Client
from tests.support.expected import document, ids, newest
from tests.support.seed import Seed

ALWAYS = {"id", "inserted_at", "updated_at", "links"}
FIELDS = [
    (resource.plural, field.name)
    for resource in CATALOG
    if resource.tenant
    for field in resource.all_fields.values()
]


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize(("plural", "name"), FIELDS)
async def test_every_field_can_be_asked_for_alone(api: Client, seed: Seed, plural: str, name: str) -> None:
    """S3-205, S3-206, S3-207, S3-212: what was not asked for is absent, not null."""
    rows = newest(seed.live(plural))
    wanted = [
        {key: value for key, value in document(plural, row).items() if key in {*ALWAYS, name}} for row in rows
    ]

    assert (await api.get(f"{path(plural)}?fields={plural}.{name}")).rows() == wanted
    single = await api.get(f"{path(plural)}/{rows[0]['id']}?fields={name}")
    assert single.json() == {"data": wanted[0]}


@pytest.mark.parametrize(
    "query",
    [
        "fields=name,sku",
        "fields=sku,name",
        "fields=products.name,products.sku",
        "fields=product.name,product.sku",
        "fields=name,products.sku",
        "fields[products]=name,sku",
        "fields[product]=name,sku",
        "fields[products]=name&fields=sku",
        "fields=name, sku",
        "fields=name,sku,name",
    ],
)
async def test_a_field_may_be_spelled_in_several_ways(api: Client, seed: Seed, query: str) -> None:
    """S3-205, C-25, C-27: bare, with the plural or the type, or JSON:API's brackets."""
    answer = await api.get(f"/api/v1/products?{query}")

    assert all(set(row) == {*ALWAYS, "name", "sku"} for row in answer.rows())
    assert answer.ids() == ids(newest(seed.live("products")))


async def test_fields_come_in_the_order_of_the_resource(api: Client) -> None:
    """S3-205: the order of asking does not matter."""
    answer = await api.get("/api/v1/products?fields=status,name&per_page=1")

    assert list(answer.rows()[0]) == ["id", "name", "status", "inserted_at", "updated_at", "links"]


async def test_without_fields_every_field_is_there(api: Client, seed: Seed) -> None:
    """S3-208."""
    row = seed.live("products")[0]

    assert set((await api.get(f"/api/v1/products/{row['id']}")).json()["data"]) == set(
        document("products", row)
    )


async def test_always_shown_fields_may_be_asked_for_too(api: Client) -> None:
    """S3-207."""
    answer = await api.get("/api/v1/products?fields=id,inserted_at&per_page=2")

    assert all(set(row) == ALWAYS for row in answer.rows())


async def test_aliases_name_the_canonical_fields(api: Client) -> None:
    """C-28, C-29: never in output."""
    answer = await api.get("/api/v1/products?fields=created_at,price&per_page=1")

    assert set(answer.rows()[0]) == {*ALWAYS, "price_cents"}


async def test_links_cannot_be_left_out(api: Client, seed: Seed) -> None:
    """S3-207, S3-239."""
    for row in (await api.get("/api/v1/orders?fields=number&include=items&per_page=5")).json()["included"]:
        assert "self" in row["links"]
    for plural in ("brands", "orders", "order_items"):
        rows = (await api.get(f"{path(plural)}?fields=id")).rows()
        assert [row["links"] for row in rows] == [
            document(plural, row)["links"] for row in newest(seed.live(plural))
        ]


async def test_included_resources_are_thinned_too(api: Client, seed: Seed) -> None:
    """S3-210, S3-211, S3-236."""
    answer = await api.get("/api/v1/products?fields=products.name,brands.name&include=brand,category")

    for row in answer.rows():
        assert set(row) == {*ALWAYS, "name", "relationships"}
    for row in answer.json()["included"]:
        if row["type"] == "brand":
            assert set(row) == {*ALWAYS, "type", "name"}
        else:
            assert set(row) == {*document("categories", seed.live("categories")[0]), "type"}


async def test_only_included_types_may_be_thinned(api: Client, seed: Seed) -> None:
    """C-25: the primary resource stays whole then."""
    row = newest(seed.live("products"))[0]
    answer = await api.get("/api/v1/products?fields=brands.name&include=brand&per_page=1")

    assert set(answer.rows()[0]) == {*document("products", row), "relationships"}


async def test_a_relation_name_may_be_the_prefix(api: Client) -> None:
    """C-45: on orders `items.name` addresses the lines."""
    answer = await api.get(
        "/api/v1/orders?fields=number,items.name,product.sku,customer.country&include=items.product,customer"
    )

    shown = {"item": {"name", "relationships"}, "product": {"sku"}, "customer": {"country"}}
    assert {row["type"] for row in answer.json()["included"]} == set(shown)
    for row in answer.json()["included"]:
        assert set(row) == {*ALWAYS, "type", *shown[row["type"]]}


@pytest.mark.parametrize("prefix", ["items", "order_items", "order_item", "item"])
async def test_lines_go_by_relation_plural_name_and_type(api: Client, prefix: str) -> None:
    """C-27, C-45."""
    answer = await api.get(f"/api/v1/orders?fields={prefix}.quantity&include=items")

    assert all(set(row) == {*ALWAYS, "type", "quantity"} for row in answer.json()["included"])


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("fields=nope", "nope"),
        ("fields=name,nope", "nope"),
        ("fields=products.nope", "products.nope"),
        ("fields=nope.name", "nope.name"),
        ("fields=brands.name", "brands.name"),
        ("fields=brands.nope&include=brand", "brands.nope"),
        ("fields=metadata.source", "metadata.source"),
        ("fields=brand", "brand"),
        ("fields=links", "links"),
        ("fields=relationships&include=brand", "relationships"),
        ("fields=type&include=brand", "type"),
        ("fields=search", "search"),
        ("fields=workspace_id", "workspace_id"),
        ("fields=version", "version"),
        ("fields=NAME", "NAME"),
        ("fields=*", "*"),
        ("fields=", "fields"),
        ("fields=,", "fields"),
        ("fields=name,", "fields"),
        ("fields=.", "."),
        ("fields=products.", "products."),
        ("fields=.name", ".name"),
        ("fields=products.name.first", "products.name"),
        ("fields[brands]=name", "brands"),
        ("fields[nope]=name", "nope"),
        ("fields[products]=nope", "nope"),
        ("fields[products]=", "fields[products]"),
        ("fields[]=name", "fields[]"),
        ("fields[products=name", "fields[products"),
        ("fields[products][name]=1", "fields[products][name]"),
        ("fields=%00", ""),
    ],
)
async def test_wrong_fields_are_refused_by_name(api: Client, seed: Seed, query: str, named: str) -> None:
    """S3-209, C-25."""
    (await api.get(f"/api/v1/products?{query}")).names(400, named)
    (await api.get(f"/api/v1/products/{seed.live('products')[0]['id']}?{query}")).names(400, named)
