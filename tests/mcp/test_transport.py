"""Messages over HTTP: who may post what, and what is answered to everything else (C-82)."""

import json
from typing import Any

import pytest

from diptych.edge import Application
from rest.mcp.offer import Offer
from tests.mcp.asking import MODERN, OLDER, Agent
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed
from tests.support.stored import Stored
from tests.support.workshop import Workshop

ACCEPT = ("accept", "application/json, text/event-stream")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": OLDER,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}


async def post(client: Client, body: bytes, *headers: tuple[str, str]) -> Answer:
    told = dict([("content-type", "application/json"), ACCEPT, *headers])
    return await client.request("POST", "/mcp", headers=list(told.items()), body=body)


def error_of(answer: Answer, status: int = 400) -> dict[str, Any]:
    assert answer.status == status, (answer.status, answer.body)
    found = answer.json()
    assert found["jsonrpc"] == "2.0"
    assert "result" not in found
    assert isinstance(found["error"], dict)
    return found["error"]


async def test_an_older_client_is_welcomed_without_a_session(shop: Client) -> None:
    answer = await shop.post("/mcp", INITIALIZE, headers=[ACCEPT])

    assert answer.status == 200
    assert answer.json()["result"]["protocolVersion"] == OLDER
    assert answer.header("mcp-session-id") is None
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-request-id")
    noted = await shop.post(
        "/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=[ACCEPT]
    )
    assert (noted.status, noted.body) == (202, b"")


async def test_a_client_of_today_needs_no_greeting(shop: Client) -> None:
    found = await Agent(shop).result("server/discover")

    assert MODERN in found["supportedVersions"]
    assert found["resultType"] == "complete"
    assert found["capabilities"].keys() == {"tools", "resources", "prompts"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD"])
@pytest.mark.parametrize("token", [True, False])
async def test_messages_are_posted(shop: Client, method: str, token: bool) -> None:
    """There is no stream to get and no session to delete."""
    client = shop if token else shop.using(None)
    answer = await client.request(method, "/mcp", headers=[ACCEPT])

    assert answer.status == 405
    assert answer.header("allow") == "POST, OPTIONS"
    if method != "HEAD":
        answer.problem(405)


async def test_options_tell_what_is_allowed(shop: Client) -> None:
    answer = await shop.using(None).request("OPTIONS", "/mcp")

    assert (answer.status, answer.header("allow")) == (204, "POST, OPTIONS")


@pytest.mark.parametrize("path", ["/mcp/", "/mcp/x", "/mcp/sse"])
async def test_there_is_nothing_else_below(shop: Client, path: str) -> None:
    (await shop.post(path, PING)).problem(404)


# Who


@pytest.mark.parametrize("message", [PING, INITIALIZE, {**PING, "method": "tools/list"}])
async def test_nobody_is_answered_without_a_token(shop: Client, message: dict[str, Any]) -> None:
    """S3-050: and is told where tokens come from (RFC 9728)."""
    answer = await shop.using(None).post("/mcp", message, headers=[ACCEPT])

    assert answer.problem(401)["code"] == "invalid-token"
    told = answer.header("www-authenticate") or ""
    assert 'resource_metadata="http://api.example.com/.well-known/oauth-protected-resource' in told


@pytest.mark.parametrize("revision", [MODERN, OLDER])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", {}),
        ("tools/call", {"name": "listBrands", "arguments": {}}),
        ("tools/call", {"name": "nothing", "arguments": {}}),
        ("resources/list", {}),
        ("resources/read", {"uri": "diptych://enums.json"}),
        ("nothing/known", {}),
    ],
)
async def test_a_revoked_token_hears_only_that(
    workshops: Any, revision: str, method: str, params: dict[str, Any]
) -> None:
    """S3-086, attack 45: at once, whatever it asks."""
    workshop: Workshop = workshops()
    admin, holder = workshop.holder("all:write"), workshop.holder("all:read")
    agent = Agent(holder, revision)
    before = await agent.send(method, params)
    assert (await admin.delete(f"/api/v1/tokens/{workshop.id_of(holder)}")).status == 204
    after = await agent.send(method, params)

    assert before.status != 401
    assert after.problem(401)["code"] == "invalid-token"
    assert "resource_metadata" in (after.header("www-authenticate") or "")


async def test_a_tool_that_needs_no_token_can_be_called_without_one(shop: Client, stored: Stored) -> None:
    """S3-050: as over REST, and refused alike."""
    nobody = Agent(shop.using(None))
    with stored.unchanged():
        found = await nobody.call("login", email="nobody@example.com", password="wrong wrong wrong")
        told = await Agent(shop).call("login", email="nobody@example.com", password="wrong wrong wrong")
        asked = {"email": "nobody@example.com", "password": "wrong wrong wrong"}
        rest = await shop.using(None).post("/api/v1/auth/login", asked)

    assert found.problem(401)["code"] == told.problem(401)["code"] == rest.problem(401)["code"]
    assert (await nobody.send("tools/call", {"name": "whoami", "arguments": {}})).status == 401
    long = {"name": "login", "arguments": {"email": "x" * 20_000, "password": "x"}}
    assert (await nobody.send("tools/call", long)).status == 401


