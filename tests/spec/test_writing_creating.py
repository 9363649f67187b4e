"""Creating: 201 with the whole row, where it is and which version it has (S3.14, S3.16, S3-135, S3-160)."""

import uuid
from typing import Any

import pytest

from services.engine.versions import tag
from tests.support.client import Client
from tests.support.expected import document
from tests.support.seed import Seed
from tests.support.stored import Stored

BODIES: dict[str, dict[str, Any]] = {
    "brands": {"name": "Made Brand", "website": "https://made.example"},
    "categories": {"name": "Made Category", "position": 3},
    "customers": {"name": "Made Customer", "email": "made@example.com", "metadata": {"vip": True}},
    "products": {
        "name": "Made Product",
        "status": "active",
        "price_cents": 249,
        "currency": "EUR",
        "quantity": 12,
        "nutrition": {"sugars_100g": 1.5, "energy": {"kcal": 10}},
        "metadata": {"tags": ["x", "y"], "deep": {"a": None}},
    },
}


@pytest.mark.parametrize("plural", BODIES)
async def test_a_created_row_is_answered_whole(shop: Client, stored: Stored, plural: str) -> None:
    """S3-160: 201, the row in its envelope, and exactly what is stored."""
    answer = await shop.post(f"/api/v1/{plural}", BODIES[plural])

    made = answer.data(201)
    row = stored.row(plural, made["id"])
    assert made == document(plural, row)
    assert made.items() >= BODIES[plural].items()
    assert uuid.UUID(made["id"]).version == 4
    assert row["version"] == 1
    assert row["inserted_at"] == row["updated_at"]
    assert row["deleted_at"] is None


async def test_a_created_row_tells_where_it_is_and_its_version(shop: Client) -> None:
    """S3-135, C-54, RFC 9110 section 10.2.2."""
    answer = await shop.post("/api/v1/brands", {"name": "Found Again"})
    id_ = answer.data(201)["id"]

    assert answer.header("location") == f"/api/v1/brands/{id_}" == answer.data(201)["links"]["self"]
    assert answer.header("etag") == tag(id_, 1)
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("vary") == "Authorization"
    assert answer.header("idempotency-replayed") is None
    read = await shop.get(answer.header("location") or "")
    assert (read.body, read.header("etag")) == (answer.body, answer.header("etag"))


async def test_absent_fields_get_their_defaults(shop: Client) -> None:
    """S3-105, C-40: null where there is no other default, never left out."""
    made = (await shop.post("/api/v1/customers", {"name": "Bare"})).data(201)
    product = (await shop.post("/api/v1/products", {"name": "Bare Product"})).data(201)

    assert made.items() >= {"email": None, "phone": None, "country": None, "metadata": {}}.items()
    assert product["status"] == "draft"
    assert product["slug"]
    assert product.items() >= {"price_cents": None, "currency": None, "quantity": 0, "brand_id": None}.items()


async def test_explicit_null_is_kept_where_null_may_stand(shop: Client) -> None:
    """S3-111, C-40."""
    made = (await shop.post("/api/v1/customers", {"name": "Null", "metadata": None, "email": None})).data(201)

    assert made["metadata"] is None
    assert made["email"] is None


async def test_texts_are_stored_in_one_form(shop: Client) -> None:
    """Texts lose outer spaces and are composed (Unicode NFC), so that equal texts are equal bytes."""
    made = (await shop.post("/api/v1/brands", {"name": "  Cafe\u0301 🍺 \n"})).data(201)

    assert made["name"] == "Café 🍺"


async def test_a_row_that_was_read_can_be_sent_as_a_new_one(shop: Client, stored: Stored) -> None:
    """Q-02: what only the server writes is ignored, so nothing of the first row is taken over."""
    first = (await shop.post("/api/v1/brands", {"name": "Original", "website": "https://o.example"})).data(
        201
    )
    sent = {**first, "slug": "original-copy", "relationships": {}}

    second = (await shop.post("/api/v1/brands", sent)).data(201)

    assert second["id"] != first["id"]
    assert second["website"] == "https://o.example"
    assert second["inserted_at"] > first["inserted_at"]
    assert second["links"]["self"] == f"/api/v1/brands/{second['id']}"
    stored.settled(first["id"], 1)
    stored.settled(second["id"], 1)


