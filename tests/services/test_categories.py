"""Rules of categories: the tree stays a tree, of bounded depth, whoever moves what at the same time."""

import asyncio
from typing import Any

from diptych.edge import Application
from tests.support.application import driver_of
from tests.support.client import Client
from tests.support.stored import Stored

CATEGORIES = "/api/v1/categories"


async def made(shop: Client, parent: str | None = None, **values: Any) -> str:
    body = {"name": "Node", "parent_id": parent, **values}
    id_ = (await shop.post(CATEGORIES, body)).data(201)["id"]
    assert isinstance(id_, str)
    return id_


async def chain(shop: Client, length: int) -> list[str]:
    """Return new categories, each below the one before."""
    found: list[str] = []
    for _ in range(length):
        found.append(await made(shop, found[-1] if found else None))
    return found


async def test_slugs_are_made_of_names_and_told_apart(shop: Client) -> None:
    first = (await shop.post(CATEGORIES, {"name": "Süße Sachen"})).data(201)
    second = (await shop.post(CATEGORIES, {"name": "Süße Sachen"})).data(201)

    assert first["slug"] == "susse-sachen"
    assert second["slug"].startswith("susse-sachen-")


async def test_a_category_cannot_be_below_itself(shop: Client, stored: Stored) -> None:
    top, middle, bottom = await chain(shop, 3)

    with stored.unchanged():
        for above in (top, middle, bottom):
            answer = await shop.patch(f"{CATEGORIES}/{top}", {"parent_id": above})
            answer.invalid(parent_id=["exclusion"])


async def test_the_tree_is_at_most_eight_levels_deep(shop: Client, stored: Stored) -> None:
    """Whether a category is made too low, or moved with others below it."""
    deep, other = await chain(shop, 8), await chain(shop, 2)

    with stored.unchanged():
        (await shop.post(CATEGORIES, {"name": "x", "parent_id": deep[-1]})).invalid(parent_id=["too_long"])
        answer = await shop.patch(f"{CATEGORIES}/{other[0]}", {"parent_id": deep[6]})
        answer.invalid(parent_id=["too_long"])
    assert (await shop.patch(f"{CATEGORIES}/{other[0]}", {"parent_id": deep[5]})).status == 200
    (await shop.post(CATEGORIES, {"name": "x", "parent_id": other[1]})).invalid(parent_id=["too_long"])


async def test_moving_up_and_sideways_is_free(shop: Client) -> None:
    top, middle, bottom = await chain(shop, 3)

    assert (await shop.patch(f"{CATEGORIES}/{bottom}", {"parent_id": top})).data()["parent_id"] == top
    assert (await shop.patch(f"{CATEGORIES}/{middle}", {"parent_id": bottom})).data()["parent_id"] == bottom
    assert (await shop.patch(f"{CATEGORIES}/{middle}", {"parent_id": None})).data()["parent_id"] is None


async def test_cycles_within_one_bulk_request_are_seen(shop: Client, stored: Stored) -> None:
    first, second, third = [await made(shop) for _ in range(3)]
    items = [{"id": first, "parent_id": second}, {"id": second, "parent_id": third}]

    assert (await shop.patch(f"{CATEGORIES}/bulk", {"items": items})).status == 200
    with stored.unchanged():
        back = [
            {"id": second, "parent_id": first},
            {"id": first, "parent_id": second},
            {"id": third, "position": 1},
        ]
        answer = await shop.patch(f"{CATEGORIES}/bulk", {"items": back})
    # The second one stays where it was, above the first: only a new place can be a wrong one.
    answer.invalid_at({"items.0.parent_id": ["exclusion"]})


async def test_those_that_fail_stay_where_they_were(shop: Client, stored: Stored) -> None:
    """C-52: with atomic=false what else is moved is judged by where those remain."""
    first, second = await made(shop), await made(shop)
    deep = await chain(shop, 7)
    items = [
        {"id": first, "parent_id": second},
        {"id": second, "parent_id": first},
        {"id": deep[0], "parent_id": second},
    ]

    answer = await shop.patch(f"{CATEGORIES}/bulk?atomic=false", {"items": items})

    assert [each["status"] for each in answer.json()["data"]] == ["failed", "failed", "updated"]
    assert stored.row("categories", first)["parent_id"] is None
    assert str(stored.row("categories", deep[0])["parent_id"]) == second


async def test_rivals_cannot_make_a_cycle_together(shop: Client, stored: Stored) -> None:
    for _ in range(5):
        first, second = await made(shop), await made(shop)

        answers = await asyncio.gather(
            shop.patch(f"{CATEGORIES}/{first}", {"parent_id": second}),
            shop.patch(f"{CATEGORIES}/{second}", {"parent_id": first}),
        )

        assert sorted(answer.status for answer in answers) == [200, 422]
        above = [stored.row("categories", id_)["parent_id"] for id_ in (first, second)]
        assert above.count(None) == 1


