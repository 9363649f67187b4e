"""What nested lists cost: what they may hold before they are read, and what they held once they are."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from db import valkey
from db.limits import Rates, Taken
from db.redis_limits import RedisStore
from diptych import edge
from services.engine.limiter import Limited
from services.engine.limits import ProcessStore
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.seed import Seed
from tests.support.workshop import Workshop

LINES = (0, 3, 499, 501, 1, 0, 1_200, 40, 500, 700, 2, 9, 1_000, 700)
"""How many lines the orders have, the oldest first: 5,155 in all, more than one answer may hold."""

MOST_ROWS, PAGE = 5_000, 500
WAYS = ("REST", "compiled", "executor")

_ORDERS = """
INSERT INTO orders (id, workspace_id, customer_id, number, currency, inserted_at, updated_at)
SELECT id, %s, %s, 'N-' || n, 'EUR', now() + n * interval '1 s', now()
FROM unnest(%s::uuid[]) WITH ORDINALITY o (id, n)
"""


class Meter:
    """The application's own store, which also keeps what was taken of it and given back, in turn."""

    def __init__(self, store: ProcessStore | RedisStore) -> None:
        self.store, self.moves = store, list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def take(self, key: str, rates: Rates, cost: int) -> Taken | None:
        self.moves.append(cost)
        return await self.store.take(key, rates, cost)

    def give(self, key: str, rates: Rates, points: int) -> None:
        self.moves.append(-points)
        self.store.give(key, rates, points)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    program = valkey.program()
    assert program is not None
    with valkey.running(program) as url:
        yield url


@pytest.fixture(scope="module", params=["memory", "valkey"])
async def limited(request: pytest.FixtureRequest, written: Seed) -> AsyncIterator[edge.Edge]:
    """The application with limits on, counting in its memory or in a Valkey."""
    changes = {"redis_url": request.getfixturevalue("server")} if request.param == "valkey" else {}
    async with running(written.database, limits="on", **changes) as started:
        assert isinstance(started, edge.Edge)
        limiter = started._limiter
        assert isinstance(limiter, Limited)
        limiter._tokens = Meter(limiter._tokens)  # type: ignore[arg-type]  # It does what the store does.
        yield started


@pytest.fixture(scope="module")
def ledger(limited: edge.Edge, written: Seed) -> Workshop:
    """A workspace with orders of known numbers of lines."""
    made = Workshop(Client(limited), written.database)
    customer, product = uuid.uuid4(), uuid.uuid4()
    orders = [uuid.uuid4() for _ in LINES]
    with psycopg.connect(made.database) as connection:
        connection.execute(
            "INSERT INTO customers (id, workspace_id, name) VALUES (%s, %s, 'C')", [customer, made.id]
        )
        connection.execute(
            "INSERT INTO products (id, workspace_id, name, slug) VALUES (%s, %s, 'P', 'p')",
            [product, made.id],
        )
        connection.execute(_ORDERS, [made.id, customer, orders])
        for order, count in zip(orders, LINES, strict=True):
            connection.execute(
                "INSERT INTO order_items (id, workspace_id, order_id, product_id, name, position, quantity,"
                " unit_price_cents, line_total_cents, currency)"
                " SELECT gen_random_uuid(), %s, %s, %s, 'L', n, 1, 1, 1, 'EUR' FROM generate_series(1, %s) n",
                [made.id, order, product, count],
            )
    return made


def meter(client: Client) -> Meter:
    assert isinstance(client.application, edge.Edge)
    assert isinstance(client.application._limiter, Limited)
    found = client.application._limiter._tokens
    assert isinstance(found, Meter)
    return found


def buyer(ledger: Workshop) -> Client:
    """Return a client with a budget of its own that does not come back during a test."""
    return ledger.holder("all:write", rate_limit_per_minute=10**6, rate_limit_per_day=1_000)


def left(answer: Answer) -> int:
    return int((answer.header("ratelimit") or "").split("remaining=")[1].split(",")[0])


