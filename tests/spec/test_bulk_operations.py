"""Bulk operations (S3.27, C-52, C-53): up to a hundred rows at once, all or none unless asked otherwise."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.engine.versions import tag
from tests.support.application import driver_of
from tests.support.client import Answer, Client
from tests.support.expected import document
from tests.support.seed import Seed
from tests.support.stored import Stored

BULK = "/api/v1/customers/bulk"
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}

Send = Callable[[Client, list[Any]], Awaitable[Answer]]


async def _delete_by_post(shop: Client, ids: list[Any], query: str = "") -> Answer:
    return await shop.post(f"/api/v1/customers/bulk-delete{query}", {"ids": ids})


async def made(shop: Client, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Make customers in one request and return them."""
    items = [{"name": f"Many {n}", "email": f"many{n}@example.com", **changes} for n in range(count)]
    answer = await shop.post(BULK, {"items": items})
    assert answer.status == 201, answer.body[:500]
    return [entry["data"] for entry in answer.json()["data"]]


def summary(total: int, failed: int = 0) -> dict[str, int]:
    return {"total": total, "succeeded": total - failed, "failed": failed}


async def test_many_are_created_at_once(shop: Client, stored: Stored) -> None:
    """S3-272, S3-277, S3-280: 201, each with its place, id, status and row."""
    items = [{"name": f"Row {n}", "metadata": {"n": n}} for n in range(100)]

    answer = await shop.post(BULK, {"items": items})

    assert answer.status == 201
    found = answer.json()
    assert list(found) == ["data", "summary"]
    assert found["summary"] == summary(100)
    assert len({entry["id"] for entry in found["data"]}) == 100
    for n, entry in enumerate(found["data"]):
        assert list(entry) == ["index", "id", "status", "data"]
        assert (entry["index"], entry["status"]) == (n, "created")
        assert entry["data"] == document("customers", stored.row("customers", entry["id"]))
        assert (entry["data"]["name"], entry["data"]["metadata"]) == (f"Row {n}", {"n": n})
        stored.settled(entry["id"], 1)
    assert answer.header("etag") is None
    assert answer.header("location") is None
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("vary") == "Authorization"


async def test_many_are_updated_at_once(shop: Client, stored: Stored) -> None:
    """S3-273, S3-277: 200; in each row only what was sent for it."""
    rows = await made(shop, 3)
    items = [
        {"id": rows[2]["id"], "name": "Last"},
        {"id": rows[0]["id"], "email": None, "metadata": {"a": 1}},
    ]

    answer = await shop.patch(BULK, {"items": items})

    assert answer.status == 200
    first, second = answer.json()["data"]
    assert answer.json()["summary"] == summary(2)
    assert [first["status"], second["status"]] == ["updated", "updated"]
    assert first["data"] == {**rows[2], "name": "Last", "updated_at": first["data"]["updated_at"]}
    changes = {"email": None, "metadata": {"a": 1}, "updated_at": second["data"]["updated_at"]}
    assert second["data"] == {**rows[0], **changes}
    assert second["data"] == document("customers", stored.row("customers", rows[0]["id"]))
    assert stored.row("customers", rows[1]["id"])["version"] == 1
    stored.settled(rows[0]["id"], 2)
    stored.settled(rows[1]["id"], 1)
    stored.settled(rows[2]["id"], 2)
    read = await shop.get(f"/api/v1/customers/{rows[0]['id']}")
    assert read.header("etag") == tag(rows[0]["id"], 2)


