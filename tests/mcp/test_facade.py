"""Tools and resources over REST, for clients that do not speak MCP (S2-047 to S2-051, C-82)."""

import uuid
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from rest.mcp import offer
from services.catalog import CATALOG
from tests.mcp.asking import Agent, toolbox
from tests.support.client import Answer, Client
from tests.support.described import Described
from tests.support.seed import Seed
from tests.support.stored import Stored

CALL = "/api/v1/mcp/tools/call"


@pytest.fixture(scope="module")
def described() -> Described:
    return Described(CATALOG)


@pytest.fixture
def agent(shop: Client, written: Seed) -> Client:
    """A client whose token calls tools, and reads brands."""
    return shop.using(written.tokens["acme", "agent"])


@pytest.fixture
def looker(shop: Client, written: Seed) -> Client:
    """A client whose token looks at tools, and reads products."""
    return shop.using(written.tokens["acme", "looker"])


async def called(client: Client, tool: str, server: str = "catalog", **arguments: Any) -> Answer:
    return await client.post(CALL, {"server": server, "tool": tool, "arguments": arguments})


def result(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    found = answer.json()
    assert found.keys() == {"result"}
    assert isinstance(found["result"], dict)
    return found["result"]


async def test_each_module_is_a_server(shop: Client, described: Described) -> None:
    """S2-047: without a server of files, as there are none in a workspace yet."""
    answer = await shop.get("/api/v1/mcp/servers")
    found = answer.rows()

    assert [each["id"] for each in found] == [module.name for module in CATALOG.modules]
    assert [name for each in found for name in each["tools"]] == [
        name for module in CATALOG.modules for name in toolbox().by_name if _module(name) == module.name
    ]
    assert found[1]["name"] == "Catalog Server"
    assert described.faults_of_answer("GET", "/api/v1/mcp/servers", answer) == []


def _module(name: str) -> str:
    return toolbox().by_name[name].module


async def test_one_server_is_shown_by_its_id(shop: Client, described: Described) -> None:
    """S2-048."""
    listed = (await shop.get("/api/v1/mcp/servers")).rows()
    for each in listed:
        target = f"/api/v1/mcp/servers/{each['id']}"
        answer = await shop.get(target)
        assert answer.data() == each
        assert described.faults_of_answer("GET", target, answer) == []
    for unknown in ("filesystem", "", "..", "platform"):
        (await shop.get(f"/api/v1/mcp/servers/{unknown}")).problem(404)


async def test_tools_are_listed_with_their_parameters(looker: Client, described: Described) -> None:
    """S2-049, C-82: in the words of older clients, and as JSON Schema beside."""
    answer = await looker.get("/api/v1/mcp/servers/catalog/tools")
    found = {each["name"]: each for each in answer.rows()}

    assert found.keys() == {"listProducts", "getProduct", "searchProducts"}
    shown = found["getProduct"]
    assert shown["parameters"]["id"] == {"type": "string", "description": "Which row.", "required": True}
    assert shown["parameters"]["include_deleted"]["type"] == "boolean"
    assert shown["parameters"]["include_deleted"]["required"] is False
    assert shown["input_schema"] == toolbox().by_name["getProduct"].takes
    assert shown["output_schema"] == toolbox().by_name["getProduct"].answers
    assert described.faults_of_answer("GET", "/api/v1/mcp/servers/catalog/tools", answer) == []


async def test_every_parameter_of_every_tool_has_a_type(shop: Client) -> None:
    """S2-049."""
    for module in CATALOG.modules:
        for tool in (await shop.get(f"/api/v1/mcp/servers/{module.name}/tools")).rows():
            kinds = {each["type"] for each in tool["parameters"].values()}
            assert kinds <= {"string", "integer", "number", "boolean", "object", "array"}


async def test_a_tool_is_called(agent: Client, shop: Client, described: Described) -> None:
    """S2-050: the answer of REST as text, and its size in bytes."""
    answer = await called(agent, "listBrands", per_page=2)
    found = result(answer)
    rest = await shop.get("/api/v1/brands?per_page=2")

    assert found["content"].encode() == rest.body
    assert found["size"] == len(rest.body)
    assert (found["status"], found["media_type"]) == (200, "application/json")
    assert described.faults_of_answer("POST", CALL, answer) == []


async def test_a_call_writes_once_under_its_key(shop: Client, stored: Stored) -> None:
    """S3-147: with the ETag that a change takes."""
    key = f"key-{uuid.uuid4()}"
    first = result(await called(shop, "createBrand", name="Called", idempotency_key=key))
    with stored.unchanged():
        again = result(await called(shop, "createBrand", name="Called", idempotency_key=key))
    row = orjson.loads(first["content"])["data"]
    changed = result(await called(shop, "updateBrand", id=row["id"], name="Newer", if_match=first["etag"]))
    done = result(await called(shop, "deleteBrand", id=row["id"]))

    assert (first["status"], first["replayed"]) == (201, False)
    assert again == {**first, "replayed": True}
    assert orjson.loads(changed["content"])["data"]["name"] == "Newer"
    assert (done["status"], done["content"], done["size"], done["media_type"]) == (204, "", 0, None)


async def test_a_trial_changes_nothing(shop: Client, stored: Stored) -> None:
    """S3-158."""
    with stored.unchanged():
        assert result(await called(shop, "createBrand", name="Tried", dry_run=True))["status"] == 201


async def test_a_call_needs_both_scopes(agent: Client, looker: Client, shop: Client, written: Seed) -> None:
    """S2-050, S3-079: that of calling, and that of the tool."""
    reader = shop.using(written.tokens["acme", "brand_reader"])

    assert (await called(agent, "createBrand", name="Never")).problem(403)["required_scope"] == "brands:write"
    assert (await called(looker, "listProducts")).problem(403)["required_scope"] == "mcp:write"
    assert (await called(reader, "listBrands")).problem(403)["required_scope"] == "mcp:write"
    assert (await reader.get("/api/v1/mcp/servers")).problem(403)["required_scope"] == "mcp:read"
    assert (await reader.get("/api/v1/mcp/servers/nothing")).problem(403)["required_scope"] == "mcp:read"
    assert (await agent.get("/api/v1/mcp/servers")).status == 200


async def test_a_refusal_of_the_tool_is_that_of_the_call(
    shop: Client, stored: Stored, written: Seed, described: Described
) -> None:
    """C-82: the problem document, with its status."""
    foreign = str(written.live("brands", "globex")[0]["id"])
    with stored.unchanged():
        answers = {
            400: await called(shop, "listBrands", nothing=1),
            404: await called(shop, "getBrand", id=foreign),
            412: await called(
                shop, "updateBrand", id=str(written.live("brands")[0]["id"]), name="Never", if_match='"no"'
            ),
            422: await called(shop, "createBrand", name=""),
        }
    for status, answer in answers.items():
        found = answer.problem(status)
        assert found["instance"] == CALL
        assert described.faults_of_answer("POST", CALL, answer) == []
    assert answers[422].json()["errors"].keys() == {"name"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"server": "catalog"}, 422),
        ({"server": 1, "tool": "listBrands"}, 422),
        ({"server": "catalog", "tool": ""}, 422),
        ({"server": "catalog", "tool": "listBrands", "arguments": []}, 422),
        ({"server": "catalog", "tool": "listBrands", "extra": 1}, 400),
        ({"server": "commerce", "tool": "listBrands"}, 404),
        ({"server": "filesystem", "tool": "read_file", "arguments": {"path": "/etc/passwd"}}, 404),
        ({"server": "platform", "tool": "callMcpTool"}, 404),
        ({"server": "x" * 10_000, "tool": "y" * 10_000}, 404),
        ([], 400),
    ],
)
async def test_a_call_that_names_no_tool_is_refused(shop: Client, body: Any, status: int) -> None:
    """S2-050."""
    found = (await shop.post(CALL, body)).problem(status)

    assert len(found["detail"]) < 300


