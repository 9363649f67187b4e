"""Entitlements: exact limits under concurrency on both surfaces, usage recorded atomically, and summaries."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from db.driver import DatabaseError
from db.embedded import Embedded
from diptych.runtime import build, precheck_key
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.entitling import Plans
from services.engine.metering import Meter, spending
from services.entitlements import CHECK, ENTITLEMENTS, FEATURES, PLANS, RECORD, SUMMARY, Entitlements
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.seed import Seed, add_token, plant, settings

NOWHERE = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
"""The id of no workspace."""

MOST = 10
"""How many products, tokens, workspaces and members the smallest plan of these tests allows."""

SMALL = Plans(
    {
        **PLANS.limits,
        "free": {**PLANS.limits["free"], **dict.fromkeys(("products", "tokens", "workspaces"), MOST)},
    },
    PLANS.labels,
)
_SMALL = Entitlements(SMALL)
SMALL_CATALOG = Catalog(
    CATALOG.resources,
    (
        *(each for each in CATALOG.procedures if each not in ENTITLEMENTS),
        replace(CHECK, run=_SMALL.check),
        replace(RECORD, run=_SMALL.record),
        replace(SUMMARY, run=_SMALL.summary),
    ),
    SMALL,
)


@pytest.fixture
async def shop(postgres: Embedded, migrated_template: str) -> AsyncIterator[tuple[Seed, Client]]:
    """A server with small plans, and a client of a workspace of the free tier."""
    seed = plant(copied(postgres, migrated_template), ("writer",))
    globex, key = seed.workspaces["globex"]["id"], precheck_key(settings(seed.database))
    with psycopg.connect(seed.database) as connection:
        connection.execute("UPDATE products SET deleted_at = now() WHERE workspace_id = %s", [globex])
        raw = add_token(connection, globex, ["all:write"], key)
    async with running(seed.database, SMALL_CATALOG) as application:
        yield seed, Client(application, raw)


def live(seed: Seed, table: str = "products") -> int:
    """Return how many rows of globex are live."""
    with psycopg.connect(seed.database) as connection:
        found = connection.execute(
            f"SELECT count(*) FROM {table} WHERE workspace_id = %s AND deleted_at IS NULL",
            [seed.workspaces["globex"]["id"]],
        ).fetchone()
    assert found is not None
    return int(found[0])


def sold_out(problem: Mapping[str, Any], feature: str = "products", limit: int = MOST) -> None:
    """Check the problem of whoever needs more than the plan has."""
    assert problem["code"] == "feature-limit-reached"
    assert (problem["feature"], problem["limit"], problem["upgrade_url"]) == (feature, limit, "/upgrade")
    assert problem["current_usage"] == limit


async def make(client: Client, name: str) -> Answer:
    return await client.post("/api/v1/products", {"name": name})


async def make_by_graphql(client: Client, name: str) -> Answer:
    query = (
        "mutation($name: String) { createProduct(input: {name: $name}) { product { id } problem { code } } }"
    )
    return await client.post("/graphql", {"query": query, "variables": {"name": name}})


# Rows that count


async def test_fifty_concurrent_creators_on_both_surfaces_make_exactly_as_many_as_allowed(
    shop: tuple[Seed, Client],
) -> None:
    """C-88, S2-057: not one more, and not one less."""
    seed, client = shop
    answers = await asyncio.gather(
        *(make(client, f"r{n}") if n % 2 else make_by_graphql(client, f"g{n}") for n in range(50))
    )
    made = 0
    for answer in answers:
        if answer.status == 201:
            made += 1
        elif answer.status == 403:
            sold_out(answer.problem(403))
        elif "errors" in answer.json():
            sold_out(answer.json()["errors"][0]["extensions"]["problem"])
        else:
            assert answer.json()["data"]["createProduct"]["product"]
            made += 1
    assert made == MOST == live(seed)


async def test_deleting_makes_room_and_restoring_takes_it(shop: tuple[Seed, Client]) -> None:
    """Also where many are restored at the same time."""
    seed, client = shop
    ids = [(await make(client, f"p{n}")).data(201)["id"] for n in range(MOST)]
    sold_out((await make(client, "more")).problem(403))
    for id_ in ids[:3]:
        assert (await client.delete(f"/api/v1/products/{id_}")).status == 204
    for n in range(2):
        (await make(client, f"again{n}")).data(201)
    restored = await asyncio.gather(*(client.post(f"/api/v1/products/{id_}/restore", {}) for id_ in ids[:3]))
    assert sorted(answer.status for answer in restored) == [200, 403, 403]
    sold_out(next(answer for answer in restored if answer.status == 403).problem(403))
    assert live(seed) == MOST
    # Restoring what lives adds nothing.
    assert (await client.post(f"/api/v1/products/{ids[-1]}/restore", {})).status == 200


async def test_many_at_once_are_made_together_or_as_far_as_there_is_room(shop: tuple[Seed, Client]) -> None:
    """C-52: all or none, unless the request says otherwise."""
    seed, client = shop
    items = [{"name": f"b{n}"} for n in range(MOST + 2)]
    sold_out(
        {**(await client.post("/api/v1/products/bulk", {"items": items})).problem(403), "current_usage": MOST}
    )
    assert live(seed) == 0
    partial = await client.post("/api/v1/products/bulk?atomic=false", {"items": items})
    assert partial.status == 207
    told = partial.json()
    assert told["summary"] == {"total": MOST + 2, "succeeded": MOST, "failed": 2}
    assert [each["status"] for each in told["data"]] == ["created"] * MOST + ["failed"] * 2
    assert told["data"][-1]["error"]["code"] == "feature-limit-reached"
    assert live(seed) == MOST
    query = "mutation($items: [ProductCreateInput!]!) { createProducts(items: $items, atomic: false)"
    query += " { summary { succeeded } results { problem { code status extensions } } problem { code } } }"
    told = (await client.post("/graphql", {"query": query, "variables": {"items": items[:1]}})).json()
    assert "feature-limit-reached" in str(told)
    assert live(seed) == MOST


async def test_what_is_invalid_is_told_before_the_limit_and_a_trial_hears_of_it(
    shop: tuple[Seed, Client],
) -> None:
    """The fields of a request can be mended without a larger plan."""
    seed, client = shop
    for n in range(MOST):
        (await make(client, f"p{n}")).data(201)
    (await client.post("/api/v1/products", {})).invalid(name=["cant_be_blank"])
    sold_out((await client.post("/api/v1/products?dry_run=true", {"name": "trial"})).problem(403))
    assert live(seed) == MOST


async def test_a_refusal_is_not_kept_under_its_key(shop: tuple[Seed, Client]) -> None:
    """Once there is room, the same request goes through."""
    _, client = shop
    ids = [(await make(client, f"p{n}")).data(201)["id"] for n in range(MOST)]
    headers = [("idempotency-key", "later")]
    sold_out((await client.post("/api/v1/products", {"name": "late"}, headers=headers)).problem(403))
    assert (await client.delete(f"/api/v1/products/{ids[0]}")).status == 204
    assert (await client.post("/api/v1/products", {"name": "late"}, headers=headers)).data(201)


async def test_a_larger_plan_holds_from_the_next_request_on(shop: tuple[Seed, Client]) -> None:
    """The tier belongs to the workspace, and tokens that are known already notice, whichever way it moves."""
    seed, client = shop
    for n in range(MOST):
        (await make(client, f"p{n}")).data(201)
    for tier, status in (("enterprise", 201), ("free", 403), ("pro", 201)):
        with psycopg.connect(seed.database) as connection:
            connection.execute("UPDATE workspaces SET tier = %s WHERE slug = 'globex'", [tier])
        assert (await make(client, tier)).status == status, tier


async def test_every_resource_that_counts_is_refused_beyond_its_limit(shop: tuple[Seed, Client]) -> None:
    """Tokens and workspaces: sessions, and the workspace itself, do not count."""
    _, client = shop
    for path, feature, body in (
        ("tokens", "tokens", {"name": "t", "scopes": ["brands:read"]}),
        ("workspaces", "workspaces", {"name": "w"}),
    ):
        statuses = []
        for n in range(MOST + 2):
            named = {**body, "name": f"{body['name']}{n}"}
            statuses.append((await client.post(f"/api/v1/{path}", named)).status)
            if statuses[-1] == 403:
                break
        assert statuses[-1] == 403, (path, statuses)
        told = (await client.get(f"/api/v1/entitlements/check?feature={feature}")).json()
        assert (told["allowed"], told["current_usage"], told["available"]) == (False, MOST, 0)
    counted = [each.counted.feature for each in CATALOG if each.counted]
    assert sorted(counted) == ["customers", "members", "orders", "products", "tokens", "workspaces"]
    assert {each.key for each in FEATURES if each.counting == "rows"} == {
        each.counted.feature for each in CATALOG if each.counted
    }


async def test_two_invited_people_take_the_last_place_once(shop: tuple[Seed, Client]) -> None:
    """Who comes beside the actions of resources is counted too, as the shipped plan has it."""
    seed, client = shop
    most = PLANS.limits["free"]["members"]
    globex = seed.workspaces["globex"]["id"]
    missing = most - 1 - live(seed, "memberships")
    with psycopg.connect(seed.database) as connection:
        for n in range(missing):
            connection.execute(
                "WITH u AS (INSERT INTO users (email, name) VALUES (%s, 'Ada') RETURNING id)"
                " INSERT INTO memberships (workspace_id, user_id, role) SELECT %s, id, 'viewer' FROM u",
                [f"u{n}@example.org", globex],
            )
    invited = [
        (await client.post("/api/v1/invitations", {"email": f"i{n}@example.org", "role": "viewer"})).data(201)
        for n in range(2)
    ]
    accepted = await asyncio.gather(
        *(
            client.using(None).post(
                "/api/v1/auth/invitations/accept",
                {"token": each["token"], "name": "Ada", "password": "correct horse battery staple"},
            )
            for each in invited
        )
    )
    assert sorted(answer.status for answer in accepted) == [201, 403]
    sold_out(next(each for each in accepted if each.status == 403).problem(403), "members", most)
    assert live(seed, "memberships") == most


async def test_a_limit_costs_no_round_trip(shop: tuple[Seed, Client]) -> None:
    """The count goes along with what a create asks anyway; without a limit there is none."""
    seed, client = shop
    rich = client.using(seed.tokens["acme", "writer"])
    driver, taken = driver_of(client.application), []
    for each in (client, rich):
        (await make(each, "warm")).data(201)
        before = driver.round_trips, driver.statements_sent
        (await make(each, "counted")).data(201)
        taken.append((driver.round_trips - before[0], driver.statements_sent - before[1]))
    assert taken == [(3, 8), (3, 6)]


# Recorded usage


async def record(client: Client, feature: str, quantity: int = 1, **more: Any) -> Answer:
    return await client.post("/api/v1/entitlements/usage", {"feature": feature, "quantity": quantity, **more})


async def test_usage_is_checked_and_added_by_one_statement(shop: tuple[Seed, Client]) -> None:
    """C-88: fifty at once, of which exactly as many as fit are recorded."""
    _, client = shop
    (await record(client, "posts", 80)).json()
    answers = await asyncio.gather(*(record(client, "posts") for _ in range(50)))
    assert sorted(answer.status for answer in answers) == [200] * 20 + [403] * 30
    assert sorted(a.json()["current_usage"] for a in answers if a.status == 200) == list(range(81, 101))
    for answer in answers:
        if answer.status == 403:
            sold_out(answer.problem(403), "posts", 100)
    assert (await record(client, "posts", -40)).json() == {
        "recorded": True,
        "feature": "posts",
        "current_usage": 60,
        "limit": 100,
    }
    (await record(client, "posts", -61)).invalid(quantity=["less_than"])
    assert (await record(client, "posts", 41)).problem(403)["current_usage"] == 60


async def test_usage_is_recorded_once_under_one_key_and_told_in_the_audit_log(
    shop: tuple[Seed, Client],
) -> None:
    """S2-040: the metadata says what it was for."""
    seed, client = shop
    sent = {"feature": "storage", "quantity": 5, "metadata": {"endpoint": "/api/v1/posts"}}
    headers = [("idempotency-key", "once")]
    for replayed in (None, "true"):
        answer = await client.post("/api/v1/entitlements/usage", sent, headers=headers)
        assert answer.json()["current_usage"] == 5
        assert answer.header("idempotency-replayed") == replayed
    with psycopg.connect(seed.database) as connection:
        rows = connection.execute("SELECT after FROM audit_logs WHERE action = 'usage.recorded'").fetchall()
    assert rows == [(sent,)]


async def test_what_is_counted_by_its_rows_cannot_be_recorded(shop: tuple[Seed, Client]) -> None:
    """And what does not exist is named; what was used in a month stays used."""
    _, client = shop
    (await record(client, "products")).invalid(feature=["exclusion"])
    (await record(client, "nothing")).invalid(feature=["inclusion"])
    (await record(client, "api_calls", -1)).invalid(quantity=["greater_than"])
    (await client.get("/api/v1/entitlements/check")).invalid(feature=["cant_be_blank"])
    (await client.get("/api/v1/entitlements/check?feature=posts&quantity=0")).invalid(
        quantity=["greater_than"]
    )


async def test_a_check_uses_nothing_and_has_the_documented_members(shop: tuple[Seed, Client]) -> None:
    """S2-037 to S2-039, C-88: 200 either way."""
    _, client = shop
    await record(client, "posts", 45)
    for _ in range(2):
        assert (await client.get("/api/v1/entitlements/check?feature=posts&quantity=55")).json() == {
            "allowed": True,
            "feature": "posts",
            "current_usage": 45,
            "limit": 100,
            "available": 55,
        }
    await record(client, "posts", 55)
    denied = await client.get("/api/v1/entitlements/check?feature=posts")
    assert denied.status == 200
    assert denied.json() == {
        "allowed": False,
        "feature": "posts",
        "reason": "LIMIT_EXCEEDED",
        "message": "Post limit exceeded. Used: 100, Limit: 100",
        "current_usage": 100,
        "limit": 100,
        "available": 0,
        "upgrade_url": "/upgrade",
    }


async def test_the_summary_tells_every_feature(shop: tuple[Seed, Client]) -> None:
    """S2-041, S2-042: a map over REST, a list over GraphQL."""
    seed, client = shop
    await record(client, "posts", 45)
    await record(client, "api_calls", 5_001)
    (await make(client, "one")).data(201)
    told = (await client.get("/api/v1/entitlements/summary")).data()
    assert (told["workspace_id"], told["tier"]) == (str(seed.workspaces["globex"]["id"]), "free")
    found = told["entitlements"]
    assert set(found) == {each.key for each in FEATURES}
    assert found["posts"] == {"used": 45, "limit": 100, "available": 55, "percentage": 45}
    first = (datetime.now(UTC).replace(day=1) + timedelta(days=32)).strftime("%Y-%m-01T00:00:00Z")
    assert found["api_calls"] == {
        "used": 5_001,
        "limit": 10_000,
        "available": 4_999,
        "percentage": 50.01,
        "reset_at": first,
    }
    assert found["storage"]["unit"] == "bytes"
    assert found["products"] == {"used": 1, "limit": MOST, "available": MOST - 1, "percentage": 10}
    query = "{ entitlementSummary { tier entitlements { feature used limit available percentage resetAt } } }"
    listed = (await client.post("/graphql", {"query": query})).json()["data"]["entitlementSummary"]
    assert listed["tier"] == "FREE"
    assert {each["feature"]: each["used"] for each in listed["entitlements"]} == {
        name: each["used"] for name, each in found.items()
    }


async def test_a_month_that_is_over_is_forgotten_and_a_gauge_is_not(shop: tuple[Seed, Client]) -> None:
    """S2-041: the first of a month begins anew, for the limit too."""
    seed, client = shop
    await record(client, "api_calls", 10_000)
    await record(client, "storage", 7)
    assert (await record(client, "api_calls")).status == 403
    with psycopg.connect(seed.database) as connection:
        connection.execute(
            "UPDATE usages SET period = period - interval '1 month' WHERE feature = 'api_calls'"
        )
    found = (await client.get("/api/v1/entitlements/summary")).data()["entitlements"]
    assert (found["api_calls"]["used"], found["storage"]["used"]) == (0, 7)
    assert (await record(client, "api_calls", 3)).json()["current_usage"] == 3


async def test_usage_of_another_workspace_is_another(shop: tuple[Seed, Client]) -> None:
    """C-17: the same question of two workspaces has two answers."""
    seed, client = shop
    other = client.using(seed.tokens["acme", "writer"])
    await record(client, "storage", 7)
    await record(other, "storage", 1)
    for each, used in ((client, 7), (other, 1)):
        told = (await each.get("/api/v1/entitlements/check?feature=storage")).json()
        assert told["current_usage"] == used


# What the limiter counts


@pytest.mark.parametrize("pause", [0.05, 3600])
async def test_points_that_were_spent_are_written_down_by_every_worker_and_none_is_lost(
    postgres: Embedded, migrated_template: str, pause: float
) -> None:
    """C-88: while serving and, for what is left, when the server stops."""
    seed = plant(copied(postgres, migrated_template), ("writer",))
    async with (
        running(seed.database, usage_seconds=pause) as first,
        running(seed.database, usage_seconds=pause) as second,
    ):
        for application in (first, second):
            client = Client(application, seed.tokens["acme", "writer"])
            answers = await asyncio.gather(*(client.get("/api/v1/brands?per_page=1") for _ in range(60)))
            assert {answer.status for answer in answers} == {200}
            cost = answers[0]
            assert cost.status == 200
            await asyncio.sleep(0.1)
    with psycopg.connect(seed.database) as connection:
        rows = connection.execute("SELECT feature, used FROM usages").fetchall()
    assert rows == [("api_calls", 120)]


async def test_points_that_cannot_be_written_are_kept_and_hold_no_others_back(
    postgres: Embedded, migrated_template: str
) -> None:
    """A workspace that is gone for good, and a database that refuses for a while."""
    seed = plant(copied(postgres, migrated_template), ("writer",))
    acme = str(seed.workspaces["acme"]["id"])
    running_parts = build(settings(seed.database), seed.database, CATALOG)
    usage = running_parts.limiter.usage
    meter = Meter(usage, spending, running_parts.database, "what was spent")
    try:
        usage.add(NOWHERE, 5)
        usage.add(acme, 7)
        with pytest.raises(DatabaseError):
            await meter.write()
        assert usage.drain() == {NOWHERE: 5}
        usage.add(acme, 2)
        with psycopg.connect(seed.database, autocommit=True) as connection:
            connection.execute("ALTER TABLE usages RENAME TO elsewhere")
            with pytest.raises(DatabaseError):
                await meter.write()
            connection.execute("ALTER TABLE elsewhere RENAME TO usages")
            await meter.write()
            assert connection.execute("SELECT used FROM usages").fetchall() == [(9,)]
        assert usage.drain() == {}
    finally:
        await running_parts.driver.close()
