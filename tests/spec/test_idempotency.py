"""Idempotency (S3.14, C-49 to C-51): the same key means the same call, which happens once."""

import asyncio
import uuid
from typing import Any

import pytest

from services.engine.versions import tag
from tests.support.client import Answer, Client
from tests.support.seed import Seed
from tests.support.stored import Stored

VARYING = {"x-request-id", "idempotency-replayed"}


@pytest.fixture
def key() -> str:
    return f"key-{uuid.uuid4()}"


@pytest.fixture
async def target(shop: Client) -> str:
    """The address of a fresh customer."""
    link = (await shop.post("/api/v1/customers", {"name": "Repeated"})).data(201)["links"]["self"]
    return str(link)


def keyed(key: str) -> list[tuple[str, str]]:
    return [("idempotency-key", key)]


def same(first: Answer, second: Answer) -> None:
    """Check that the second answer is the first one again, and says so."""
    assert first.header("idempotency-replayed") is None
    assert second.header("idempotency-replayed") == "true"
    assert (second.status, second.body) == (first.status, first.body)
    assert sorted(pair for pair in second.headers if pair[0] not in VARYING) == sorted(
        pair for pair in first.headers if pair[0] not in VARYING
    )


async def test_a_repeated_create_is_answered_again_and_happens_once(
    shop: Client, stored: Stored, key: str
) -> None:
    """S3-147, S3-153, S3-154: status, headers and body."""
    first = await shop.post("/api/v1/customers", {"name": "Once"}, headers=keyed(key))
    with stored.unchanged():
        for _ in range(3):
            second = await shop.post("/api/v1/customers", {"name": "Once"}, headers=keyed(key))
            same(first, second)

    assert second.header("location") == f"/api/v1/customers/{first.data(201)['id']}"
    assert len(stored.kept(key)) == 1
    stored.settled(first.data(201)["id"], 1)


async def test_without_a_key_every_call_counts(shop: Client, stored: Stored) -> None:
    """S3-149: the header is optional."""
    before = stored.count("customers")
    for _ in range(2):
        assert (await shop.post("/api/v1/customers", {"name": "Twice"})).status == 201

    assert stored.count("customers") == before + 2


async def test_a_repetition_tells_what_was_then(shop: Client, stored: Stored, key: str) -> None:
    """S3-147: also after the row has changed or gone."""
    first = await shop.post("/api/v1/customers", {"name": "Then"}, headers=keyed(key))
    address = first.header("location") or ""
    await shop.patch(address, {"name": "Now"})
    same(first, await shop.post("/api/v1/customers", {"name": "Then"}, headers=keyed(key)))
    await shop.delete(address)
    same(first, await shop.post("/api/v1/customers", {"name": "Then"}, headers=keyed(key)))

    assert stored.row("customers", first.data(201)["id"])["name"] == "Now"


async def test_put_replays_instead_of_failing_its_precondition(
    shop: Client, stored: Stored, key: str, target: str
) -> None:
    """C-50: a retried PUT that went through is told so, not 412."""
    id_ = target.rpartition("/")[2]
    headers = [*keyed(key), ("if-match", tag(id_, 1))]
    first = await shop.put(target, {"name": "Put"}, headers=headers)
    with stored.unchanged():
        second = await shop.put(target, {"name": "Put"}, headers=headers)

    assert first.status == 200
    same(first, second)
    stored.settled(id_, 2)


@pytest.mark.parametrize(
    "method", ["PATCH", "DELETE", "restore", "bulk create", "bulk update", "bulk delete"]
)
async def test_every_write_takes_a_key(
    shop: Client, stored: Stored, key: str, target: str, method: str
) -> None:
    """C-50."""
    id_ = target.rpartition("/")[2]
    if method == "restore":
        assert (await shop.delete(target)).status == 204

    async def send() -> Answer:
        headers = keyed(key)
        if method == "PATCH":
            return await shop.patch(target, {"name": "Patched"}, headers=headers)
        if method == "DELETE":
            return await shop.delete(target, headers=headers)
        if method == "restore":
            return await shop.post(f"{target}/restore", {}, headers=headers)
        if method == "bulk create":
            return await shop.post("/api/v1/customers/bulk", {"items": [{"name": "x"}]}, headers=headers)
        if method == "bulk update":
            items = [{"id": id_, "name": "Patched"}]
            return await shop.patch("/api/v1/customers/bulk", {"items": items}, headers=headers)
        return await shop.delete("/api/v1/customers/bulk", {"ids": [id_]}, headers=headers)

    first = await send()
    assert first.status < 300
    with stored.unchanged():
        same(first, await send())


