"""Selection sets as the engine's picks, their fields merged as GraphQL demands (section 6.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values
from graphql.type import GraphQLIncludeDirective, GraphQLSkipDirective

from schema.arguments import Arguments
from schema.surface import Surface
from services.engine.intent import Pick
from services.engine.resource import Relation, Resource

LONGEST_NAME = 63
"""The longest response name that a statement can give to an output."""


class InexpressibleError(Exception):
    """The operation is sound GraphQL, but not what one statement can answer."""


Fields = dict[str, list[FieldNode]]
"""Field nodes by response name, in the order of the response."""


@dataclass(frozen=True, slots=True)
class Selections:
    """Turns the selections of one operation into picks, under one set of variable values.

    `cursors` are the values of cursor literals by the place where they stand. `strict` demands that one
    statement can answer.
    """

    schema: GraphQLSchema
    reading: Arguments
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    cursors: Mapping[int, Any]
    strict: bool = True

    @property
    def surface(self) -> Surface:
        """Return the names that the selections use."""
        return self.reading.surface

    # Collecting

    def collect(self, type_name: str, sets: Iterable[SelectionSetNode | None]) -> Fields:
        """Return the fields selected on an object type; raises GraphQLError for unusable variables."""
        fields: Fields = {}
        seen: set[str] = set()
        for selections in sets:
            if selections is not None:
                self._gather(type_name, selections, fields, seen)
        return fields

    def _gather(self, type_name: str, selections: SelectionSetNode, fields: Fields, seen: set[str]) -> None:
        for node in selections.selections:
            if not self._wanted(node):
                continue
            if isinstance(node, FieldNode):
                fields.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._fits(condition.name.value, type_name):
                    self._gather(type_name, node.selection_set, fields, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._fits(fragment.type_condition.name.value, type_name):
                    self._gather(type_name, fragment.selection_set, fields, seen)

    def _wanted(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip is not None and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return include is None or bool(include["if"])

    def _fits(self, condition: str, type_name: str) -> bool:
        if condition == type_name:
            return True
        abstract, concrete = self.schema.type_map.get(condition), self.schema.type_map.get(type_name)
        return (
            isinstance(abstract, GraphQLInterfaceType)
            and isinstance(concrete, GraphQLObjectType)
            and self.schema.is_sub_type(abstract, concrete)
        )

    # Arguments

    def arguments(self, type_name: str, node: FieldNode) -> dict[str, Any]:
        """Return the coerced arguments of a field, cursor literals decoded; raises GraphQLError."""
        type_ = self.schema.type_map[type_name]
        if not isinstance(type_, GraphQLObjectType):
            raise GraphQLError(f"{type_name} has no fields.", node)
        found = get_argument_values(type_.fields[node.name.value], node, self.variables)
        for argument in node.arguments or ():
            if id(argument.value) in self.cursors:
                found[argument.name.value] = self.cursors[id(argument.value)]
        return found

    # Picks

    def object(self, resource: Resource, nodes: Iterable[FieldNode]) -> tuple[Pick, ...]:
        """Return the picks of one resource's object."""
        type_name = self.surface.type_name(resource)
        members = self.surface.members[resource.name]
        picks: list[Pick] = []
        for alias, found in self._fields(type_name, nodes):
            name = found[0].name.value
            if name in members.fields:
                picks.append(Pick(alias, members.fields[name]))
            elif name in members.relations:
                picks.append(self._relation(type_name, alias, members.relations[name], found))
            else:
                picks.append(Pick(alias, name, type_name))
        return tuple(picks)

    def _relation(self, type_name: str, alias: str, relation: Relation, nodes: list[FieldNode]) -> Pick:
        target = self.surface.catalog.target(relation)
        if relation.one:
            return Pick(alias, relation.name, picks=self.object(target, nodes))
        given = self.arguments(type_name, nodes[0])
        listing = self.reading.listing(target, given)
        return Pick(alias, relation.name, picks=self.connection(target, nodes), listing=listing)

    def connection(self, resource: Resource, nodes: Iterable[FieldNode]) -> tuple[Pick, ...]:
        """Return the picks of a connection to a resource."""
        type_name = self.surface.connection_name(resource)
        picks: list[Pick] = []
        for alias, found in self._fields(type_name, nodes):
            name = found[0].name.value
            inner: tuple[Pick, ...] = ()
            if name == "nodes":
                inner = self.object(resource, found)
            elif name == "edges":
                inner = self._edge(resource, found)
            elif name == "pageInfo":
                inner = self._plain("PageInfo", found)
            picks.append(Pick(alias, name, type_name if name == "__typename" else "", inner))
        return tuple(picks)

    def _edge(self, resource: Resource, nodes: list[FieldNode]) -> tuple[Pick, ...]:
        type_name = self.surface.edge_name(resource)
        picks: list[Pick] = []
        for alias, found in self._fields(type_name, nodes):
            name = found[0].name.value
            inner = self.object(resource, found) if name == "node" else ()
            picks.append(Pick(alias, name, type_name if name == "__typename" else "", inner))
        return tuple(picks)

    def _plain(self, type_name: str, nodes: list[FieldNode]) -> tuple[Pick, ...]:
        return tuple(
            Pick(alias, found[0].name.value, type_name) for alias, found in self._fields(type_name, nodes)
        )

    def _fields(self, type_name: str, nodes: Iterable[FieldNode]) -> Iterable[tuple[str, list[FieldNode]]]:
        fields = self.collect(type_name, (node.selection_set for node in nodes))
        if self.strict and any(len(alias) > LONGEST_NAME for alias in fields):
            raise InexpressibleError
        return fields.items()
