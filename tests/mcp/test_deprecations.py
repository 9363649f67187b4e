"""Agents are told of the deprecated things that they use, and counted as users of MCP."""

from collections.abc import AsyncIterator

import orjson
import pytest

from db.embedded import Embedded
from tests.mcp.asking import OLDER
from tests.support import outdated
from tests.support.application import running
from tests.support.client import Application, Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant

_HEADERS = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]


@pytest.fixture(scope="module")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    """Seeded rows of a database that only these tests use."""
    return plant(copied(postgres, migrated_template))


@pytest.fixture(scope="module")
async def application(seed: Seed) -> AsyncIterator[Application]:
    """The application with a catalogue in which something of every kind is deprecated."""
    async with running(seed.database, outdated.CATALOG) as started:
        yield started


async def test_a_tool_tells_what_was_used(application: Application, seed: Seed) -> None:
    """Issue 5: one declaration, told on every surface, in words that a model reads and in members."""
    client = Client(application, seed.tokens["acme", "reader"])
    headers = [*_HEADERS, ("mcp-protocol-version", OLDER)]

    async def call(**arguments: object) -> dict[str, object]:
        params = {"name": "listBrands", "arguments": {"per_page": 1, **arguments}}
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        answer = await client.request("POST", "/mcp", headers=headers, body=body)
        result: dict[str, object] = answer.json()["result"]
        return result

    told, quiet = await call(fields=["website"]), await call(fields=["name"])

    assert told["_meta"]["diptych/deprecations"] == [  # type: ignore[index]  # It is JSON.
        {
            "name": "brand.website",
            "since": "2026-03-01",
            "sunset": "2028-03-01",
            "instead": "brand.logo_url",
        }
    ]
    assert "brand.website is deprecated. Migrate to brand.logo_url by 2028-03-01." in str(told["content"])
    assert "diptych/deprecations" not in str(quiet)
    assert await outdated.uses(application, seed.database) == {("brand.website", "mcp", "GET /brands", 1)}


async def test_a_tool_says_beforehand_that_it_is_deprecated(application: Application, seed: Seed) -> None:
    """The description is all that an agent chooses by."""
    client = Client(application, seed.tokens["acme", "reader"])
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}})

    answer = await client.request(
        "POST", "/mcp", headers=[*_HEADERS, ("mcp-protocol-version", OLDER)], body=body
    )

    tools = {each["name"]: each["description"] for each in answer.json()["result"]["tools"]}
    assert tools["listCategories"].startswith("Deprecated. ")
    assert "Migrate to brand.name." in tools["listCategories"]
    assert "eprecated" not in tools["listBrands"]
