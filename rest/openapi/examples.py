"""Examples: a request and a response of every operation, made of the examples of their schemas."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from rest.openapi.draft import Draft, Json

_DEEPEST = 6
_BY_FORMAT = {
    "date-time": "2026-03-15T10:00:00Z",
    "uri-reference": "/api/v1/orders/7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20",
}
_BY_TYPE: dict[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "object": {},
    "null": None,
}


def illustrate(draft: Draft, operation: Json) -> None:
    """Give the body and every successful response of an operation an example by its name."""
    name = operation["operationId"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _add(draft, content, name, f"{name}Request")
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            _add(draft, content, name, f"{name}{status}{_ending(kind)}")


def _ending(kind: str) -> str:
    """Return what tells the examples of several media types apart."""
    return {"text/csv": "Csv", "application/x-ndjson": "Ndjson"}.get(kind, "")


def _add(draft: Draft, content: Json, key: str, name: str) -> None:
    if "examples" not in content:
        content["examples"] = {key: draft.example(name, {"value": example(draft, content["schema"])})}


def example(draft: Draft, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """Return a value that a schema takes; `name` is that of the member that it is for."""
    schema = _merged(draft, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return example(draft, schema[union][0], name, depth)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds[0] == "object":
        return _object(draft, schema, depth)
    if kinds[0] == "array":
        return [] if depth >= _DEEPEST else [example(draft, schema["items"], name, depth + 1)]
    if "null" in kinds:
        return None
    if schema.get("format") == "uuid":
        return identifier(name)
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE[kinds[0]])


def _object(draft: Draft, schema: Mapping[str, Any], depth: int) -> Json:
    required = schema.get("required", ())
    members = schema.get("properties", {})
    shown = {name: each for name, each in members.items() if name in required or depth < _DEEPEST}
    return {name: example(draft, each, name, depth + 1) for name, each in shown.items()}


def _merged(draft: Draft, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema without references, and with what it is composed of put together."""
    found = dict(draft.resolved(schema))
    if "$ref" in schema:
        found |= {name: value for name, value in schema.items() if name != "$ref"}
    for part in found.pop("allOf", ()):
        inner = _merged(draft, part)
        found["type"] = "object"
        found["properties"] = {**found.get("properties", {}), **inner.get("properties", {})}
        found["required"] = [*found.get("required", ()), *inner.get("required", ())]
    return found


def identifier(name: str) -> str:
    """Return a UUID version 4 that is always the same for one name."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
