"""Every response, of whatever class, carries the security headers and the request id; CORS is by list."""

import json
import logging
import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest

from diptych import edge, shell
from diptych.logs import JsonLines
from diptych.runtime import precheck_key
from rest.discovery.html import POLICY, rendered
from services.catalog import CATALOG
from services.engine.errors import CATALOGUE
from tests.support import seed as seeding
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed

ORIGIN = "https://app.example"
SECURITY = {
    "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "strict-origin-when-cross-origin",
}
CLASSES = [
    ("GET", "/api/v1/products", 200),
    ("HEAD", "/api/v1/products", 200),
    ("OPTIONS", "/api/v1/products", 204),
    ("POST", "/api/v1/products/search", 200),
    ("GET", "/api/v1/products?colour=red", 400),
    ("GET", f"/api/v1/products/{uuid.UUID(int=0)}", 404),
    ("GET", "/api/v1/nothing", 404),
    ("PATCH", "/api/v1/products/search", 405),
    ("GET", "/", 404),
    ("GET", "/health", 308),
    ("GET", "/health/live", 200),
    ("HEAD", "/health/live", 200),
    ("GET", "/health/ready", 200),
    ("POST", "/health/live", 405),
    ("GET", "/api/v1/health", 200),
    ("GET", "/problems/not-found", 200),
    ("HEAD", "/problems/not-found", 200),
    ("GET", "/problems/nothing", 404),
]


@pytest.fixture(scope="module")
async def browsers(seed: Seed) -> AsyncIterator[Client]:
    async with running(seed.database, cors_origins=[ORIGIN]) as application:
        yield Client(application, seed.tokens["acme", "reader"])


@pytest.fixture
async def broken(database: str) -> AsyncIterator[Client]:
    """An application whose brands lost a column, so that reading them fails in a way nobody foresaw."""
    key = precheck_key(seeding.settings(database))
    with psycopg.connect(database) as connection:
        found = connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a') RETURNING id")
        row = found.fetchone()
        assert row is not None
        token = seeding.add_token(connection, row[0], ["all:read"], key)
        connection.execute("ALTER TABLE brands DROP COLUMN logo_url")
    async with running(database) as application:
        yield Client(application, token)


def assert_secured(answer: Answer) -> None:
    found = {name: answer.header(name) for name in SECURITY}
    if (answer.header("content-type") or "").startswith("text/html"):
        # Pages for people have a style and an icon, and nothing else.
        assert found["content-security-policy"] == POLICY[0][1].decode()
        found["content-security-policy"] = SECURITY["content-security-policy"]
    assert found == SECURITY
    assert answer.header("x-request-id")


@pytest.mark.parametrize(("method", "target", "status"), CLASSES)
async def test_every_class_of_response_is_secured(api: Client, method: str, target: str, status: int) -> None:
    """S3-118 to S3-123, S3-131."""
    answer = await api.request(method, target)

    assert answer.status == status
    assert_secured(answer)


@pytest.mark.parametrize(("method", "target", "status"), [case for case in CLASSES if case[2] >= 400])
async def test_every_refusal_is_a_problem_that_names_its_address(
    api: Client, method: str, target: str, status: int
) -> None:
    found = (await api.request(method, target)).problem(status)

    assert found["instance"] == target.partition("?")[0]
    assert found["type"] == f"/problems/{found['code']}"


async def test_refused_tokens_are_secured_too(api: Client, seed: Seed) -> None:
    for client, status in (
        (api.using(None), 401),
        (api.using("dip_test_nonsense"), 401),
        (api.using(seed.tokens["acme", "nothing"]), 403),
    ):
        answer = await client.get("/api/v1/products")
        answer.problem(status)
        assert_secured(answer)


async def test_not_modified_is_secured_and_empty(api: Client, seed: Seed) -> None:
    target = f"/api/v1/brands/{seed.live('brands')[0]['id']}"
    tag = (await api.get(target)).header("etag")
    assert tag is not None

    answer = await api.get(target, headers=[("if-none-match", tag)])

    assert (answer.status, answer.body) == (304, b"")
    assert_secured(answer)