async def test_many_are_merged_at_once(shop: Client) -> None:
    """C-41: as one is; the address says so itself (RFC 5789, section 3.1)."""
    first, second = await made(shop, 2, metadata={"a": 1, "b": {"c": 2}})
    items = [{"id": first["id"], "metadata": {"b": {"d": 3}}}, {"id": second["id"], "metadata": {"a": None}}]

    merged = await shop.patch(BULK, {"items": items}, merge=True)

    assert merged.status == 200, merged.body[:500]
    found = [entry["data"]["metadata"] for entry in merged.json()["data"]]
    assert found == [{"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2}}]
    accepted = (await shop.request("OPTIONS", BULK)).header("accept-patch")
    assert accepted == "application/json, application/merge-patch+json"


@pytest.mark.parametrize("by_post", [False, True])
async def test_many_are_deleted_at_once(shop: Client, stored: Stored, by_post: bool) -> None:
    """S3-274, S3-277, C-53: 200; by DELETE with a body, or by POST where that gets lost."""
    ids = [row["id"] for row in await made(shop, 3)]

    answer = await (_delete_by_post(shop, ids[:2]) if by_post else shop.delete(BULK, {"ids": ids[:2]}))

    assert answer.status == 200
    assert answer.json() == {
        "data": [{"index": n, "id": id_, "status": "deleted"} for n, id_ in enumerate(ids[:2])],
        "summary": summary(2),
    }
    assert [stored.row("customers", id_)["deleted_at"] is None for id_ in ids] == [False, False, True]
    for id_, version in zip(ids, (2, 2, 1), strict=True):
        stored.settled(id_, version)
    assert stored.events(ids[0])[1]["type"] == "customer.deleted"


async def test_one_event_for_each_row(shop: Client, stored: Stored) -> None:
    """Q-24: in the order of the items, all under one request id."""
    answer = await shop.post(
        BULK, {"items": [{"name": f"E{n}"} for n in range(5)]}, headers=[("x-request-id", "bulk-trace")]
    )
    entries = answer.json()["data"]

    events = [event for entry in entries for event in stored.events(entry["id"])]
    assert [event["data"] for event in events] == [entry["data"] for entry in entries]
    positions = [event["position"] for event in events]
    assert positions == sorted(positions)
    audits = [audit for entry in entries for audit in stored.audits(entry["id"])]
    assert {(audit["action"], audit["request_id"]) for audit in audits} == {
        ("customer.created", "bulk-trace")
    }


async def test_a_hundred_rows_take_as_many_statements_as_two(shop: Client) -> None:
    """Issue: set-based, not a loop of statements."""
    driver = driver_of(shop.application)

    async def counted(send: Callable[[], Awaitable[Answer]]) -> int:
        before = driver.statements_sent
        assert (await send()).status < 300
        return driver.statements_sent - before

    costs: list[tuple[int, int, int]] = []
    for count in (2, 100):
        rows = await made(shop, count)
        items = [{"name": f"x{n}"} for n in range(count)]
        changes = [{"id": row["id"], "name": "y"} for row in rows]
        ids = [row["id"] for row in rows]
        costs.append(
            (
                await counted(lambda items=items: shop.post(BULK, {"items": items})),  # type: ignore[misc]
                await counted(lambda changes=changes: shop.patch(BULK, {"items": changes})),  # type: ignore[misc]
                await counted(lambda ids=ids: shop.delete(BULK, {"ids": ids})),  # type: ignore[misc]
            )
        )

    assert costs[0] == costs[1]


# All or none


async def test_one_bad_item_stops_all(shop: Client, stored: Stored) -> None:
    """S3-281, C-52: 422 with every error under its path, and what became of every item."""
    items = [{"name": "Good"}, {"name": "", "email": "no"}, {"name": "Good too"}, {"nope": 1}]
    with stored.unchanged():
        answer = await shop.post(BULK, {"items": items})

    problem = answer.invalid_at(
        {
            "items.1.name": ["cant_be_blank"],
            "items.1.email": ["invalid_format"],
            "items.3.name": ["cant_be_blank"],
            "items.3.nope": ["unknown_field"],
        }
    )
    assert problem["summary"] == {"total": 4, "succeeded": 0, "failed": 2}
    assert [(each["index"], each["id"], each["status"]) for each in problem["data"]] == [
        (0, None, "skipped"),
        (1, None, "failed"),
        (2, None, "skipped"),
        (3, None, "failed"),
    ]
    assert [set(each) for each in problem["data"]] == [
        {"index", "id", "status"},
        {"index", "id", "status", "error"},
    ] * 2
    error = problem["data"][1]["error"]
    assert set(error) == {*PROBLEM, "errors", "error_messages"}
    assert error["errors"] == {"name": ["cant_be_blank"], "email": ["invalid_format"]}
    assert (error["status"], error["code"], error["instance"]) == (422, "validation-failed", BULK)


async def test_a_missing_row_stops_an_update(shop: Client, stored: Stored, written: Seed) -> None:
    """C-52: another workspace's, deleted and absent are the same."""
    (row,) = await made(shop, 1)
    absent = (
        str(uuid.uuid4()),
        str(written.live("customers", "globex")[0]["id"]),
        str(written.deleted("customers")[0]["id"]),
    )
    for id_ in absent:
        items = [{"id": row["id"], "name": "Not changed"}, {"id": id_, "name": "Nobody"}]
        with stored.unchanged():
            problem = (await shop.patch(BULK, {"items": items})).invalid_at({"items.1.id": ["not_found"]})
        assert [each["status"] for each in problem["data"]] == ["skipped", "failed"]
        assert [each["id"] for each in problem["data"]] == [row["id"], id_]
        assert problem["data"][1]["error"]["code"] == "not-found"
        with stored.unchanged():
            answer = await shop.delete(BULK, {"ids": [row["id"], id_]})
        answer.invalid_at({"ids.1": ["not_found"]})


async def test_uniqueness_holds_within_a_request_too(shop: Client, stored: Stored) -> None:
    """S3-281: against rows that are there, and against each other."""
    await shop.post("/api/v1/brands", {"name": "There", "slug": "already-there"})
    items = [
        {"name": "A", "slug": "within-one"},
        {"name": "B", "slug": "within-two"},
        {"name": "C", "slug": "within-one"},
        {"name": "D", "slug": "already-there"},
    ]
    with stored.unchanged():
        answer = await shop.post("/api/v1/brands/bulk", {"items": items})

    answer.invalid_at({"items.2.slug": ["already_taken"], "items.3.slug": ["already_taken"]})


async def test_made_values_differ_within_a_request(shop: Client) -> None:
    """A slug made of the name is made anew where another row has it."""
    answer = await shop.post("/api/v1/brands/bulk", {"items": [{"name": "Same Name Again"}] * 5})

    slugs = [entry["data"]["slug"] for entry in answer.json()["data"]]
    assert answer.status == 201
    assert len(set(slugs)) == 5
    assert all(slug.startswith("same-name-again") for slug in slugs)


async def test_every_kind_of_error_is_told_at_once(shop: Client, stored: Stored, written: Seed) -> None:
    """S3-276: each item by itself."""
    foreign = str(written.live("brands", "globex")[0]["id"])
    items = [
        {"name": "Lost", "brand_id": foreign},
        {"name": "Costly", "price_cents": -1, "currency": "EUR"},
        {"name": "Odd", "status": "sold", "quantity": "many"},
        {"name": 1},
    ]
    with stored.unchanged():
        answer = await shop.post("/api/v1/products/bulk", {"items": items})

    answer.invalid_at(
        {
            "items.0.brand_id": ["not_found"],
            "items.1.price_cents": ["greater_than"],
            "items.2.status": ["inclusion"],
            "items.2.quantity": ["not_an_integer"],
            "items.3.name": ["invalid_format"],
        }
    )


# Some


async def test_the_good_ones_are_written_where_asked(shop: Client, stored: Stored) -> None:
    """S3-279, S3-280, C-52: 207 with a row or a whole problem for each."""
    before = stored.count("customers")
    items = [{"name": "Fine"}, {"name": None}, {"name": "Fine too"}]

    answer = await shop.post(f"{BULK}?atomic=false", {"items": items}, headers=[("x-request-id", "partly")])

    assert answer.status == 207
    found = answer.json()
    assert found["summary"] == summary(3, failed=1)
    assert [entry["status"] for entry in found["data"]] == ["created", "failed", "created"]
    assert found["data"][1] == {
        "index": 1,
        "id": None,
        "status": "failed",
        "error": {
            "type": "/problems/validation-failed",
            "title": "Validation Failed",
            "status": 422,
            "detail": "name is invalid.",
            "instance": BULK,
            "code": "validation-failed",
            "request_id": "partly",
            "errors": {"name": ["cant_be_blank"]},
            "error_messages": {"name": ["This is required."]},
        },
    }
    assert stored.count("customers") == before + 2
    for entry in (found["data"][0], found["data"][2]):
        assert entry["data"] == document("customers", stored.row("customers", entry["id"]))
        stored.settled(entry["id"], 1)


async def test_updates_and_deletes_may_be_partial_too(shop: Client, stored: Stored) -> None:
    """C-52."""
    rows = await made(shop, 3)
    absent = str(uuid.uuid4())
    items = [
        {"id": rows[0]["id"], "name": "Changed"},
        {"id": absent, "name": "Nobody"},
        {"id": rows[1]["id"], "email": "no"},
    ]
    changed = await shop.patch(f"{BULK}?atomic=false", {"items": items})
    deleted = await shop.delete(f"{BULK}?atomic=false", {"ids": [absent, rows[2]["id"]]})
    by_post = await _delete_by_post(shop, [rows[1]["id"], rows[2]["id"]], "?atomic=false")

    assert [answer.status for answer in (changed, deleted, by_post)] == [207, 207, 207]
    entries = changed.json()["data"]
    assert [(entry["id"], entry["status"]) for entry in entries] == [
        (rows[0]["id"], "updated"),
        (absent, "failed"),
        (rows[1]["id"], "failed"),
    ]
    assert [entries[n]["error"]["code"] for n in (1, 2)] == ["not-found", "validation-failed"]
    assert [entry["status"] for entry in deleted.json()["data"]] == ["failed", "deleted"]
    assert [entry["status"] for entry in by_post.json()["data"]] == ["deleted", "failed"]
    assert by_post.json()["summary"] == summary(2, failed=1)
    for row, version in zip(rows, (2, 2, 2), strict=True):
        stored.settled(row["id"], version)


async def test_all_good_is_the_same_either_way(shop: Client) -> None:
    """S3-277."""
    (row,) = await made(shop, 1)
    assert (await shop.post(f"{BULK}?atomic=false", {"items": [{"name": "x"}]})).status == 201
    assert (await shop.patch(f"{BULK}?atomic=false", {"items": [{"id": row["id"]}]})).status == 200
    assert (await shop.delete(f"{BULK}?atomic=false", {"ids": [row["id"]]})).status == 200


async def test_all_bad_is_422_either_way(shop: Client, stored: Stored) -> None:
    """S3-278."""
    items = [{"name": ""}, {"email": "no"}]
    expected = {
        "items.0.name": ["cant_be_blank"],
        "items.1.name": ["cant_be_blank"],
        "items.1.email": ["invalid_format"],
    }
    for query in ("", "?atomic=true", "?atomic=false"):
        with stored.unchanged():
            problem = (await shop.post(BULK + query, {"items": items})).invalid_at(expected)
        assert problem["summary"] == {"total": 2, "succeeded": 0, "failed": 2}
        assert [each["status"] for each in problem["data"]] == ["failed", "failed"]


async def test_a_partial_outcome_is_repeated_under_its_key(shop: Client, stored: Stored) -> None:
    """S3-282: `Idempotency-Key` on bulk."""
    key = [("idempotency-key", f"partial-{uuid.uuid4()}")]
    items = [{"name": "Kept"}, {"name": ""}]
    first = await shop.post(f"{BULK}?atomic=false", {"items": items}, headers=key)
    with stored.unchanged():
        again = await shop.post(f"{BULK}?atomic=false", {"items": items}, headers=key)
        other = await shop.post(BULK, {"items": items}, headers=key)

    assert (first.status, first.header("idempotency-replayed")) == (207, None)
    assert (again.status, again.header("idempotency-replayed")) == (207, "true")
    assert again.body == first.body
    assert other.problem(422)["code"] == "idempotency-key-mismatch"


# Bad input


@pytest.mark.parametrize("query", ["", "?atomic=false"])
async def test_none_and_too_many_are_refused(shop: Client, stored: Stored, query: str) -> None:
    """S3-275, C-52."""
    many = [{"id": str(uuid.uuid4()), "name": f"x{n}"} for n in range(101)]
    ids = [item["id"] for item in many]
    with stored.unchanged():
        for send in (shop.post, shop.patch):
            for body in ({"items": []}, {}, {"items": None}):
                (await send(BULK + query, body)).invalid_at({"items": ["cant_be_blank"]})
            (await send(BULK + query, {"items": many})).invalid_at({"items": ["too_long"]})
        for target, delete in ((BULK, shop.delete), ("/api/v1/customers/bulk-delete", shop.post)):
            for body in ({"ids": []}, {}, {"ids": None}):
                (await delete(target + query, body)).invalid_at({"ids": ["cant_be_blank"]})
            (await delete(target + query, {"ids": ids})).invalid_at({"ids": ["too_long"]})


async def test_ids_may_not_stand_there_twice(shop: Client, stored: Stored) -> None:
    """C-52: in whatever way they are written."""
    (row,) = await made(shop, 1)
    id_ = row["id"]
    for twin in (id_, id_.upper(), id_.replace("-", "")):
        items = [{"id": id_, "name": "a"}, {"id": twin, "name": "b"}]
        with stored.unchanged():
            (await shop.patch(BULK, {"items": items})).invalid_at({"items.1.id": ["already_taken"]})
            (await shop.delete(BULK, {"ids": [id_, twin]})).invalid_at({"ids.1": ["already_taken"]})


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        ("x", "invalid_uuid"),
        ("", "invalid_uuid"),
        (1, "invalid_uuid"),
        (True, "invalid_uuid"),
        ([], "invalid_uuid"),
        ({"id": "x"}, "invalid_uuid"),
        (1.5, "invalid_uuid"),
        ("7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a2Z", "invalid_uuid"),
        (None, "cant_be_blank"),
    ],
)
async def test_ids_must_be_ids(shop: Client, stored: Stored, id_: Any, code: str) -> None:
    """Q-01: in a body 422."""
    (row,) = await made(shop, 1)
    with stored.unchanged():
        items = [{"id": row["id"], "name": "a"}, {"id": id_, "name": "b"}]
        (await shop.patch(BULK, {"items": items})).invalid_at({"items.1.id": [code]})
        (await shop.delete(BULK, {"ids": [row["id"], id_]})).invalid_at({"ids.1": [code]})
        (await _delete_by_post(shop, [id_])).invalid_at({"ids.0": [code]})