# Origins


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("api.example.com", "http://evil.example"),
        # A name that leads here since its owner says so: the page seems to be of the server's own origin.
        ("evil.example:8000", "http://evil.example:8000"),
        ("127.0.0.1:8000", "http://127.0.0.1:9000"),
        ("localhost:8000", "null"),
        ("localhost.evil.example", "http://localhost.evil.example"),
        ("127.0.0.1:8000", ""),
    ],
)
async def test_pages_of_others_may_not_call(shop: Client, host: str, origin: str) -> None:
    """Attack 45, DNS rebinding: an Origin that is not believed is refused, whatever else is there."""
    client = Client(_named(shop.application, host), shop.token)
    answer = await post(client, json.dumps(PING).encode(), ("origin", origin))

    assert answer.problem(403)["code"] == "origin-refused"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
async def test_pages_of_the_server_itself_may_call(shop: Client, host: str) -> None:
    client = Client(_named(shop.application, host), shop.token)
    answer = await post(client, json.dumps(INITIALIZE).encode(), ("origin", f"http://{host}"))

    assert answer.status == 200


async def test_pages_of_allowed_origins_may_call(written: Seed) -> None:
    """S3-124."""
    origin = "https://agents.example"
    async with running(written.database, cors_origins=[origin]) as started:
        client = Client(started, written.tokens["acme", "reader"])
        answer = await post(client, json.dumps(INITIALIZE).encode(), ("origin", origin))
        asked = [("origin", origin), ("access-control-request-method", "POST")]
        before = await client.request("OPTIONS", "/mcp", headers=asked)

    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == origin
    allowed = (before.header("access-control-allow-headers") or "").lower().split(", ")
    assert {"mcp-protocol-version", "mcp-method", "mcp-name", "authorization"} <= set(allowed)


