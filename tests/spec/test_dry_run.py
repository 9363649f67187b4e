"""Dry runs: `dry_run=true` judges everything, answers what would be, and leaves no trace."""

import uuid
from typing import Any

import pytest

from services.engine.versions import tag
from tests.support.client import Client
from tests.support.stored import Stored

DRY = "?dry_run=true"


async def customer(shop: Client) -> tuple[str, dict[str, Any]]:
    made = (await shop.post("/api/v1/customers", {"name": "Tried", "email": "t@example.com"})).data(201)
    return made["links"]["self"], made


async def test_a_tried_create_answers_what_would_be(shop: Client, stored: Stored) -> None:
    """Design §5: the same status and body; no address and no version, for nothing is there."""
    with stored.unchanged():
        answer = await shop.post(f"/api/v1/brands{DRY}", {"name": "Perhaps", "website": "https://p.example"})

    found = answer.data(201)
    assert (found["name"], found["slug"], found["website"]) == ("Perhaps", "perhaps", "https://p.example")
    assert found["deleted_at"] is None
    assert (answer.header("location"), answer.header("etag")) == (None, None)
    (await shop.get(f"/api/v1/brands/{found['id']}")).problem(404)
    made = (await shop.post("/api/v1/brands", {"name": "Perhaps", "website": "https://p.example"})).data(201)
    assert set(made) == set(found)
    assert made["slug"] == "perhaps"


async def test_every_write_can_be_tried(shop: Client, stored: Stored) -> None:
    """Design §5."""
    target, before = await customer(shop)
    match = [("if-match", tag(before["id"], 1))]
    with stored.unchanged():
        put = await shop.put(target + DRY, {"name": "Put"}, headers=match)
        patched = await shop.patch(target + DRY, {"name": "Patched"}, headers=match)
        merged = await shop.patch(target + DRY, {"metadata": {"a": 1}}, merge=True)
        deleted = await shop.delete(target + DRY)
    assert (put.data()["name"], put.data()["email"]) == ("Put", None)
    assert (patched.data()["name"], patched.data()["email"]) == ("Patched", "t@example.com")
    assert merged.data()["metadata"] == {"a": 1}
    assert (deleted.status, deleted.body) == (204, b"")
    assert [answer.header("etag") for answer in (put, patched, merged, deleted)] == [None] * 4

    await shop.delete(target)
    with stored.unchanged():
        assert (await shop.post(f"{target}/restore{DRY}", {})).data()["deleted_at"] is None
    (await shop.get(target)).problem(404)


async def test_many_can_be_tried(shop: Client, stored: Stored) -> None:
    """Design §5: wholly or partly."""
    target, row = await customer(shop)
    bulk = f"/api/v1/customers/bulk{DRY}"
    with stored.unchanged():
        created = await shop.post(bulk, {"items": [{"name": "A"}, {"name": "B"}]})
        partly = await shop.post(f"{bulk}&atomic=false", {"items": [{"name": "A"}, {"name": ""}]})
        updated = await shop.patch(bulk, {"items": [{"id": row["id"], "name": "C"}]})
        deleted = await shop.delete(bulk, {"ids": [row["id"]]})
        by_post = await shop.post(f"/api/v1/customers/bulk-delete{DRY}", {"ids": [row["id"]]})

    assert [answer.status for answer in (created, partly, updated, deleted, by_post)] == [
        201,
        207,
        200,
        200,
        200,
    ]
    assert [entry["data"]["name"] for entry in created.json()["data"]] == ["A", "B"]
    assert partly.json()["summary"] == {"total": 2, "succeeded": 1, "failed": 1}
    assert updated.json()["data"][0]["data"]["name"] == "C"
    assert deleted.json()["data"] == [{"index": 0, "id": row["id"], "status": "deleted"}]
    assert (await shop.get(target)).data() == row


async def test_a_trial_is_refused_like_the_real_thing(shop: Client, stored: Stored) -> None:
    """Design §5: also by what only the database knows."""
    target, _ = await customer(shop)
    await shop.post("/api/v1/brands", {"name": "Holder", "slug": "held-slug"})
    with stored.unchanged():
        (await shop.post(f"/api/v1/brands{DRY}", {"name": "x", "slug": "held-slug"})).invalid(
            slug=["already_taken"]
        )
        (await shop.post(f"/api/v1/products{DRY}", {"name": "x", "brand_id": str(uuid.uuid4())})).invalid(
            brand_id=["not_found"]
        )
        (await shop.put(target + DRY, {"name": "x"})).problem(428)
        (await shop.patch(target + DRY, {"name": "x"}, headers=[("if-match", '"stale"')])).problem(412)
        (await shop.patch(f"/api/v1/customers/{uuid.uuid4()}{DRY}", {"name": "x"})).problem(404)
        (await shop.patch(target + DRY, {"name": None})).invalid(name=["cant_be_blank"])
        (await shop.post(f"/api/v1/customers/bulk{DRY}", {"items": [{"name": "A"}, {}]})).invalid_at(
            {"items.1.name": ["cant_be_blank"]}
        )


@pytest.mark.parametrize("name", ["reader", "product_writer"])
async def test_a_trial_needs_the_scope_of_the_real_thing(
    shop: Client, stored: Stored, written: Any, name: str
) -> None:
    """S3-079: otherwise it would tell whoever may not write what is there."""
    with stored.unchanged():
        answer = await shop.using(written.tokens["acme", name]).post(f"/api/v1/brands{DRY}", {"name": "x"})
    assert answer.problem(403)["required_scope"] == "brands:write"


async def test_a_trial_leaves_its_key_free(shop: Client, stored: Stored) -> None:
    """Design §5: it neither keeps an outcome nor looks for one."""
    key = f"tried-{uuid.uuid4()}"
    headers = [("idempotency-key", key)]
    with stored.unchanged():
        tried = await shop.post(f"/api/v1/customers{DRY}", {"name": "First a Trial"}, headers=headers)
    real = await shop.post("/api/v1/customers", {"name": "Then for Real"}, headers=headers)
    with stored.unchanged():
        later = await shop.post(f"/api/v1/customers{DRY}", {"name": "A Trial Again"}, headers=headers)

    assert (tried.status, real.status, later.status) == (201, 201, 201)
    assert real.data(201)["name"] == "Then for Real"
    assert later.data(201)["name"] == "A Trial Again"
    assert later.header("idempotency-replayed") is None
    with stored.unchanged():
        bad = [("idempotency-key", "two words")]
        (await shop.post(f"/api/v1/customers{DRY}", {"name": "x"}, headers=bad)).names(400, "Idempotency-Key")


async def test_false_is_no_trial(shop: Client, stored: Stored) -> None:
    """S3-107."""
    before = stored.count("customers")

    answer = await shop.post("/api/v1/customers?dry_run=false", {"name": "For Real"})

    assert answer.header("location") == f"/api/v1/customers/{answer.data(201)['id']}"
    assert stored.count("customers") == before + 1
