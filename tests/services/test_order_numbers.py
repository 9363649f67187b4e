"""Order numbers: consecutive in each workspace, whatever happens at the same time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed, insert, plant
from tests.support.stored import Stored

ORDERS = "/api/v1/orders"
BODY = {"currency": "GBP", "line_items": [{"name": "x", "unit_price_cents": 1, "quantity": 1}]}
SEEDED = 1022
"""The largest number that the seed brings along."""


@pytest.fixture
def planted(database: str) -> Seed:
    return plant(database, ("writer",))


@pytest.fixture
async def alone(planted: Seed) -> AsyncIterator[Client]:
    """A client of a database in which nobody has made an order yet."""
    async with running(planted.database) as application:
        yield Client(application, planted.tokens["acme", "writer"])


def bring(seed: Seed, *numbers: str, **values: Any) -> None:
    """Insert orders with numbers of their own, as an import does."""
    pattern = seed.live("orders")[0]
    with psycopg.connect(seed.database) as connection:
        for number in numbers:
            found = connection.execute("SELECT gen_random_uuid()").fetchone()
            assert found is not None
            insert(connection, "orders", [{**pattern, "id": found[0], "number": number, **values}])


async def numbers(client: Client, count: int) -> list[int]:
    answers = [await client.post(ORDERS, BODY) for _ in range(count)]
    return [int(answer.data(201)["number"]) for answer in answers]


async def test_the_first_number_follows_the_largest_there_is(alone: Client) -> None:
    assert await numbers(alone, 3) == [SEEDED + 1, SEEDED + 2, SEEDED + 3]


async def test_other_than_plain_numbers_do_not_count(alone: Client, planted: Seed) -> None:
    """An import brings its own: letters, other digits, and far more digits than can be counted."""
    bring(planted, "C536379", "1_000_000", "٩٩٩٩", "9" * 32, "-5000", "7.5", "")

    assert await numbers(alone, 1) == [SEEDED + 1]


async def test_every_workspace_counts_for_itself(alone: Client, planted: Seed) -> None:
    bring(planted, "5000", workspace_id=planted.workspaces["globex"]["id"], customer_id=None)

    assert await numbers(alone, 1) == [SEEDED + 1]


async def test_the_first_orders_at_the_same_time_get_different_numbers(alone: Client) -> None:
    answers = await asyncio.gather(*(alone.post(ORDERS, BODY) for _ in range(20)))

    found = sorted(int(answer.data(201)["number"]) for answer in answers)
    assert found == list(range(SEEDED + 1, SEEDED + 21))


async def test_what_fails_or_is_only_tried_leaves_no_gap(alone: Client, planted: Seed) -> None:
    stored = Stored(planted.database)
    await numbers(alone, 1)

    with stored.unchanged():
        (await alone.post(ORDERS, {**BODY, "currency": "XXX"})).problem(422)
        (await alone.post(ORDERS, {**BODY, "line_items": [{"quantity": 1}]})).problem(422)
        tried = (await alone.post(f"{ORDERS}?dry_run=true", BODY)).json()["data"]
        items = [BODY, {**BODY, "line_items": [{"quantity": 1}]}]
        (await alone.post(f"{ORDERS}/bulk", {"items": items})).problem(422)

    assert tried["number"] == str(SEEDED + 2)
    assert await numbers(alone, 1) == [SEEDED + 2]


async def test_a_bulk_request_numbers_its_orders_in_order(alone: Client) -> None:
    answer = await alone.post(f"{ORDERS}/bulk", {"items": [BODY] * 100})

    found = [int(each["data"]["number"]) for each in answer.json()["data"]]
    assert found == list(range(SEEDED + 1, SEEDED + 101))


async def test_counting_goes_on_behind_numbers_that_an_import_took(alone: Client, planted: Seed) -> None:
    """Whether the next one is taken, or only a later one of several."""
    await numbers(alone, 1)

    bring(planted, str(SEEDED + 2), str(SEEDED + 3))
    assert await numbers(alone, 1) == [SEEDED + 4]
    bring(planted, str(SEEDED + 6))
    answer = await alone.post(f"{ORDERS}/bulk", {"items": [BODY] * 3})

    found = [int(each["data"]["number"]) for each in answer.json()["data"]]
    assert found == [SEEDED + 7, SEEDED + 8, SEEDED + 9]


async def test_a_deleted_order_keeps_its_number(alone: Client) -> None:
    order = (await alone.post(ORDERS, BODY)).data(201)
    await alone.delete(f"{ORDERS}/{order['id']}")

    assert await numbers(alone, 1) == [int(order["number"]) + 1]
    assert (await alone.post(f"{ORDERS}/{order['id']}/restore", {})).data()["number"] == order["number"]
