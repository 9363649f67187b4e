"""Bulk mutations: all or none, or each for itself, with the place of every item in what is said of it."""

import uuid
from typing import Any

import pytest

from tests.schema.asking import Asker
from tests.support.stored import Stored

RESULTS = (
    "results { index id: rowId status brand { id name slug products { totalCount } }"
    " problem { code errors } }"
    " summary { total succeeded failed } problem { status code errors extensions } replayed"
)
CREATE = (
    "mutation($items: [BrandCreateInput!]!, $atomic: Boolean! = true, $key: String) {"
    " createBrands(items: $items, atomic: $atomic, idempotencyKey: $key) { RESULTS } }"
).replace("RESULTS", RESULTS)
UPDATE = (
    "mutation($items: [BrandBulkUpdateInput!]!, $atomic: Boolean! = true) {"
    " updateBrands(items: $items, atomic: $atomic) { RESULTS } }"
).replace("RESULTS", RESULTS)
DELETE = (
    "mutation($ids: [ID!]!, $atomic: Boolean! = true) {"
    " deleteBrands(ids: $ids, atomic: $atomic) { RESULTS } }"
).replace("RESULTS", RESULTS)


def _items(count: int) -> list[dict[str, str]]:
    return [{"name": f"Brand {n}", "slug": f"b-{uuid.uuid4().hex[:12]}"} for n in range(count)]


def _statuses(found: Any) -> list[str]:
    assert [result["index"] for result in found["results"]] == list(range(len(found["results"])))
    return [result["status"] for result in found["results"]]


async def _made(shop: Asker, count: int) -> list[dict[str, Any]]:
    found = await shop.mutate(CREATE, {"items": _items(count)})
    assert found["problem"] is None
    return [result["brand"] for result in found["results"]]


async def test_many_are_made_changed_and_deleted_at_once(shop: Asker, stored: Stored) -> None:
    items = _items(100)
    found = await shop.mutate(CREATE, {"items": items})
    assert (found["problem"], found["replayed"]) == (None, False)
    assert found["summary"] == {"total": 100, "succeeded": 100, "failed": 0}
    assert _statuses(found) == ["CREATED"] * 100
    assert [result["brand"]["slug"] for result in found["results"]] == [item["slug"] for item in items]
    ids = [result["id"] for result in found["results"]]
    assert ids == [result["brand"]["id"] for result in found["results"]]
    changed = await shop.mutate(
        UPDATE, {"items": [{"id": id_, "name": f"Changed {n}"} for n, id_ in enumerate(ids)]}
    )
    assert _statuses(changed) == ["UPDATED"] * 100
    assert [result["brand"]["name"] for result in changed["results"]] == [f"Changed {n}" for n in range(100)]
    gone = await shop.mutate(DELETE, {"ids": ids})
    assert _statuses(gone) == ["DELETED"] * 100
    assert [result["id"] for result in gone["results"]] == ids
    assert {result["brand"] is None for result in gone["results"]} == {True}
    for id_ in (ids[0], ids[99]):
        stored.settled(id_, 3)


async def test_all_or_none(shop: Asker, stored: Stored) -> None:
    items = [*_items(2), {"name": ""}, {"name": "x", "slug": "Not a slug"}]
    with stored.unchanged():
        found = await shop.mutate(CREATE, {"items": items})
    assert (found["results"], found["summary"]) == (None, None)
    problem = found["problem"]
    assert (problem["status"], problem["code"]) == (422, "validation-failed")
    assert problem["errors"]["items.2.name"] == ["cant_be_blank"]
    assert problem["errors"]["items.3.slug"] == ["invalid_format"]
    told = problem["extensions"]
    assert [each["status"] for each in told["data"]] == ["skipped", "skipped", "failed", "failed"]
    assert told["summary"] == {"total": 4, "succeeded": 0, "failed": 2}


async def test_each_for_itself(shop: Asker, stored: Stored) -> None:
    good = _items(2)
    items = [good[0], {"name": ""}, good[1]]
    found = await shop.mutate(CREATE, {"items": items, "atomic": False})
    assert found["problem"] is None
    assert found["summary"] == {"total": 3, "succeeded": 2, "failed": 1}
    assert _statuses(found) == ["CREATED", "FAILED", "CREATED"]
    failed = found["results"][1]
    assert (failed["id"], failed["brand"]) == (None, None)
    assert (failed["problem"]["code"], failed["problem"]["errors"]["name"]) == (
        "validation-failed",
        ["cant_be_blank"],
    )
    assert [len(stored.rows("brands", item["slug"], "slug")) for item in good] == [1, 1]
    with stored.unchanged():
        none = await shop.mutate(CREATE, {"items": [{"name": ""}], "atomic": False})
    assert (none["results"], none["problem"]["status"]) == (None, 422)


async def test_a_bulk_request_is_repeated_by_its_key(shop: Asker, stored: Stored) -> None:
    given = {"items": [*_items(3), {}], "atomic": False, "key": uuid.uuid4().hex}
    first = await shop.mutate(CREATE, given)
    with stored.unchanged():
        assert await shop.mutate(CREATE, given) == {**first, "replayed": True}


@pytest.mark.parametrize(
    ("query", "name", "count", "code"),
    [
        (CREATE, "items", 0, "cant_be_blank"),
        (CREATE, "items", 101, "too_long"),
        (UPDATE, "items", 0, "cant_be_blank"),
        (UPDATE, "items", 101, "too_long"),
        (DELETE, "ids", 0, "cant_be_blank"),
        (DELETE, "ids", 101, "too_long"),
    ],
)
async def test_none_and_more_than_a_hundred_are_refused(
    shop: Asker, stored: Stored, query: str, name: str, count: int, code: str
) -> None:
    items: list[Any] = [str(uuid.uuid4()) for _ in range(count)] if name == "ids" else [{}] * count
    with stored.unchanged():
        problem = (await shop.mutate(query, {name: items}))["problem"]
    assert (problem["status"], problem["errors"]) == (422, {name: [code]})


async def test_ids_that_are_missing_twice_there_or_nobodys_are_named_by_their_place(
    shop: Asker, stored: Stored
) -> None:
    ids = [row["id"] for row in await _made(shop, 2)]
    nobody, foreign = str(uuid.uuid4()), str(shop.seed.live("brands", "globex")[0]["id"])
    with stored.unchanged():
        items = [{"id": id_, "name": "x"} for id_ in (*ids, ids[0], nobody, foreign)]
        changed = await shop.mutate(UPDATE, {"items": [*items, {"name": "x"}]})
        gone = await shop.mutate(DELETE, {"ids": [*ids, ids[0], nobody, foreign]})
    assert changed["problem"]["errors"] == {
        "items.2.id": ["already_taken"],
        "items.3.id": ["not_found"],
        "items.4.id": ["not_found"],
        "items.5.id": ["cant_be_blank"],
    }
    assert gone["problem"]["errors"] == {
        "ids.2": ["already_taken"],
        "ids.3": ["not_found"],
        "ids.4": ["not_found"],
    }
