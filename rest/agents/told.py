"""What the OpenAPI document says of each operation, in the few words that the text has for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from rest.http import BASE
from rest.openapi.draft import Json
from services.engine.catalog import Catalog, Module
from services.engine.resource import Field, Kind, Resource

_KINDS = {
    Kind.INTEGER: "int",
    Kind.BIG_INTEGER: "int",
    Kind.BOOLEAN: "bool",
    Kind.JSON: "map",
}
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Line:
    """One operation: its method, whole path, name, and what it does."""

    method: str
    path: str
    id: str
    summary: str
    description: str
    tag: str


class Told:
    """A catalogue and its OpenAPI document, which the text must not differ from (S3-039)."""

    def __init__(self, catalog: Catalog, whole: Json) -> None:
        self.catalog, self._whole = catalog, whole
        self._lines = list(_lines(whole))
        first = {resource.path for resource in catalog}
        first |= {procedure.path.partition("/")[0] for procedure in catalog.procedures}
        self._declared = first

    def of_resource(self, resource: Resource) -> Iterator[Line]:
        """Yield the operations of a resource."""
        head = f"{BASE}/{resource.path}"
        procedures = {f"{BASE}/{procedure.path}" for procedure in self.catalog.procedures}
        for line in self._lines:
            if line.path not in procedures and (line.path == head or line.path.startswith(f"{head}/")):
                yield line

    def of_tag(self, tag: str) -> Iterator[Line]:
        """Yield the operations under a tag."""
        yield from (line for line in self._lines if line.tag == tag)

    def beside(self, module: Module) -> Iterator[Line]:
        """Yield the operations of a module that belong to no resource or procedure."""
        for line in self.of_tag(module.name):
            if line.path.removeprefix(f"{BASE}/").partition("/")[0] not in self._declared:
                yield line

    def example(self, name: str) -> Any:
        """Return the example of that name, None where there is none."""
        found = self._whole["components"]["examples"].get(name)
        return None if found is None else found["value"]

    def illustrated(self, word: str, name: str) -> str:
        """Return an example of that name after a word, nothing where there is none."""
        found = self.example(name)
        return "" if found is None else f"{word} `{_json(found)}`."


def _lines(whole: Json) -> Iterator[Line]:
    for path, item in whole["paths"].items():
        servers = item.get("servers", whole["servers"])
        place = servers[0]["url"].rstrip("/") + path
        for method in _METHODS:
            if method in item:
                found = item[method]
                yield Line(
                    method.upper(),
                    place.rstrip("/"),
                    found["operationId"],
                    found["summary"],
                    found["description"],
                    found["tags"][0],
                )


def kind(field: Field, facts: Any, *, null: bool = False) -> str:
    """Return what a field holds, such as `string? ≤200`; `null` says that it may be null."""
    listed = field.many or facts.array
    found = "|".join(field.enum) if field.enum else "string" if facts.array else _kind(facts.kind)
    found += ("[]" if listed else "") + ("?" if null else "")
    least, most = field.minimum, facts.max_length if field.maximum is None else field.maximum
    bounds = ("" if least is None else f" ≥{least}") + ("" if most is None or field.enum else f" ≤{most}")
    return found + bounds


def default(field: Field, facts: Any) -> str:
    """Return what a field is unless it is sent, after a sign, nothing where that goes without saying."""
    value = facts.default
    return (
        ""
        if field.required or value in (None, {}, [])
        else f" ={value if isinstance(value, str) else _json(value)}"
    )


def outdated(declared: Any) -> str:
    """Return the mark of a declaration that is deprecated, nothing for any other."""
    return "" if declared.deprecated is None else " **Deprecated.**"


def _kind(kind: Kind | None) -> str:
    return _KINDS.get(kind, str(kind)) if kind else "string"


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