async def test_a_reference_names_a_live_row_of_the_workspace(
    shop: Client, stored: Stored, written: Seed
) -> None:
    """S3-087, S3-268: a deleted row, a stranger's and one that never was are the same."""
    brand = written.live("brands")[0]["id"]
    made = (await shop.post("/api/v1/products", {"name": "Referring", "brand_id": str(brand)})).data(201)
    assert made["brand_id"] == str(brand)
    assert made["links"]["brand"] == f"/api/v1/brands/{brand}"

    absent = (
        written.deleted("brands")[0]["id"],
        written.live("brands", "globex")[0]["id"],
        written.live("categories")[0]["id"],
        uuid.uuid4(),
    )
    for id_ in absent:
        with stored.unchanged():
            answer = await shop.post("/api/v1/products", {"name": "Lost", "brand_id": str(id_)})
        answer.invalid(brand_id=["not_found"])


async def test_what_the_token_may_not_read_cannot_be_referred_to(
    shop: Client, stored: Stored, written: Seed
) -> None:
    """S3-076: 422 with details, as if it were not there."""
    brand = str(written.live("brands")[0]["id"])
    narrow = shop.using(written.tokens["acme", "product_writer"])

    with stored.unchanged():
        answer = await narrow.post("/api/v1/products", {"name": "Narrow", "brand_id": brand})

    answer.invalid(brand_id=["not_found"])
    assert (await narrow.post("/api/v1/products", {"name": "Narrow"})).status == 201


async def test_rows_are_made_in_the_workspace_of_the_token(
    shop: Client, stored: Stored, written: Seed
) -> None:
    """S3-042: nothing that is sent decides it."""
    stranger = shop.using(written.tokens["globex", "writer"])

    made = (await stranger.post("/api/v1/brands", {"name": "Theirs"})).data(201)

    assert stored.row("brands", made["id"])["workspace_id"] == written.workspaces["globex"]["id"]
    (await shop.get(f"/api/v1/brands/{made['id']}")).problem(404)
    assert {event["workspace_id"] for event in stored.events(made["id"])} == {
        written.workspaces["globex"]["id"]
    }


@pytest.mark.parametrize(
    "prefix", ["/api/v1/brands", "/api/brands", "/brands/api/v1/brands"], ids=["law", "short", "module"]
)
async def test_writes_work_under_every_accepted_prefix(shop: Client, prefix: str) -> None:
    """C-78: links and Location stay those of the law."""
    answer = await shop.post(prefix, {"name": "Prefixed"})

    assert answer.header("location") == f"/api/v1/brands/{answer.data(201)['id']}"
    assert (await shop.patch(f"{prefix}/{answer.data(201)['id']}", {"name": "Again"})).status == 200


async def test_each_write_leaves_one_event_and_one_audit_row(
    shop: Client, stored: Stored, written: Seed
) -> None:
    """S3-299, Q-25: with who, what, when and under which request id."""
    headers = [("x-request-id", "create-with-a-trace")]
    made = (await shop.post("/api/v1/brands", {"name": "Traced"}, headers=headers)).data(201)

    (event,) = stored.events(made["id"])
    assert (event["type"], event["data"]) == ("brand.created", made)
    (audit,) = stored.audits(made["id"])
    assert (audit["action"], audit["resource"], audit["before"]) == ("brand.created", "brand", None)
    assert audit["after"]["name"] == "Traced"
    assert audit["request_id"] == "create-with-a-trace"
    assert audit["workspace_id"] == event["workspace_id"] == written.workspaces["acme"]["id"]
    assert audit["token_id"] is not None


async def test_one_event_and_audit_row_for_each_version(shop: Client, stored: Stored) -> None:
    """Q-24, Q-25: through a whole life."""
    id_ = (await shop.post("/api/v1/brands", {"name": "Long Life"})).data(201)["id"]
    target = f"/api/v1/brands/{id_}"
    await shop.patch(target, {"name": "Longer Life"})
    await shop.put(target, {"name": "Longest Life", "slug": "longest-life"}, headers=[("if-match", "*")])
    await shop.delete(target)
    await shop.post(f"{target}/restore", {})

    types = ["created", "updated", "updated", "deleted", "restored"]
    assert [event["type"] for event in stored.events(id_)] == [f"brand.{word}" for word in types]
    assert [audit["action"] for audit in stored.audits(id_)] == [f"brand.{word}" for word in types]
    positions = [event["position"] for event in stored.events(id_)]
    assert positions == sorted(positions)
    assert stored.row("brands", id_)["version"] == 5
    stored.settled(id_, 5)
    assert stored.audits(id_)[1]["before"]["name"] == "Long Life"
    assert stored.audits(id_)[1]["after"]["name"] == "Longer Life"
