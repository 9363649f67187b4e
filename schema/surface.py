"""What the names of the GraphQL surface stand for among the declarations."""

from dataclasses import dataclass

from schema.names import camel, pascal
from services.engine.catalog import Catalog
from services.engine.resource import Field, Relation, Resource


@dataclass(frozen=True, slots=True)
class Members:
    """The fields and relations of one resource by their GraphQL names, and the ones a filter may name."""

    fields: dict[str, str]
    relations: dict[str, Relation]
    filters: dict[str, Field]


class Surface:
    """The names of one catalogue."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.members = {resource.name: _members(resource) for resource in catalog}
        self.by_type = {pascal(resource.name): resource for resource in catalog}
        self.singles = {camel(resource.name): resource for resource in catalog}
        self.collections = {camel(resource.plural): resource for resource in catalog}

    def type_name(self, resource: Resource) -> str:
        """Return the name of a resource's object type."""
        return pascal(resource.name)

    def connection_name(self, resource: Resource) -> str:
        """Return the name of a resource's connection type."""
        return f"{pascal(resource.name)}Connection"

    def edge_name(self, resource: Resource) -> str:
        """Return the name of a resource's edge type."""
        return f"{pascal(resource.name)}Edge"


def _members(resource: Resource) -> Members:
    fields = {camel(field.name): field.name for field in resource.shown_fields}
    return Members(
        fields | {"etag": "etag"},
        {camel(relation.name): relation for relation in resource.relations},
        {camel(field.name): field for field in resource.all_fields.values() if field.filterable},
    )