@pytest.mark.parametrize("header", ["idempotency-key", "if-match"])
async def test_headers_that_would_go_unheeded_are_refused(shop: Client, stored: Stored, header: str) -> None:
    """S3-149."""
    body = {"server": "catalog", "tool": "createBrand", "arguments": {"name": "Never"}}
    with stored.unchanged():
        (await shop.post(CALL, body, headers=[(header, '"a"')])).problem(400)
        (await shop.post(f"{CALL}?dry_run=true", body)).problem(400)


async def test_arguments_may_be_left_out(agent: Client) -> None:
    """S2-050."""
    for body in ({}, {"arguments": None}, {"arguments": {}}):
        answer = await agent.post(CALL, {"server": "catalog", "tool": "listBrands", **body})
        assert result(answer)["status"] == 200


@pytest.mark.parametrize("escaped", [True, False])
async def test_a_resource_is_read_by_its_uri(
    shop: Client, written: Seed, described: Described, escaped: bool
) -> None:
    """S2-051: slashes may be escaped, and the whole is decoded."""
    id_ = written.live("brands")[0]["id"]
    for uri, path in (
        (f"diptych://brands/{id_}", f"/api/v1/brands/{id_}"),
        ("diptych://enums.json", "/api/v1/enums"),
        ("diptych://openapi/catalog.json", "/catalog/api/v1/openapi.json"),
        ("diptych://schema.graphql", "/api/v1/schema.graphql"),
    ):
        target = f"/api/v1/mcp/resources/{quote(uri, safe='' if escaped else ':/')}"
        answer = await shop.get(target)
        expected = (await shop.get(path)).body.decode()
        found = answer.data()
        assert (found["uri"], found["text"]) == (uri, expected)
        if escaped:
            assert described.faults_of_answer("GET", target, answer) == []


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "..", "diptych://brands/export", "diptych:", "a/b/c"])
async def test_what_is_no_resource_is_not_there(shop: Client, uri: str) -> None:
    """S2-051."""
    (await shop.get(f"/api/v1/mcp/resources/{quote(uri, safe='')}")).problem(404)
    (await shop.get(f"/api/v1/mcp/resources/{uri}")).problem(404)


