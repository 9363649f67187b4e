"""The official client, over a real socket, in both revisions of the protocol (C-82)."""

import uuid
from typing import Any

import orjson
import pytest
from mcp import Client as McpClient
from mcp.shared.exceptions import MCPError

from tests.mcp.conftest import Agents
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.stored import Stored
from tests.support.workshop import graphql


async def called(client: McpClient, name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return what a tool answers; the client holds it against the tool's schema."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.structured_content
    assert isinstance(result.structured_content, dict)
    assert orjson.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    return result.structured_content


async def refused(client: McpClient, status: int, name: str, /, **arguments: Any) -> dict[str, Any]:
    """Return the problem that a tool refuses with."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    assert isinstance(result.structured_content, dict)
    assert result.structured_content["status"] == status, result.structured_content
    return result.structured_content


async def test_the_client_learns_what_there_is(agents: Agents, written: Seed) -> None:
    async with agents(written.tokens["acme", "writer"]) as client:
        assert client.protocol_version in ("2026-07-28", "2025-11-25")
        assert client.server_info is not None
        assert client.server_info.name == "diptych"
        assert client.instructions is not None
        assert "next_cursor" in client.instructions
        tools = await client.list_tools()
        found = {tool.name: tool for tool in tools.tools}
        assert tools.next_cursor is None
        assert found["listOrders"].annotations is not None
        assert found["listOrders"].annotations.read_only_hint is True
        assert found["deleteOrder"].annotations is not None
        assert found["deleteOrder"].annotations.destructive_hint is True


async def test_rows_are_made_found_changed_and_deleted(agents: Agents, written: Seed) -> None:
    """The short story of an agent."""
    slug = f"told-{uuid.uuid4().hex}"
    async with agents(written.tokens["acme", "writer"]) as client:
        made = (await called(client, "createBrand", name="Told", slug=slug))["data"]
        found = await called(client, "getBrand", id=made["id"])
        listed = await called(client, "listBrands", filter={"slug": {"eq": slug}}, fields=["slug"])
        changed = await called(client, "updateBrand", id=made["id"], name="Told again")
        done = await called(client, "deleteBrand", id=made["id"])
        gone = await refused(client, 404, "getBrand", id=made["id"])

    assert found["data"] == made
    assert [row["slug"] for row in listed["data"]] == [slug]
    assert changed["data"]["name"] == "Told again"
    assert done == {}
    assert gone["code"] == "not-found"


async def test_a_cursor_leads_through_all_pages(agents: Agents, written: Seed) -> None:
    expected = {str(row["id"]) for row in written.live("products") if row["status"] == "active"}
    asked: dict[str, Any] = {"filter": {"status": {"eq": "active"}}, "per_page": 7, "fields": ["id"]}
    async with agents(written.tokens["acme", "reader"]) as client:
        found: list[str] = []
        page = await called(client, "listProducts", pagination="cursor", **asked)
        while True:
            found += [row["id"] for row in page["data"]]
            cursor = page["pagination"]["next_cursor"]
            if cursor is None:
                break
            page = await called(client, "listProducts", cursor=cursor, **asked)
        ended = await refused(client, 400, "listProducts", cursor=cursor, **asked)

    assert len(found) == len(expected)
    assert set(found) == expected
    assert "no further page" in ended["detail"]


async def test_a_search_takes_conditions_that_are_joined(agents: Agents, written: Seed) -> None:
    either = {"or": [{"gtin": {"null": True}}, {"not": {"gtin": {"null": True}}}]}
    async with agents(written.tokens["acme", "reader"]) as client:
        found = await called(client, "searchProducts", filter=either, per_page=500)

    assert len(found["data"]) == len(written.live("products"))


async def test_what_is_wrong_is_told_by_field(agents: Agents, written: Seed, stored: Stored) -> None:
    """S3-267 and following: 422 with all faults at once."""
    async with agents(written.tokens["acme", "writer"]) as client:
        with stored.unchanged():
            found = await refused(client, 422, "createProduct", name="", price_cents=-1)

    assert set(found["errors"]) >= {"name", "price_cents"}


async def test_a_version_that_is_not_the_one_meant_is_refused(
    agents: Agents, written: Seed, stored: Stored
) -> None:
    """S3-128: `if_match` takes the ETag that an answer ends with."""
    async with agents(written.tokens["acme", "writer"]) as client:
        first = await client.call_tool("createBrand", {"name": "Versioned"})
        assert isinstance(first.structured_content, dict)
        id_ = first.structured_content["data"]["id"]
        tag = first.content[1].text.removeprefix("etag: ")  # type: ignore[union-attr]
        await called(client, "updateBrand", id=id_, name="Newer", if_match=tag)
        with stored.unchanged():
            found = await refused(client, 412, "updateBrand", id=id_, name="Never", if_match=tag)

    assert found["code"] == "precondition-failed"


async def test_a_tool_without_its_scope_is_refused(agents: Agents, written: Seed, stored: Stored) -> None:
    """S3-079."""
    async with agents(written.tokens["acme", "reader"]) as client:
        assert "createBrand" not in {tool.name for tool in (await client.list_tools()).tools}
        with stored.unchanged():
            found = await refused(client, 403, "createBrand", name="Never")

    assert found["required_scope"] == "brands:write"


async def test_a_key_means_the_same_call_on_every_surface(
    agents: Agents, written: Seed, shop: Client, stored: Stored
) -> None:
    """S3-147, S3-154: called as a tool, it is repeated over REST and over GraphQL, and the other way."""
    key, name = f"key-{uuid.uuid4()}", f"Keyed {uuid.uuid4()}"
    query = (
        "mutation ($key: String, $name: String!) { createBrand(input: {name: $name}, idempotencyKey: $key) {"
    )
    query += " brand { id } replayed } }"
    async with agents(written.tokens["acme", "writer"]) as client:
        first = await called(client, "createBrand", name=name, idempotency_key=key)
        with stored.unchanged():
            again = await client.call_tool("createBrand", {"name": name, "idempotency_key": key})
            rest = await shop.post("/api/v1/brands", {"name": name}, headers=[("idempotency-key", key)])
            told = (await graphql(shop, query, key=key, name=name)).json()["data"]["createBrand"]
            other = await refused(client, 422, "createBrand", name="Other", idempotency_key=key)
        second = f"key-{uuid.uuid4()}"
        made = await shop.post("/api/v1/brands", {"name": name}, headers=[("idempotency-key", second)])
        with stored.unchanged():
            replayed = await client.call_tool("createBrand", {"name": name, "idempotency_key": second})

    assert again.structured_content == first == rest.json()
    assert again.content[-1].text.endswith("idempotency-replayed: true")  # type: ignore[union-attr]
    assert rest.header("idempotency-replayed") == "true"
    assert told == {"brand": {"id": first["data"]["id"]}, "replayed": True}
    assert other["code"] == "idempotency-key-mismatch"
    assert replayed.structured_content == made.json()


async def test_a_trial_changes_nothing(agents: Agents, written: Seed, stored: Stored) -> None:
    """S3-158: it is judged, answered, and forgotten."""
    async with agents(written.tokens["acme", "writer"]) as client:
        with stored.unchanged():
            tried = await called(client, "createBrand", name="Tried", dry_run=True)
            await refused(client, 422, "createBrand", name="", dry_run=True)

    assert tried["data"]["name"] == "Tried"


async def test_rows_of_another_workspace_are_not_there(agents: Agents, written: Seed, stored: Stored) -> None:
    """S3-061: absent, as if they had never been."""
    foreign = str(written.live("brands", "globex")[0]["id"])
    async with agents(written.tokens["acme", "writer"]) as client:
        with stored.unchanged():
            found = await refused(client, 404, "getBrand", id=foreign)
            await refused(client, 404, "updateBrand", id=foreign, name="Never")
            await refused(client, 404, "deleteBrand", id=foreign)
            unknown = await refused(client, 404, "getBrand", id=str(uuid.uuid4()))
        listed = await called(client, "listBrands", filter={"id": {"eq": foreign}})

    assert found["detail"] == unknown["detail"]
    assert listed["data"] == []


async def test_what_is_no_tool_is_an_error_of_the_protocol(agents: Agents, written: Seed) -> None:
    async with agents(written.tokens["acme", "writer"]) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("dropEverything", {})

    assert caught.value.code == -32602
    assert "dropEverything" in caught.value.message


async def test_an_argument_that_there_is_not_is_named(agents: Agents, written: Seed) -> None:
    async with agents(written.tokens["acme", "writer"]) as client:
        found = await refused(client, 400, "listBrands", pages=2)

    assert "'pages' is no argument of listBrands" in found["detail"]
    assert "per_page" in found["detail"]


async def test_a_dead_token_is_told_so_by_http(agents: Agents, written: Seed, address: str) -> None:
    """S3-051: with where tokens come from (RFC 9728)."""
    import httpx2

    async with httpx2.AsyncClient() as http:
        found = await http.post(f"{address}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert found.status_code == 401
    assert (
        f'resource_metadata="{address}/.well-known/oauth-protected-resource'
        in found.headers["www-authenticate"]
    )