async def test_an_update_without_an_id_is_refused(shop: Client, stored: Stored) -> None:
    """S3-273."""
    with stored.unchanged():
        (await shop.patch(BULK, {"items": [{"name": "b"}]})).invalid_at({"items.0.id": ["cant_be_blank"]})


@pytest.mark.parametrize("value", ["x", 1, True, {}, {"0": {"name": "x"}}])
async def test_items_and_ids_are_lists(shop: Client, stored: Stored, value: Any) -> None:
    """Issue: type confusion."""
    with stored.unchanged():
        (await shop.post(BULK, {"items": value})).invalid_at({"items": ["invalid_format"]})
        (await shop.patch(BULK, {"items": value})).invalid_at({"items": ["invalid_format"]})
        (await shop.delete(BULK, {"ids": value})).invalid_at({"ids": ["invalid_format"]})


@pytest.mark.parametrize("query", ["", "?atomic=false"])
async def test_items_are_objects(shop: Client, stored: Stored, query: str) -> None:
    """Issue: type confusion; every one that is none is named."""
    items = [{"name": "Good"}, None, "x", 1, [], [{"name": "x"}]]
    with stored.unchanged():
        for send in (shop.post, shop.patch):
            answer = await send(BULK + query, {"items": items})
            answer.invalid_at({f"items.{n}": ["invalid_format"] for n in range(1, 6)})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"items": [{"name": "x"}], "atomic": False}, "'atomic'"),
        ({"items": [{"name": "x"}], "ids": []}, "'ids'"),
        ({"data": [{"name": "x"}]}, "'data'"),
        ({"name": "x"}, "'name'"),
        ({"items": [{"name": "x"}], "dry_run": True}, "'dry_run'"),
    ],
)
async def test_other_members_are_refused_by_name(
    shop: Client, stored: Stored, body: dict[str, Any], named: str
) -> None:
    """S3-255: nothing is silently ignored."""
    with stored.unchanged():
        (await shop.post(BULK, body)).names(400, named)
        (await shop.patch(BULK, body)).names(400, named)