async def test_reading_needs_the_scope_of_what_is_read(looker: Client, written: Seed) -> None:
    """S3-079."""
    product, brand = written.live("products")[0]["id"], written.live("brands")[0]["id"]

    assert (await looker.get(f"/api/v1/mcp/resources/diptych://products/{product}")).status == 200
    found = (await looker.get(f"/api/v1/mcp/resources/diptych://brands/{brand}")).problem(403)
    assert found["required_scope"] == "brands:read"


async def test_other_methods_are_not_allowed(shop: Client) -> None:
    """S3-004."""
    for method, path, allowed in (
        ("POST", "/api/v1/mcp/servers", "GET, HEAD, OPTIONS"),
        ("GET", CALL, "POST, OPTIONS"),
        ("DELETE", "/api/v1/mcp/resources/diptych://enums.json", "GET, HEAD, OPTIONS"),
    ):
        answer = await shop.request(method, path)
        answer.problem(405)
        assert answer.header("allow") == allowed
    (await shop.get("/api/v1/mcp")).problem(404)
    (await shop.get("/api/v1/mcp/nothing")).problem(404)


async def test_an_export_is_answered_whole(shop: Client) -> None:
    """C-82: a tool has no stream, so it answers with a file as long as that is small."""
    found = result(await called(shop, "exportAuditLogs", server="account", format="csv"))
    rest = await shop.get("/api/v1/audit-logs/export?format=csv")

    assert found["content"].splitlines()[0] == rest.body.decode().splitlines()[0]
    assert found["media_type"] == "text/csv"


async def test_a_file_that_is_too_large_is_refused(shop: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-82: rather than cut off."""
    monkeypatch.setattr(offer, "LARGEST_FILE", 100)
    found = (await called(shop, "exportAuditLogs", server="account")).problem(413)

    assert "100 bytes" in found["detail"]


async def test_a_file_keeps_to_the_schema_of_its_tool(shop: Client) -> None:
    """C-82."""
    found = (await Agent(shop).call("exportAuditLogs", format="ndjson")).document

    assert found["media_type"] == "application/x-ndjson"
    assert [orjson.loads(line).keys() for line in found["text"].splitlines()]
