"""Concurrency control (S3.13, C-54): If-Match on everything that changes a row."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from services.engine.versions import tag
from tests.support.client import Answer, Client
from tests.support.stored import Stored

MODIFIED = "The resource has been modified since your last read. Re-fetch and retry."

Send = Callable[[Client, str, list[tuple[str, str]]], Awaitable[Answer]]

CHANGES: dict[str, Send] = {
    "PUT": lambda shop, target, headers: shop.put(target, {"name": "Put"}, headers=headers),
    "PATCH": lambda shop, target, headers: shop.patch(target, {"name": "Patched"}, headers=headers),
    "DELETE": lambda shop, target, headers: shop.delete(target, headers=headers),
    "restore": lambda shop, target, headers: shop.post(f"{target}/restore", {}, headers=headers),
}


async def brand(shop: Client, change: str = "PATCH") -> tuple[str, str, int]:
    """Return the address, id and version of a new row, deleted if it is to be restored."""
    id_ = (await shop.post("/api/v1/brands", {"name": "Contested"})).data(201)["id"]
    if change == "restore":
        assert (await shop.delete(f"/api/v1/brands/{id_}")).status == 204
    return f"/api/v1/brands/{id_}", id_, 2 if change == "restore" else 1


@pytest.mark.parametrize("change", CHANGES)
async def test_the_current_version_may_be_changed(shop: Client, stored: Stored, change: str) -> None:
    """S3-137, C-54: and the answer names the new one."""
    target, id_, version = await brand(shop, change)

    answer = await CHANGES[change](shop, target, [("if-match", tag(id_, version))])

    assert answer.status == (204 if change == "DELETE" else 200)
    assert answer.header("etag") == (None if change == "DELETE" else tag(id_, version + 1))
    stored.settled(id_, version + 1)


@pytest.mark.parametrize("change", CHANGES)
async def test_an_older_version_may_not(shop: Client, stored: Stored, change: str) -> None:
    """S3-137: 412 in the words of the law; nothing changes."""
    target, id_, version = await brand(shop, change)
    for stale in (tag(id_, version - 1), tag(id_, version + 1), tag(str(uuid.uuid4()), version), '"x"', '""'):
        with stored.unchanged():
            answer = await CHANGES[change](shop, target, [("if-match", stale)])
        problem = answer.problem(412)
        assert (problem["title"], problem["detail"]) == ("Precondition Failed", MODIFIED)
        assert problem["type"].endswith("/problems/precondition-failed")


@pytest.mark.parametrize("change", CHANGES)
async def test_a_star_means_whatever_is_there(shop: Client, stored: Stored, change: str) -> None:
    """C-54: `If-Match: *`; where nothing is, it is 404."""
    target, id_, version = await brand(shop, change)

    assert (await CHANGES[change](shop, target, [("if-match", " * ")])).status in (200, 204)
    stored.settled(id_, version + 1)
    with stored.unchanged():
        absent = f"/api/v1/brands/{uuid.uuid4()}"
        (await CHANGES[change](shop, absent, [("if-match", "*")])).problem(404)


@pytest.mark.parametrize("change", CHANGES)
async def test_weak_tags_never_match(shop: Client, stored: Stored, change: str) -> None:
    """C-54, RFC 9110 section 13.1.1: the comparison is strong."""
    target, id_, version = await brand(shop, change)
    with stored.unchanged():
        (await CHANGES[change](shop, target, [("if-match", f"W/{tag(id_, version)}")])).problem(412)


@pytest.mark.parametrize("change", CHANGES)
async def test_one_of_several_tags_is_enough(shop: Client, change: str) -> None:
    """RFC 9110 section 13.1.1: in one header or in several."""
    target, id_, version = await brand(shop, change)
    own = tag(id_, version)

    listed = await CHANGES[change](shop, target, [("if-match", f'"a", W/"b" ,{own},, "c"')])
    assert listed.status in (200, 204)
    target, id_, version = await brand(shop, change)
    repeated = await CHANGES[change](shop, target, [("if-match", '"a"'), ("if-match", tag(id_, version))])
    assert repeated.status in (200, 204)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "sent",
    ["", " ", "a1b2c3d4e5f6", '"a', 'a"', '"a" "b"', "*, *", '*, "a"', 'w/"a"', 'W/ "a"', "W/*", ",", "'a'"],
)
async def test_what_is_no_tag_is_refused_by_name(
    shop: Client, stored: Stored, change: str, sent: str
) -> None:
    """RFC 9110 section 8.8.3: an unreadable precondition must not be ignored."""
    target, _, _ = await brand(shop, change)
    with stored.unchanged():
        (await CHANGES[change](shop, target, [("if-match", sent)])).names(400, "If-Match")


async def test_the_tag_of_any_representation_will_do(shop: Client) -> None:
    """C-54: what was read with other fields or with includes is still that version."""
    target, id_, _ = await brand(shop)
    for n, query in enumerate(("", "?fields=name", "?include=products", "?fields=name&include=products")):
        read = (await shop.get(target + query)).header("etag") or ""
        assert (read == tag(id_, n + 1)) is (query == "")

        answer = await shop.patch(target, {"name": f"Name {n}"}, headers=[("if-match", read)])

        assert answer.data()["name"] == f"Name {n}"
        (await shop.patch(target, {"name": "stale"}, headers=[("if-match", read)])).problem(412)


async def test_put_demands_to_know_which_version_it_replaces(shop: Client, stored: Stored) -> None:
    """S3-139, S3-264: 428, also where the body is wrong in other ways; an absent row is 404 (Q-22)."""
    target, _, _ = await brand(shop)
    with stored.unchanged():
        for body in ({"name": "Put"}, {}, {"nope": 1}):
            problem = (await shop.put(target, body)).problem(428)
            assert (problem["title"], problem["code"]) == ("Precondition Required", "precondition-required")
            assert "If-Match" in problem["detail"]
        (await shop.put(f"/api/v1/brands/{uuid.uuid4()}", {"name": "Put"})).problem(404)


@pytest.mark.parametrize("change", ["PATCH", "DELETE", "restore"])
async def test_everything_else_may_do_without(shop: Client, change: str) -> None:
    """S3-140."""
    target, _, _ = await brand(shop, change)

    assert (await CHANGES[change](shop, target, [])).status in (200, 204)


async def test_a_stale_version_is_told_before_what_is_invalid(shop: Client, stored: Stored) -> None:
    """Q-22: 404, then 412, then 422."""
    target, id_, _ = await brand(shop)
    stale = [("if-match", tag(id_, 9))]
    with stored.unchanged():
        (await shop.patch(target, {"name": None}, headers=stale)).problem(412)
        (await shop.put(target, {}, headers=stale)).problem(412)
        (await shop.patch(f"/api/v1/brands/{uuid.uuid4()}", {"name": None}, headers=stale)).problem(404)


async def test_preconditions_that_cannot_be_judged_are_refused(shop: Client, stored: Stored) -> None:
    """What must not go unheeded: If-Match where no one row is meant, If-None-Match on any write."""
    target, id_, _ = await brand(shop)
    match, none = [("if-match", "*")], [("if-none-match", "*")]
    with stored.unchanged():
        (await shop.post("/api/v1/brands", {"name": "x"}, headers=match)).names(400, "If-Match")
        (await shop.post("/api/v1/brands/bulk", {"items": [{"name": "x"}]}, headers=match)).names(
            400, "If-Match"
        )
        (await shop.patch("/api/v1/brands/bulk", {"items": [{"id": id_}]}, headers=match)).names(
            400, "If-Match"
        )
        (await shop.delete("/api/v1/brands/bulk", {"ids": [id_]}, headers=match)).names(400, "If-Match")
        (await shop.post("/api/v1/brands", {"name": "x"}, headers=none)).names(400, "If-None-Match")
        for change in CHANGES.values():
            (await change(shop, target, none + match)).names(400, "If-None-Match")


async def test_of_racing_updates_of_one_version_one_wins(shop: Client, stored: Stored) -> None:
    """S3-137: the others are told so."""
    target, id_, _ = await brand(shop)
    headers = [("if-match", tag(id_, 1))]

    answers = await asyncio.gather(
        *(shop.patch(target, {"name": f"Racer {n}"}, headers=headers) for n in range(20))
    )

    won = [answer for answer in answers if answer.status == 200]
    assert [answer.status for answer in answers].count(412) == 19
    assert len(won) == 1
    assert stored.row("brands", id_)["name"] == won[0].data()["name"]
    assert won[0].header("etag") == tag(id_, 2)
    stored.settled(id_, 2)


async def test_updates_without_a_version_all_count(shop: Client, stored: Stored) -> None:
    """S3-143: each its own version, none lost."""
    target, id_, _ = await brand(shop)

    answers = await asyncio.gather(*(shop.patch(target, {"name": f"Guest {n}"}) for n in range(20)))

    assert {answer.header("etag") for answer in answers} == {tag(id_, n) for n in range(2, 22)}
    assert stored.row("brands", id_)["version"] == 21
    stored.settled(id_, 21)


async def test_of_racing_deletes_one_wins(shop: Client, stored: Stored) -> None:
    """Q-06."""
    target, id_, _ = await brand(shop)

    answers = await asyncio.gather(*(shop.delete(target) for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [204] + [404] * 9
    stored.settled(id_, 2)


async def test_the_header_goes_not_unheeded_over_graphql(shop: Client, stored: Stored) -> None:
    """C-54: a mutation says by its own argument which version it means."""
    brand = (await shop.post("/api/v1/brands", {"name": "Meant"})).data(201)
    query = f'mutation {{ updateBrand(id: "{brand["id"]}", input: {{name: "Lost"}}) {{ replayed }} }}'

    with stored.unchanged():
        answer = await shop.post("/graphql", {"query": query}, headers=[("if-match", '"other"')])

    (error,) = answer.json()["errors"]
    assert (answer.status, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert "ifMatch" in error["message"]
