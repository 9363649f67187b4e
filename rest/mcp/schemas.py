"""Schemas of tools: parts of the OpenAPI document, each as JSON Schema that stands by itself (2020-12)."""

from collections.abc import Iterator, Mapping
from typing import Any

from rest.openapi.draft import Json

_REFERENCE = "#/components/schemas/"
_LOCAL = "#/$defs/"
_BY_NAME = ("properties", "patternProperties")
_INNER = ("items", "additionalProperties", "not")
_LISTED = ("allOf", "anyOf", "oneOf")
_FORMATS = frozenset({"int32", "int64", "decimal"})
"""Formats of OpenAPI alone, of which validators complain."""

_ANNOTATIONS = ("description", "default", "deprecated")
_FOREIGN = frozenset({"discriminator", "examples"})
"""What only OpenAPI gives a meaning to, and what would make a list of tools twice as long."""


class Schemas:
    """The schemas of one OpenAPI document, which tools share as long as nobody sends them."""

    def __init__(self, components: Mapping[str, Json]) -> None:
        self._own = {name: local(schema) for name, schema in components.items()}

    def named(self, name: str) -> Json | None:
        """Return the schema of that name, None where there is none."""
        return self._own.get(name)

    def resolved(self, schema: Json) -> Json:
        """Return what a reference leads to, and any other schema as it is."""
        while "$ref" in schema:
            schema = self._own[schema["$ref"].removeprefix(_LOCAL)]
        return schema

    def whole(self, schema: Json) -> Json:
        """Return a schema with all that its references lead to."""
        found: Json = {}
        waiting = list(_references(schema))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self._own[name]
                waiting += _references(found[name])
        root = {**self.resolved(schema)}
        return root | {"$defs": dict(sorted(found.items()))} if found else root


def local(schema: Json) -> Json:
    """Return a schema of the OpenAPI document whose references stay within what it becomes part of."""
    found: Json = {}
    for key, value in schema.items():
        if key in _FOREIGN or key.startswith("x-") or (key == "format" and value in _FORMATS):
            continue
        if key == "$ref":
            value = _LOCAL + value.removeprefix(_REFERENCE)
        elif key in _BY_NAME:
            value = {name: local(each) for name, each in value.items()}
        elif key in _INNER and isinstance(value, dict):
            value = local(value)
        elif key in _LISTED:
            value = [local(each) for each in value]
        found[key] = value
    return _single(found) if isinstance(found.get("type"), list) else found


def _single(schema: Json) -> Json:
    """Return a schema of several types as one of each, which some models alone understand."""
    own = {key: value for key, value in schema.items() if key in _ANNOTATIONS}
    rest = {key: value for key, value in schema.items() if key not in _ANNOTATIONS and key != "type"}
    null: Json = {"type": "null"}
    kinds = [null if kind == "null" else {"type": kind, **rest} for kind in schema["type"]]
    return {"anyOf": kinds, **own}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.removeprefix(_LOCAL)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)
