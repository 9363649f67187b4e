"""A document in the making: the catalogue it tells of, and what it says once and refers to."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.engine.catalog import Catalog

Json = dict[str, Any]
"""A JSON object of the document."""


class Draft:
    """The components of one document; each is made when it is first referred to, by `make` of `of`."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.components: dict[str, Json] = defaultdict(dict)

    def schema(self, name: str, make: Callable[..., Json], *of: Any) -> Json:
        """Return a reference to the schema of that name."""
        return self._refer("schemas", name, make, *of)

    def parameter(self, name: str, make: Callable[..., Json], *of: Any) -> Json:
        """Return a reference to the parameter of that name."""
        return self._refer("parameters", name, make, *of)

    def response(self, name: str, make: Callable[..., Json], *of: Any) -> Json:
        """Return a reference to the response of that name."""
        return self._refer("responses", name, make, *of)

    def header(self, name: str, made: Json) -> Json:
        """Return a reference to the header of that name."""
        return self._refer("headers", name, lambda: made)

    def example(self, name: str, made: Json) -> Json:
        """Return a reference to the example of that name."""
        return self._refer("examples", name, lambda: made)

    def _refer(self, section: str, name: str, make: Callable[..., Json], *of: Any) -> Json:
        known = self.components[section]
        if name not in known:
            # A schema may lead back to itself.
            known[name] = {}
            known[name] = make(*of)
        return {"$ref": f"#/components/{section}/{name}"}

    def resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a reference leads to, and anything else as it is."""
        while "$ref" in node:
            _, _, section, name = node["$ref"].split("/")
            node = self.components[section][name]
        return node


def strict(properties: Json, required: list[str], **more: Any) -> Json:
    """Return the schema of an object that takes no other members."""
    return {**opened(properties, required, **more), "additionalProperties": False}


def opened(properties: Json, required: list[str], **more: Any) -> Json:
    """Return the schema of an object that may get further members in later versions."""
    found = {"type": "object", **more, "properties": properties}
    return {**found, "required": required} if required else found


def array(items: Json, **more: Any) -> Json:
    """Return the schema of a list."""
    return {"type": "array", **more, "items": items}


def among(values: Iterable[str]) -> Json:
    """Return the schema of a text that is one of these, with names for generators where a value is none."""
    known = list(values)
    plain = all(re.fullmatch(r"\w+", each) for each in known)
    names = [re.sub(r"\W+", "_", each).upper() for each in known]
    return {"type": "string", "enum": known, **({} if plain else {"x-enum-varnames": names})}


def nullable(schema: Json) -> Json:
    """Return a schema that takes null too."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def camel(name: str) -> str:
    """Return the name of an operation, such as `confirmOrder`."""
    found = pascal(name)
    return found[:1].lower() + found[1:]


def pascal(name: str) -> str:
    """Return the name of a schema, such as `OrderItem`."""
    return "".join(map(str.capitalize, name.replace("-", "_").split("_")))