@pytest.mark.parametrize(
    ("label", "other"),
    [
        ("value", {"name": "Other"}),
        ("further", {"name": "First", "email": "a@example.com"}),
        ("null", {"name": "First", "email": None}),
        ("map", {"name": "First", "metadata": {"a": 1}}),
    ],
)
async def test_the_same_key_for_another_body_is_refused(
    shop: Client, stored: Stored, key: str, label: str, other: dict[str, Any]
) -> None:
    """S3-151, C-49: 422 with its own type; nothing happens."""
    assert (await shop.post("/api/v1/customers", {"name": "First"}, headers=keyed(key))).status == 201
    with stored.unchanged():
        answer = await shop.post("/api/v1/customers", other, headers=keyed(key))

    problem = answer.problem(422)
    assert problem["type"].endswith("/problems/idempotency-key-mismatch")
    assert problem["title"] == "Idempotency Key Mismatch"
    assert "errors" not in problem
    assert answer.header("idempotency-replayed") is None


async def test_the_same_key_for_another_call_is_refused(
    shop: Client, stored: Stored, key: str, target: str
) -> None:
    """C-49: another resource, row, method or way of writing."""
    assert (await shop.patch(target, {"name": "First"}, headers=keyed(key))).status == 200
    other = (await shop.post("/api/v1/customers", {"name": "Other"})).data(201)["links"]["self"]
    tagged = [*keyed(key), ("if-match", "*")]
    with stored.unchanged():
        for answer in (
            await shop.patch(other, {"name": "First"}, headers=keyed(key)),
            await shop.patch(target, {"name": "First"}, headers=keyed(key), merge=True),
            await shop.patch(target, {"name": "First"}, headers=tagged),
            await shop.put(target, {"name": "First"}, headers=tagged),
            await shop.delete(target, headers=keyed(key)),
            await shop.post("/api/v1/customers", {"name": "First"}, headers=keyed(key)),
            await shop.post("/api/v1/categories", {"name": "First"}, headers=keyed(key)),
            await shop.post("/api/v1/customers/bulk", {"items": [{"name": "First"}]}, headers=keyed(key)),
        ):
            assert answer.problem(422)["code"] == "idempotency-key-mismatch"


async def test_how_the_same_call_is_spelled_does_not_matter(shop: Client, stored: Stored, key: str) -> None:
    """Design §5: what is asked counts, not its bytes: order, spaces, escapes, another path to the same."""
    first = await shop.post("/api/v1/customers", {"name": "Café", "country": None}, headers=keyed(key))
    headers = [("content-type", "application/json; charset=utf-8"), *keyed(key)]
    with stored.unchanged():
        for path, body in (
            ("/api/v1/customers", rb'{ "country" : null, "name" : "Caf\u00e9" }'),
            ("/api/customers", '{"name":"Cafe\u0301","country":null}'.encode()),
        ):
            same(first, await shop.request("POST", path, headers=headers, body=body))


async def test_keys_belong_to_a_workspace(shop: Client, stored: Stored, written: Seed, key: str) -> None:
    """S3-150: another workspace's same key is another; another token's of the same workspace is the same."""
    stranger = shop.using(written.tokens["globex", "writer"])
    colleague = shop.using(written.tokens["acme", "second_writer"])
    first = await shop.post("/api/v1/customers", {"name": "Ours"}, headers=keyed(key))

    other = await stranger.post("/api/v1/customers", {"name": "Theirs"}, headers=keyed(key))
    again = await colleague.post("/api/v1/customers", {"name": "Ours"}, headers=keyed(key))

    assert other.data(201)["name"] == "Theirs"
    assert other.header("idempotency-replayed") is None
    same(first, again)
    assert len(stored.kept(key)) == 2


async def test_a_refusal_is_repeated_too(shop: Client, stored: Stored, key: str, target: str) -> None:
    """C-51: 4xx of the write itself is its answer, also when it would go well by now."""
    headers = [*keyed(key), ("if-match", '"stale"')]
    first = await shop.patch(target, {"name": "Late"}, headers=headers)
    first.problem(412)
    with stored.unchanged():
        same(first, await shop.patch(target, {"name": "Late"}, headers=headers))


async def test_an_invalid_create_is_repeated_as_it_was(shop: Client, stored: Stored, key: str) -> None:
    """C-51."""
    with stored.unchanged(kept=False):
        first = await shop.post("/api/v1/customers", {"name": "", "email": 1}, headers=keyed(key))
        again = await shop.post("/api/v1/customers", {"name": "", "email": 1}, headers=keyed(key))

    first.invalid(name=["cant_be_blank"], email=["invalid_format"])
    same(first, again)