async def test_items_are_not_taken_for_ids(shop: Client, stored: Stored) -> None:
    """S3-274."""
    (row,) = await made(shop, 1)
    with stored.unchanged():
        (await shop.delete(BULK, {"items": [{"id": row["id"]}]})).names(400, "'items'")
        (await shop.delete(BULK, {"ids": [row["id"]], "items": []})).names(400, "'items'")
        (await shop.delete(BULK)).names(400, "missing")


@pytest.mark.parametrize("value", ["1", "0", "yes", "no", "False", "", "null"])
async def test_atomic_is_true_or_false(shop: Client, stored: Stored, value: str) -> None:
    """S3-107."""
    with stored.unchanged():
        (await shop.post(f"{BULK}?atomic={value}", {"items": [{"name": "x"}]})).names(400, "atomic")
        (await shop.post(f"{BULK}?atomic=true&atomic=false", {"items": [{"name": "x"}]})).names(400, "atomic")


async def test_what_the_server_decides_cannot_be_sent(shop: Client, stored: Stored) -> None:
    """Issue: mass assignment."""
    (row,) = await made(shop, 1)
    sent = {"workspace_id": str(uuid.uuid4()), "version": 9, "deleted_at": "2026-01-01T00:00:00Z"}
    expected = {"workspace_id": ["unknown_field"], "version": ["unknown_field"], "deleted_at": ["exclusion"]}
    errors = {f"items.0.{name}": codes for name, codes in expected.items()}
    with stored.unchanged():
        (await shop.post(BULK, {"items": [{"name": "x", **sent}]})).invalid_at(errors)
        (await shop.patch(BULK, {"items": [{"id": row["id"], **sent}]})).invalid_at(errors)


async def test_an_id_sent_with_a_new_row_is_not_taken_over(shop: Client) -> None:
    """Q-02: ids are the server's, here as for a single row."""
    (row,) = await made(shop, 1)

    answer = await shop.post(BULK, {"items": [row, row]})

    ids = [entry["id"] for entry in answer.json()["data"]]
    assert answer.status == 201
    assert len({*ids, row["id"]}) == 3
