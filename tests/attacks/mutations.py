"""Every mutation as it is called with an id of the attacker's choice, derived from the served schema."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, get_named_type, is_list_type

from schema.build import build
from services.catalog import CATALOG

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


def by_id() -> list[Call]:
    """Return every mutation that names rows by their ids."""
    root = SCHEMA.mutation_type
    assert isinstance(root, GraphQLObjectType)
    found = []
    for name, field in root.fields.items():
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


def is_list(type_: Any) -> bool:
    """Tell whether an argument takes a list."""
    return is_list_type(type_.of_type if isinstance(type_, GraphQLNonNull) else type_)
