"""Headers of every class of response: security, correlation, browsers and HTTPS."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rest.discovery.html import POLICY
from tests.attacks.arena import Arena
from tests.attacks.routes import CALLS, Call
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed

ORIGIN = "https://app.example"
PROXY = "10.0.0.7"
SECURITY = {
    "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "strict-origin-when-cross-origin",
}
HOSTILE = [
    "null",
    "*",
    "https://app.example.evil.example",
    "https://evil-app.example",
    "https://app.example:444",
    "http://app.example",
    "https://APP.example",
    "https://app.example/",
    "https://app.example@evil.example",
    "https://app.example, https://evil.example",
    "https://app.exampl\xe9",
    "",
]
every_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


@pytest.fixture(scope="module")
async def browsers(ground: Seed) -> AsyncIterator[Client]:
    """A server that one origin may call from browsers."""
    async with running(ground.database, cors_origins=[ORIGIN]) as application:
        yield Client(application, ground.tokens["acme", "reader"])


@pytest.fixture(scope="module")
async def strict(ground: Seed) -> AsyncIterator[Client]:
    """A server that insists on HTTPS behind one proxy."""
    changes = {"require_https": True, "trusted_proxies": [PROXY], "cors_origins": [ORIGIN]}
    async with running(ground.database, **changes) as application:
        yield Client(application, ground.tokens["acme", "reader"])


async def made(client: Client, call: Call, *further: tuple[str, str]) -> Answer:
    """Return the answer to a call."""
    asking = client if call.token else client.using(None)
    return await asking.request(call.method, call.target, headers=[*call.headers, *further], body=call.body)


@every_call
async def test_every_class_of_response_is_secured(arena: Arena, call: Call) -> None:
    """C-61, S3-118 to S3-123, S3-131: no class of routes, and no refusal, goes without."""
    answer = await made(arena.reader, call)

    assert answer.status == call.status, answer.body[:300]
    expected = dict(SECURITY)
    if (answer.header("content-type") or "").startswith("text/html"):
        # Pages for people have a style and an icon, and nothing else.
        expected["content-security-policy"] = POLICY[0][1].decode()
    assert {name: answer.header(name) for name in SECURITY} == expected
    assert re.fullmatch("[0-9a-f-]{36}", answer.header("x-request-id") or "")
    assert answer.header("server") is None
    assert answer.header("x-powered-by") is None
    assert answer.header("set-cookie") is None


@every_call
async def test_what_a_token_may_read_is_no_cache_s(arena: Arena, call: Call) -> None:
    """What one may read is no one else's, and a cache must not keep it for them."""
    answer = await made(arena.reader, call)

    if call.token and answer.status == 200:
        policy = answer.header("cache-control") or ""
        assert "private" in policy or "no-store" in policy
        assert "authorization" in (answer.header("vary") or "").lower()


@every_call
async def test_an_allowed_origin_may_read_every_answer(browsers: Client, call: Call) -> None:
    """C-63, S3-124: refusals as well, since a browser would hide the problem."""
    answer = await made(browsers, call, ("origin", ORIGIN))

    assert answer.header("access-control-allow-origin") == ORIGIN
    assert "ETag" in (answer.header("access-control-expose-headers") or "")
    assert "Origin" in ", ".join(value for name, value in answer.headers if name == "vary")


@every_call
async def test_no_other_origin_is_granted_anything(browsers: Client, call: Call) -> None:
    """Attack 46, C-63: by neither the answer nor the preflight."""
    for origin in HOSTILE:
        answer = await made(browsers, call, ("origin", origin))
        asked = [("origin", origin), ("access-control-request-method", call.method)]
        preflight = await browsers.using(None).request("OPTIONS", call.target, headers=asked)

        assert preflight.status == 204
        for each in (answer, preflight):
            assert [name for name, _ in each.headers if name.startswith("access-control-")] == []
            assert "Origin" in ", ".join(value for name, value in each.headers if name == "vary")


@every_call
async def test_a_preflight_tells_the_same_of_every_address(browsers: Client, call: Call) -> None:
    """C-16, C-63: it needs no token and shows neither what is there nor who may have it."""
    asked = [("origin", ORIGIN), ("access-control-request-method", "DELETE")]
    answer = await browsers.using(None).request("OPTIONS", call.target, headers=asked)
    nowhere = await browsers.using(None).request("OPTIONS", "/api/v1/nowhere", headers=asked)

    def told(each: Answer) -> list[tuple[str, str]]:
        return [pair for pair in each.headers if pair[0] != "x-request-id"]

    assert answer.status == 204
    assert told(answer) == told(nowhere)
    assert {name: answer.header(name) for name in SECURITY} == SECURITY


@every_call
async def test_unencrypted_requests_get_nowhere(strict: Client, call: Call) -> None:
    """C-62: without a secret a read is redirected; all else is refused, whatever an unknown proxy says."""
    for further in ((), (("x-forwarded-proto", "https"),), (("forwarded", "proto=https"),)):
        answer = await made(strict, call, *further)
        if call.status == 431:
            assert answer.status == 431
        elif call.target.startswith("/health") or call.target == "/api/v1/health":
            assert answer.status == call.status
        elif call.method in ("GET", "HEAD") and not call.token and not call.headers:
            assert answer.status == 308
            assert (answer.header("location") or "").startswith("https://api.example.com/")
        else:
            assert answer.status == 403
            assert b"https-required" in answer.body or call.method == "HEAD"
        assert {name: answer.header(name) for name in SECURITY} == SECURITY


@every_call
async def test_behind_the_trusted_proxy_all_is_as_without(strict: Client, call: Call) -> None:
    """C-62."""
    behind = replace(strict, peer=PROXY)
    answer = await made(behind, call, ("x-forwarded-proto", "https"))

    assert answer.status == call.status


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_what_a_foreign_page_may_send_unasked_writes_nothing(arena: Arena, content_type: str) -> None:
    """Attack 46: neither to GraphQL nor to REST."""
    document = b'{"query":"mutation { createBrand(input: {name: \\"X\\"}) { replayed } }"}'
    headers = [("content-type", content_type), ("origin", "https://evil.example")] if content_type else []
    with arena.untouched():
        asked = await arena.admin.request("POST", "/graphql", headers=headers, body=document)
        sent = await arena.admin.request("POST", "/api/v1/brands", headers=headers, body=b'{"name":"X"}')

    assert asked.status == 415
    sent.problem(415)
