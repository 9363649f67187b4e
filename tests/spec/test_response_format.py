"""Response format (S3.16): envelopes, and every resource in full."""

import pytest

from tests.support.client import Client
from tests.support.expected import document, newest
from tests.support.seed import Seed

TENANT = ("brands", "categories", "products", "customers", "orders", "order_items")


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize("plural", TENANT)
async def test_collection_holds_every_live_row_in_full(api: Client, seed: Seed, plural: str) -> None:
    """S3-104, S3-155, S3-157, S3-160, S3-188, S3-318."""
    answer = await api.get(path(plural))

    assert answer.header("content-type") == "application/json"
    assert answer.rows() == [document(plural, row) for row in newest(seed.live(plural))]


@pytest.mark.parametrize("plural", TENANT)
async def test_single_is_the_same_object_in_an_envelope(api: Client, seed: Seed, plural: str) -> None:
    """S3-155, S3-156, S3-160."""
    for row in seed.live(plural):
        answer = await api.get(f"{path(plural)}/{row['id']}")

        assert answer.status == 200
        assert answer.header("content-type") == "application/json"
        assert answer.json() == {"data": document(plural, row)}


async def test_workspaces_are_the_own_one_and_those_it_created(api: Client, seed: Seed) -> None:
    """S3-155, S3-157, C-12."""
    answer = await api.get("/api/v1/workspaces?sort=name")

    expected = [document("workspaces", seed.workspaces[slug]) for slug in ("acme", "labs")]
    assert answer.rows() == expected
    assert (await api.get(f"/api/v1/workspaces/{seed.workspaces['globex']['id']}")).problem(404)


async def test_product_has_exactly_the_documented_members_in_order(api: Client, seed: Seed) -> None:
    """S3-102, S3-103, S3-105, S3-156, S3-313, S3-314: one object spelled out in full."""
    row = seed.all("products")[8]

    answer = await api.get(f"/api/v1/products/{row['id']}")

    data = answer.json()["data"]
    assert list(data) == [
        "id", "gtin", "name", "slug", "sku", "description", "ingredients", "nutrition", "image_url",
        "status", "price_cents", "currency", "quantity", "category_id", "brand_id", "metadata",
        "inserted_at", "updated_at", "deleted_at", "links",
    ]  # fmt: skip
    assert data == {
        "id": str(row["id"]),
        "gtin": None,
        "name": "RYE BREAD",
        "slug": "product-8",
        "sku": "SKU-008",
        "description": None,
        "ingredients": None,
        "nutrition": {"sugars_100g": 4.0, "energy": {"kcal": 80}},
        "image_url": "https://images.example/8.jpg",
        "status": "archived",
        "price_cents": 249,
        "currency": "USD",
        "quantity": 1,
        "category_id": str(row["category_id"]),
        "brand_id": str(row["brand_id"]),
        "metadata": {},
        "inserted_at": "2026-01-01T00:02:00.123456Z",
        "updated_at": "2026-01-01T00:02:08.123456Z",
        "deleted_at": None,
        "links": {
            "self": f"/api/v1/products/{row['id']}",
            "category": f"/api/v1/categories/{row['category_id']}",
            "brand": f"/api/v1/brands/{row['brand_id']}",
        },
    }


async def test_collection_has_data_pagination_and_links_and_nothing_else(api: Client) -> None:
    """S3-157, S3-158, S3-232, design 10 (one shape)."""
    document = (await api.get("/api/v1/brands")).json()

    assert list(document) == ["data", "pagination", "links"]
    assert document["pagination"] == {"page": 1, "per_page": 100, "total_count": 5, "total_pages": 1}
    assert document["links"] == {
        "self": "/api/v1/brands?page=1&per_page=100",
        "first": "/api/v1/brands?page=1&per_page=100",
        "prev": None,
        "next": None,
        "last": "/api/v1/brands?page=1&per_page=100",
    }


async def test_single_has_data_and_nothing_else(api: Client, seed: Seed) -> None:
    """S3-156, S3-232."""
    document = (await api.get(f"/api/v1/brands/{seed.live('brands')[0]['id']}")).json()

    assert list(document) == ["data"]


async def test_cursor_page_has_its_own_pagination_and_links(api: Client) -> None:
    """S3-159, S3-176, S3-181, C-20, C-21."""
    document = (await api.get("/api/v1/brands?cursor=")).json()

    assert list(document) == ["data", "pagination", "links"]
    assert list(document["pagination"]) == ["per_page", "has_more", "next_cursor", "prev_cursor"]
    assert list(document["links"]) == ["self", "first", "prev", "next", "last"]
    assert document["links"]["self"] == "/api/v1/brands?cursor=&per_page=100"


async def test_answers_are_compact_json_in_utf8(api: Client, seed: Seed) -> None:
    """S3-101."""
    row = next(row for row in seed.live("brands") if row["name"] == "Bäckerei Süß")

    answer = await api.get(f"/api/v1/brands/{row['id']}")

    assert '"name":"Bäckerei Süß"'.encode() in answer.body