async def test_what_the_write_never_saw_is_not_kept(
    shop: Client, stored: Stored, written: Seed, key: str
) -> None:
    """C-51: 401, 403, 415 and malformed bodies leave the key free."""
    reader = shop.using(written.tokens["acme", "reader"])
    headers = [("content-type", "application/json"), *keyed(key)]
    with stored.unchanged():
        (await reader.post("/api/v1/customers", {"name": "Free"}, headers=keyed(key))).problem(403)
        (
            await shop.using("nonsense").post("/api/v1/customers", {"name": "Free"}, headers=keyed(key))
        ).problem(401)
        (await shop.request("POST", "/api/v1/customers", headers=headers, body=b"{")).problem(400)
        (await shop.request("POST", "/api/v1/customers", headers=keyed(key), body=b"{}")).problem(415)

    answer = await shop.post("/api/v1/customers", {"name": "Free"}, headers=keyed(key))
    assert (answer.status, answer.header("idempotency-replayed")) == (201, None)


@pytest.mark.parametrize(
    "sent",
    ["", "two words", "k" * 256, "schlüssel", "a\tb", "a, b", b"\xff"],
    ids=["empty", "space", "long", "latin", "tab", "list", "byte"],
)
async def test_what_is_no_key_is_refused_by_name(
    shop: Client, stored: Stored, target: str, sent: str | bytes
) -> None:
    """S3-145: 1 to 255 visible ASCII characters."""
    headers = [("idempotency-key", sent)]
    with stored.unchanged():
        for answer in (
            await shop.post("/api/v1/customers", {"name": "x"}, headers=headers),
            await shop.patch(target, {"name": "x"}, headers=headers),
            await shop.delete(target, headers=headers),
            await shop.post("/api/v1/customers/bulk", {"items": [{"name": "x"}]}, headers=headers),
        ):
            answer.names(400, "Idempotency-Key")


async def test_a_key_sent_twice_is_refused(shop: Client, stored: Stored, key: str) -> None:
    """S3-145: also twice the same."""
    for second in (key, "other"):
        with stored.unchanged():
            headers = [*keyed(key), ("idempotency-key", second)]
            (await shop.post("/api/v1/customers", {"name": "x"}, headers=headers)).names(
                400, "Idempotency-Key"
            )


@pytest.mark.parametrize(
    "sent", ["k", "k" * 255, '"quoted"', "!~{}[]%00;'--", "550e8400-e29b-41d4-a716-446655440000"]
)
async def test_every_visible_character_may_stand_in_a_key(shop: Client, sent: str) -> None:
    """S3-146."""
    first = await shop.post("/api/v1/customers", {"name": "x"}, headers=keyed(sent))

    assert first.status == 201
    same(first, await shop.post("/api/v1/customers", {"name": "x"}, headers=keyed(sent)))


async def test_reading_takes_no_notice_of_keys(shop: Client, stored: Stored, key: str) -> None:
    """S3-152, C-50: GET and searches change nothing."""
    with stored.unchanged():
        for headers in (keyed(key), keyed("not a key")):
            got = await shop.get("/api/v1/customers", headers=headers)
            searched = await shop.post("/api/v1/customers/search", {}, headers=headers)
            assert (got.status, searched.status) == (200, 200)
            assert searched.header("idempotency-replayed") is None


async def test_of_concurrent_calls_with_one_key_one_happens(shop: Client, stored: Stored, key: str) -> None:
    """C-49: the others are told to wait, or told what happened."""
    answers = await asyncio.gather(
        *(shop.post("/api/v1/customers", {"name": "Raced"}, headers=keyed(key)) for _ in range(30))
    )

    done = [answer for answer in answers if answer.status == 201]
    waiting = [answer for answer in answers if answer.status != 201]
    assert len([answer for answer in done if answer.header("idempotency-replayed") is None]) == 1
    assert len({answer.body for answer in done}) == 1
    for answer in waiting:
        told = answer.problem(409)
        assert (told["code"], told["retry_after"], answer.header("retry-after")) == ("conflict", 1, "1")
    stored.settled(done[0].data(201)["id"], 1)
    later = await shop.post("/api/v1/customers", {"name": "Raced"}, headers=keyed(key))
    assert (later.body, later.header("idempotency-replayed")) == (done[0].body, "true")


async def test_a_key_is_free_after_a_day(shop: Client, stored: Stored, key: str) -> None:
    """S3-148."""
    first = await shop.post("/api/v1/customers", {"name": "Yesterday"}, headers=keyed(key))
    stored.age(key, "23 hours 59 minutes")
    same(first, await shop.post("/api/v1/customers", {"name": "Yesterday"}, headers=keyed(key)))
    stored.age(key, "24 hours 1 minute")

    fresh = await shop.post("/api/v1/customers", {"name": "Today"}, headers=keyed(key))

    assert (fresh.data(201)["name"], fresh.header("idempotency-replayed")) == ("Today", None)
    same(fresh, await shop.post("/api/v1/customers", {"name": "Today"}, headers=keyed(key)))
    assert len(stored.kept(key)) == 1
