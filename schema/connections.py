"""Relay's connections: pages of rows with cursors (GraphQL Cursor Connections Specification)."""

from dataclasses import dataclass
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from schema.names import camel, pascal, words
from services.engine.resource import Resource


@strawberry.type(description="Where a page lies among all rows.")
class PageInfo:
    """Relay's facts about a page."""

    has_next_page: bool = strawberry.field(description="Whether rows follow the page.")
    has_previous_page: bool = strawberry.field(description="Whether rows precede the page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first row, null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last row, null on an empty page."
    )


@dataclass(frozen=True, slots=True)
class ConnectionTypes:
    """The connection and the edge of one resource."""

    connection: Any
    edge: Any


def connection_types(resource: Resource, node: Any) -> ConnectionTypes:
    """Return the connection of `node`, the type of `resource`."""
    name, rows = pascal(resource.name), words(resource.plural)
    edge = made_type(
        f"{name}Edge",
        f"One of a page of {rows}, with its cursor.",
        {
            "cursor": (str, "Where this row lies; an argument for `after` or `before`."),
            "node": (node, "The row itself."),
        },
    )
    connection = made_type(
        f"{name}Connection",
        f"A page of {rows}.",
        {
            "edges": (
                list[edge],  # type: ignore[valid-type]  # A type made at run time.
                "The rows of the page, each with its cursor.",
            ),
            "nodes": (list[node], "The rows of the page."),
            "page_info": (PageInfo, "Where the page lies among all rows."),
            "total_count": (int, "How many rows there are on all pages; counted only when selected."),
        },
    )
    return ConnectionTypes(connection, edge)


ROW_ID = "rowId"
"""What a row's id is called in types that are no nodes, since Relay's store knows nodes by `id` alone."""


def made_type(name: str, doc: str, fields: dict[str, tuple[Any, str]]) -> Any:
    """Return a Strawberry type, which is no node, whose fields by Python name are read from attributes."""
    bare = type(name, (), {"__module__": __name__})
    for python_name, (annotation, text) in fields.items():
        graphql_name = ROW_ID if python_name == "id" else camel(python_name)
        setattr(bare, python_name, plain_field(python_name, annotation, text, graphql_name))
    return strawberry.type(bare, name=name, description=doc)


def plain_field(
    python_name: str, annotation: Any, doc: str, graphql_name: str | None = None
) -> StrawberryField:
    """Return a field that is read from the attribute of its Python name."""
    return StrawberryField(
        python_name=python_name,
        graphql_name=graphql_name or camel(python_name),
        type_annotation=StrawberryAnnotation(annotation),
        description=doc,
    )
