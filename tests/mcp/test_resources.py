"""Resources: documents and rows that agents read by their URI (S2-051)."""

import pytest
from mcp.shared.exceptions import MCPError

from services.catalog import CATALOG
from tests.mcp.asking import MODERN, OLDER, Agent
from tests.mcp.conftest import Agents
from tests.support.client import Client
from tests.support.seed import Seed

DOCUMENTS = {
    "diptych://agents.md": "/api/v1/agents",
    "diptych://enums.json": "/api/v1/enums",
    "diptych://openapi.json": "/api/v1/openapi.json",
    "diptych://schema.graphql": "/api/v1/schema.graphql",
    **{
        f"diptych://openapi/{each.name}.json": f"/{each.name}/api/v1/openapi.json" for each in CATALOG.modules
    },
}
NOWHERE = (
    "diptych://nothing/here",
    "diptych://brands",
    "diptych://brands/",
    "diptych://brands/export",
    "diptych://audit-logs/export",
    "diptych://brands/bulk",
    "diptych://brands/../workspaces",
    "diptych://brands/..%2Fworkspaces",
    "diptych://openapi/nothing.json",
    "file:///etc/passwd",
    "brands/1",
    "",
)


async def test_documents_are_resources(agents: Agents, written: Seed, shop: Client) -> None:
    """The official client reads each of them as REST serves it."""
    async with agents(written.tokens["acme", "reader"]) as client:
        listed = {each.uri: each for each in (await client.list_resources()).resources}
        assert listed.keys() == DOCUMENTS.keys()
        for uri, path in DOCUMENTS.items():
            (found,) = (await client.read_resource(uri)).contents
            answer = await shop.get(path)
            assert found.text.encode() == answer.body  # type: ignore[union-attr]
            assert found.mime_type == listed[uri].mime_type


async def test_rows_are_resources(agents: Agents, written: Seed, shop: Client) -> None:
    """There is a template for each resource, and each leads to what REST answers."""
    async with agents(written.tokens["acme", "reader"]) as client:
        listed = [each.uri_template for each in (await client.list_resource_templates()).resource_templates]
        assert listed == [f"diptych://{each.path}/{{id}}" for each in CATALOG.resources]
        for resource in CATALOG.resources:
            for id_ in (await shop.get(f"/api/v1/{resource.path}?per_page=1")).ids():
                (found,) = (await client.read_resource(f"diptych://{resource.path}/{id_}")).contents
                answer = await shop.get(f"/api/v1/{resource.path}/{id_}")
                assert found.text.encode() == answer.body  # type: ignore[union-attr]


async def test_templates_are_shown_to_those_who_may_read(shop: Client, written: Seed) -> None:
    """S3-078."""
    agent = Agent(shop.using(written.tokens["acme", "orders"]))
    found = (await agent.result("resources/templates/list"))["resourceTemplates"]

    assert [each["name"] for each in found] == ["orders"]


@pytest.mark.parametrize("uri", NOWHERE)
async def test_what_is_not_there_is_an_error(shop: Client, uri: str) -> None:
    """The code is that of the revision, and the problem says more."""
    found = await Agent(shop, OLDER).error("resources/read", uri=uri)
    assert found["code"] == -32002
    assert found["data"]["code"] == "not-found"
    if uri.isascii() and uri:
        modern = await Agent(shop, MODERN).error("resources/read", uri=uri)
        assert modern["code"] == -32602
        assert modern["data"]["detail"] == found["data"]["detail"]


async def test_rows_of_another_workspace_are_not_there(shop: Client, written: Seed) -> None:
    """S3-061."""
    foreign = written.live("brands", "globex")[0]["id"]
    found = await Agent(shop).error("resources/read", uri=f"diptych://brands/{foreign}")

    assert found["data"]["code"] == "not-found"


async def test_reading_needs_the_scope(shop: Client, written: Seed) -> None:
    """S3-079."""
    id_ = written.live("brands")[0]["id"]
    agent = Agent(shop.using(written.tokens["acme", "orders"]))
    found = await agent.error("resources/read", uri=f"diptych://brands/{id_}")

    assert found["data"]["required_scope"] == "brands:read"


async def test_the_guide_is_a_prompt_too(agents: Agents, written: Seed, shop: Client) -> None:
    """A person can give it to a model in clients that read no resources by themselves."""
    async with agents(written.tokens["acme", "nothing"]) as client:
        (listed,) = (await client.list_prompts()).prompts
        (message,) = (await client.get_prompt(listed.name)).messages
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("nothing")

    assert message.content.resource.text.encode() == (await shop.get("/api/v1/agents")).body  # type: ignore
    assert caught.value.code == -32602
