"""Soft deletes (S3.33), as far as reading goes: deleted rows are there only for those who ask."""

import uuid

import psycopg
import pytest

from tests.support.client import Client
from tests.support.expected import document, ids, newest
from tests.support.seed import Seed, insert, plant

TENANT = ("brands", "categories", "products", "customers", "orders", "order_items")


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize("plural", TENANT)
async def test_deleted_rows_are_left_out(api: Client, seed: Seed, plural: str) -> None:
    """S3-318."""
    answer = await api.get(path(plural))

    assert answer.ids() == ids(newest(seed.live(plural)))
    assert seed.deleted(plural)


@pytest.mark.parametrize("plural", TENANT)
async def test_a_filter_on_deleted_at_lifts_the_exclusion(api: Client, seed: Seed, plural: str) -> None:
    """S3-319, C-33: and then means what it says."""
    only = await api.get(f"{path(plural)}?filter[deleted_at][null]=false")
    live = await api.get(f"{path(plural)}?filter[deleted_at][null]=true")
    moment = min(row["deleted_at"] for row in seed.deleted(plural))
    since = await api.get(f"{path(plural)}?filter[deleted_at][gte]={moment.isoformat()[:19]}Z")

    assert only.rows() == [document(plural, row) for row in newest(seed.deleted(plural))]
    assert live.ids() == ids(newest(seed.live(plural)))
    assert since.ids() == ids(newest(seed.deleted(plural)))


@pytest.mark.parametrize("plural", TENANT)
async def test_status_deleted_means_deleted_on_every_resource(api: Client, seed: Seed, plural: str) -> None:
    """S3-319, C-33: a virtual value, whether or not there is a status."""
    gone = ids(newest(seed.deleted(plural)))

    assert (await api.get(f"{path(plural)}?filter[status][eq]=deleted")).ids() == gone
    assert (await api.get(f"{path(plural)}?filter[status]=deleted")).ids() == gone
    both = "filter[deleted_at][null]=false&filter[status][eq]=deleted"
    assert (await api.get(f"{path(plural)}?{both}")).ids() == gone
    live = await api.get(f"{path(plural)}?filter[status][neq]=deleted")
    assert live.ids() == ids(newest(seed.live(plural)))


@pytest.mark.parametrize("op", ["in", "nin", "like", "gt"])
async def test_deleted_is_a_status_for_equality_alone(api: Client, op: str) -> None:
    """C-33, Q-08."""
    (await api.get(f"/api/v1/products?filter[status][{op}]=deleted")).names(400, "status")


@pytest.mark.parametrize("plural", TENANT)
async def test_include_deleted_shows_both_kinds(api: Client, seed: Seed, plural: str) -> None:
    """C-33."""
    answer = await api.get(f"{path(plural)}?include_deleted=true")

    assert answer.rows() == [document(plural, row) for row in newest(seed.all(plural))]
    assert answer.json()["pagination"]["total_count"] == len(seed.all(plural))
    same = await api.get(f"{path(plural)}?include_deleted=false")
    assert same.ids() == ids(newest(seed.live(plural)))


@pytest.mark.parametrize("plural", TENANT)
async def test_a_deleted_row_is_not_found_by_id_unless_asked_for(
    api: Client, seed: Seed, plural: str
) -> None:
    """S3-258, S3-318, C-33."""
    for row in seed.deleted(plural):
        target = f"{path(plural)}/{row['id']}"

        (await api.get(target)).problem(404)
        (await api.get(f"{target}?include_deleted=false")).problem(404)
        shown = await api.get(f"{target}?include_deleted=true")
        assert shown.json() == {"data": document(plural, row)}
        assert shown.header("etag")


async def test_a_foreign_deleted_row_stays_hidden(api: Client, seed: Seed) -> None:
    """S3-258."""
    row = seed.deleted("products", "globex")[0]

    (await api.get(f"/api/v1/products/{row['id']}?include_deleted=true")).problem(404)


async def test_deleted_relatives_are_not_included_even_then(api: Client, seed: Seed) -> None:
    """S3-318: include_deleted speaks of the resource itself."""
    gone = set(ids(seed.deleted("order_items")))
    answer = await api.get("/api/v1/orders?include_deleted=true&include=items")

    assert not gone & {item["id"] for item in answer.json()["included"]}


async def test_deleted_filters_within_relations_are_about_the_relatives(api: Client, seed: Seed) -> None:
    """C-33: orders of deleted customers; the orders themselves stay live."""
    gone = {row["id"] for row in seed.deleted("customers")}
    expected = ids(newest(row for row in seed.live("orders") if row["customer_id"] in gone))

    assert (await api.get("/api/v1/orders?filter[customer.deleted_at][null]=false")).ids() == expected
    assert (await api.get("/api/v1/orders?filter[customer.status]=deleted")).ids() == expected
    assert expected


async def test_a_cursor_walk_over_all_kinds_meets_each_once(api: Client, seed: Seed) -> None:
    """C-22, C-33."""
    found: list[str] = []
    target: str | None = "/api/v1/products?include_deleted=true&cursor=&per_page=7"
    while target is not None:
        answer = await api.get(target)
        found += answer.ids()
        target = answer.json()["links"]["next"]

    assert found == ids(newest(seed.all("products")))


async def test_unique_names_are_free_again_after_deletion(database: str) -> None:
    """S3-321: partial unique indexes among live rows, per workspace."""
    planted = plant(database, ())
    row = planted.live("products")[0]
    fresh = {**row, "id": uuid.uuid4(), "gtin": None}
    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation, match="ux_products_slug"):
            insert(connection, "products", [fresh])
        connection.execute("UPDATE products SET deleted_at = now() WHERE id = %s", [row["id"]])
        insert(connection, "products", [fresh])
        taken = connection.execute("SELECT count(*) FROM products WHERE slug = %s", [row["slug"]]).fetchone()

    assert taken == (3,)
