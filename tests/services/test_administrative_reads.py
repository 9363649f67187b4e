"""What administrators of the platform read is written down before they read it; nobody else pays for that."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import orjson
import psycopg
import pytest

from db.embedded import Embedded
from diptych.edge import Application
from diptych.runtime import precheck_key
from services.catalog import CATALOG
from services.engine.procedures import Method, PublicProcedure
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.seed import Seed, add_token, plant, settings
from tests.support.stored import Stored

READ = "administrative.read"
PRODUCT = "/api/v1/products"


@pytest.fixture(scope="module")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    seed = plant(copied(postgres, migrated_template), ("writer", "reader"))
    with psycopg.connect(seed.database) as connection:
        (user,) = (
            connection.execute(
                "INSERT INTO users (email, name, is_platform_admin) VALUES ('root@example.com', 'Root', true)"
                " RETURNING id"
            ).fetchone()
            or ()
        )
        for name, administrative in (("administrator", True), ("member", False)):
            seed.tokens["acme", name] = add_token(
                connection,
                seed.workspaces["acme"]["id"],
                ("all:write",),
                precheck_key(settings(seed.database)),
                kind="session",
                user_id=user,
                administrative=administrative,
            )
    return seed


@pytest.fixture(scope="module")
async def application(seed: Seed) -> AsyncIterator[Application]:
    async with running(seed.database) as started:
        yield started


@pytest.fixture(scope="module")
def root(application: Application, seed: Seed) -> Client:
    """A client with the session of an administrator who is no member of the workspace."""
    return Client(application, seed.tokens["acme", "administrator"], peer="198.51.100.9")


@pytest.fixture
def stored(seed: Seed) -> Stored:
    return Stored(seed.database)


async def written(stored: Stored, client: Client, seed: Seed, answer: Answer) -> dict[str, Any]:
    """Return what was written down of an answer, after checking that it is one row and whose."""
    rows = stored.rows("audit_logs", answer.header("x-request-id"), "request_id")
    reads = [row for row in rows if row["action"] == READ]
    assert len(reads) == 1, rows
    (row,) = reads
    workspace = seed.workspaces["acme"]["id"]
    assert (row["workspace_id"], row["resource"], row["resource_id"]) == (workspace, "workspace", workspace)
    assert (row["address"], row["before"]) == ("198.51.100.9", None)
    assert row["user_id"] is not None
    assert row["token_id"] is not None
    assert isinstance(row["after"], dict)
    return row["after"]


def reading(seed: Seed) -> list[tuple[str, str, Any]]:
    """Return every way to read over REST, as method, address and body."""
    product = seed.live("products")[0]["id"]
    found: list[tuple[str, str, Any]] = [
        ("GET", "/api/v1/token", None),
        ("GET", "/api/v1/whoami", None),
        ("GET", "/api/v1/audit-logs/export", None),
        ("GET", f"{PRODUCT}?include=brand&filter[status]=active", None),
        ("GET", f"{PRODUCT}/%00", None),
        ("GET", f"{PRODUCT}?nonsense=1", None),
        ("GET", "/api/v1/nowhere", None),
        ("OPTIONS", PRODUCT, None),
        ("PATCH", f"{PRODUCT}/{product}?dry_run=true", {"name": "Tried"}),
    ]
    for resource in CATALOG:
        path = f"/api/v1/{resource.path}"
        one = f"{path}/{uuid.uuid4()}"
        found += [
            ("GET", path, None),
            ("HEAD", path, None),
            ("GET", one, None),
            ("POST", f"{path}/search", {}),
        ]
        nested = [relation.name.replace("_", "-") for relation in resource.relations if relation.nested]
        found += [("GET", f"{one}/{name}", None) for name in nested]
    for procedure in CATALOG.procedures:
        if procedure.method is Method.GET and not isinstance(procedure, PublicProcedure):
            found.append(("GET", f"/api/v1/{procedure.path}", None))
    return found


async def test_every_read_over_rest_is_written_down_once(root: Client, seed: Seed, stored: Stored) -> None:
    """Issue item 7: lists, single rows, searches, nested lists, procedures, exports, trials and refusals."""
    ways = reading(seed)
    for method, target, body in ways:
        sent = b"" if body is None else orjson.dumps(body)
        headers = [("content-type", "application/json")] if sent else []
        answer = await root.request(method, target, headers=headers, body=sent)
        assert answer.status < 500, (target, answer.body)
        if method == "OPTIONS":
            # What a method is allowed for is told to everybody.
            assert stored.rows("audit_logs", answer.header("x-request-id"), "request_id") == []
            continue
        path = target.partition("?")[0].replace("%00", "\N{REPLACEMENT CHARACTER}")
        expected = {"method": method, "path": path, "status": answer.status}
        assert await written(stored, root, seed, answer) == expected, target
    assert len(ways) > 60


async def test_every_graphql_request_is_written_down_with_its_root_fields(
    root: Client, seed: Seed, stored: Stored
) -> None:
    product = seed.live("products")[0]["id"]
    single = (
        "query { viewer { scopes } a: products(first: 1) { nodes { id } } ...more } fragment more on Query {"
    )
    single += (
        f' product(id: "{product}") {{ name }} ... on Query {{ products(first: 2) {{ totalCount }} }} }}'
    )
    node = f'{{ node(id: "Product:{product}") {{ id }} }}'
    batch = [{"query": "{ orders(first: 1) { nodes { id } } }"}, {"query": node}]
    mutation = f'mutation {{ updateProduct(id: "{product}", input: {{}}) {{ product {{ name }} }} }}'
    cases: list[tuple[Any, list[str] | None]] = [
        ({"query": single}, ["viewer", "products", "product"]),
        (batch, ["orders", "node"]),
        ({"query": "{ __schema { queryType { name } } }"}, ["__schema"]),
        ({"query": mutation}, ["updateProduct"]),
        ({"query": "{ nothing }"}, None),
    ]
    for way in ("compiled", "executor"):
        for asked, fields in cases:
            answer = await root.post("/graphql", asked, headers=[("x-diptych-execute", way)])
            expected = {"method": "POST", "path": "/graphql", "status": answer.status}
            expected |= {} if fields is None else {"fields": fields}
            assert await written(stored, root, seed, answer) == expected
            assert answer.status == 200 or fields is None


async def test_nothing_is_answered_that_cannot_be_written_down(
    root: Client, seed: Seed, stored: Stored
) -> None:
    """A database that takes no audit rows lets administrators read nothing, and others everything."""
    member = root.using(seed.tokens["acme", "member"])
    query = {"query": "{ products(first: 1) { nodes { id name } } }"}
    with psycopg.connect(seed.database, autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON audit_logs FROM diptych_app")
        try:
            with stored.unchanged():
                for answer in (await root.get(PRODUCT), await root.get("/api/v1/audit-logs/export")):
                    problem = answer.problem(503)
                    assert "written down" in problem["detail"]
                    assert answer.header("retry-after") == "1"
                asked = await root.post("/graphql", query)
            assert (await member.get(PRODUCT)).rows()
        finally:
            connection.execute("GRANT INSERT ON audit_logs TO diptych_app")
    assert asked.status == 503
    assert "data" not in asked.json()
    assert asked.json()["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert (await root.get(PRODUCT)).rows()


async def test_a_failure_of_the_server_is_written_down_as_any_answer(
    root: Client, seed: Seed, stored: Stored
) -> None:
    with psycopg.connect(seed.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE brands RENAME COLUMN logo_url TO mislaid")
        try:
            answer = await root.get("/api/v1/brands")
        finally:
            connection.execute("ALTER TABLE brands RENAME COLUMN mislaid TO logo_url")

    answer.problem(500)
    found = await written(stored, root, seed, answer)
    assert found == {"method": "GET", "path": "/api/v1/brands", "status": 500}


async def test_others_pay_no_round_trip_and_leave_no_row(root: Client, seed: Seed, stored: Stored) -> None:
    driver = driver_of(root.application)
    query = {"query": "{ products(first: 1) { nodes { id } } }"}
    costs = {}
    for name in ("reader", "member", "administrator"):
        client = root.using(seed.tokens["acme", name])
        await client.get(PRODUCT)
        before = stored.count("audit_logs"), driver.round_trips, driver.statements_sent
        (await client.get(PRODUCT)).rows()
        assert (await client.post("/graphql", query)).status == 200
        after = stored.count("audit_logs"), driver.round_trips, driver.statements_sent
        costs[name] = tuple(late - early for early, late in zip(before, after, strict=True))

    assert costs == {"reader": (0, 2, 2), "member": (0, 2, 2), "administrator": (2, 4, 10)}


async def test_what_an_administrator_writes_is_told_by_rows_that_name_them(
    root: Client, seed: Seed, stored: Stored
) -> None:
    answer = await root.post(PRODUCT, {"name": "By hand"})

    rows = stored.rows("audit_logs", answer.header("x-request-id"), "request_id")
    assert [row["action"] for row in rows] == ["product.created", READ]
    assert len({(row["user_id"], row["token_id"], row["address"]) for row in rows}) == 1
    told = await root.get(
        f"/api/v1/audit-logs?filter[request_id]={answer.header('x-request-id')}&sort=inserted_at"
    )
    assert [row["user_id"] for row in told.rows()] == [str(row["user_id"]) for row in rows]
    by_user = await root.get(
        f"/api/v1/audit-logs?filter[user_id]={rows[0]['user_id']}&filter[action]=product.created"
    )
    by_address = await root.get(
        "/api/v1/audit-logs?filter[address]=198.51.100.9&filter[action]=product.created"
    )
    assert by_user.ids() == by_address.ids() == [str(rows[0]["id"])]


async def test_a_dead_session_reads_nothing_and_is_refused_as_any(
    root: Client, seed: Seed, stored: Stored
) -> None:
    with psycopg.connect(seed.database) as connection:
        raw = add_token(
            connection,
            seed.workspaces["acme"]["id"],
            ("all:write",),
            precheck_key(settings(seed.database)),
            kind="session",
            administrative=True,
            name="Ended",
        )
    client = root.using(raw)
    (await client.get(PRODUCT)).rows()
    with psycopg.connect(seed.database) as connection:
        connection.execute("UPDATE tokens SET revoked_at = now() WHERE name = 'Ended'")

    with stored.unchanged():
        (await client.get(PRODUCT)).problem(401)