def points(lines: int, lists: int = 1) -> int:
    """Return the points of rows that the lists' own do not pay for."""
    return max(0, -(-lines // PAGE) - lists)


def document(size: int, page: int, first: int = PAGE, deep: bool = False) -> str:
    inner = f"items(first: {first}) {{ nodes {{ id {'product { id }' if deep else ''} }} }}"
    return (
        f"{{ orders(page: {page}, perPage: {size}, sort: [INSERTED_AT_ASC]) {{ nodes {{ id {inner} }} }} }}"
    )


async def asked(
    client: Client, way: str, size: int, page: int, first: int = PAGE, deep: bool = False
) -> Answer:
    if way == "REST":
        include = "items.product" if deep else "items"
        return await client.get(
            f"/api/v1/orders?include={include}&per_page={size}&page={page}&sort=inserted_at"
        )
    body = {"query": document(size, page, first, deep)}
    return await client.post("/graphql", body, headers=[("x-diptych-execute", way)])


def cost(answer: Answer) -> dict[str, int]:
    found: dict[str, int] = orjson.loads(answer.body)["extensions"]["cost"]
    return found


@tried(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 14), page=st.integers(1, 4), deep=st.booleans())
@example(size=13, page=1, deep=False)
@example(size=7, page=2, deep=True)
async def test_every_way_asks_for_the_same_and_keeps_the_same(
    ledger: Workshop, size: int, page: int, deep: bool
) -> None:
    """Design 7: `?include=` and the equal selection cost the same points, before and after."""
    lines = LINES[(page - 1) * size : page * size]
    resources = 3 if deep else 2
    claim = resources + points(min(size * PAGE, MOST_ROWS))
    for way in WAYS:
        client = buyer(ledger)
        meter(client).moves.clear()

        answer = await asked(client, way, size, page, deep=deep)

        # A selection shows a page of each list at most, and an include all of it.
        shown = sum(lines if way == "REST" else (min(count, PAGE) for count in lines))
        answered = shown <= MOST_ROWS
        kept = resources + min(points(shown), claim - resources) if answered else claim
        assert answer.status == (200 if answered else 400)
        assert (meter(client).moves[0], sum(meter(client).moves)) == (claim, kept)
        assert left(answer) == left(await client.get("/api/v1/token")) == 1_000 - kept
        if way != "REST":
            told = cost(answer)
            assert (told["requested"], told["charged"], told["remaining"]) == (claim, kept, 1_000 - kept)


async def test_the_next_request_finds_what_came_back(ledger: Workshop) -> None:
    client = buyer(ledger)
    await asked(client, "REST", 2, 1)

    for way in WAYS:
        before = left(await client.get("/api/v1/token"))
        answer = await asked(client, way, 14, 2)
        assert (left(answer), left(await client.get("/api/v1/token"))) == (before - 2, before - 2)


@pytest.mark.parametrize("way", WAYS)
async def test_a_demand_beyond_the_budget_is_refused_before_it_runs(ledger: Workshop, way: str) -> None:
    client = ledger.holder("all:read", rate_limit_per_minute=12, burst=12)
    assert (await client.get("/api/v1/orders")).status == 200
    assert (await client.get("/api/v1/orders")).status == 200
    statements = driver_of(client.application).statements_sent
    meter(client).moves.clear()

    refused = await asked(client, way, 14, 2)

    # Two points would do in the end, but eleven may be needed and ten are there.
    assert refused.status == 429
    assert meter(client).moves == [2 + 9]
    assert driver_of(client.application).statements_sent == statements
    assert (await client.get("/api/v1/orders")).status == 200


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_not_found_costs_a_resource_each(ledger: Workshop, way: str) -> None:
    client, id_ = buyer(ledger), uuid.uuid4()
    if way == "REST":
        answer = await client.get(f"/api/v1/orders/{id_}?include=items,customer.orders.items")
    else:
        items = "items { nodes { id } }"
        query = f'{{ order(id: "{id_}") {{ {items} customer {{ orders {{ nodes {{ {items} }} }} }} }} }}'
        answer = await client.post("/graphql", {"query": query}, headers=[("x-diptych-execute", way)])
    assert left(answer) == 1_000 - 5


@pytest.mark.parametrize("way", ["compiled", "executor"])
async def test_root_fields_are_settled_one_by_one(ledger: Workshop, way: str) -> None:
    client = buyer(ledger)
    pages = {"a": (2, 4), "b": (5, 2), "c": (1, 1)}
    fields = " ".join(f"{name}: {document(size, page)[1:-1]}" for name, (page, size) in pages.items())

    answer = await client.post("/graphql", {"query": f"{{ {fields} }}"}, headers=[("x-diptych-execute", way)])

    # They show 1 + 0 + 500 + 40 lines, 500 + 500, and none.
    told = cost(answer)
    assert told["requested"] == (2 + 3) + (2 + 1) + 2
    assert told["charged"] == (2 + 1) + (2 + 1) + 2


@pytest.mark.parametrize("way", ["compiled", "executor"])
async def test_requests_of_a_batch_are_settled_one_by_one(ledger: Workshop, way: str) -> None:
    client = buyer(ledger)
    batch = [{"query": document(14, page)} for page in (2, 3)] + [{"query": "{ __typename }"}]

    answer = await client.post("/graphql", batch, headers=[("x-diptych-execute", way)])

    told = [each["extensions"]["cost"] for each in answer.json()]
    assert [(each["requested"], each["charged"]) for each in told] == [(11, 2), (11, 2), (1, 1)]
    assert left(answer) == left(await client.get("/api/v1/token")) == 1_000 - 5


@pytest.mark.parametrize("way", ["compiled", "executor"])
async def test_what_a_mutation_shows_is_settled_too(ledger: Workshop, way: str) -> None:
    client = buyer(ledger)
    with psycopg.connect(ledger.database) as connection:
        ids = connection.execute(
            "SELECT id FROM orders WHERE workspace_id = %s ORDER BY inserted_at OFFSET 6 LIMIT 3", [ledger.id]
        ).fetchall()
    items = ", ".join(f'{{id: "{id_}", metadata: {{a: 1}}}}' for (id_,) in ids)
    shown = "results { order { items(first: 500) { nodes { id } } } } problem { detail }"
    query = f"mutation {{ updateOrders(items: [{items}], dryRun: true) {{ {shown} }} }}"

    answer = await client.post("/graphql", {"query": query}, headers=[("x-diptych-execute", way)])

    told = cost(answer)
    assert answer.json().get("data", {}).get("updateOrders", {}).get("problem", 1) is None, answer.body
    # Three orders may show 1,500 lines, and show 500 + 40 + 500.
    assert (told["requested"], told["charged"]) == (1 + 1 + 2, 1 + 1 + 2)


async def test_many_at_once_get_back_all_that_is_theirs(ledger: Workshop) -> None:
    client = buyer(ledger)

    answers = await asyncio.gather(*(asked(client, way, 14, 2) for way in WAYS * 10))

    assert {answer.status for answer in answers} == {200}
    assert left(await client.get("/api/v1/token")) == 1_000 - 2 * 30
