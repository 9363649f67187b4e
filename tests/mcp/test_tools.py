"""The tools: one for every operation, whole, true to it, and small enough to be read (S2-049, C-82)."""

import re
from functools import cache
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from rest.mcp.arguments import Kind
from rest.mcp.tools import Tool, Toolbox
from rest.openapi.document import OWN_MODULE, document
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from tests.mcp.asking import Agent, toolbox
from tests.parity import gadgets
from tests.parity.procedures import errands
from tests.support.client import Client
from tests.support.described import METHODS
from tests.support.seed import Seed

TOOLS = list(toolbox().by_name.values())
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
"""What the programming interfaces of models let tools and their arguments be called."""

MOST_BYTES = 16_000


@cache
def operations() -> dict[str, dict[str, Any]]:
    found = document(CATALOG, "0.0.0")["paths"].values()
    every = [item[method] for item in found for method in METHODS if method in item]
    return {each["operationId"]: each for each in every if OWN_MODULE not in each["tags"]}


def test_every_operation_is_a_tool_but_what_tells_of_the_server_and_what_is_there_twice() -> None:
    """C-82."""
    expected = {name for name in operations() if not name.endswith("ByPost")}

    assert set(toolbox().by_name) == expected
    assert len(expected) > 130


@pytest.mark.parametrize("catalog", [gadgets.CATALOG, errands.CATALOG], ids=["gadgets", "errands"])
def test_other_catalogues_have_tools_too(catalog: Catalog) -> None:
    """Whatever is declared: fields of every kind, procedures of every shape, and no modules."""
    found = Toolbox(document(catalog, "0.0.0"))
    for tool in found.by_name.values():
        Draft202012Validator.check_schema(tool.takes)
        Draft202012Validator.check_schema(tool.answers)
        assert tool.answers["type"] == "object"
        assert set(tool.form.places) == set(tool.takes["properties"])
    assert set(found.servers) <= {"other", "platform", *found.modules}
    assert {f"list{name(each.plural)}" for each in catalog.resources} <= found.by_name.keys()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_says_what_it_takes_and_answers(tool: Tool) -> None:
    """Each schema is valid (JSON Schema 2020-12), about an object, and leads nowhere else."""
    for schema in (tool.takes, tool.answers):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        references = set(re.findall(r'"\$ref":"([^"]+)"', orjson.dumps(schema).decode()))
        assert references <= {f"#/$defs/{name}" for name in schema.get("$defs", {})}
        assert not {"oneOf", "anyOf", "allOf"} & schema.keys()
    assert tool.takes["additionalProperties"] is False
    assert NAME.fullmatch(tool.name)
    assert all(PROPERTY.fullmatch(name) for name in tool.takes["properties"])
    assert tool.title
    assert tool.description
    assert len(orjson.dumps(tool.takes)) < MOST_BYTES


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_does_what_its_operation_does(tool: Tool) -> None:
    """What it needs, and what it may do, are told as they are."""
    operation = operations()[tool.name]
    reads = tool.form.method == "GET" or tool.name.startswith("search")

    assert tool.scopes == tuple(operation["x-required-scopes"])
    assert tool.read_only == reads
    assert tool.repeatable == (reads or tool.form.method in ("PUT", "DELETE"))
    added = tool.form.method == "POST" and (
        "201" in operation["responses"] or tool.name.startswith("restore")
    )
    assert tool.destructive == (not reads and not added)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_argument_is_lost_and_none_stands_for_two_things(tool: Tool) -> None:
    """Every parameter and every member of the body has a place, and none needs to be nested."""
    assert set(tool.form.places) == set(tool.takes["properties"])
    operation = operations()[tool.name]
    kinds = {place.kind for place in tool.form.places.values()}
    assert (Kind.MEMBER in kinds) == ("requestBody" in operation)
    assert Kind.BODY not in kinds
    keyed = any(each.get("$ref", "").endswith("IdempotencyKey") for each in operation["parameters"])
    assert ("idempotency_key" in tool.form.places) == keyed


def test_what_has_a_type_has_it_in_an_answer() -> None:
    """No member of a row may be anything, unless it is a map of the client's own."""
    rows = {each.name: toolbox().by_name[f"get{name(each.name)}"] for each in CATALOG.resources}
    for resource in CATALOG.resources:
        shown = rows[resource.name].answers["$defs"][name(resource.name)]["properties"]
        free = {key for key, schema in shown.items() if not {"type", "$ref", "anyOf", "enum"} & schema.keys()}
        assert free == set()


def name(text: str) -> str:
    return "".join(part.capitalize() for part in text.split("_"))


@pytest.mark.parametrize("scopes", ["reader", "writer", "nothing", "products"])
async def test_tools_are_listed_to_those_who_may_call_them(shop: Client, written: Seed, scopes: str) -> None:
    """S3-078: a token sees what its scopes permit, and what needs none."""
    agent = Agent(shop.using(written.tokens["acme", scopes]))
    listed = (await agent.result("tools/list"))["tools"]
    granted = set(written_scopes(scopes))

    assert [each["name"] for each in listed] == [tool.name for tool in TOOLS if permitted(tool, granted)]
    assert listed == [toolbox().by_name[each["name"]].described() for each in listed]


def written_scopes(name: str) -> tuple[str, ...]:
    return {"reader": ("read",), "writer": ("read", "write", "delete"), "nothing": (), "products": ()}[
        name
    ] + (("products",) if name == "products" else ())


def permitted(tool: Tool, granted: set[str]) -> bool:
    if granted == {"products"}:
        return all(scope == "products:read" for scope in tool.scopes)
    return all(scope.rpartition(":")[2] in granted for scope in tool.scopes)
