"""Exports of the audit log: the list as one file, whole or visibly broken off."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import orjson
import psycopg
import pytest

from db.embedded import Embedded
from diptych.edge import Application
from diptych.runtime import precheck_key
from tests.support.application import driver_of, running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, add_token, plant, settings

ROWS = 1_203
EXPORT = "/api/v1/audit-logs/export"
HOSTILE = ('=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", "\tx", "plain, with a comma", 'a "quote"')


@pytest.fixture(scope="module")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    seed = plant(copied(postgres, migrated_template), ("writer", "products"))
    with psycopg.connect(seed.database) as connection:
        connection.execute(
            "INSERT INTO audit_logs (workspace_id, action, resource, resource_id, request_id, after,"
            " inserted_at) SELECT %s, 'export.tried', 'product', gen_random_uuid(), 'r' || n,"
            " jsonb_build_object('n', n), now() - make_interval(secs => n %% 50)"
            " FROM generate_series(1, %s) n",
            [seed.workspaces["acme"]["id"], ROWS],
        )
        for text in HOSTILE:
            connection.execute(
                "INSERT INTO audit_logs (workspace_id, action, resource, resource_id, request_id)"
                " VALUES (%s, 'export.hostile', 'product', gen_random_uuid(), %s)",
                [seed.workspaces["acme"]["id"], text],
            )
    return seed


@pytest.fixture(scope="module")
async def application(seed: Seed) -> AsyncIterator[Application]:
    async with running(seed.database) as started:
        yield started


@pytest.fixture(scope="module")
def shop(application: Application, seed: Seed) -> Client:
    return Client(application, seed.tokens["acme", "writer"])


async def listed(client: Client, query: str) -> list[dict[str, Any]]:
    """Return every row of a listing, by cursor."""
    target: str | None = f"/api/v1/audit-logs?{query}&pagination=cursor&per_page=500"
    found: list[dict[str, Any]] = []
    while target is not None:
        answer = await client.get(target)
        found += answer.rows()
        target = answer.json()["links"]["next"]
    for row in found:
        del row["links"]
    return found


def told(body: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in body.splitlines()]


@pytest.mark.parametrize(
    "query", ["filter[action]=export.tried", "sort=inserted_at", "filter[resource_id]=null"]
)
async def test_an_export_holds_the_rows_of_the_list_in_its_order(shop: Client, query: str) -> None:
    rows = await listed(shop, query) if "null" not in query else []
    if "null" in query:
        query = "filter[resource_id]=00000000-0000-4000-8000-000000000000"

    answer = await shop.get(f"{EXPORT}?{query}&format=ndjson")

    assert answer.status == 200
    assert answer.header("content-type") == "application/x-ndjson"
    assert answer.header("content-disposition") == 'attachment; filename="audit-logs.ndjson"'
    assert told(answer.body) == rows
    assert len(rows) == ROWS if "export.tried" in query else True


async def test_graphql_pages_through_the_rows_of_the_export(shop: Client) -> None:
    """A documented difference (decision 0008): a file is an address of REST alone."""
    query = """query($after: String) {
        auditLogs(first: 500, after: $after, filter: {action: {eq: "export.tried"}}) {
            nodes { id requestId after } pageInfo { hasNextPage endCursor } } }"""
    found: list[tuple[str, str, Any]] = []
    page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while page["hasNextPage"]:
        asked = {"query": query, "variables": {"after": page["endCursor"]}}
        listed = (await shop.post("/graphql", asked)).json()["data"]["auditLogs"]
        found += [(node["id"], node["requestId"], node["after"]) for node in listed["nodes"]]
        page = listed["pageInfo"]

    rows = told((await shop.get(f"{EXPORT}?filter[action]=export.tried")).body)
    assert [(row["id"], row["request_id"], row["after"]) for row in rows] == found
    assert len(found) == ROWS


async def test_csv_holds_the_same_and_no_formula(shop: Client) -> None:
    """Attack 51: what clients choose, such as the request's id, becomes no formula of a spreadsheet."""
    answer = await shop.get(f"{EXPORT}?filter[action]=export.hostile", headers=[("accept", "text/csv")])
    lines = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    rows = await listed(shop, "filter[action]=export.hostile")

    assert answer.header("content-type") == "text/csv; charset=utf-8; header=present"
    assert list(lines[0]) == list(rows[0])
    plain = {"plain, with a comma", 'a "quote"'}
    assert {line["request_id"] for line in lines} == plain | {f"'{text}" for text in set(HOSTILE) - plain}
    assert [line["id"] for line in lines] == [row["id"] for row in rows]
    wide = await shop.get(f"{EXPORT}?filter[action]=export.tried&format=csv")
    assert len(list(csv.reader(io.StringIO(wide.body.decode(), newline="")))) == ROWS + 1


async def test_nothing_found_is_an_empty_file_or_its_header_alone(shop: Client) -> None:
    query = "filter[action]=none.such"

    assert (await shop.get(f"{EXPORT}?{query}")).body == b""
    table = (await shop.get(f"{EXPORT}?{query}&format=csv")).body
    assert table.startswith(b"id,action,resource,")
    assert table.count(b"\r\n") == 1


