"""`@deprecated` in the schema: every element that stands for something deprecated says so, and why."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLSchema

from schema.deprecation import of_payload, of_procedure
from schema.names import camel, constant, pascal
from services.engine.catalog import Catalog
from services.engine.deprecation import Deprecation
from services.engine.procedures import AnyProcedure, Method
from services.engine.resource import Action, ActionKind, Relation, Resource

_WRITERS = (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE)

Mark = tuple[str, str, Deprecation]
"""The name of a type, that of its field or value, and what is said of it."""


def mark(schema: GraphQLSchema, catalog: Catalog) -> None:
    """Write the reason to every deprecated field, argument, input field and value of a schema."""
    for type_name, name, told in _marks(catalog):
        found: Any = schema.type_map.get(type_name)
        if found is None:
            continue
        element = (found.values if hasattr(found, "values") else found.fields).get(name)
        if element is not None:
            element.deprecation_reason = told.reason
    for procedure in catalog.procedures:
        _mark_arguments(schema, procedure)


def _mark_arguments(schema: GraphQLSchema, procedure: AnyProcedure) -> None:
    root: Any = schema.query_type if procedure.method is Method.GET else schema.mutation_type
    arguments = root.fields[camel(procedure.name)].args
    for each in procedure.inputs:
        if each.deprecated is not None and camel(each.name) in arguments:
            arguments[camel(each.name)].deprecation_reason = each.deprecated.reason


def _marks(catalog: Catalog) -> Iterator[Mark]:
    for resource in catalog:
        yield from _of_fields(resource)
        yield from _of_inputs(resource)
        for relation in resource.relations:
            yield from _of_relation(catalog, resource, relation)
        for action in resource.actions:
            yield from _of_action(resource, action)
        if resource.deprecated is not None:
            yield from (("Query", camel(name), resource.deprecated) for name in _names(resource))
    for procedure in catalog.procedures:
        yield from _of_procedure(procedure)


def _names(resource: Resource) -> tuple[str, str]:
    return resource.name, resource.plural


def _of_fields(resource: Resource) -> Iterator[Mark]:
    type_name = pascal(resource.name)
    for each in resource.all_fields.values():
        if each.deprecated is not None:
            yield type_name, camel(each.name), each.deprecated
            yield f"{type_name}Filter", camel(each.name), each.deprecated
            for direction in ("ASC", "DESC"):
                yield f"{type_name}Sort", f"{constant(each.name)}_{direction}", each.deprecated


def _of_inputs(resource: Resource) -> Iterator[Mark]:
    inputs = [f"{pascal(resource.name)}{pascal(kind)}Input" for kind in _WRITERS]
    inputs.append(f"{pascal(resource.name)}BulkUpdateInput")
    for each in resource.writable:
        if each.deprecated is not None:
            yield from ((name, camel(each.name), each.deprecated) for name in inputs)
    for item in resource.embedded:
        name = f"{pascal(resource.name)}{pascal(item.name.removesuffix('s'))}Input"
        for field in item.fields:
            told = item.resource.all_fields[field].deprecated
            if told is not None:
                yield name, camel(field), told


def _of_relation(catalog: Catalog, resource: Resource, relation: Relation) -> Iterator[Mark]:
    # A type cannot be deprecated, so that whatever leads to it says so in its place.
    told = relation.deprecated or catalog.target(relation).deprecated
    if told is not None:
        for type_name in (pascal(resource.name), f"{pascal(resource.name)}Filter"):
            yield type_name, camel(relation.name), told


def _of_action(resource: Resource, action: Action) -> Iterator[Mark]:
    told = action.deprecated or resource.deprecated
    if told is not None:
        for name in _names(resource):
            yield "Mutation", f"{camel(action.name)}{pascal(name)}", told
    for each in action.inputs:
        if each.deprecated is not None:
            type_name = f"{pascal(action.name)}{pascal(resource.name)}Input"
            yield type_name, camel(each.name), each.deprecated
    yield from _of_marks(of_payload(resource, action))


def _of_procedure(procedure: AnyProcedure) -> Iterator[Mark]:
    if procedure.deprecated is not None:
        root = "Query" if procedure.method is Method.GET else "Mutation"
        yield root, camel(procedure.name), procedure.deprecated
    for each in procedure.inputs:
        if each.deprecated is not None:
            yield f"{pascal(procedure.name)}Input", camel(each.name), each.deprecated
    yield from _of_marks(of_procedure(procedure))


def _of_marks(marks: dict[str, Any]) -> Iterator[Mark]:
    for type_name, named in marks.items():
        yield from ((type_name, name, each.told) for name, each in named.items())
