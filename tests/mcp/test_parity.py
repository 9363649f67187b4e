"""Every resource is the same through its tools as over REST: rows, pages, costs and refusals."""

from typing import Any

import pytest

from diptych.edge import Application, Edge
from rest.mcp.tools import Tool
from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.mcp.asking import MODERN, OLDER, Agent, toolbox
from tests.mcp.conftest import Seed
from tests.support.application import running
from tests.support.client import Answer, Client

QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"per_page": 2, "page": 2},
    {"per_page": 3, "pagination": "cursor"},
    {"per_page": 2, "sort": ["-inserted_at", "id"], "with_count": False},
    {"with_count": "estimated", "include_deleted": True, "per_page": 5},
    {"filter": {"inserted_at": {"gte": "2026-01-01T00:01:00Z"}}, "fields": ["id"], "per_page": 4},
    {"filter": {"id": {"null": False}}, "offset": 1, "per_page": 2},
)
BAD: tuple[dict[str, Any], ...] = (
    {"sort": ["nothing"]},
    {"filter": {"nothing": {"eq": 1}}},
    {"filter": {"id": {"like": "x"}}},
    {"fields": ["nothing"]},
    {"cursor": "not one"},
    {"include": ["nothing"]},
    {"page": 1, "with_count": "maybe"},
)
RESOURCES = pytest.mark.parametrize("resource", CATALOG.resources, ids=lambda each: each.name)


def camel(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))


def lister(resource: Resource) -> Tool:
    return toolbox().by_name[f"list{camel(resource.plural)}"]


def target(tool: Tool, arguments: dict[str, Any]) -> str:
    """Return the address that the same is asked at."""
    request = tool.form.request(tool.name, arguments)
    return f"{request.path}?{request.query.decode()}".rstrip("?")


def same_problem(found: dict[str, Any], answer: Answer) -> None:
    own = {"instance", "request_id"}
    expected = answer.problem(answer.status)
    assert {name: found[name] for name in found.keys() - own} == {
        name: expected[name] for name in expected.keys() - own
    }


@RESOURCES
@pytest.mark.parametrize("revision", [MODERN, OLDER])
async def test_a_page_is_the_same(shop: Client, resource: Resource, revision: str) -> None:
    """C-82: byte for byte, as are its links."""
    agent, tool = Agent(shop, revision), lister(resource)
    for arguments in QUERIES:
        called = await agent.calling(tool.name, arguments)
        answer = await shop.get(target(tool, arguments))
        assert answer.status == 200, answer.body
        assert called.text.encode() == answer.body
        assert called.document == answer.json()


@RESOURCES
async def test_a_row_is_the_same(shop: Client, resource: Resource) -> None:
    """C-82: byte for byte, with everything that can be included."""
    agent, getter = Agent(shop), toolbox().by_name[f"get{camel(resource.name)}"]
    rows = (await shop.get(f"/api/v1/{resource.path}?per_page=3")).rows()
    include = [each.name for each in resource.relations]
    for row in rows:
        for arguments in (
            {"id": row["id"]},
            {"id": row["id"], "include": include} if include else {"id": row["id"]},
        ):
            called = await agent.calling(getter.name, arguments)
            answer = await shop.get(target(getter, arguments))
            assert called.text.encode() == answer.body
            assert called.document == answer.json()
            assert called.headers.get("etag") == answer.header("etag")


@RESOURCES
async def test_what_rest_refuses_a_tool_refuses_alike(shop: Client, resource: Resource) -> None:
    """C-82: the same problem, but for the address and the request."""
    agent, tool = Agent(shop), lister(resource)
    for arguments in BAD:
        if set(arguments) - tool.form.places.keys():
            continue
        answer = await shop.get(target(tool, arguments))
        assert answer.status in (400, 422), (arguments, answer.body)
        same_problem((await agent.calling(tool.name, arguments)).problem(answer.status), answer)


@pytest.mark.parametrize("tool", toolbox().by_name.values(), ids=lambda tool: tool.name)
async def test_a_tool_without_its_scope_is_refused_as_over_rest(
    shop: Client, written: Seed, tool: Tool
) -> None:
    """S3-078, S3-079: every tool that needs a scope asks for the one that it tells."""
    if not tool.scopes:
        return
    nobody = shop.using(written.tokens["acme", "nothing"])
    arguments = {name: "~" for name in tool.form.places if f"{{{name}}}" in tool.form.path}
    found = (await Agent(nobody).calling(tool.name, arguments)).problem(403)

    assert found["code"] == "insufficient-scope"
    assert found["required_scope"] == tool.scopes[0]


def points(application: Application) -> int:
    """Return the points that have been taken of tokens since this was last asked."""
    assert isinstance(application, Edge)
    return sum(application._limiter.usage.drain().values())


COSTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("listBrands", {"per_page": 1}),
    ("listOrders", {"include": ["items.product", "customer"], "per_page": 100}),
    ("getOrder", {"include": ["items"]}),
    ("whoami", {}),
)


@pytest.mark.parametrize(("name", "arguments"), COSTS, ids=[name for name, _ in COSTS])
async def test_a_call_costs_what_it_costs_over_rest(
    served: Application, shop: Client, written: Seed, name: str, arguments: dict[str, Any]
) -> None:
    """S3-237: once, and no more for being called as a tool."""
    if name == "getOrder":
        arguments = {**arguments, "id": str(written.live("orders")[0]["id"])}
    points(served)
    answer = await shop.get(target(toolbox().by_name[name], arguments))
    over_rest = points(served)
    called = await Agent(shop).calling(name, arguments)

    assert called.document.keys() == answer.json().keys()
    assert points(served) == over_rest
    assert (over_rest > 0) == (name != "whoami")


@pytest.mark.parametrize(
    "method", ["tools/list", "resources/list", "resources/templates/list", "server/discover", "nothing/known"]
)
async def test_everything_else_costs_one_point(served: Application, shop: Client, method: str) -> None:
    """S3-237."""
    points(served)
    await Agent(shop).send(method)

    assert points(served) == 1


async def test_what_comes_to_nothing_costs_one_point(served: Application, shop: Client) -> None:
    """S3-237: an unknown tool, an unknown argument, a message that is none."""
    points(served)
    await Agent(shop).error("tools/call", name="nothing", arguments={})
    (await Agent(shop).call("listBrands", nothing=1)).problem(400)
    await shop.post("/mcp", [])

    assert points(served) == 3


async def test_a_spent_budget_is_a_refusal_of_the_tool(written: Seed) -> None:
    """S3-238: 429 as the problem, with when to try again."""
    async with running(written.database, limits="on") as started:
        client = Client(started, written.tokens["acme", "products"])
        agent, found = Agent(client), None
        for _ in range(200):
            answer = await agent.send("tools/call", {"name": "listProducts", "arguments": {"per_page": 500}})
            if answer.status == 429 or answer.json()["result"]["isError"]:
                found = answer
                break
    assert found is not None
    assert found.status == 200
    problem = found.json()["result"]["structuredContent"]
    assert problem["status"] == 429
    assert problem["retry_after"] >= 1
    assert found.json()["result"]["_meta"]["diptych.http/headers"]["retry-after"] == str(
        problem["retry_after"]
    )
