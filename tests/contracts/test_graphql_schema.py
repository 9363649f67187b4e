"""The GraphQL schema: committed, described in full, and in Relay's shape."""

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    validate_schema,
)

from schema.build import build, sdl
from schema.names import camel, pascal
from services.catalog import CATALOG

_DOCUMENT = Path(__file__).parents[2] / "docs" / "schema.graphql"


def _schema() -> GraphQLSchema:
    return build(CATALOG).graphql


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert _DOCUMENT.read_text() == sdl(CATALOG), "Run `diptych sdl > docs/schema.graphql`."


def test_the_schema_is_valid_and_survives_being_written_down() -> None:
    assert validate_schema(_schema()) == []
    assert validate_schema(build_schema(sdl(CATALOG))) == []


def test_everything_is_described() -> None:
    bare = []
    for name, type_ in _schema().type_map.items():
        if name.startswith("__"):
            continue
        if not type_.description:
            bare.append(name)
        if isinstance(type_, GraphQLEnumType):
            bare += [f"{name}.{key}" for key, value in type_.values.items() if not value.description]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            bare += [f"{name}.{key}" for key, field in type_.fields.items() if not field.description]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            bare += [
                f"{name}.{key}({argument})"
                for key, field in type_.fields.items()
                for argument, definition in field.args.items()
                if not definition.description
            ]
    assert bare == []


def test_every_resource_is_a_node_with_its_fields_in_declared_order() -> None:
    types = _schema().type_map
    for resource in CATALOG:
        type_ = types[pascal(resource.name)]
        assert isinstance(type_, GraphQLObjectType)
        assert [each.name for each in type_.interfaces] == ["Node"]
        expected = [camel(field.name) for field in resource.shown_fields]
        expected += ["etag", *(camel(relation.name) for relation in resource.relations)]
        assert list(type_.fields) == expected


def test_only_nodes_have_a_field_named_id() -> None:
    """Relay's store knows a row by its `id` alone, whatever its type."""
    schema = _schema()
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    nodes = {each.name for each in schema.get_implementations(node).objects}

    having = {
        name
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields
    }

    assert having == nodes
    assert len(having) >= 13


def test_fields_are_null_only_where_their_columns_may_be() -> None:
    types = _schema().type_map
    for resource in CATALOG:
        type_ = types[pascal(resource.name)]
        assert isinstance(type_, GraphQLObjectType)
        for field in resource.shown_fields:
            nullable = not isinstance(type_.fields[camel(field.name)].type, GraphQLNonNull)
            assert nullable == resource.facts[field.name].nullable, (resource.name, field.name)
        for relation in resource.relations:
            found = type_.fields[camel(relation.name)].type
            assert isinstance(found, GraphQLNonNull) == bool(relation.many)


def test_collections_are_relay_connections() -> None:
    schema = _schema()
    query = schema.query_type
    assert query is not None
    for resource in CATALOG:
        name = pascal(resource.name)
        field = query.fields[camel(resource.plural)]
        assert str(field.type) == f"{name}Connection"
        assert {"first", "after", "last", "before", "page", "perPage"} <= set(field.args)
        connection, edge = schema.type_map[f"{name}Connection"], schema.type_map[f"{name}Edge"]
        assert isinstance(connection, GraphQLObjectType)
        assert isinstance(edge, GraphQLObjectType)
        shapes = {key: str(found.type) for key, found in connection.fields.items()}
        assert shapes == {
            "edges": f"[{name}Edge!]!",
            "nodes": f"[{name}!]!",
            "pageInfo": "PageInfo!",
            "totalCount": "Int!",
        }
        assert {key: str(found.type) for key, found in edge.fields.items()} == {
            "cursor": "String!",
            "node": f"{name}!",
        }
