"""Mutations as requests: idempotency keys in argument and header, batches, and several in one document."""

import uuid
from typing import Any

import orjson
import psycopg
import pytest

from tests.schema.asking import Asker
from tests.support.seed import Seed
from tests.support.stored import Stored

CREATE = (
    "mutation($slug: String, $key: String) { createBrand(input: {name: $slug, slug: $slug},"
    " idempotencyKey: $key) { brand { id } problem { status code detail } replayed } }"
)


def _fresh() -> str:
    return f"r-{uuid.uuid4().hex[:12]}"


async def _make(shop: Asker, slug: str, *, key: str | None = None, header: str | None = None) -> Any:
    return await shop.mutate(CREATE, {"slug": slug, "key": key}, key=header)


@pytest.mark.parametrize("place", ["argument", "header", "both"])
async def test_a_key_makes_a_mutation_safe_to_repeat(shop: Asker, stored: Stored, place: str) -> None:
    slug, key = _fresh(), _fresh()
    told = {
        "key": key if place != "header" else None,
        "header": key if place != "argument" else None,
    }
    first = await _make(shop, slug, **told)
    assert (first["problem"], first["replayed"]) == (None, False)
    with stored.unchanged():
        second = await _make(shop, slug, **told)
    assert second == {**first, "replayed": True}
    assert len(stored.rows("brands", slug, "slug")) == 1
    stored.settled(first["brand"]["id"], 1)


async def test_a_refusal_is_repeated_too(shop: Asker, stored: Stored) -> None:
    slug, key = _fresh(), _fresh()
    await _make(shop, slug)
    refused = await _make(shop, slug, key=key)
    assert (refused["problem"]["code"], refused["replayed"]) == ("validation-failed", False)
    with stored.unchanged():
        again = await _make(shop, slug, key=key)
    assert again == {**refused, "replayed": True}


async def test_a_key_with_another_input_is_refused(shop: Asker, stored: Stored) -> None:
    key = _fresh()
    await _make(shop, _fresh(), key=key)
    with stored.unchanged():
        found = await _make(shop, _fresh(), key=key)
    assert (found["brand"], found["problem"]["code"]) == (None, "idempotency-key-mismatch")


async def test_a_first_request_that_still_runs_is_told_from_a_lasting_conflict(
    shop: Asker, stored: Stored, written: Seed
) -> None:
    """C-49: by when it is worth trying again, which no header can tell of one payload among many."""
    key, workspace = _fresh(), written.workspaces["acme"]["id"]
    claim = "SELECT pg_advisory_xact_lock(hashtextextended(%s::text || ' ' || %s, 0))"

    with stored.unchanged(), psycopg.connect(stored.database) as first:
        first.execute(claim, [str(workspace), key])
        found = await shop.mutate(
            CREATE.replace("detail }", "detail retryAfter extensions }"), {"slug": key, "key": key}
        )

    assert found["brand"] is None
    problem = found["problem"]
    assert (problem["code"], problem["retryAfter"], problem["extensions"]) == ("conflict", 1, None)


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "line\nbreak"])
async def test_what_is_no_key_is_refused(shop: Asker, stored: Stored, key: str) -> None:
    with stored.unchanged():
        for told in ({"key": key}, {"header": key}):
            problem = (await _make(shop, _fresh(), **told))["problem"]
            assert (problem["status"], problem["code"]) == (400, "bad-request")
            assert "255" in problem["detail"]


async def test_two_keys_that_differ_are_refused(shop: Asker, stored: Stored) -> None:
    with stored.unchanged():
        problem = (await _make(shop, _fresh(), key="one", header="other"))["problem"]
    assert (problem["status"], "idempotencyKey" in problem["detail"]) == (400, True)


TWO = (
    "mutation($a: String, $b: String, $both: Boolean!) {"
    " a: createBrand(input: {name: $a, slug: $a}) { brand { slug } problem { status detail } }"
    " ... on Mutation @include(if: $both) {"
    " b: createBrand(input: {name: $b, slug: $b}) { brand { slug } problem { status detail } } } }"
)


async def test_the_header_belongs_to_a_single_mutation(shop: Asker, stored: Stored) -> None:
    a, b, key = _fresh(), _fresh(), _fresh()
    with stored.unchanged():
        reply = await shop.ask(TWO, {"a": a, "b": b, "both": True}, scopes="writer", key=key)
    for found in reply.data.values():
        assert (found["brand"], found["problem"]["status"]) == (None, 400)
        assert "Idempotency-Key" in found["problem"]["detail"]
    alone = await shop.mutate(TWO, {"a": a, "b": b, "both": False}, key=key)
    assert alone == {"brand": {"slug": a}, "problem": None}
    assert len(stored.kept(key)) == 1


async def test_the_header_means_nothing_to_a_query(shop: Asker, stored: Stored) -> None:
    with stored.unchanged():
        reply = await shop.ask("{ brands { totalCount } }", key="a b")
    assert reply.data["brands"]["totalCount"] > 0
    assert reply.way == (shop.way or "compiled")


async def _batch(shop: Asker, *requests: dict[str, Any], key: str | None = None) -> list[Any]:
    reply = await shop.send(orjson.dumps(list(requests)), scopes="writer", key=key)
    assert reply.response.status == 200
    found: list[Any] = reply.json
    return found


async def test_a_batch_with_a_mutation_runs_in_order(shop: Asker) -> None:
    slug = _fresh()
    count = {
        "query": "query($slug: String) { brands(filter: {slug: {eq: $slug}}) { totalCount } }",
        "variables": {"slug": slug},
    }
    create = {"query": CREATE, "variables": {"slug": slug}}
    found = await _batch(shop, count, create, count, create, {"query": "{ nope }"}, count)
    totals = [found[n]["data"]["brands"]["totalCount"] for n in (0, 2, 5)]
    assert totals == [0, 1, 1]
    assert found[1]["data"]["createBrand"]["problem"] is None
    assert found[3]["data"]["createBrand"]["problem"]["code"] == "validation-failed"
    assert found[4]["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_the_header_belongs_to_the_only_mutation_of_a_batch(shop: Asker, stored: Stored) -> None:
    slug, key = _fresh(), _fresh()
    create, read = {"query": CREATE, "variables": {"slug": slug}}, {"query": "{ brands { totalCount } }"}
    with stored.unchanged():
        for each in await _batch(shop, create, create, key=key):
            assert each["data"]["createBrand"]["problem"]["status"] == 400
    first, second = [(await _batch(shop, read, create, key=key))[1] for _ in range(2)]
    assert first["data"]["createBrand"]["problem"] is None
    assert second["data"]["createBrand"]["replayed"] is True
    assert len(stored.rows("brands", slug, "slug")) == 1


async def test_a_mutation_by_get_writes_nothing(shop: Asker, stored: Stored) -> None:
    with stored.unchanged():
        reply = await shop.send(
            b"",
            method="GET",
            raw_query=b"query=mutation%7BcreateBrand(input%3A%7Bname%3A%22x%22%7D)%7Breplayed%7D%7D",
            scopes="writer",
        )
    assert reply.response.status == 405
    reply.refused("METHOD_NOT_ALLOWED")
