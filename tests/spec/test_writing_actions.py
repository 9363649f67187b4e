"""Actions of a resource's own, such as confirming an order: posted to its verb (C-71, design §5)."""

import uuid

import pytest

from services.engine.versions import tag
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.stored import Stored


async def order(shop: Client) -> tuple[str, str]:
    """Return the address and id of a pending order with a line."""
    line = {"name": "Something", "quantity": 1, "unit_price_cents": 100}
    made = (await shop.post("/api/v1/orders", {"currency": "EUR", "line_items": [line]})).data(201)
    assert made["status"] == "pending"
    return made["links"]["self"], made["id"]


async def test_an_action_answers_the_row_as_it_is_then(shop: Client, stored: Stored) -> None:
    """C-56: 200 with the row and its new version; the event bears the action's own word."""
    target, id_ = await order(shop)
    version = stored.row("orders", id_)["version"]

    answer = await shop.request("POST", f"{target}/confirm")

    assert answer.data()["status"] == "confirmed"
    assert answer.header("etag") == tag(id_, version + 1)
    assert answer.header("location") is None
    assert answer.header("cache-control") == "no-store"
    assert (await shop.get(target)).body == answer.body
    assert stored.events(id_)[-1]["type"] == "order.confirmed"
    assert stored.events(id_)[-1]["data"] == answer.data()
    assert stored.audits(id_)[-1]["action"] == "order.confirmed"
    stored.settled(id_, version + 1)


async def test_an_action_takes_nothing_or_an_empty_object(shop: Client, stored: Stored) -> None:
    """S3-255: nothing is silently ignored."""
    target, _ = await order(shop)
    json = [("content-type", "application/json")]
    with stored.unchanged():
        for headers, body, status, named in (
            (json, b'{"status": "delivered"}', 400, "'status'"),
            (json, b"[]", 400, "object"),
            (json, b"{", 400, "JSON"),
            ([], b"{}", 415, "application/json"),
        ):
            answer = await shop.request("POST", f"{target}/confirm", headers=headers, body=body)
            answer.names(status, named)
        (await shop.post(f"{target}/confirm?atomic=false", {})).names(400, "atomic")

    assert (await shop.post(f"{target}/confirm", {})).status == 200


async def test_an_action_heeds_the_version(shop: Client, stored: Stored) -> None:
    """C-54: also on actions."""
    target, id_ = await order(shop)
    with stored.unchanged():
        (await shop.post(f"{target}/confirm", {}, headers=[("if-match", '"stale"')])).problem(412)
        (await shop.post(f"{target}/confirm", {}, headers=[("if-match", "stale")])).names(400, "If-Match")

    match = [("if-match", (await shop.get(target)).header("etag") or "")]
    assert (await shop.post(f"{target}/confirm", {}, headers=match)).status == 200
    with stored.unchanged():
        (await shop.post(f"{target}/ship", {}, headers=match)).problem(412)
    assert stored.row("orders", id_)["status"] == "confirmed"


async def test_what_the_state_forbids_is_a_conflict(shop: Client, stored: Stored) -> None:
    """S3-259: 409; the rows are as they were."""
    target, _ = await order(shop)
    with stored.unchanged():
        for verb in ("ship", "deliver"):
            assert (await shop.post(f"{target}/{verb}", {})).problem(409)["code"] == "conflict"


async def test_a_repeated_action_happens_once_under_its_key(shop: Client, stored: Stored) -> None:
    """C-50: the second confirmation would be a conflict."""
    target, id_ = await order(shop)
    key = [("idempotency-key", f"confirm-{uuid.uuid4()}")]
    first = await shop.post(f"{target}/confirm", {}, headers=key)
    with stored.unchanged():
        again = await shop.request("POST", f"{target}/confirm", headers=key)
        other = await shop.post(f"{target}/cancel", {}, headers=key)

    assert (first.status, again.status) == (200, 200)
    assert (again.body, again.header("idempotency-replayed")) == (first.body, "true")
    assert other.problem(422)["code"] == "idempotency-key-mismatch"
    assert stored.events(id_)[-1]["type"] == "order.confirmed"


async def test_a_refused_action_is_repeated_too(shop: Client, stored: Stored) -> None:
    """C-51: under its key, also when the state has come to allow it."""
    target, _ = await order(shop)
    key = [("idempotency-key", f"ship-{uuid.uuid4()}")]
    with stored.unchanged(kept=False):
        first = await shop.post(f"{target}/ship", {}, headers=key)
    assert (await shop.post(f"{target}/confirm", {})).status == 200
    with stored.unchanged():
        again = await shop.post(f"{target}/ship", {}, headers=key)

    first.problem(409)
    again.problem(409)
    assert (again.body, again.header("idempotency-replayed")) == (first.body, "true")


async def test_an_action_can_be_tried(shop: Client, stored: Stored) -> None:
    """Design §5: `dry_run` on every write."""
    target, _ = await order(shop)
    with stored.unchanged():
        answer = await shop.post(f"{target}/confirm?dry_run=true", {})
        (await shop.post(f"{target}/ship?dry_run=true", {})).problem(409)

    assert (answer.data()["status"], answer.header("etag")) == ("confirmed", None)


@pytest.mark.parametrize("verb", ["confirm", "ship", "deliver", "cancel"])
async def test_an_action_finds_only_living_rows_of_the_workspace(
    shop: Client, stored: Stored, written: Seed, verb: str
) -> None:
    """S3-258, Q-06."""
    absent = (
        written.deleted("orders")[0]["id"],
        written.live("orders", "globex")[0]["id"],
        uuid.uuid4(),
        "x",
        "bulk",
    )
    with stored.unchanged():
        for id_ in absent:
            (await shop.post(f"/api/v1/orders/{id_}/{verb}", {})).problem(404)


async def test_an_action_needs_the_scope_to_write(shop: Client, stored: Stored, written: Seed) -> None:
    """S3-079."""
    target, _ = await order(shop)
    with stored.unchanged():
        for name in ("orders", "reader", "product_writer"):
            held = shop.using(written.tokens["acme", name])
            problem = (await held.post(f"{target}/confirm", {})).problem(403)
            assert problem["required_scope"] == "orders:write"


async def test_verbs_belong_to_their_resource(shop: Client, stored: Stored) -> None:
    """S3-256: 404 for others, 405 for other methods."""
    target, id_ = await order(shop)
    with stored.unchanged():
        (await shop.post(f"/api/v1/brands/{id_}/confirm", {})).problem(404)
        (await shop.post(f"{target}/Confirm", {})).problem(404)
        (await shop.post(f"{target}/explode", {})).problem(404)
        (await shop.post("/api/v1/orders/confirm", {})).problem(405)
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = await shop.request(method, f"{target}/confirm")
            assert answer.problem(405)
            assert answer.header("allow") == "POST, OPTIONS"
