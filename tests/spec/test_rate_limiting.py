"""Rate limiting: one budget per token on both surfaces, its headers and its refusals."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import valkey
from diptych import edge
from diptych.runtime import precheck_key
from services.engine.limiter import Limited
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed, add_token, settings
from tests.support.stored import Stored

ALIASES = (
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
)
ORIGIN = "https://app.example"

Token = Callable[..., Client]
"""Makes a client with a token of its own; what is given sets the token's columns."""


class Clock:
    """The seconds of the limiter under test, which pass only when a test says so."""

    seconds = 1_000_000.0

    def stop(self, application: edge.Application) -> None:
        """Let the application's limiter go by this clock."""
        assert isinstance(application, edge.Edge)
        limiter = application._limiter
        assert isinstance(limiter, Limited)
        for store in (limiter._tokens, limiter._addresses):
            store._clock = lambda: self.seconds  # type: ignore[attr-defined]  # Both are in this process.
        limiter._addresses._kept.clear()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
async def limited(written: Seed) -> AsyncIterator[edge.Application]:
    """The application as it is served by default, limits on."""
    async with running(written.database, limits="on", cors_origins=[ORIGIN]) as started:
        yield started


@pytest.fixture
def clock(limited: edge.Application) -> Clock:
    """A clock that stands still."""
    found = Clock()
    found.stop(limited)
    return found


@pytest.fixture
def token(limited: edge.Application, written: Seed, clock: Clock) -> Token:
    def make(*scopes: str, **columns: Any) -> Client:
        with psycopg.connect(written.database) as connection:
            key = precheck_key(settings(written.database))
            workspace = written.workspaces["acme"]["id"]
            return Client(limited, add_token(connection, workspace, scopes or ("all:write",), key, **columns))

    return make


def small(token: Token, limit: int = 6, *scopes: str) -> Client:
    return token(*scopes, rate_limit_per_minute=limit, burst=limit)


def remaining(answer: Answer) -> int:
    told = answer.header("ratelimit")
    assert told is not None, answer
    return int(told.split("remaining=")[1].split(",")[0])


async def graphql(client: Client, query: str, **variables: Any) -> Answer:
    return await client.post("/graphql", {"query": query, "variables": variables})


# Headers


async def test_every_response_says_what_is_left(token: Token) -> None:
    """S3-246, S0-034, S0-035, S2-004, C-57."""
    answer = await token().get("/api/v1/brands")

    assert answer.status == 200
    assert answer.header("ratelimit") == "limit=240, remaining=239, reset=1"
    assert answer.header("ratelimit-policy") == "240;w=60"
    told = [answer.header(name) for name in ALIASES]
    assert told[:5] == ["240", "239", "1", "240", "239"]
    assert abs(int(told[5] or 0) - datetime.now(UTC).timestamp()) < 60


async def test_both_surfaces_spend_one_budget(token: Token) -> None:
    client = token()

    left = [
        remaining(await client.get("/api/v1/brands")),
        remaining(await graphql(client, "{ brands { nodes { id } } }")),
        remaining(await client.post("/api/v1/brands/search", {})),
        remaining(await graphql(client, "{ brands { nodes { id } } }")),
    ]

    assert left == [239, 238, 237, 236]


async def test_older_names_of_the_headers_can_be_left_out(written: Seed) -> None:
    """C-57."""
    async with running(written.database, limits="on", rate_headers="law") as application:
        answer = await Client(application, written.tokens["acme", "reader"]).get("/api/v1/brands")

    assert answer.header("ratelimit") == "limit=240, remaining=239, reset=1"
    assert [answer.header(name) for name in ALIASES] == [None] * 6


async def test_browsers_may_read_them(token: Token) -> None:
    """S3-127, C-63."""
    answer = await token().get("/api/v1/brands", headers=[("origin", ORIGIN)])

    exposed = (answer.header("access-control-expose-headers") or "").lower().split(", ")
    assert {"ratelimit", "ratelimit-policy", "retry-after", *ALIASES} <= set(exposed)


