"""Requests and responses held against the OpenAPI document, in which nothing may be missing."""

import json
import uuid
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from rest.openapi.document import document
from services.engine.catalog import Catalog
from tests.support.client import Answer

BASE = "/api/v1"
METHODS = ("get", "post", "put", "patch", "delete")
_HERE = "urn:openapi"

FORMATS = FormatChecker(("date-time",))


@FORMATS.checks("uuid", ValueError)
def _is_uuid_4(value: object) -> bool:
    return not isinstance(value, str) or (
        uuid.UUID(value).version == 4 and str(uuid.UUID(value)) == value.lower()
    )


class Described:
    """The document of a catalogue, and what does not keep to it."""

    def __init__(self, catalog: Catalog) -> None:
        self.document = document(catalog, "0.0.0")
        closed = _closed(self.document)
        resource = Resource.from_contents(closed, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_HERE, resource)
        self._validators: dict[str, Draft202012Validator] = {}

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield the path, the method and the object of every operation."""
        for path, item in self.document["paths"].items():
            yield from ((path, method, item[method]) for method in METHODS if method in item)

    @cached_property
    def _places(self) -> dict[tuple[str, ...], str]:
        return {tuple(path[1:].split("/")): path for path in self.document["paths"]}

    def path_of(self, target: str) -> str:
        """Return the path that leads to a target; literal segments come before what stands for any."""
        segments = tuple(unquote(each) for each in target.partition("?")[0].removeprefix(BASE)[1:].split("/"))
        if segments in self._places:
            return self._places[segments]
        fitting = [
            path
            for place, path in self._places.items()
            if len(place) == len(segments)
            and all(a == b or a.startswith("{") for a, b in zip(place, segments, strict=True))
        ]
        assert len(fitting) == 1, (target, fitting)
        return fitting[0]

    def operation(self, method: str, target: str) -> dict[str, Any]:
        """Return the operation that a request asks for."""
        found = self.document["paths"][self.path_of(target)][method.lower()]
        assert isinstance(found, dict)
        return found

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return what a reference leads to, and anything else as it is."""
        while "$ref" in node:
            _, _, section, name = node["$ref"].split("/")
            node = self.document["components"][section][name]
        return node

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """Return how a value does not keep to a schema of the document."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            found = Draft202012Validator(
                _closed(_absolute(schema)), registry=self._registry, format_checker=FORMATS
            )
            self._validators[key] = found
        return [
            f"{error.json_path}: {error.message[:300]}" for error in self._validators[key].iter_errors(value)
        ]

    def faults_of_body(
        self, method: str, target: str, body: Any, kind: str = "application/json"
    ) -> list[str]:
        """Return how the body of a request does not keep to its operation."""
        operation = self.operation(method, target)
        return self.faults(operation["requestBody"]["content"][kind]["schema"], body)

    def faults_of_answer(self, method: str, target: str, answer: Answer) -> list[str]:
        """Return how an answer is not as its operation says."""
        responses = self.operation(method, target)["responses"]
        if str(answer.status) not in responses:
            return [f"{method} {target} answers {answer.status}, of which nothing is said"]
        response = self.resolved(responses[str(answer.status)])
        told = {name.lower() for name in response.get("headers", ())}
        found = [f"header {name} is not told of" for name, _ in answer.headers if name in _WATCHED - told]
        content = response.get("content")
        if content is None:
            return [*found, *(["there is a body"] if answer.body else [])]
        kind = (answer.header("content-type") or "").partition(";")[0]
        if kind not in content:
            return [*found, f"the body is {kind}"]
        if not kind.endswith("json"):
            return found
        return [*found, *self.faults(content[kind]["schema"], answer.json())]


_WATCHED = frozenset(
    {
        "etag",
        "location",
        "link",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "idempotency-replayed",
        "x-request-id",
        "www-authenticate",
        "content-disposition",
        "set-cookie",
        "deprecation",
        "sunset",
        "warning",
    }
)


def _absolute(node: Any) -> Any:
    """Return a part of the document whose references name the document too."""
    if isinstance(node, dict):
        return {name: f"{_HERE}{each}" if name == "$ref" else _absolute(each) for name, each in node.items()}
    return [_absolute(each) for each in node] if isinstance(node, list) else node


def _closed(node: Any, *, part: bool = False) -> Any:
    """Return schemas in which objects have no other members than those that are told of.

    What something is composed of is only a `part`, which the whole closes.
    """
    if isinstance(node, list):
        return [_closed(each, part=part) for each in node]
    if not isinstance(node, dict):
        return node
    found = {
        name: each if name in ("examples", "mapping") else _closed(each, part=name == "allOf")
        for name, each in node.items()
    }
    whole = "$ref" in node or "allOf" in node
    return {**found, "unevaluatedProperties": False} if whole and not part else found