async def test_rivals_cannot_make_the_tree_too_deep_together(shop: Client) -> None:
    top, lower = await chain(shop, 4), await chain(shop, 4)

    answers = await asyncio.gather(
        shop.patch(f"{CATEGORIES}/{lower[0]}", {"parent_id": top[-1]}),
        shop.post(CATEGORIES, {"name": "x", "parent_id": lower[-1]}),
    )

    assert sorted(answer.status for answer in answers) in ([200, 422], [201, 422])


async def test_a_category_with_others_below_it_cannot_be_deleted(shop: Client, stored: Stored) -> None:
    top, middle, bottom = await chain(shop, 3)

    with stored.unchanged():
        (await shop.delete(f"{CATEGORIES}/{top}")).names(409, "below")
        answer = await shop.post(f"{CATEGORIES}/bulk-delete", {"ids": [top, bottom]})
        assert answer.problem(422)["summary"] == {"total": 2, "succeeded": 0, "failed": 1}
    answer = await shop.post(f"{CATEGORIES}/bulk-delete", {"ids": [top, middle, bottom]})
    assert answer.json()["summary"]["succeeded"] == 3


async def test_deleting_some_of_a_tree_leaves_no_gap_in_it(shop: Client, stored: Stored) -> None:
    """C-52: what stays keeps all above it, even where that was to be deleted too."""
    top, middle, bottom = await chain(shop, 3)
    alone = await made(shop)

    answer = await shop.post(f"{CATEGORIES}/bulk-delete?atomic=false", {"ids": [top, middle, alone]})

    assert [each["status"] for each in answer.json()["data"]] == ["failed", "failed", "deleted"]
    assert all(stored.row("categories", id_)["deleted_at"] is None for id_ in (top, middle, bottom))


async def test_a_child_and_the_end_of_its_parent_exclude_each_other(shop: Client, stored: Stored) -> None:
    for _ in range(5):
        parent = await made(shop)

        child, gone = await asyncio.gather(
            shop.post(CATEGORIES, {"name": "Child", "parent_id": parent}),
            shop.delete(f"{CATEGORIES}/{parent}"),
        )

        assert (child.status, gone.status) in ((201, 409), (422, 204))
        live = stored.row("categories", parent)["deleted_at"] is None
        assert live == (child.status == 201)


async def test_a_category_comes_back_only_below_a_live_one(shop: Client, stored: Stored) -> None:
    top, bottom = await chain(shop, 2)
    for id_ in (bottom, top):
        await shop.delete(f"{CATEGORIES}/{id_}")

    with stored.unchanged():
        (await shop.post(f"{CATEGORIES}/{bottom}/restore", {})).names(409, "above", "deleted")
    assert (await shop.post(f"{CATEGORIES}/{top}/restore", {})).status == 200
    assert (await shop.post(f"{CATEGORIES}/{bottom}/restore", {})).data()["parent_id"] == top


async def test_a_category_does_not_come_back_too_deep(shop: Client, stored: Stored) -> None:
    top, bottom = await chain(shop, 2)
    deep = await chain(shop, 7)
    await shop.delete(f"{CATEGORIES}/{bottom}")
    await shop.patch(f"{CATEGORIES}/{top}", {"parent_id": deep[-1]})

    with stored.unchanged():
        (await shop.post(f"{CATEGORIES}/{bottom}/restore", {})).names(409, "8 levels")


async def test_products_stay_filed_under_a_deleted_category(shop: Client) -> None:
    """And can be sent back as they were read."""
    category = await made(shop)
    product = (await shop.post("/api/v1/products", {"name": "Filed", "category_id": category})).data(201)

    assert (await shop.delete(f"{CATEGORIES}/{category}")).status == 204
    target = f"/api/v1/products/{product['id']}"
    assert (await shop.put(target, product, headers=[("if-match", "*")])).data()["category_id"] == category
    assert (await shop.get(f"{target}?include=category")).json()["data"]["relationships"] == {
        "category": None
    }


async def test_the_number_of_statements_does_not_depend_on_the_number_of_moves(
    shop: Client, trading: Application
) -> None:
    counts = []
    for many in (2, 50):
        above = await made(shop)
        items = [{"name": f"Low {many} {n}", "parent_id": above} for n in range(many)]
        before = driver_of(trading).statements_sent
        answer = await shop.post(f"{CATEGORIES}/bulk", {"items": items})
        assert answer.json()["summary"]["succeeded"] == many
        counts.append(driver_of(trading).statements_sent - before)

    assert counts[0] == counts[1]
