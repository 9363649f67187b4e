"""Input aliases: what clients of older conventions send (design 10)."""

import pytest

from tests.support.client import Client
from tests.support.expected import ids, newest
from tests.support.seed import Seed


async def same(api: Client, alias: str, canonical: str) -> None:
    left, right = await api.get(f"/api/v1/{alias}"), await api.get(f"/api/v1/{canonical}")

    assert left.rows() == right.rows()
    assert left.json()["pagination"] == right.json()["pagination"]
    assert right.rows() or "nobody" in canonical


@pytest.mark.parametrize(
    ("alias", "canonical"),
    [
        ("products?limit=5", "products?per_page=5"),
        ("products?limit=9999", "products?per_page=9999"),
        ("products?search=sweet", "products?q=sweet"),
        ("products?status=active", "products?filter[status][eq]=active"),
        ("products?status=deleted", "products?filter[status]=deleted"),
        ("orders?status=shipped", "orders?filter[status]=shipped"),
        (
            "products?created_after=2026-01-01T00:05:00Z",
            "products?filter[inserted_at][gte]=2026-01-01T00:05:00Z",
        ),
        (
            "products?created_before=2026-01-01T00:05:00Z",
            "products?filter[inserted_at][lte]=2026-01-01T00:05:00Z",
        ),
        (
            "products?updated_after=2026-01-01T00:05:00Z",
            "products?filter[updated_at][gte]=2026-01-01T00:05:00Z",
        ),
        (
            "products?updated_before=2026-01-01T00:05:00Z",
            "products?filter[updated_at][lte]=2026-01-01T00:05:00Z",
        ),
        ("products?created_after=2026-01-01", "products?filter[inserted_at][gte]=2026-01-01T00:00:00Z"),
        (
            "products?created_before=2026-01-01",
            "products?filter[inserted_at][lte]=2026-01-01T23:59:59.999999Z",
        ),
        (
            "products?filter[created_at][gt]=2026-01-01T00:05:00Z",
            "products?filter[inserted_at][gt]=2026-01-01T00:05:00Z",
        ),
        ("products?filter[price][gte]=300", "products?filter[price_cents][gte]=300"),
        ("orders?filter[total][gt]=0", "orders?filter[total_cents][gt]=0"),
        ("products?sort=-created_at", "products?sort=-inserted_at"),
        ("products?sort=price", "products?sort=price_cents"),
        ("products?fields=id,name,created_at", "products?fields=id,name,inserted_at"),
        ("products?fields[products]=name", "products?fields=products.name"),
        ("brands?created_after=2026-01-01", "brands"),
    ],
)
async def test_an_alias_means_what_the_law_calls_otherwise(api: Client, alias: str, canonical: str) -> None:
    """C-18, C-24, C-25, C-28 (an amount without its suffix), C-29."""
    await same(api, alias, canonical)


async def test_an_alias_and_the_law_for_the_same_field_are_anded(api: Client, seed: Seed) -> None:
    """C-24."""
    answer = await api.get("/api/v1/products?status=active&filter[status][neq]=active")
    both = await api.get(
        "/api/v1/products?created_after=2026-01-01T00:03:00Z&filter[inserted_at][lt]=2026-01-01T00:05:00Z"
    )

    assert answer.rows() == []
    assert both.ids() == ids(
        newest(row for row in seed.live("products") if 3 <= row["inserted_at"].minute < 5)
    )


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("brands?status=active", "status"),
        ("products?status=nope", "status"),
        ("products?category=x", "category"),
        ("products?created_after=yesterday", "inserted_at"),
        ("products?created_before=2026-02-30", "inserted_at"),
        ("products?sort=-amounts", "amounts"),
        ("brands?sort=-amount", "amount"),
        ("products?sort=-amount", "amount"),
        ("brands?filter[amount]=1", "amount"),
        ("products?limit=5&per_page=5", "per_page"),
        ("products?search=a&q=b", "q"),
        ("products?view=slim", "view"),
        ("products?compat=meta", "compat"),
    ],
)
async def test_what_is_no_alias_here_is_refused(api: Client, target: str, named: str) -> None:
    """C-24, S3-255: status only where the field exists."""
    (await api.get(f"/api/v1/{target}")).names(400, named)


@pytest.mark.parametrize(
    ("prefixed", "canonical"),
    [
        ("/api/products", "/api/v1/products"),
        ("/api/orders?per_page=2", "/api/v1/orders?per_page=2"),
        ("/products/api/v1/products", "/api/v1/products"),
        ("/products/api/v1/categories", "/api/v1/categories"),
        ("/brands/api/v1/brands", "/api/v1/brands"),
        ("/account/api/v1/workspaces", "/api/v1/workspaces"),
    ],
)
async def test_other_prefixes_lead_to_the_same_answers(api: Client, prefixed: str, canonical: str) -> None:
    """C-78: links stay canonical."""
    answer = await api.get(prefixed)

    assert answer.json() == (await api.get(canonical)).json()
    assert answer.json()["links"]["self"].startswith("/api/v1/")


async def test_other_prefixes_hold_for_singles_nested_and_search(api: Client, seed: Seed) -> None:
    """C-78."""
    brand = seed.live("brands")[0]["id"]
    for suffix in (f"brands/{brand}", f"brands/{brand}/products"):
        canonical = (await api.get(f"/api/v1/{suffix}")).json()
        assert (await api.get(f"/api/{suffix}")).json() == canonical
        assert (await api.get(f"/brands/api/v1/{suffix}")).json() == canonical
    searched = await api.post("/api/brands/search", {"sort": ["name"]})
    assert searched.json()["data"] == (await api.search("brands", {"sort": ["name"]})).json()["data"]


@pytest.mark.parametrize(
    "target", ["/products/api/v1/orders", "/nothing/api/v1/products", "/api/v2/products", "/v1/products"]
)
async def test_resources_of_another_module_or_version_are_not_found(api: Client, target: str) -> None:
    """C-78."""
    (await api.get(target)).problem(404)


async def test_nothing_old_is_emitted(api: Client, seed: Seed) -> None:
    """Design 10: one envelope, one shape."""
    listed = (await api.get("/api/v1/workspaces")).json()
    refused = (await api.get("/api/v1/workspaces?nope=1")).json()

    assert not {"meta", "count", "message"} & set(listed)
    assert not {"error", "message"} & set(refused)
    assert all("created_at" not in row for row in listed["data"])
