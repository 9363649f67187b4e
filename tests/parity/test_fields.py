"""What each surface shows and takes: the same fields, relations, filters, operators, orders and values."""

from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import Kind, Resource
from tests.parity.graphql_side import camel, constant, pascal
from tests.parity.world import World

NAMES = [resource.name for resource in CATALOG]

_TYPE = """
query ($name: String!) {
  __type(name: $name) {
    fields { name type { kind ofType { kind } } }
    inputFields { name type { name ofType { ofType { name } } } }
    enumValues { name }
  }
}
"""


async def described(world: World, name: str) -> dict[str, Any]:
    """Return a type as introspection tells it."""
    client = await world.client("all:read")
    answer = await client.post("/graphql", {"query": _TYPE, "variables": {"name": name}})
    found = answer.json()
    assert "errors" not in found, found
    type_ = found["data"]["__type"]
    assert isinstance(type_, dict), f"There is no type {name}."
    return type_


async def documents(world: World, resource: Resource) -> list[dict[str, Any]]:
    """Return every row as REST shows it."""
    client = await world.client("all:read")
    return (await client.get(f"/api/v1/{resource.path}?per_page=500&include_deleted=true")).rows()


@pytest.mark.parametrize("name", NAMES)
async def test_both_surfaces_show_the_same_fields(world: World, name: str) -> None:
    """S3-155: REST has links where GraphQL has relations, and a header where GraphQL has the tag."""
    resource = world.catalog[name]
    shown = {field["name"] for field in (await described(world, pascal(name)))["fields"]}
    relations = {camel(relation.name) for relation in resource.relations}

    for document in await documents(world, resource):
        fields = set(document) - {"links", *resource.embedded_by_name}
        assert {camel(field) for field in fields} | relations | {"etag"} == shown
        assert {"self", *(r.name for r in resource.relations if r.one or r.nested)} == set(document["links"])


@pytest.mark.parametrize("name", NAMES)
async def test_only_what_may_be_null_is_nullable(world: World, name: str) -> None:
    """A field is nullable in the type exactly where its column is, so REST's nulls fit the type."""
    resource = world.catalog[name]
    fields = {field["name"]: field["type"] for field in (await described(world, pascal(name)))["fields"]}

    nullable = {
        field.name for field in resource.shown_fields if fields[camel(field.name)]["kind"] != "NON_NULL"
    }

    rows = await documents(world, resource)
    assert {field for row in rows for field in row if row[field] is None} <= nullable
    assert nullable == {field.name for field in resource.shown_fields if resource.facts[field.name].nullable}


@pytest.mark.parametrize("name", NAMES)
async def test_filters_take_the_same_fields_and_operators(world: World, name: str) -> None:
    """S3-214 to S3-217: whatever REST can filter by has an input field, with the same operators."""
    resource = world.catalog[name]
    inputs = {
        field["name"]: field["type"]
        for field in (await described(world, f"{pascal(name)}Filter"))["inputFields"]
    }
    filterable = {camel(field.name): field for field in resource.all_fields.values() if field.filterable}
    relations = {camel(relation.name) for relation in resource.relations}

    assert set(inputs) == {"and", "or", "not", *filterable, *relations}
    for input_name, field in filterable.items():
        json = resource.facts[field.name].kind is Kind.JSON
        type_name = inputs[input_name]["name"] or inputs[input_name]["ofType"]["ofType"]["name"]
        taken = {item["name"] for item in (await described(world, type_name))["inputFields"]}
        assert taken - ({"path"} if json else set()) == set(map(str, resource.operators(field)))
        if field.enum is not None:
            values = {item["name"] for item in (await described(world, field.enum.__name__))["enumValues"]}
            assert values == {constant(str(member)) for member in field.enum}


@pytest.mark.parametrize("name", NAMES)
async def test_orders_are_the_same(world: World, name: str) -> None:
    """S3-185: every sortable field has two orders, and nothing else has any."""
    resource = world.catalog[name]
    values = {item["name"] for item in (await described(world, f"{pascal(name)}Sort"))["enumValues"]}

    sortable = [constant(field.name) for field in resource.all_fields.values() if field.sortable]

    assert values == {f"{field}_{way}" for field in sortable for way in ("ASC", "DESC")}
