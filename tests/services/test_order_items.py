"""Lines as a resource of their own: their orders follow them."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.services.test_orders import ANY, LOOSE, ORDERS, WAYS, ids, made, product, read
from tests.support.client import Client
from tests.support.seed import LARGEST_SAFE_INTEGER
from tests.support.stored import Stored

LINES = "/api/v1/order-items"


async def added(shop: Client, order: dict[str, Any], **values: Any) -> dict[str, Any]:
    body = {"order_id": order["id"], "name": "Added", "unit_price_cents": 10, "quantity": 1, **values}
    return (await shop.post(LINES, body)).data(201)


async def test_a_new_line_is_the_last_and_counts(shop: Client, stored: Stored) -> None:
    """The order gets a new version, and an event that shows the line."""
    order = await made(shop, tax_rate="0.1")

    line = await added(shop, order, quantity=2)

    after = await read(shop, order)
    assert (line["position"], line["line_total_cents"], line["currency"]) == (1, 20, "GBP")
    assert ids(after) == [*ids(order), line["id"]]
    assert (after["subtotal_cents"], after["tax_cents"], after["total_cents"]) == (335, 34, 369)
    event = stored.events(order["id"])[1]
    assert (event["type"], event["data"]) == ("order.updated", after)
    stored.settled(order["id"], 2)
    stored.settled(line["id"], 1)


async def test_a_line_is_changed_deleted_and_restored_with_its_order(shop: Client, stored: Stored) -> None:
    order = await made(shop)
    (id_,) = ids(order)
    totals = []

    for change in (
        shop.patch(f"{LINES}/{id_}", {"quantity": 1}),
        shop.delete(f"{LINES}/{id_}"),
        shop.post(f"{LINES}/{id_}/restore", {}),
    ):
        assert (await change).status in (200, 204)
        after = await read(shop, order)
        totals.append((after["total_cents"], len(after["line_items"])))

    assert totals == [(105, 1), (0, 0), (105, 1)]
    stored.settled(order["id"], 4)
    stored.settled(id_, 4)


async def test_a_line_takes_from_its_product(shop: Client, stored: Stored) -> None:
    order, tea = await made(shop), await product(shop)
    euro = await product(shop, currency="EUR")

    line = (await shop.post(LINES, {"order_id": order["id"], "product_id": tea["id"], "quantity": 3})).data(
        201
    )

    assert (line["name"], line["line_total_cents"]) == ("Tea", 750)
    with stored.unchanged():
        answer = await shop.patch(f"{LINES}/{line['id']}", {"product_id": euro["id"]})
    answer.invalid(product_id=["exclusion"])


async def test_wrong_lines_are_refused(shop: Client, stranger: Client, stored: Stored) -> None:
    order, foreign, gone = await made(shop), await made(stranger), await made(shop)
    await shop.delete(f"{ORDERS}/{gone['id']}")
    line = {"name": "x", "unit_price_cents": 1, "quantity": 1}

    with stored.unchanged():
        (await shop.post(LINES, {})).invalid(order_id=["cant_be_blank"], quantity=["cant_be_blank"])
        for id_ in (foreign["id"], gone["id"]):
            (await shop.post(LINES, {**line, "order_id": id_})).invalid(order_id=["not_found"])
        (await shop.post(LINES, {"order_id": order["id"], "quantity": -1})).invalid(
            name=["cant_be_blank"], unit_price_cents=["cant_be_blank"], quantity=["greater_than"]
        )
        much = {**line, "order_id": order["id"], "unit_price_cents": LARGEST_SAFE_INTEGER}
        (await shop.post(LINES, much)).invalid(quantity=["less_than"])
        (await shop.post(LINES, {**much, "quantity": 2})).invalid(quantity=["less_than"])


async def test_a_line_never_moves_to_another_order(shop: Client, stored: Stored) -> None:
    order, other = await made(shop), await made(shop)

    with stored.unchanged():
        answer = await shop.patch(f"{LINES}/{ids(order)[0]}", {"order_id": other["id"]})

    answer.invalid(order_id=["exclusion"])


@pytest.mark.parametrize("state", [state for state in WAYS if state != "pending"])
async def test_lines_of_other_than_pending_orders_stay(shop: Client, stored: Stored, state: str) -> None:
    order = await made(shop, line_items=[LOOSE, LOOSE])
    kept, gone = ids(order)
    await shop.delete(f"{LINES}/{gone}")
    for action in WAYS[state]:
        await shop.post(f"{ORDERS}/{order['id']}/{action}", {})

    with stored.unchanged():
        for refused in (
            shop.post(LINES, {"order_id": order["id"], **LOOSE}),
            shop.patch(f"{LINES}/{kept}", {"quantity": 1}),
            shop.delete(f"{LINES}/{kept}"),
            shop.post(f"{LINES}/{gone}/restore", {}),
        ):
            (await refused).names(409, f"The order is {state}")


async def test_an_unchanged_line_can_be_sent_back_at_any_time(shop: Client, stored: Stored) -> None:
    """Q-02: and leaves its order alone."""
    order = await made(shop, "shipped")
    line = (await shop.get(f"{LINES}/{ids(order)[0]}")).data()
    version = stored.row("orders", order["id"])["version"]

    after = (await shop.put(f"{LINES}/{line['id']}", line, headers=ANY)).data()

    assert {**after, "updated_at": None} == {**line, "updated_at": None}
    assert stored.row("orders", order["id"])["version"] == version


async def test_a_line_comes_back_only_with_its_order(shop: Client, stored: Stored) -> None:
    order = await made(shop)
    await shop.delete(f"{ORDERS}/{order['id']}")

    with stored.unchanged():
        (await shop.post(f"{LINES}/{ids(order)[0]}/restore", {})).names(409, "order", "deleted")


async def test_lines_added_at_the_same_time_all_count(shop: Client, stored: Stored) -> None:
    order = await made(shop, line_items=[])

    lines = await asyncio.gather(*(added(shop, order) for _ in range(10)))

    after = await read(shop, order)
    assert after["total_cents"] == 100
    assert sorted(line["position"] for line in lines) == list(range(10))
    stored.settled(order["id"], 11)


async def test_many_lines_of_several_orders_bring_one_event_to_each_order(
    shop: Client, stored: Stored
) -> None:
    orders = [await made(shop) for _ in range(3)]
    items = [{"order_id": orders[n % 3]["id"], **LOOSE} for n in range(9)]

    answer = await shop.post(f"{LINES}/bulk", {"items": items})

    assert answer.json()["summary"] == {"total": 9, "succeeded": 9, "failed": 0}
    for order in orders:
        after = await read(shop, order)
        assert after["total_cents"] == 4 * 315
        assert [line["position"] for line in after["line_items"]] == [0, 1, 2, 3]
        stored.settled(order["id"], 2)


async def test_a_line_and_its_order_at_the_same_time(shop: Client, stored: Stored) -> None:
    """Writers that lock a line and its order the other way round both succeed, and the totals hold."""
    order = await made(shop, line_items=[LOOSE, LOOSE])
    first, second = ids(order)

    answers = await asyncio.gather(
        *(shop.patch(f"{LINES}/{first}", {"quantity": n}) for n in (1, 2)),
        *(
            shop.patch(
                f"{ORDERS}/{order['id']}", {"line_items": [{"id": first}, {"id": second, "quantity": n}]}
            )
            for n in (1, 2)
        ),
    )

    assert [answer.status for answer in answers] == [200] * 4
    after = await read(shop, order)
    assert after["total_cents"] == sum(line["quantity"] * 105 for line in after["line_items"])
    stored.settled(order["id"], 5)


async def test_a_line_is_locked_after_its_order(shop: Client, stored: Stored) -> None:
    """As whoever writes orders locks their lines after them, the two never wait for each other."""
    order = await made(shop)
    (id_,) = ids(order)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"

    async with await psycopg.AsyncConnection.connect(stored.database) as rival:
        await rival.execute("SELECT FROM orders WHERE id = %s FOR NO KEY UPDATE", [order["id"]])
        change = asyncio.create_task(shop.patch(f"{LINES}/{id_}", {"quantity": 1}))
        while not (await (await rival.execute(waiting)).fetchone())[0]:  # type: ignore[index]  # There is one.
            assert not change.done()
            await asyncio.sleep(0.01)
        line = await rival.execute("SELECT FROM order_items WHERE id = %s FOR NO KEY UPDATE NOWAIT", [id_])

    assert line.rowcount == 1
    assert (await change).data()["quantity"] == 1
    stored.settled(order["id"], 2)


async def test_a_line_that_loses_its_product_stays_what_it_was(shop: Client, stored: Stored) -> None:
    """S3-163: what a PATCH leaves out stays."""
    tea = await product(shop)
    order = await made(shop, line_items=[{"product_id": tea["id"], "quantity": 2}] * 2)
    first, second = order["line_items"]

    alone = await shop.patch(f"{LINES}/{first['id']}", {"product_id": None})
    within = await shop.patch(
        f"{ORDERS}/{order['id']}",
        {"line_items": [{"id": first["id"]}, {"id": second["id"], "product_id": None, "name": "Green tea"}]},
    )

    assert (alone.data()["name"], alone.data()["unit_price_cents"]) == ("Tea", 250)
    assert within.data()["line_items"] == [
        {**first, "product_id": None},
        {**second, "product_id": None, "name": "Green tea"},
    ]


async def test_a_replacement_takes_from_the_product_anew(shop: Client, stored: Stored) -> None:
    """S3-162: what it leaves out is reset, to what the product gives now, or is missed."""
    tea = await product(shop)
    order = await made(
        shop,
        line_items=[{"product_id": tea["id"], "quantity": 2, "name": "Old", "unit_price_cents": 1}, LOOSE],
    )
    sold, loose = ids(order)
    body = {"quantity": 2}

    again = await shop.put(f"{LINES}/{sold}", {**body, "product_id": tea["id"]}, headers=ANY)

    assert (again.data()["name"], again.data()["unit_price_cents"]) == ("Tea", 250)
    assert (await read(shop, order))["total_cents"] == 500 + 315
    with stored.unchanged():
        (await shop.put(f"{LINES}/{loose}", body, headers=ANY)).invalid(
            name=["cant_be_blank"], unit_price_cents=["cant_be_blank"]
        )
