"""Deleting and restoring (S3.33): rows are marked, leave every list, and can come back."""

import uuid
from datetime import UTC, datetime

import pytest

from services.engine.versions import tag
from tests.support.client import Client
from tests.support.expected import document, rendered
from tests.support.seed import Seed
from tests.support.stored import Stored


async def customer(shop: Client, name: str = "Mortal") -> tuple[str, str]:
    id_ = (await shop.post("/api/v1/customers", {"name": name})).data(201)["id"]
    return f"/api/v1/customers/{id_}", id_


async def test_deleting_marks_the_row_and_answers_nothing(shop: Client, stored: Stored) -> None:
    """S3-318: 204, no body; the row stays with its moment."""
    target, id_ = await customer(shop)
    before = datetime.now(UTC)

    answer = await shop.delete(target)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("content-type") is None
    assert answer.header("content-length") is None
    assert answer.header("cache-control") == "no-store"
    row = stored.row("customers", id_)
    assert before <= row["deleted_at"] <= datetime.now(UTC)
    assert row["updated_at"] > row["inserted_at"]
    assert row["name"] == "Mortal"
    stored.settled(id_, 2)
    assert stored.events(id_)[1]["type"] == "customer.deleted"


async def test_a_deleted_row_is_gone_from_everything(shop: Client) -> None:
    """S3-318."""
    target, id_ = await customer(shop, "Vanishing")
    assert (await shop.get("/api/v1/customers?filter[name]=Vanishing")).ids() == [id_]
    await shop.delete(target)

    (await shop.get(target)).problem(404)
    assert (await shop.get("/api/v1/customers?filter[name]=Vanishing")).ids() == []
    assert (await shop.get("/api/v1/customers?q=vanishing")).ids() == []
    shown = (await shop.get(f"{target}?include_deleted=true")).data()
    assert shown["deleted_at"] is not None


async def test_deleting_twice_is_404(shop: Client, stored: Stored) -> None:
    """Q-06: and so is changing what is deleted."""
    target, id_ = await customer(shop)
    await shop.delete(target)

    with stored.unchanged():
        (await shop.delete(target)).problem(404)
        (await shop.patch(target, {"name": "Ghost"})).problem(404)
        (await shop.put(target, {"name": "Ghost"}, headers=[("if-match", tag(id_, 2))])).problem(404)


@pytest.mark.parametrize("verb", ["", "/restore"])
async def test_only_rows_of_the_workspace_can_be_deleted_or_restored(
    shop: Client, stored: Stored, written: Seed, verb: str
) -> None:
    """S3-258, Q-01."""
    workspace = written.all("customers", "globex")
    foreign = [row["id"] for row in workspace if (row["deleted_at"] is None) == (verb == "")]
    with stored.unchanged():
        for id_ in (foreign[0], uuid.uuid4(), "x", "restore", "bulk", "%00", "..."):
            target = f"/api/v1/customers/{id_}{verb}"
            if (id_, verb) == ("bulk", ""):
                continue
            (await (shop.post(target, {}) if verb else shop.delete(target))).problem(404)


async def test_restoring_brings_the_row_back(shop: Client, stored: Stored) -> None:
    """S3-320: 200 with the row, its deletion undone, its version raised."""
    target, id_ = await customer(shop)
    read = (await shop.get(target)).data()
    await shop.delete(target)

    answer = await shop.post(f"{target}/restore", {})

    back = answer.data()
    assert (
        back
        == {**read, "updated_at": back["updated_at"]}
        == document("customers", stored.row("customers", id_))
    )
    assert back["deleted_at"] is None
    assert back["updated_at"] > read["updated_at"]
    assert answer.header("etag") == tag(id_, 3)
    assert (await shop.get(target)).body == answer.body
    stored.settled(id_, 3)
    assert stored.events(id_)[2]["data"] == back