async def test_what_is_refused_is_refused_before_the_file_begins(shop: Client, seed: Seed) -> None:
    for query in (
        "format=xml",
        "format=csv&format=csv",
        "page=2",
        "per_page=1",
        "fields=id",
        "cursor=",
        "x=1",
    ):
        (await shop.get(f"{EXPORT}?{query}")).problem(400)
    (await shop.get(EXPORT, headers=[("accept", "application/pdf")])).problem(406)
    narrow = shop.using(seed.tokens["acme", "products"])
    assert (await narrow.get(EXPORT)).problem(403)["required_scope"] == "audit_logs:read"
    (await shop.using(None).get(EXPORT)).problem(401)
    (await shop.post(EXPORT, {})).problem(405)
    (await shop.get("/api/v1/products/export")).problem(404)
    stranger = shop.using(seed.tokens["globex", "reader"])
    assert (await stranger.get(f"{EXPORT}?filter[action]=export.tried")).body == b""


async def test_an_export_is_read_page_by_page_and_sent_as_it_is_read(shop: Client) -> None:
    """Bounded memory: a portion is a page, each read by one statement when the one before has been sent."""
    driver = driver_of(shop.application)
    before = driver.statements_sent
    sent: list[tuple[int, int]] = []

    messages = await _raw(
        shop, lambda message: sent.append((driver.statements_sent - before, _lines(message)))
    )

    assert [count for _, count in sent if count] == [500, 500, ROWS - 1_000]
    assert [statements for statements, count in sent if count] == [1, 2, 3]
    assert messages[-1] == {"type": "http.response.body", "body": b""}


async def test_a_client_that_leaves_ends_the_reading(shop: Client) -> None:
    driver = driver_of(shop.application)
    before = driver.statements_sent
    leaving = asyncio.Event()

    messages = await _raw(shop, lambda message: leaving.set() if _lines(message) else None, leaving)

    assert driver.statements_sent - before == 2
    assert [_lines(each) for each in messages] == [0, 500]


async def test_a_token_that_is_revoked_meanwhile_breaks_the_file_off(
    shop: Client, seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    """C-85: what ends a token ends what it reads; and nobody takes the part for the whole."""
    made = (await shop.post("/api/v1/tokens", {"name": "Short", "scopes": ["audit_logs:read"]})).data(201)
    reader = shop.using(made["token"])
    (await reader.get("/api/v1/audit-logs?per_page=1")).rows()

    def revoke(message: MutableMapping[str, Any]) -> None:
        if _lines(message):
            with psycopg.connect(seed.database) as connection:
                connection.execute(
                    "UPDATE tokens SET revoked_at = now(), version = version + 1 WHERE id = %s", [made["id"]]
                )

    messages = await _raw(reader, revoke)

    assert [_lines(each) for each in messages] == [0, 500]
    assert messages[-1]["more_body"]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "a body broke off: The token is missing, malformed, unknown, expired or revoked.")
    ]


async def test_an_export_that_has_used_up_its_budget_waits_instead_of_breaking_off(seed: Seed) -> None:
    """Each page costs a point of the token's, as a page of the list does; the first one may be refused."""
    with psycopg.connect(seed.database) as connection:
        raw = add_token(
            connection,
            seed.workspaces["acme"]["id"],
            ("audit_logs:read",),
            precheck_key(settings(seed.database)),
            rate_limit_per_minute=60,
            burst=2,
        )
    async with running(seed.database, limits="on") as application:
        reader = Client(application, raw)
        answer = await reader.get(f"{EXPORT}?filter[action]=export.tried")
        assert len(told(answer.body)) == ROWS
        refused = [await reader.get(EXPORT) for _ in range(3)][-1]

    assert refused.problem(429)["code"] == "rate-limit-exceeded"


async def test_head_sends_no_rows_and_reads_one_page(shop: Client) -> None:
    driver = driver_of(shop.application)
    before = driver.statements_sent

    answer = await shop.request("HEAD", f"{EXPORT}?filter[action]=export.tried")

    assert answer.status == 200
    assert driver.statements_sent - before == 1


def _lines(message: MutableMapping[str, Any]) -> int:
    return int(message.get("body", b"").count(b"\n"))


async def _raw(
    client: Client,
    on_message: Any,
    leaving: asyncio.Event | None = None,
) -> list[MutableMapping[str, Any]]:
    """Export the rows that were planted, telling of each message when it is sent."""
    found: list[MutableMapping[str, Any]] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": EXPORT,
        "raw_path": EXPORT.encode(),
        "query_string": b"filter[action]=export.tried",
        "headers": [(b"host", b"api.example.com"), (b"authorization", f"Bearer {client.token}".encode())],
        "client": ("127.0.0.1", 50_000),
        "state": {},
    }
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        for message in asked:
            return message
        await (leaving or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        found.append(message)
        on_message(message)
        await asyncio.sleep(0)

    await client.application(scope, receive, send)
    return found