def _named(application: Any, host: str) -> Application:
    """Return the application as it is asked under another name."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        await application({**scope, "headers": [(b"host", host.encode()), *others]}, receive, send)

    return call


# What


@pytest.mark.parametrize("revision", [MODERN, OLDER])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "\\ud800"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": '
        + b"[" * 20_000
        + b"]" * 20_000
        + b"}}",
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": 1' + b"0" * 5_000 + b"}}",
        b'{"a":' * 65 + b"1" + b"}" * 65,
    ],
    ids=range(8),
)
async def test_what_is_no_strict_json_is_refused(shop: Client, revision: str, body: bytes) -> None:
    """Q-03, attack 45: before anything reads more into it."""
    answer = await post(shop, body, ("mcp-protocol-version", revision), ("mcp-method", "ping"))

    assert error_of(answer)["code"] == -32700


@pytest.mark.parametrize("revision", [MODERN, OLDER])
@pytest.mark.parametrize(
    "message",
    [[], [PING], [PING] * 1_000, "ping", 1, None, {}, {"id": 1}, {**PING, "jsonrpc": "1.0"}],
    ids=range(9),
)
async def test_what_is_not_one_message_is_refused(shop: Client, revision: str, message: Any) -> None:
    """Batches too: revisions since 2025-06 have none."""
    told = [("mcp-protocol-version", revision), ("mcp-method", "ping")]
    answer = await post(shop, json.dumps(message).encode(), *told)

    assert error_of(answer)["code"] == -32600
    assert len(answer.body) < 200


async def test_a_body_that_is_too_large_is_refused(shop: Client, stored: Stored) -> None:
    """S3-118."""
    huge = {"name": "createBrand", "arguments": {"name": "x" * 1_100_000}}
    with stored.unchanged():
        answer = await Agent(shop).send("tools/call", huge)

    answer.problem(413)


async def test_huge_arguments_are_refused_by_what_is_wrong_with_them(shop: Client, stored: Stored) -> None:
    with stored.unchanged():
        many = await Agent(shop).call("listBrands", filter={f"f{n}": {"eq": n} for n in range(1_000)})
        long = await Agent(shop).call("createBrand", name="x" * 900_000)
        deep: Any = 1
        for _ in range(40):
            deep = {"a": deep}
        nested = await Agent(shop).call("listBrands", filter=deep)

    many.problem(400)
    long.problem(422)
    nested.problem(400)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("content-type", "text/plain", 415),
        ("content-type", "application/json-patch+json", 415),
        ("accept", "text/html", 406),
        ("mcp-protocol-version", "1999-01-01", 400),
        ("mcp-protocol-version", "2026-07-28, 2026-07-28", 400),
        ("mcp-method", "tools/list", 400),
        ("idempotency-key", "key", 400),
        ("if-match", '"a"', 400),
    ],
)
async def test_headers_must_fit(shop: Client, header: str, value: str, status: int) -> None:
    """What would go unheeded is refused, as is what contradicts the message."""
    assert (await Agent(shop).send("ping", headers={header: value})).status == status


@pytest.mark.parametrize("id_", ['"tools":[]', '\\"tools":[]', "1", 1, -1])
async def test_the_id_of_a_message_is_given_back_as_it_is(shop: Client, id_: Any) -> None:
    """Even where it looks like a part of the answer."""
    message = {"jsonrpc": "2.0", "id": id_, "method": "tools/list"}
    answer = await shop.post("/mcp", message, headers=[ACCEPT, ("mcp-protocol-version", OLDER)])

    assert answer.json()["id"] == id_
    assert len(answer.json()["result"]["tools"]) > 130


async def test_a_name_must_be_the_same_in_header_and_message(shop: Client, stored: Stored) -> None:
    """A proxy that judges by headers must not be misled."""
    params = {"name": "createBrand", "arguments": {"name": "Never"}}
    with stored.unchanged():
        answer = await Agent(shop).send("tools/call", params, headers={"mcp-name": "listBrands"})

    assert error_of(answer)["code"] == -32020


@pytest.mark.parametrize("revision", [MODERN, OLDER])
@pytest.mark.parametrize(
    "method", ["subscriptions/listen", "completion/complete", "logging/setLevel", "__init__", "x" * 5_000]
)
async def test_unknown_methods_are_said_to_be(shop: Client, revision: str, method: str) -> None:
    if revision == MODERN and len(method) > 4_000:
        return
    answer = await Agent(shop, revision).send(method)

    assert answer.json()["error"]["code"] in (-32601, -32602)
    assert len(answer.body) < 8_000


async def test_a_query_is_refused(shop: Client) -> None:
    (await shop.post("/mcp?a=1", PING, headers=[ACCEPT])).problem(400)


@pytest.mark.parametrize("arguments", [[], "a", 1, True])
async def test_arguments_are_an_object(shop: Client, arguments: Any) -> None:
    found = await Agent(shop).error("tools/call", name="listBrands", arguments=arguments)

    assert found["code"] == -32602


@pytest.mark.parametrize(
    "name", ["", "listbrands", "__class__", "listBrands\0", "x" * 3_000, "../listBrands"]
)
async def test_a_name_that_no_tool_has_is_an_error(shop: Client, name: str) -> None:
    answer = await Agent(shop, OLDER).send("tools/call", {"name": name, "arguments": {}})

    assert answer.json()["error"]["code"] in (-32602, -32700)
    assert len(answer.body) < 500


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/list", {}),
        ("tools/call", {"name": "listBrands", "arguments": {}}),
        ("tools/call", {"name": "createBrand", "arguments": {"name": "Never"}}),
        ("resources/read", {"uri": "diptych://enums.json"}),
        ("resources/templates/list", {}),
    ],
)
async def test_a_token_for_trusted_operations_has_no_tools(
    workshops: Any, stored: Stored, method: str, params: dict[str, Any]
) -> None:
    """It runs what is registered over GraphQL, and nothing else anywhere."""
    workshop: Workshop = workshops()
    tied = workshop.holder("all:write", trusted_only=True)
    with stored.unchanged():
        answer = await Agent(tied).send(method, params)

    assert b"operation-not-trusted" in answer.body


@pytest.mark.parametrize("revision", [MODERN, OLDER])
async def test_what_nobody_has_foreseen_is_a_500_that_tells_nothing(
    shop: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, revision: str
) -> None:
    """S3-132: the log alone holds it, under the id of the request."""

    async def fail(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(Offer, "ask", fail)
    answer = await Agent(shop, revision).send("tools/call", {"name": "listBrands", "arguments": {}})

    assert answer.problem(500)["code"] == "internal-error"
    assert b"the inside" not in answer.body
    (logged,) = [each for each in caplog.records if each.exc_info]
    assert logged.name == "diptych"
    assert vars(logged)["request_id"] == answer.header("x-request-id")


async def test_what_administrators_ask_is_written_down(workshops: Any, stored: Stored) -> None:
    """S3-143: as on every other surface, before it is answered."""
    workshop: Workshop = workshops()
    admin = workshop.holder("all:read", administrative=True)
    await Agent(admin).call("listBrands")
    found = stored.rows("audit_logs", workshop.id, "workspace_id")

    assert [(row["action"], row["after"]["path"]) for row in found] == [("administrative.read", "/mcp")]
