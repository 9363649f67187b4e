"""The schema of a catalogue: Strawberry types for tools and the executor, names for the compiler."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema, lexicographic_sort_schema, print_schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema.marking import mark
from schema.mutations import mutation_type
from schema.procedures import public_fields, query_fields
from schema.resolvers import LoadingResolvers
from schema.scalars import SCALARS
from schema.surface import Surface
from schema.types import Types
from schema.writing import Mutation, WritingResolvers
from services.engine.catalog import Catalog


class _Prepared(SchemaExtension):
    """Hands the executor the document that was parsed, guarded and validated before."""

    def on_parse(self) -> Iterator[None]:
        """Give the parsed document."""
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Say that it was found valid."""
        self.execution_context.pre_execution_errors = []
        yield


class _Schema(strawberry.Schema):
    """A schema whose errors are told by our own adapter, which alone knows what may be logged."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Log nothing."""


@dataclass(frozen=True, slots=True)
class Built:
    """A catalogue's schema in every form it is needed in; `public` are the root fields without a token."""

    surface: Surface
    types: Types
    strawberry: strawberry.Schema
    graphql: GraphQLSchema
    mutations: Mapping[str, Mutation]
    public: frozenset[str] = frozenset()


def build(catalog: Catalog) -> Built:
    """Return the schema of a catalogue."""
    surface = Surface(catalog)
    types = Types(catalog, LoadingResolvers(surface), query_fields)
    writing = WritingResolvers(types)
    schema = _Schema(
        query=types.query,
        mutation=mutation_type(catalog, types, writing.resolver),
        types=list(types.objects.values()),
        extensions=[_Prepared],
        config=StrawberryConfig(scalar_map=SCALARS, default_resolver=_member),
    )
    mark(schema._schema, catalog)
    return Built(surface, types, schema, schema._schema, writing.mutations, public_fields(catalog))


def _member(source: Any, name: str) -> Any:
    """Return one field of an object, or of a payload, which is data."""
    return source.get(name) if isinstance(source, dict) else getattr(source, name)


def sdl(catalog: Catalog) -> str:
    """Return the schema of a catalogue in GraphQL's own language."""
    return printed(build(catalog).graphql)


def printed(schema: GraphQLSchema) -> str:
    """Return a schema in GraphQL's own language, in alphabetical order."""
    return print_schema(lexicographic_sort_schema(schema)) + "\n"