async def test_without_limits_nothing_is_said_of_them(api: Client) -> None:
    answer = await api.get("/api/v1/brands")
    asked = await graphql(api, "{ brands { nodes { id } } }")

    assert [answer.header(name) for name in ("ratelimit", "ratelimit-policy", *ALIASES)] == [None] * 8
    assert "extensions" not in asked.json()


# Policies


@pytest.mark.parametrize(
    ("columns", "policy"),
    [
        ({}, "240;w=60"),
        ({"rate_limit_tier": "free"}, "60;w=60"),
        ({"rate_limit_tier": "business"}, "5000;w=60"),
        ({"rate_limit_tier": "pro", "rate_limit_per_minute": 90}, "90;w=60"),
    ],
)
async def test_a_token_has_its_own_policy(token: Token, columns: dict[str, Any], policy: str) -> None:
    """S3-243, S3-245, S2-061, C-13: the workspace's tier is another matter."""
    answer = await token(**columns).get("/api/v1/brands")

    assert answer.header("ratelimit-policy") == policy


async def test_a_changed_limit_holds_from_the_next_request_on(token: Token, written: Seed) -> None:
    client = token(name="to be changed")
    assert (await client.get("/api/v1/brands")).header("ratelimit-policy") == "240;w=60"

    with psycopg.connect(written.database) as connection:
        connection.execute(
            "UPDATE tokens SET rate_limit_per_minute = 77, version = version + 1 WHERE name = 'to be changed'"
        )

    await client.get("/api/v1/brands")
    assert (await client.get("/api/v1/brands")).header("ratelimit-policy") == "77;w=60"


# Refusals


async def test_a_spent_budget_refuses_with_the_time_to_come_back(token: Token, clock: Clock) -> None:
    """S3-247, S2-058, C-58."""
    client = small(token)
    assert [remaining(await client.get("/api/v1/brands")) for _ in range(6)] == [5, 4, 3, 2, 1, 0]

    refused = await client.get("/api/v1/brands")

    problem = refused.problem(429)
    assert problem["type"].endswith("/problems/rate-limit-exceeded")
    assert problem["title"] == "Rate Limit Exceeded"
    assert problem["detail"] == (
        "You have exceeded the rate limit of 6 requests per minute. Retry after 10 seconds."
    )
    assert (problem["retry_after"], problem["limit"], problem["remaining"]) == (10, 6, 0)
    assert datetime.fromisoformat(problem["reset_at"]).tzinfo is not None
    assert refused.header("retry-after") == "10"
    assert refused.header("ratelimit") == "limit=6, remaining=0, reset=10"
    assert refused.header("ratelimit-policy") == "6;w=60"
    clock.seconds += 10
    assert (await client.get("/api/v1/brands")).status == 200


async def test_both_surfaces_refuse_with_the_same_problem(token: Token) -> None:
    client = small(token, 1)
    await client.get("/api/v1/brands")

    over_rest = await client.get("/api/v1/brands")
    over_graphql = await graphql(client, "{ brands { nodes { id } } }")

    assert over_graphql.status == 429
    assert over_graphql.header("retry-after") == over_rest.header("retry-after") == "60"
    assert over_graphql.header("ratelimit") == over_rest.header("ratelimit")
    (error,) = over_graphql.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMIT_EXCEEDED"
    own = ("instance", "request_id", "reset_at")
    problems = [over_rest.problem(429), error["extensions"]["problem"]]
    assert [set(found) & set(own) for found in problems] == [set(own)] * 2
    rest, asked = ({name: found[name] for name in set(found) - set(own)} for found in problems)
    assert rest == asked
    assert over_graphql.json()["extensions"]["cost"] == {
        "requested": 1,
        "charged": 0,
        "remaining": 0,
        "limit": 1,
        "reset": 60,
    }


async def test_a_refused_write_writes_nothing(token: Token, stored: Stored) -> None:
    client = small(token, 1)
    await client.get("/api/v1/brands")

    with stored.unchanged():
        assert (await client.post("/api/v1/brands", {"name": "Late", "slug": "late"})).status == 429
        mutation = 'mutation { createBrand(input: {name: "Late", slug: "late"}) { brand { id } } }'
        assert (await graphql(client, mutation)).status == 429