async def test_refused_media_types_are_secured_too(api: Client) -> None:
    unread = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", "text/csv")], body=b"a,b"
    )
    unserved = await api.get("/api/v1/products", headers=[("accept", "text/csv")])

    for answer, status in ((unread, 415), (unserved, 406)):
        answer.problem(status)
        assert_secured(answer)


async def test_a_body_beyond_the_limit_is_refused_whether_announced_or_not(api: Client) -> None:
    kind = [("content-type", "application/json")]
    body = b'"' + b"x" * 1_048_576 + b'"'

    announced = await api.request("POST", "/api/v1/products/search", headers=kind, body=body)
    streamed = await api.request(
        "POST", "/api/v1/products/search", headers=[*kind, ("content-length", "1")], body=body
    )

    for answer in (announced, streamed):
        answer.names(413, "1048576 bytes")
        assert_secured(answer)


async def test_an_unforeseen_failure_tells_its_id_and_logs_the_rest(
    broken: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """S3-131, S3-132, S3-134."""
    sent = [
        ("x-request-id", "my-request"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ]

    answer = await broken.get("/api/v1/brands", headers=sent)

    problem = answer.problem(500)
    assert_secured(answer)
    assert problem["detail"] == "The server failed unexpectedly; quote my-request when you report it."
    assert "logo_url" not in answer.body.decode()
    (record,) = caplog.records
    line = json.loads(JsonLines().format(record))
    assert line["request_id"] == "my-request"
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (line["level"], line["path"]) == ("error", "/api/v1/brands")
    assert "logo_url" in line["exception"]


async def test_a_failure_off_the_hot_path_is_the_same_problem(
    application: edge.Edge, caplog: pytest.LogCaptureFixture
) -> None:
    async def checks() -> dict[str, str]:
        raise RuntimeError("the secret reason")

    outer = edge.Edge(
        application._rest,
        {},
        shell.build("1", checks, shell.FastAPI().router.lifespan_context, catalog=CATALOG),
        application._authenticator,
        application._limiter,
        application._watch,
        application._notices,
        edge.EdgeSettings(),
    )

    answer = await Client(outer).get("/health/ready", headers=[("x-request-id", "my-request")])

    assert answer.problem(500)["code"] == "internal-error"
    assert_secured(answer)
    assert "secret reason" not in answer.body.decode()
    assert [record.__dict__["request_id"] for record in caplog.records] == ["my-request"]
    assert "the secret reason" in JsonLines().format(caplog.records[0])


async def test_a_body_that_breaks_off_is_not_taken_for_whole(application: edge.Edge, seed: Seed) -> None:
    sent: list[dict[str, object]] = []
    messages = iter([{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    token = seed.tokens["acme", "reader"].encode()
    headers = [(b"authorization", b"Bearer " + token), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/brands/search",
        "query_string": b"",
        "headers": headers,
    }
    await application(scope, receive, send)

    assert sent[0]["status"] == 400


# Request ids


async def test_a_request_id_is_echoed(api: Client) -> None:
    """S3-131."""
    answer = await api.get("/api/v1/products", headers=[("x-request-id", "abc-1.2_3")])

    assert answer.header("x-request-id") == "abc-1.2_3"


@pytest.mark.parametrize("sent", [None, "", "a b", "x" * 129, "line\\n", "é"])
async def test_a_missing_or_unsafe_request_id_is_replaced_by_a_uuid(api: Client, sent: str | None) -> None:
    """S3-130, C-65."""
    headers = [] if sent is None else [("x-request-id", sent)]

    found = (await api.get("/health/live", headers=headers)).header("x-request-id")

    assert found is not None
    assert str(uuid.UUID(found)) == found


# Cross-origin access


@pytest.mark.parametrize("target", ["/api/v1/products", "/api/v1/nothing", "/health/live", "/graphql"])
async def test_a_preflight_grants_a_listed_origin_everything_it_needs(browsers: Client, target: str) -> None:
    """S3-124 to S3-129."""
    asked = [("origin", ORIGIN), ("access-control-request-method", "PATCH")]

    answer = await browsers.using(None).request("OPTIONS", target, headers=asked)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == ORIGIN
    methods = str(answer.header("access-control-allow-methods")).split(", ")
    assert {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} <= set(methods)
    headers = str(answer.header("access-control-allow-headers")).split(", ")
    assert {
        "Authorization",
        "Content-Type",
        "If-Match",
        "If-None-Match",
        "Idempotency-Key",
        "X-Request-Id",
    } <= set(headers)
    assert answer.header("access-control-max-age") == "86400"
    assert answer.header("vary") == "Origin"
    assert_secured(answer)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", ORIGIN.upper()])
async def test_a_strange_origin_is_granted_nothing(browsers: Client, origin: str) -> None:
    """S3-124."""
    asked = [("origin", origin), ("access-control-request-method", "GET")]

    preflight = await browsers.request("OPTIONS", "/api/v1/products", headers=asked)
    answer = await browsers.get("/api/v1/products", headers=[("origin", origin)])

    for found in (preflight, answer):
        assert not [name for name, _ in found.headers if name.startswith("access-control-")]


async def test_a_listed_origin_may_read_what_it_needs_and_send_its_cookie(browsers: Client) -> None:
    """S3-127."""
    answer = await browsers.get("/api/v1/products", headers=[("origin", ORIGIN)])

    assert answer.header("access-control-allow-origin") == ORIGIN
    assert {
        "ETag",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "X-Request-Id",
        "Link",
        "Deprecation",
        "Sunset",
    } <= set(str(answer.header("access-control-expose-headers")).split(", "))
    assert answer.header("access-control-allow-credentials") == "true"


async def test_shared_caches_learn_that_the_origin_matters(browsers: Client) -> None:
    answer = await browsers.get("/api/v1/products")

    assert "Origin" in [value for name, value in answer.headers if name == "vary"]


async def test_nobody_is_granted_anything_by_default(api: Client) -> None:
    answer = await api.get("/api/v1/products", headers=[("origin", ORIGIN)])

    assert not [name for name, _ in answer.headers if name.startswith("access-control-")]


# Health and problem pages


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=str)
async def test_every_problem_type_leads_to_its_page(api: Client, kind: object) -> None:
    found = CATALOGUE[kind.slug]  # type: ignore[attr-defined]

    answer = await api.using(None).get(f"/problems/{found.slug}")

    assert answer.status == 200
    assert answer.header("content-type") == "text/html; charset=utf-8"
    for told in (found.title, found.slug, str(found.status), rendered(found.remedy)):
        assert told in answer.body.decode()


async def test_liveness_and_readiness_need_no_token_and_are_never_cached(api: Client) -> None:
    """S3-345, S3-346, S3-349."""
    for target in ("/health/live", "/health/ready"):
        answer = await api.using(None).get(target)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert answer.header("cache-control") == "no-store"


async def test_health_leads_to_liveness(api: Client) -> None:
    """S3-350, C-80."""
    answer = await api.using(None).get("/health")

    assert (answer.status, answer.header("location")) == (308, "/health/live")


async def test_readiness_names_what_is_wrong_while_liveness_does_not_care(
    database: str, empty_database: str
) -> None:
    """S3-347."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    states = {
        database: {"database": "ok", "migrations": "outdated"},
        empty_database: {"database": "ok", "migrations": "missing"},
        "host=/nowhere dbname=x": {"database": "unavailable", "migrations": "unknown"},
    }
    for url, checks in states.items():
        async with running(url) as application:
            client = Client(application)
            ready = await client.get("/health/ready")
            assert (ready.status, ready.json()) == (503, {"status": "degraded", "checks": checks})
            assert_secured(ready)
            assert (await client.get("/health/live")).status == 200


def test_the_log_is_one_object_a_line(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("diptych.trial").warning("two\nlines of %s", "text", extra={"answer": 42})

    line = JsonLines().format(caplog.records[0])

    assert "\n" not in line
    told = json.loads(line)
    assert (told["event"], told["answer"], told["level"]) == ("two\nlines of text", 42, "warning")
