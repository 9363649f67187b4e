"""Relay's compiler on documents that refetch every node and page through every connection."""

import json
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

from tests.judges.graphql.tools import SCHEMA, node_tool, node_version
from tests.judges.stage import Stage, ran, scratch
from tests.judges.verdicts import Verdict, timed

_SCALARS = {
    "BigInt": "number",
    "DateTime": "string",
    "Decimal": "string",
    "JSON": "unknown",
    "UUID": "string",
}
_PAGE = """fragment {name} on {owner}
@argumentDefinitions(count: {{type: "Int", defaultValue: 10}}, cursor: {{type: "String"}})
@refetchable(queryName: "{name}_Query") {{
  {field}(first: $count, after: $cursor) @connection(key: "{name}_{field}") {{
    totalCount
    edges {{ cursor node {{ id }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
  }}
}}"""
_NODE = """fragment {name} on {owner} @refetchable(queryName: "{name}_Query") {{ {fields} }}"""
_MUTATION = """mutation {name}($id: ID!, $connections: [ID!]!) {{
  {field}(id: $id) {{
    deletedId @deleteEdge(connections: $connections)
    problem {{ code status }}
  }}
}}"""


def compiled(stage: Stage) -> Iterator[Verdict]:
    """Let the compiler generate from such documents, and then find its artifacts up to date."""
    schema = build_schema(SCHEMA.read_text())
    found = {name: text for made in (_nodes, _pages, _deletions) for name, text in made(schema)}
    told = node_version("relay-compiler")
    with (
        timed(Verdict("relay-compiler", told, "documents on `docs/schema.graphql`")) as verdict,
        scratch() as at,
    ):
        verdict.amount = f"{len(found)} documents: every node, connection and deletion"
        _write(at, found)
        for options in ((), ("--validate",)):
            done = ran([node_tool("relay-compiler"), *options, at / "relay.config.json"], at)
            if done.code:
                verdict.findings.append(f"{' '.join(options)}: {done.out}{done.err}")
        made = len(list((at / "made").glob("*.graphql.ts")))
        verdict.seen = f"{made} artifacts"
    yield verdict


def _write(at: Path, found: dict[str, str]) -> None:
    for folder in ("source", "made"):
        (at / folder).mkdir()
    config = {
        "src": "source",
        "schema": "schema.graphql",
        "language": "typescript",
        "artifactDirectory": "made",
        "customScalarTypes": _SCALARS,
        "eagerEsModules": True,
    }
    (at / "relay.config.json").write_text(json.dumps(config))
    (at / "schema.graphql").write_text(SCHEMA.read_text())
    for name, text in found.items():
        # Relay wants documents to be named after the modules that they are in.
        (at / "source" / f"{name.split('_')[0]}.ts").write_text(
            f'import {{ graphql }} from "relay-runtime";\n\nexport default graphql`\n{text}\n`;\n'
        )


def _nodes(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Return a fragment on everything that is a node, with all its fields that take no argument."""
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    for owner in schema.get_implementations(node).objects:
        plain = [name for name, field in owner.fields.items() if not _composite(get_named_type(field.type))]
        name = f"{owner.name}Node_row"
        yield name, _NODE.format(name=name, owner=owner.name, fields=" ".join(plain))


def _pages(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Return a fragment on every field that is a connection, of the query as of nodes."""
    for owner in list(schema.type_map.values()):
        for field, declared in owner.fields.items() if isinstance(owner, GraphQLObjectType) else ():
            if get_named_type(declared.type).name.endswith("Connection"):
                name = f"{owner.name}{field[0].upper()}{field[1:]}Page_part"
                yield name, _PAGE.format(name=name, owner=owner.name, field=field)


def _deletions(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Return a mutation for each field whose payload tells the id of what is gone."""
    assert schema.mutation_type is not None
    for field, declared in schema.mutation_type.fields.items():
        payload = get_named_type(declared.type)
        if isinstance(payload, GraphQLObjectType) and "deletedId" in payload.fields:
            name = f"{field[0].upper()}{field[1:]}Mutation"
            yield name, _MUTATION.format(name=name, field=field)


def _composite(type_: object) -> bool:
    return isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