# What costs what


@pytest.mark.parametrize(
    ("target", "cost"),
    [
        ("/api/v1/brands", 1),
        ("/api/v1/products?include=brand", 2),
        ("/api/v1/products?include=brand,category", 3),
        ("/api/v1/orders?include=items.product,customer", 4),
    ],
)
async def test_what_is_included_costs_a_point_each(token: Token, target: str, cost: int) -> None:
    assert remaining(await token().get(target)) == 240 - cost


@pytest.mark.parametrize(
    ("items", "cost"), [(1, 1), (10, 1), (11, 2), (100, 10)], ids=lambda value: str(value)
)
async def test_a_bulk_write_costs_a_point_for_ten_rows(token: Token, items: int, cost: int) -> None:
    body = {"items": [{"name": f"Bulk {n}"} for n in range(items)]}

    answer = await token().post("/api/v1/customers/bulk?dry_run=true", body)

    assert answer.status == 201, answer.body
    assert remaining(answer) == 240 - cost


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api/v1/brands?nonsense=1", 400),
        ("GET", "/api/v1/brands/00000000-0000-4000-8000-000000000000", 404),
        ("GET", "/api/v1/nothing", 404),
        ("PATCH", "/api/v1/brands", 405),
        ("POST", "/api/v1/brands", 400),
        ("GET", "/graphql", 400),
        ("PUT", "/graphql", 405),
        ("GET", "/graphql?query=%7B", 200),
    ],
)
async def test_a_mistake_costs_one_and_is_not_told_without_budget(
    token: Token, method: str, target: str, status: int
) -> None:
    client = small(token, 1)

    first = await client.request(method, target, headers=[("content-type", "application/json")])
    second = await client.request(method, target, headers=[("content-type", "application/json")])

    assert (first.status, remaining(first)) == (status, 0)
    assert (second.status, remaining(second)) == (429, 0)


async def test_a_forbidden_request_costs_one(token: Token) -> None:
    client = small(token, 1, "brands:read")

    assert [(await client.get("/api/v1/products")).status for _ in range(2)] == [403, 429]


async def test_a_body_too_large_costs_one(token: Token) -> None:
    client = token()

    answer = await client.request("POST", "/api/v1/brands", body=b"x" * 1_048_577)

    assert (answer.status, remaining(answer)) == (413, 239)


async def test_a_not_modified_answer_costs_what_the_whole_one_does(token: Token, written: Seed) -> None:
    client, id_ = token(), written.live("brands")[0]["id"]
    tag = (await client.get(f"/api/v1/brands/{id_}")).header("etag") or ""

    again = await client.get(f"/api/v1/brands/{id_}", headers=[("if-none-match", tag)])

    assert (again.status, remaining(again)) == (304, 238)


# GraphQL

COSTS = {
    "{ __typename }": 1,
    "{ __schema { queryType { name } } }": 1,
    "{ brands { nodes { id } } }": 1,
    "{ products { nodes { brand { id } category { id } } } }": 3,
    "{ a: brands { nodes { id } } b: products { nodes { brand { id } } } }": 3,
    "{ orders { nodes { items { nodes { product { id } } } } } }": 3,
}
HELD = {"{ orders { nodes { items { nodes { product { id } } } } } }": 9}
"""Points that come back: a hundred orders could have 5,000 lines, and these have less than 500."""


