"""What a write costs: round trips and statements, counted, whatever the number of rows."""

from collections.abc import AsyncIterator, Awaitable

import pytest

from db.embedded import Embedded
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.seed import plant

MANY = 100


@pytest.fixture(scope="module")
async def shop(postgres: Embedded, migrated_template: str) -> AsyncIterator[Client]:
    seed = plant(copied(postgres, migrated_template), ("writer",))
    async with running(seed.database) as application:
        client = Client(application, seed.tokens["acme", "writer"])
        # The first request with a token looks it up.
        (await client.get("/api/v1/brands")).rows()
        yield client


async def cost(shop: Client, asked: Awaitable[Answer], status: int) -> tuple[int, int]:
    """Return the round trips and the statements that a request took."""
    driver = driver_of(shop.application)
    before = driver.round_trips, driver.statements_sent
    answer = await asked
    assert answer.status == status, answer.body
    return driver.round_trips - before[0], driver.statements_sent - before[1]


async def test_a_create_takes_three_round_trips_with_event_audit_row_and_key(shop: Client) -> None:
    """At most five round trips; one of the statements names the workspace to the policies."""
    product = {"name": "Oats", "price_cents": 249, "currency": "EUR"}
    headers = [("idempotency-key", "three")]
    mutation = {
        "query": 'mutation { createProduct(input: {name: "Rye"}, idempotencyKey: "g") { product { id } } }'
    }

    assert await cost(shop, shop.post("/api/v1/products", product), 201) == (3, 6)
    assert await cost(
        shop, shop.post("/api/v1/products", {**product, "name": "Barley"}, headers=headers), 201
    ) == (3, 9)
    assert await cost(shop, shop.post("/graphql", mutation), 200) == (3, 9)


async def test_a_change_takes_one_more_with_a_key(shop: Client) -> None:
    row = (await shop.post("/api/v1/brands", {"name": "Delta"})).data(201)["links"]["self"]
    headers = [("idempotency-key", "four")]

    assert (await cost(shop, shop.patch(row, {"name": "Echo"}), 200))[0] == 3
    assert (await cost(shop, shop.patch(row, {"name": "Foxtrot"}, headers=headers), 200))[0] == 4
    assert (await cost(shop, shop.delete(row), 204))[0] == 3


async def test_a_hundred_rows_take_as_many_statements_as_one(shop: Client) -> None:
    line = {"name": "Loose", "quantity": 2, "unit_price_cents": 50}

    def products(count: int) -> Awaitable[Answer]:
        return shop.post(
            "/api/v1/products/bulk", {"items": [{"name": f"P {count} {n}"} for n in range(count)]}
        )

    def orders(count: int) -> Awaitable[Answer]:
        return shop.post(
            "/api/v1/orders/bulk", {"items": [{"currency": "EUR", "line_items": [line]}] * count}
        )

    # The first order of a workspace also begins the count of its numbers.
    await orders(1)
    for many in (products, orders):
        assert await cost(shop, many(1), 201) == await cost(shop, many(MANY), 201)
