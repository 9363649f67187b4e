"""Every mutation as it is called with an id of the attacker's choice, derived from the served schema."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from schema.build import build
from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.resource import Resource

SCHEMA = build(CATALOG).graphql
PROBLEM = "problem { status code detail errors extensions }"


@dataclass(frozen=True, slots=True)
class Call:
    """One mutation field and the arguments that name a row."""

    field: str
    arguments: tuple[tuple[str, str], ...]

    def with_id(self, id_: str) -> tuple[str, dict[str, Any]]:
        """Return the document and its variables."""
        head = ", ".join(f"${name}: {type_}" for name, type_ in self.arguments)
        given = ", ".join(f"{name}: ${name}" for name, _ in self.arguments)
        values = {name: _value(name, id_) for name, _ in self.arguments}
        return f"mutation({head}) {{ {self.field}({given}) {{ {PROBLEM} }} }}", values


def _value(name: str, id_: str) -> Any:
    match name:
        case "id":
            return id_
        case "ids":
            return [id_]
        case "items":
            return [{"id": id_}]
        case "ifMatch":
            return "*"
    return {}


def written_by(field: str) -> Resource | None:
    """Return the resource whose rows a mutation writes, None for that of a procedure."""
    for resource in CATALOG:
        for action in resource.actions:
            if field in {camel(action.name) + pascal(name) for name in (resource.name, resource.plural)}:
                return resource
    return None


def by_id() -> list[Call]:
    """Return every mutation that names rows of a resource by their ids."""
    root = SCHEMA.mutation_type
    assert isinstance(root, GraphQLObjectType)
    found = []
    for name, field in root.fields.items():
        if written_by(name) is None:
            continue
        wanted = {each: argument.type for each, argument in field.args.items()}
        items = get_named_type(wanted["items"]) if "items" in wanted else None
        named = isinstance(items, GraphQLInputObjectType) and "id" in items.fields
        if "id" in wanted or "ids" in wanted or named:
            kept = [each for each in ("id", "ids", "items", "input", "ifMatch") if each in wanted]
            found.append(Call(name, tuple((each, str(wanted[each])) for each in kept)))
    return found


def takes(type_name: str) -> dict[str, str]:
    """Return the fields of an input type with their types; empty if there is none."""
    found = SCHEMA.type_map.get(type_name)
    if not isinstance(found, GraphQLInputObjectType):
        return {}
    return {name: str(field.type) for name, field in found.fields.items()}