@pytest.mark.parametrize("way", ["compiled", "executor"])
@pytest.mark.parametrize("query", COSTS)
async def test_graphql_tells_the_cost_in_its_extensions(token: Token, query: str, way: str) -> None:
    client = token()

    answer = await client.post("/graphql", {"query": query}, headers=[("x-diptych-execute", way)])

    assert answer.status == 200
    cost = answer.json()["extensions"]["cost"]
    assert cost == {
        "requested": COSTS[query] + HELD.get(query, 0),
        "charged": COSTS[query],
        "remaining": 240 - COSTS[query],
        "limit": 240,
        "reset": -(-COSTS[query] // 4),
    }
    assert remaining(answer) == cost["remaining"]


@pytest.mark.parametrize("way", ["compiled", "executor"])
async def test_fields_of_a_request_pass_together_or_not_at_all(token: Token, way: str) -> None:
    client = small(token, 6)
    headers = [("x-diptych-execute", way)]
    fields = " ".join(f"f{n}: brands {{ nodes {{ id }} }}" for n in range(4))
    await client.post("/graphql", {"query": f"{{ {fields} }}"}, headers=headers)

    refused = await client.post("/graphql", {"query": f"{{ {fields} }}"}, headers=headers)

    assert refused.status == 429
    assert refused.json()["extensions"]["cost"]["requested"] == 4
    assert remaining(await client.get("/api/v1/brands")) == 1


async def test_each_mutation_costs_a_call_and_what_it_shows_besides(token: Token, written: Seed) -> None:
    client, brand = token(), written.live("brands")[0]["id"]
    mutation = """mutation($brand: UUID) {
      a: createProduct(input: {name: "Cost a", brandId: $brand}, dryRun: true) {
        product { id } problem { code } }
      b: createProduct(input: {name: "Cost b", brandId: $brand}, dryRun: true) {
        product { brand { id name } category { id } } problem { code } } }"""

    answer = await graphql(client, mutation, brand=str(brand))

    assert [found["problem"] for found in answer.json()["data"].values()] == [None, None]
    assert answer.json()["extensions"]["cost"]["requested"] == 1 + 3
    assert remaining(answer) == 236


async def test_a_mutation_beyond_the_budget_does_not_hide_the_one_before(token: Token) -> None:
    client = small(token, 1)
    fields = " ".join(
        f'{name}: createCustomer(input: {{name: "Kept {name}"}}) {{ customer {{ name }} }}' for name in "ab"
    )

    answer = await graphql(client, f"mutation {{ {fields} }}")

    assert answer.status == 200
    assert answer.json()["data"] == {"a": {"customer": {"name": "Kept a"}}, "b": None}
    (error,) = answer.json()["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["b"], "RATE_LIMIT_EXCEEDED")
    assert answer.json()["extensions"]["cost"]["requested"] == 1


async def test_each_request_of_a_batch_tells_its_own_cost(token: Token) -> None:
    queries = [*COSTS, "{ nonsense }"]

    answer = await token().post("/graphql", [{"query": query} for query in queries])

    found = [each["extensions"]["cost"] for each in answer.json()]
    assert [each["charged"] for each in found] == [*COSTS.values(), 1]
    assert [each["requested"] - each["charged"] for each in found] == [
        HELD.get(query, 0) for query in queries
    ]
    assert remaining(answer) == 240 - sum(COSTS.values()) - 1


# Counting together


async def test_two_servers_with_one_valkey_share_a_budget(written: Seed) -> None:
    program = valkey.program()
    assert program is not None
    with valkey.running(program) as url, psycopg.connect(written.database, autocommit=True) as connection:
        key, own = precheck_key(settings(written.database)), written.workspaces["acme"]["id"]
        raw = add_token(connection, own, ["all:read"], key, rate_limit_per_minute=1, burst=1)
        async with (
            running(written.database, limits="on", redis_url=url) as one,
            running(written.database, limits="on", redis_url=url) as other,
        ):
            answers = [await Client(each, raw).get("/api/v1/brands") for each in (one, other)]
            ready = await Client(one).get("/health/ready")

    assert [answer.status for answer in answers] == [200, 429]
    assert answers[0].header("ratelimit") == "limit=1, remaining=0, reset=60"
    assert ready.json() == {"status": "ok"}


async def test_without_the_valkey_nothing_is_limited_and_the_server_stays_ready(
    written: Seed, tmp_path: Path
) -> None:
    """S3-249, C-59, C-60."""
    async with running(written.database, limits="on", redis_url=f"unix://{tmp_path}/none") as application:
        client = Client(application, written.tokens["acme", "reader"])
        answers = [await client.get("/api/v1/brands") for _ in range(50)]
        asked = await graphql(client, "{ brands { nodes { id } } }")
        ready = await client.get("/health/ready")

    assert {answer.status for answer in answers} == {200}
    assert {answer.header("ratelimit") for answer in answers} == {None}
    assert "extensions" not in asked.json()
    assert ready.status == 200
    assert ready.json()["checks"] == {"database": "ok", "migrations": "ok", "redis": "unavailable"}


# Without a token


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health", "/api/v1/health"])
async def test_health_is_never_limited(limited: edge.Application, path: str) -> None:
    """S3-250, C-59."""
    answers = [await Client(limited).get(path) for _ in range(70)]

    assert {answer.status for answer in answers} <= {200, 308}
    assert {answer.header("ratelimit") for answer in answers} == {None}


async def test_failed_authentication_is_counted_by_address(limited: edge.Application, clock: Clock) -> None:
    answers = [await Client(limited, "nonsense").get("/api/v1/brands") for _ in range(41)]

    assert [answer.status for answer in answers] == [401] * 40 + [429]
    assert answers[0].header("ratelimit") == "limit=60, remaining=59, reset=1"
    assert answers[0].header("ratelimit-policy") == "60;w=60"
    clock.seconds += 1
    more = [await Client(limited).post("/graphql", {"query": "{ __typename }"}) for _ in range(22)]
    assert [answer.status for answer in more] == [401] * 21 + [429]


async def test_who_has_a_token_does_not_pay_for_others_at_the_address(
    limited: edge.Application, token: Token
) -> None:
    for _ in range(41):
        refused = await Client(limited, "nonsense").get("/api/v1/brands")
    assert refused.status == 429

    assert remaining(await token().get("/api/v1/brands")) == 239


@pytest.mark.parametrize("path", ["/problems/not-found", "/nothing", "/healthy", "/graphql/nothing"])
async def test_public_addresses_are_counted_by_address(
    limited: edge.Application, clock: Clock, path: str
) -> None:
    """C-59."""
    answers = [await Client(limited).get(path) for _ in range(41)]

    assert answers[0].header("ratelimit-policy") == "60;w=60"
    assert {answer.status for answer in answers[:40]} <= {200, 404}
    assert answers[40].status == 429
    assert answers[40].header("retry-after") == "1"


async def test_preflights_are_not_limited(limited: edge.Application, clock: Clock) -> None:
    headers = [("origin", ORIGIN), ("access-control-request-method", "GET")]

    answers = [await Client(limited).request("OPTIONS", "/api/v1/brands", headers=headers) for _ in range(70)]

    assert {answer.status for answer in answers} == {204}


async def test_what_a_workspace_used_is_counted_for_whoever_keeps_it(
    limited: edge.Application, token: Token, written: Seed
) -> None:
    assert isinstance(limited, edge.Edge)
    usage = limited._limiter.usage  # type: ignore[attr-defined]  # Every limiter of the product has one.
    usage.drain()
    client = token()
    await client.get("/api/v1/products?include=brand")
    await client.get("/api/v1/nothing")

    assert usage.drain() == {str(written.workspaces["acme"]["id"]): 3}
    assert usage.drain() == {}


async def test_looking_at_ones_own_token_costs_nothing_even_without_budget(
    token: Token, clock: Clock
) -> None:
    """S3-251, S3-335, S3-336, C-59."""
    client = small(token, 2)
    await client.get("/api/v1/brands")
    for path, left in (("/api/v1/token", 1), ("/api/v1/whoami", 1)):
        answer = await client.get(path)
        assert (answer.status, remaining(answer)) == (200, left)
        limit = answer.json()["data"]["rate_limit"]
        assert (limit["limit"], limit["remaining"]) == (2, left)
        assert isinstance(limit["reset_at"], int)

    asked = await graphql(client, "{ viewer { rateLimit { remaining } } }")
    assert asked.json()["extensions"]["cost"]["requested"] == 0
    assert asked.json()["data"] == {"viewer": {"rateLimit": {"remaining": 1}}}

    await client.get("/api/v1/brands")
    assert (await client.get("/api/v1/brands")).status == 429
    assert [(await client.get("/api/v1/token")).status for _ in range(50)] == [200] * 50
