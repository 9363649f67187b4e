"""The rows of README tables, as the code would write them."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticUndefined

from diptych.settings import Settings
from schema.names import camel
from services.catalog import CATALOG
from services.engine.resource import Resource


def setting_rows() -> Iterator[str]:
    """Yield the row of every setting."""
    for name, field in Settings.model_fields.items():
        yield f"| `DIPTYCH_{name.upper()}` | {_default(field.default)} | {field.description} |"


def _default(value: Any) -> str:
    assert value is not PydanticUndefined
    return "" if value in (None, "", []) else f"`{value}`"


def resource_rows() -> Iterator[str]:
    """Yield the row of every resource."""
    for resource in CATALOG:
        nested = "".join(f", `/{{id}}/{name}`" for name in _nested(resource))
        includes = ", ".join(f"`{relation.name}`" for relation in resource.relations)
        yield (
            f"| {resource.plural} | `/{resource.path}`{nested} | `{camel(resource.name)}`, "
            f"`{camel(resource.plural)}` | {includes} | `{resource.scope}:read` |"
        )


def _nested(resource: Resource) -> Iterator[str]:
    for relation in resource.relations:
        if relation.many and relation.nested:
            yield relation.name.replace("_", "-")
