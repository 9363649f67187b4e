"""Sorting (S3.19)."""

import pytest

from services.catalog import CATALOG
from tests.support.client import Client
from tests.support.expected import ids, in_order, newest
from tests.support.seed import Seed

SORTABLE = [
    (resource.plural, field.name)
    for resource in CATALOG
    if resource.tenant
    for field in resource.all_fields.values()
    if field.sortable
]
UNSORTABLE = [
    (resource.plural, field.name)
    for resource in CATALOG
    for field in resource.all_fields.values()
    if not field.sortable
]


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize(("plural", "name"), SORTABLE)
async def test_every_sortable_field_sorts_both_ways_with_nulls_last(
    api: Client, seed: Seed, plural: str, name: str
) -> None:
    """S3-185, S3-186, C-22."""
    for sort in (name, f"-{name}"):
        answer = await api.get(f"{path(plural)}?sort={sort}")

        assert answer.ids() == ids(in_order(seed.live(plural), sort))


def test_the_documented_fields_can_be_sorted_by() -> None:
    """S3-186: the list is part of the contract."""
    assert {plural: {name for p, name in SORTABLE if p == plural} for plural, _ in SORTABLE} == {
        "brands": {"id", "name", "inserted_at", "updated_at"},
        "categories": {"id", "name", "position", "inserted_at", "updated_at"},
        "products": {
            "id", "gtin", "name", "sku", "status", "price_cents", "quantity", "inserted_at", "updated_at",
        },
        "customers": {"id", "name", "email", "country", "inserted_at", "updated_at"},
        "orders": {"id", "number", "status", "total_cents", "placed_at", "inserted_at", "updated_at"},
        "order_items": {
            "id", "name", "position", "quantity", "unit_price_cents", "line_total_cents", "inserted_at",
            "updated_at",
        },
        "memberships": {"id", "role", "inserted_at", "updated_at"},
        "invitations": {
            "id", "email", "role", "expires_at", "accepted_at", "inserted_at", "updated_at",
        },
        "tokens": {"id", "name", "last_used_at", "expires_at", "inserted_at", "updated_at"},
        "audit_logs": {"id", "action", "inserted_at", "updated_at"},
        "trusted_operations": {"id", "name", "inserted_at", "updated_at"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "sort",
    [
        "-inserted_at,name",
        "status,-price_cents",
        "-quantity,sku,-name",
        "price_cents,-gtin",
        "status,quantity,-id",
    ],
)
async def test_compound_sorts_apply_in_order(api: Client, seed: Seed, sort: str) -> None:
    """S3-185, S3-193."""
    answer = await api.get(f"/api/v1/products?sort={sort}")

    assert answer.ids() == ids(in_order(seed.live("products"), *sort.split(",")))


@pytest.mark.parametrize("plural", ["brands", "categories", "products", "customers", "orders", "order_items"])
async def test_the_newest_come_first_by_default(api: Client, seed: Seed, plural: str) -> None:
    """S3-188."""
    assert (await api.get(path(plural))).ids() == ids(newest(seed.live(plural)))


async def test_sorting_composes_with_filter_search_and_page(api: Client, seed: Seed) -> None:
    """S3-190."""
    answer = await api.get(
        "/api/v1/products?sort=-price_cents,name&filter[status][neq]=draft&q=rolled&per_page=5&page=2"
    )

    expected = [
        row
        for row in seed.live("products")
        if row["status"] != "draft" and "Rolled" in (row["description"] or "")
    ]
    assert answer.ids() == ids(in_order(expected, "-price_cents", "name")[5:10])
    assert answer.json()["pagination"]["total_count"] == len(expected)


@pytest.mark.parametrize(("plural", "name"), UNSORTABLE)
async def test_other_fields_are_refused_by_name(api: Client, plural: str, name: str) -> None:
    """S3-187, S3-192."""
    for sort in (name, f"-{name}", f"inserted_at,{name}"):
        (await api.get(f"{path(plural)}?sort={sort}")).names(400, f"'{name}'")


@pytest.mark.parametrize(
    ("sort", "named"),
    [
        ("nope", "nope"),
        ("-nope", "nope"),
        ("name,nope", "nope"),
        ("--name", "-name"),
        ("NAME", "NAME"),
        ("metadata.source", "metadata.source"),
        ("brand.name", "brand.name"),
        ("brand", "brand"),
        ("", "sort"),
        ("name,", "sort"),
        (",name", "sort"),
        ("-", ""),
        ("name;drop", "name;drop"),
        ("search", "search"),
        ("workspace_id", "workspace_id"),
        ("version", "version"),
        ("name,-name", "only once"),
        ("created_at,inserted_at", "only once"),
        ("name,sku,gtin,status", "3"),
        ("%00", ""),
        ("name%20desc", "name desc"),
    ],
)
async def test_wrong_sorts_are_refused(api: Client, sort: str, named: str) -> None:
    """S3-187, S3-189."""
    (await api.get(f"/api/v1/products?sort={sort}")).names(400, named)


async def test_three_fields_may_be_sorted_by(api: Client, seed: Seed) -> None:
    """S3-189."""
    answer = await api.get("/api/v1/products?sort=status,quantity,name")

    assert answer.ids() == ids(in_order(seed.live("products"), "status", "quantity", "name"))


@pytest.mark.parametrize(
    ("plural", "alias", "canonical"),
    [
        ("products", "created_at", "inserted_at"),
        ("orders", "-created_at", "-inserted_at"),
        ("products", "price", "price_cents"),
        ("orders", "-total", "-total_cents"),
        ("order_items", "line_total", "line_total_cents"),
    ],
)
async def test_aliases_sort_like_their_fields(
    api: Client, seed: Seed, plural: str, alias: str, canonical: str
) -> None:
    """C-28, C-29, S3-193."""
    answer = await api.get(f"{path(plural)}?sort={alias}")

    assert answer.ids() == ids(in_order(seed.live(plural), canonical))