async def test_restoring_what_lives_changes_nothing(shop: Client, stored: Stored) -> None:
    """Q-07: 200, as it is."""
    target, id_ = await customer(shop)
    with stored.unchanged():
        answer = await shop.post(f"{target}/restore", {})

    assert answer.body == (await shop.get(target)).body
    assert answer.header("etag") == tag(id_, 1)


async def test_a_name_is_free_again_after_deletion(shop: Client, stored: Stored) -> None:
    """S3-321."""
    first = (await shop.post("/api/v1/brands", {"name": "Free", "slug": "free-again"})).data(201)
    with stored.unchanged():
        taken = await shop.post("/api/v1/brands", {"name": "Free", "slug": "free-again"})
    taken.invalid(slug=["already_taken"])

    await shop.delete(first["links"]["self"])

    second = await shop.post("/api/v1/brands", {"name": "Free", "slug": "free-again"})
    assert second.data(201)["slug"] == "free-again"


async def test_restoring_a_taken_name_is_a_conflict(shop: Client, stored: Stored) -> None:
    """Q-07: 409 until the name is free."""
    first = (await shop.post("/api/v1/brands", {"name": "Both", "slug": "both-want-it"})).data(201)
    await shop.delete(first["links"]["self"])
    second = (await shop.post("/api/v1/brands", {"name": "Both", "slug": "both-want-it"})).data(201)

    with stored.unchanged():
        problem = (await shop.post(f"{first['links']['self']}/restore", {})).names(409, "slug")
    assert problem["code"] == "conflict"

    await shop.delete(second["links"]["self"])
    assert (await shop.post(f"{first['links']['self']}/restore", {})).data()["slug"] == "both-want-it"
    stored.settled(first["id"], 3)


async def test_deletion_is_no_field_that_can_be_written(shop: Client, stored: Stored) -> None:
    """Issue: mass assignment; null, as it was read, is ignored."""
    target, id_ = await customer(shop)
    moment = rendered(datetime.now(UTC))
    with stored.unchanged():
        (await shop.patch(target, {"deleted_at": moment})).invalid(deleted_at=["exclusion"])
        (await shop.put(target, {"name": "x", "deleted_at": moment}, headers=[("if-match", "*")])).invalid(
            deleted_at=["exclusion"]
        )
        (await shop.post("/api/v1/customers", {"name": "x", "deleted_at": moment})).invalid(
            deleted_at=["exclusion"]
        )

    assert (await shop.patch(target, {"deleted_at": None})).data()["deleted_at"] is None
    stored.settled(id_, 2)


async def test_deleting_needs_its_own_scope(shop: Client, stored: Stored, written: Seed) -> None:
    """C-05: delete alone may delete, and neither restore nor change; write may do all."""
    deleter = shop.using(written.tokens["acme", "brand_deleter"])
    writer = shop.using(written.tokens["acme", "brand_writer"])
    target = (await writer.post("/api/v1/brands", {"name": "Scoped"})).data(201)["links"]["self"]

    with stored.unchanged():
        problem = (await deleter.patch(target, {"name": "x"})).problem(403)
    assert (problem["required_scope"], problem["token_scopes"]) == ("brands:write", ["brands:delete"])
    assert (await deleter.delete(target)).status == 204
    with stored.unchanged():
        assert (await deleter.post(f"{target}/restore", {})).problem(403)["required_scope"] == "brands:write"
    assert (await writer.post(f"{target}/restore", {})).status == 200
    assert (await writer.delete(target)).status == 204
    with stored.unchanged():
        reader = shop.using(written.tokens["acme", "brand_reader"])
        assert (await reader.delete(target)).problem(403)["required_scope"] == "brands:delete"


async def test_a_short_way_to_delete_leaves_the_rest_alone(shop: Client, stored: Stored) -> None:
    """S3-318: one row and no other."""
    targets = [await customer(shop, f"Neighbour {n}") for n in range(3)]

    await shop.delete(targets[1][0])

    assert [stored.row("customers", id_)["deleted_at"] is None for _, id_ in targets] == [True, False, True]
