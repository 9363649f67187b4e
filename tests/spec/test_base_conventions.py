"""Base URL and conventions (S3.9): ids, times, booleans, nulls."""

import re
import uuid
from typing import Any

import pytest

from services.engine.encoding import short_identifier
from tests.support.client import Client
from tests.support.expected import ids, newest
from tests.support.seed import Seed

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\Z")
COLLECTIONS = ("workspaces", "brands", "categories", "products", "customers", "orders", "order-items")


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_every_resource_is_served_under_the_versioned_base_path(api: Client, collection: str) -> None:
    """S3-090, S3-094, S3-100."""
    answer = await api.get(f"/api/v1/{collection}")

    assert answer.rows()
    assert all(row["links"]["self"].startswith(f"/api/v1/{collection}/") for row in answer.rows())


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_ids_are_lower_case_uuids_of_version_4(api: Client, collection: str) -> None:
    """S3-102."""
    for row in (await api.get(f"/api/v1/{collection}")).rows():
        names = [name for name in row if name == "id" or name.endswith("_id")]
        for value in filter(None, (row[name] for name in names)):
            assert value == str(uuid.UUID(value))
            assert uuid.UUID(value).version == 4


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_moments_are_utc_and_always_there(api: Client, collection: str) -> None:
    """S3-103, S3-104, C-39, design 10 (no created_at in output)."""
    for row in (await api.get(f"/api/v1/{collection}")).rows():
        assert TIME.match(row["inserted_at"])
        assert TIME.match(row["updated_at"])
        assert "created_at" not in row
        assert all(TIME.match(value) for name, value in row.items() if name.endswith("_at") and value)


async def test_microseconds_are_kept_when_there_are_any(api: Client, seed: Seed) -> None:
    """C-39: a filter made from an emitted value finds its row."""
    exact = next(row for row in seed.live("products") if row["inserted_at"].microsecond)

    shown = (await api.get(f"/api/v1/products/{exact['id']}")).json()["data"]["inserted_at"]
    found = await api.get(f"/api/v1/products?filter[inserted_at][eq]={shown}")

    assert shown.endswith(".123456Z")
    assert found.ids() == ids(
        newest(row for row in seed.live("products") if row["inserted_at"] == exact["inserted_at"])
    )


async def test_absent_optional_fields_are_null_and_present(api: Client, seed: Seed) -> None:
    """S3-105."""
    bare = next(row for row in seed.live("products") if row["price_cents"] is None)

    data = (await api.get(f"/api/v1/products/{bare['id']}")).json()["data"]

    assert data["price_cents"] is None
    assert data["currency"] is None
    assert data["deleted_at"] is None


async def test_empty_collections_are_empty_arrays(api: Client) -> None:
    """S3-106, S3-173."""
    document = (await api.get("/api/v1/products?filter[name]=nobody")).json()

    assert document["data"] == []
    assert document["pagination"] == {"page": 1, "per_page": 100, "total_count": 0, "total_pages": 0}


async def test_empty_relations_and_included_are_empty_arrays(api: Client, seed: Seed) -> None:
    """S3-106."""
    lonely = next(row for row in seed.live("orders") if row["number"] == "1001")

    document = (await api.get(f"/api/v1/orders/{lonely['id']}?include=items")).json()

    assert document["data"]["relationships"] == {"items": []}
    assert document["included"] == []


@pytest.mark.parametrize("value", ["1", "0", "yes", "no", "True", "FALSE", "", "null"])
@pytest.mark.parametrize("name", ["with_count", "include_deleted"])
async def test_boolean_parameters_are_true_or_false_only(api: Client, name: str, value: str) -> None:
    """S3-107."""
    answer = await api.get(f"/api/v1/products?{name}={value}")

    answer.names(400, name)


@pytest.mark.parametrize("value", ["1", "0", "yes", "True", ""])
async def test_the_null_operator_takes_true_or_false_only(api: Client, value: str) -> None:
    """S3-107, S3-217."""
    answer = await api.get(f"/api/v1/products?filter[sku][null]={value}")

    answer.names(400, "sku", "null")


@pytest.mark.parametrize(
    "spelled",
    [
        lambda id_: str(id_),
        lambda id_: str(id_).upper(),
        lambda id_: id_.hex,
        lambda id_: id_.hex.upper(),
        lambda id_: short_identifier(str(id_)),
    ],
    ids=["canonical", "upper case", "without hyphens", "upper case without hyphens", "short"],
)
async def test_ids_in_paths_are_accepted_in_every_spelling(api: Client, seed: Seed, spelled: Any) -> None:
    """C-35."""
    row = seed.live("products")[0]

    answer = await api.get(f"/api/v1/products/{spelled(row['id'])}")

    assert answer.json()["data"]["id"] == str(row["id"])
    assert answer.json()["data"]["links"]["self"] == f"/api/v1/products/{row['id']}"
    assert answer.header("etag") == (await api.get(f"/api/v1/products/{row['id']}")).header("etag")


@pytest.mark.parametrize(
    "malformed",
    [
        "1",
        "not-a-uuid",
        "00000000-0000-0000-0000-00000000000",
        "00000000-0000-0000-0000-0000000000000",
        "{00000000-0000-0000-0000-000000000000}",
        "urn:uuid:00000000-0000-0000-0000-000000000000",
        "zzzzzzzzzzzzzzzzzzzzzz",
        "0000000000000000000000",
        "\u0660" * 36,
        "%00",
        "'; DROP TABLE products; --",
        "a" * 5000,
    ],
)
async def test_a_malformed_id_in_a_path_is_not_found(api: Client, malformed: str) -> None:
    """Q-01."""
    (await api.get(f"/api/v1/products/{malformed}")).problem(404)


@pytest.mark.parametrize(
    "moment",
    ["2026-01-01T00:05:00Z", "2026-01-01T00:05:00+00:00", "2026-01-01T00:05Z", "2026-01-01T00:05:00.000000Z"],
)
async def test_filters_take_utc_moments(api: Client, seed: Seed, moment: str) -> None:
    """S3-103, S3-220, C-39."""
    answer = await api.get("/api/v1/products?filter[inserted_at][gte]=" + moment.replace("+", "%2B"))

    expected = [row for row in seed.live("products") if row["inserted_at"].minute >= 5]
    assert answer.ids() == ids(newest(expected))


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:05:00",
        "2026-01-01T00:05:00%2B01:00",
        "2026-01-01T00:05:00-00:00",
        "2026-13-01T00:05:00Z",
        "2026-02-30",
        "2026-01-01T25:00:00Z",
        "20260101T000500Z",
        "yesterday",
        "1767225600",
        "2026-01-01T00:05:00.1234567Z",
        "2026-01-01 00:05:00Z",
        "",
    ],
)
async def test_moments_of_other_zones_or_forms_are_refused(api: Client, moment: str) -> None:
    """S3-103, S3-220, C-39, Q-08."""
    answer = await api.get(f"/api/v1/products?filter[inserted_at][gte]={moment}")

    answer.names(400, "inserted_at", "gte")
