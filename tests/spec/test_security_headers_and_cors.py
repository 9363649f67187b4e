"""Security headers and CORS (S3.11, S3.12); further cases stand in tests/diptych/test_headers.py."""

from collections.abc import AsyncIterator

import pytest

from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed

ORIGIN = "https://shop.example"
OTHER = "https://admin.example"


@pytest.fixture(scope="module")
async def browsers(seed: Seed) -> AsyncIterator[Client]:
    async with running(seed.database, cors_origins=[ORIGIN, OTHER]) as application:
        yield Client(application, seed.tokens["acme", "reader"])


@pytest.mark.parametrize(
    "target", ["/api/v1/products", "/api/v1/products?nope=1", "/health/live", "/nothing"]
)
@pytest.mark.parametrize("with_token", [True, False])
async def test_every_response_is_secured(api: Client, target: str, with_token: bool) -> None:
    """S3-118 to S3-123: the values are those of the law to the letter."""
    answer = await (api if with_token else api.using(None)).get(target)

    assert answer.header("strict-transport-security") == "max-age=63072000; includeSubDomains; preload"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
    assert answer.header("referrer-policy") == "strict-origin-when-cross-origin"


async def test_preflight_lists_begin_with_those_of_the_law(browsers: Client) -> None:
    """S3-124 to S3-129, C-63: verbatim order first, then the additions."""
    answer = await browsers.using(None).request(
        "OPTIONS",
        "/api/v1/products",
        headers=[("origin", ORIGIN), ("access-control-request-method", "GET")],
    )

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("access-control-allow-origin") == ORIGIN
    assert (answer.header("access-control-allow-methods") or "").startswith(
        "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    )
    assert (answer.header("access-control-allow-headers") or "").startswith(
        "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id"
    )
    assert answer.header("access-control-max-age") == "86400"


async def test_exposed_headers_begin_with_those_of_the_law(browsers: Client) -> None:
    """S3-127, C-63."""
    answer = await browsers.get("/api/v1/products", headers=[("origin", OTHER)])

    assert answer.header("access-control-allow-origin") == OTHER
    assert (answer.header("access-control-expose-headers") or "").startswith(
        "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Link, Deprecation, Sunset"
    )


async def test_browsers_may_write(browsers: Client) -> None:
    """C-63: what a write needs may be sent, and what its answer tells may be read."""
    sent = await browsers.using(None).request(
        "OPTIONS",
        "/api/v1/products",
        headers=[("origin", ORIGIN), ("access-control-request-method", "PATCH")],
    )
    read = await browsers.get("/api/v1/products", headers=[("origin", ORIGIN)])

    allowed = (sent.header("access-control-allow-headers") or "").split(", ")
    exposed = (read.header("access-control-expose-headers") or "").split(", ")
    methods = (sent.header("access-control-allow-methods") or "").split(", ")
    assert {"If-Match", "Idempotency-Key", "Content-Type"} <= set(allowed)
    assert {"ETag", "Location", "Idempotency-Replayed", "Retry-After", "WWW-Authenticate"} <= set(exposed)
    assert {"POST", "PUT", "PATCH", "DELETE"} <= set(methods)


async def test_refusals_can_be_read_by_allowed_origins_too(browsers: Client) -> None:
    """S3-124: otherwise a browser hides the problem."""
    for client, target in ((browsers, "/api/v1/products?nope=1"), (browsers.using(None), "/api/v1/products")):
        answer = await client.get(target, headers=[("origin", ORIGIN)])

        assert answer.status in (400, 401)
        assert answer.header("access-control-allow-origin") == ORIGIN


async def test_no_origin_is_ever_a_star(browsers: Client) -> None:
    """S3-124."""
    for origin in ("*", "null", "https://evil.example"):
        answer = await browsers.get("/api/v1/products", headers=[("origin", origin)])

        assert answer.header("access-control-allow-origin") is None
        assert answer.header("access-control-allow-credentials") is None


async def test_a_bare_options_needs_no_token_and_names_the_methods(api: Client) -> None:
    """S3-064, C-16."""
    anonymous = api.using(None)
    for target, allowed in (
        ("/api/v1/products", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/products/search", "POST, OPTIONS"),
        ("/api/v1/products/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/api/v1/products/bulk", "POST, PATCH, DELETE, OPTIONS"),
        ("/api/v1/audit-logs", "GET, HEAD, OPTIONS"),
        ("/api/v1/brands/x/products", "GET, HEAD, OPTIONS"),
    ):
        answer = await anonymous.request("OPTIONS", target)

        assert (answer.status, answer.body) == (204, b"")
        assert answer.header("allow") == allowed
    (await anonymous.request("OPTIONS", "/api/v1/nothing")).problem(404)
