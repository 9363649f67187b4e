"""Object types derived from declarations: one per resource, and the query type that leads to them."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from schema.connections import ConnectionTypes, connection_types, plain_field
from schema.inputs import Inputs, argument
from schema.names import camel, pascal, words
from schema.viewer import viewer, viewer_type
from services.engine.catalog import Catalog
from services.engine.resource import Field, Relation, Resource

Resolver = Callable[[Any, Any, dict[str, Any]], Awaitable[Any]]
"""Takes the parent, Strawberry's info and the arguments by name."""

ID_DOC = "A UUID, its 22-character short form, or a global id (base64 of `Type:uuid`)."


class Resolvers(Protocol):
    """What runs the fields of operations that are not compiled."""

    def one(self, resource: Resource, relation: Relation) -> Resolver:
        """Return what resolves a to-one relation."""

    def many(self, resource: Resource, relation: Relation) -> Resolver:
        """Return what resolves a to-many relation."""

    def get(self, resource: Resource) -> Resolver:
        """Return what resolves one resource by id."""

    def page(self, resource: Resource) -> Resolver:
        """Return what resolves a whole collection."""

    def node(self) -> Resolver:
        """Return what resolves anything by id."""

    def nodes(self) -> Resolver:
        """Return what resolves many things by id."""


@strawberry.interface(description="Anything that has an id.")
class Node:
    """Relay's interface of refetchable objects."""

    id: strawberry.ID = strawberry.field(description="Identifier, a UUID version 4.")


class Types:
    """The object types of one catalogue; `beside` makes the query fields that are about no resource."""

    def __init__(
        self,
        catalog: Catalog,
        resolvers: Resolvers,
        beside: Callable[[Catalog, Inputs], list[StrawberryField]] = lambda *_: [],
    ) -> None:
        self.catalog, self.inputs = catalog, Inputs(catalog)
        self.objects: dict[str, Any] = {
            resource.name: type(pascal(resource.name), (Node,), {"__module__": __name__})
            for resource in catalog
        }
        self.connections: dict[str, ConnectionTypes] = {}
        for resource in catalog:
            self.connections[resource.name] = connection_types(resource, self.objects[resource.name])
        for resource in catalog:
            self._complete(resource, resolvers)
        self.query = self._query(resolvers, beside(catalog, self.inputs))

    def nullable(self, resource: Resource, field: Field) -> bool:
        """Tell whether a field may be null: where its column may, unless the server fills it."""
        return resource.facts[field.name].nullable

    def _complete(self, resource: Resource, resolvers: Resolvers) -> None:
        bare = self.objects[resource.name]
        for field in resource.shown_fields:
            type_ = self.inputs.output(resource, field)
            annotation = type_ | None if self.nullable(resource, field) else type_
            setattr(bare, field.name, plain_field(field.name, annotation, field.doc))
        bare.etag = plain_field("etag", str, "Entity tag of this version, for `If-Match` and `ifMatch`.")
        for relation in resource.relations:
            setattr(bare, f"{relation.name}_", self._relation(resource, relation, resolvers))
        strawberry.type(bare, name=bare.__name__, description=resource.doc)

    def _relation(self, resource: Resource, relation: Relation, resolvers: Resolvers) -> StrawberryField:
        target = self.catalog.target(relation)
        if relation.one:
            type_ = self.objects[target.name] | None
            return resolved(relation.name, type_, relation.doc, resolvers.one(resource, relation))
        return resolved(
            relation.name,
            self.connections[target.name].connection,
            relation.doc,
            resolvers.many(resource, relation),
            self.inputs.listing(target, root=False),
        )

    def _query(self, resolvers: Resolvers, beside: list[StrawberryField]) -> Any:
        bare = type("Query", (), {"__module__": __name__})
        id_ = argument("id", strawberry.ID, ID_DOC)
        ids = argument("ids", list[strawberry.ID], ID_DOC)
        caller = viewer_type(self.inputs)
        fields = [
            resolved("node", Node | None, "Anything, by its id.", resolvers.node(), [id_]),
            resolved("viewer", caller | None, "Who calls, and what they may do. It costs nothing.", viewer),
            resolved("nodes", list[Node | None] | None, "Things by their ids.", resolvers.nodes(), [ids]),
        ]
        for resource in self.catalog:
            fields += self._roots(resource, resolvers)
        fields += beside
        for field in fields:
            setattr(bare, field.python_name, field)
        return strawberry.type(bare, name="Query", description="Everything that can be read.")

    def _roots(self, resource: Resource, resolvers: Resolvers) -> list[StrawberryField]:
        one = argument("id", strawberry.ID, "A UUID, or its 22-character short form.")
        doc = f"One of the {words(resource.plural)}, by its id."
        every = f"All {words(resource.plural)} of the workspace, page by page."
        return [
            resolved(resource.name, self.objects[resource.name] | None, doc, resolvers.get(resource), [one]),
            resolved(
                resource.plural,
                self.connections[resource.name].connection | None,
                every,
                resolvers.page(resource),
                self.inputs.listing(resource, root=True),
            ),
        ]


def resolved(
    name: str, annotation: Any, doc: str, resolve: Resolver, arguments: list[StrawberryArgument] | None = None
) -> StrawberryField:
    """Return a field that a function resolves."""

    async def resolver(self: Any, info: strawberry.Info, **given: Any) -> Any:
        return await resolve(self, info, given)

    field = StrawberryField(
        python_name=f"{name}_",
        graphql_name=camel(name),
        type_annotation=StrawberryAnnotation(annotation),
        description=doc,
        base_resolver=StrawberryResolver(resolver),
    )
    field.arguments = arguments or []
    return field
