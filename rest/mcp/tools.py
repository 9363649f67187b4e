"""Tools: one for every operation of the OpenAPI document that is not about the server itself."""

import re
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import orjson

from rest.mcp.arguments import Form, Kind, Place
from rest.mcp.schemas import Schemas, local
from rest.openapi.document import OWN_MODULE
from rest.openapi.draft import Json
from services.engine.access import covers

_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"
_SAME_BY_POST = "ByPost"
_GROUPED = re.compile(r"(filter|fields)\[([^\[\]]+)\](?:\[([a-z]+)\])?")
_UNHEEDED = frozenset({"if_none_match", "x_request_id"})
"""Headers that mean nothing to a tool, which has no cache and is told of by the request of its message."""

_NOTHING: Json = {"type": "object", "properties": {}, "additionalProperties": False}
_JUNCTIONS = ("and", "or", "not")
_FILTER = 'Conditions that must all hold, as {"id": {"in": [...]}}; names with dots lead through relations.'


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation as a tool: what it is called and takes, what it answers, and what it needs and does.

    A `public` one needs no token. `read_only`, `destructive` and `repeatable` are what MCP calls hints.
    """

    name: str
    title: str
    description: str
    module: str
    scopes: tuple[str, ...]
    public: bool
    form: Form
    takes: Json
    answers: Json
    read_only: bool
    destructive: bool
    repeatable: bool

    def allowed(self, scopes: Collection[str]) -> bool:
        """Tell whether a token of these scopes may call it."""
        return all(covers(scopes, scope) for scope in self.scopes)

    def described(self) -> Json:
        """Return it as a list of tools shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.takes,
            "outputSchema": self.answers,
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.read_only,
                "destructiveHint": self.destructive,
                "idempotentHint": self.repeatable,
                "openWorldHint": False,
            },
        }


class Toolbox:
    """The tools of one OpenAPI document, by name and in its order."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = document["components"]
        self._schemas = Schemas(self._components["schemas"])
        self._paths = [tuple(path[1:].split("/")) for path in document["paths"]]
        self.modules = {each["name"]: each["description"] for each in document["tags"]}
        found = [self._tool(*each) for each in _operations(document)]
        self.by_name = {tool.name: tool for tool in found}
        self.servers = tuple(dict.fromkeys(tool.module for tool in found))
        self._texts: dict[str, bytes] = {}

    def allowed(self, scopes: Collection[str], module: str | None = None) -> list[Tool]:
        """Return the tools that a token of these scopes may call, perhaps those of one module alone."""
        return [
            tool for tool in self.by_name.values() if module in (None, tool.module) and tool.allowed(scopes)
        ]

    def listed(self, scopes: Collection[str]) -> bytes:
        """Return the list of tools that is shown to a token of these scopes, as JSON."""
        if not self._texts:
            self._texts = {name: orjson.dumps(tool.described()) for name, tool in self.by_name.items()}
        return b"[" + b",".join(self._texts[tool.name] for tool in self.allowed(scopes)) + b"]"

    def _tool(self, path: str, method: str, operation: Json) -> Tool:
        reads = method == "get" or _only_reads(operation)
        form, takes = self._input(path, method, operation)
        adds = "201" in operation["responses"] or path.endswith("/restore")
        return Tool(
            operation["operationId"],
            operation["summary"],
            _said(operation),
            operation["tags"][0],
            tuple(operation["x-required-scopes"]),
            operation.get("security") == [],
            form,
            takes,
            self._output(operation),
            reads,
            not reads and not adds,
            reads or method in ("put", "delete"),
        )

    # What it takes

    def _input(self, path: str, method: str, operation: Json) -> tuple[Form, Json]:
        asked = _Asked()
        for each in operation["parameters"]:
            self._add(asked, self._parameter(each), operation)
        body = operation.get("requestBody")
        if body is not None:
            self._add_body(asked, body)
        segments = tuple(path[1:].split("/"))
        accept = b"*/*" if _exports(operation) else b"application/json"
        form = Form(
            method.upper(),
            segments,
            asked.places,
            frozenset(self._literals(segments)),
            body is not None,
            body is not None and body.get("required", False),
            accept,
        )
        return form, self._schemas.whole(asked.schema())

    def _parameter(self, parameter: Json) -> Json:
        if "$ref" in parameter:
            found: Json = self._components["parameters"][parameter["$ref"].rpartition("/")[2]]
            return found
        return parameter

    def _add(self, asked: "_Asked", parameter: Json, operation: Json) -> None:
        name, place = parameter["name"], Kind(parameter["in"])
        grouped = _GROUPED.fullmatch(name)
        if grouped is not None:
            self._add_grouped(asked, parameter, operation, *grouped.groups())
            return
        schema = {**local(parameter["schema"]), "description": parameter["description"]}
        if place is Kind.HEADER:
            asked.add(_snake(name), Place(place, name), schema, required=parameter.get("required", False))
        else:
            place = Kind.LIST if schema.get("type") == "array" else place
            asked.add(name, Place(place, name), schema, required=parameter.get("required", False))

    def _add_grouped(
        self,
        asked: "_Asked",
        parameter: Json,
        operation: Json,
        group: str,
        name: str,
        operator: str | None,
    ) -> None:
        """Add a parameter to the object that stands for all that are named alike."""
        schema = {**local(parameter["schema"])}
        if group == "fields":
            said = "Which fields of included rows are shown, by resource."
            asked.group("included_fields", Kind.FIELDS, said)[name] = schema
            return
        shown = self._shown(operation)
        searched = self._schemas.named(f"{shown}Filter")
        fields = asked.group("filter", Kind.FILTER, _FILTER)
        if searched is None:
            comparison = fields.setdefault(name, {"type": "object", "properties": {}})
            comparison["properties"][operator or "eq"] = schema
        elif not fields:
            # What leads through relations has names with dots here; the search tool spells it all out.
            own = {key: each for key, each in searched["properties"].items() if not _leads_on(key, each)}
            fields.update(own)
            asked.properties["filter"]["patternProperties"] = searched["patternProperties"]

    def _shown(self, operation: Json) -> str:
        """Return the name of the schema of the rows that an operation lists."""
        schema = operation["responses"]["200"]["content"].get(_JSON, {}).get("schema", {})
        return str(schema.get("$ref", "")).rpartition("/")[2].removesuffix("ListResponse")

    def _add_body(self, asked: "_Asked", body: Json) -> None:
        schema = local(body["content"][_JSON]["schema"])
        members = self._schemas.resolved(schema)
        # What stands in the body may stand in the query too, for links that lead on.
        asked.drop(members["properties"].keys(), Kind.QUERY)
        if members.get("additionalProperties", True) or asked.places.keys() & members["properties"].keys():
            asked.add("body", Place(Kind.BODY, "body"), schema, required=body.get("required", False))
            return
        needed = members.get("required", ()) if body.get("required") else ()
        for name, each in members["properties"].items():
            asked.add(name, Place(Kind.MEMBER, name), each, required=name in needed)

    def _literals(self, segments: tuple[str, ...]) -> Iterator[str]:
        """Yield what stands in other addresses where this one has an argument."""
        for other in self._paths:
            for place, (own, its) in enumerate(zip(segments, other, strict=False)):
                if own.startswith("{") and not its.startswith("{") and segments[:place] == other[:place]:
                    yield its

    # What it answers

    def _output(self, operation: Json) -> Json:
        if _exports(operation):
            kinds = list(operation["responses"]["200"]["content"])
            return _export(kinds)
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if status[0] == "2" and _JSON in content:
                schema = local(content[_JSON]["schema"])
                if self._schemas.resolved(schema).get("type") == "array":
                    schema = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
                return self._schemas.whole(schema)
        return _NOTHING


class _Asked:
    """The arguments of a tool in the making: their places and their schema."""

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self.properties: Json = {}
        self._required: list[str] = []

    def add(self, name: str, place: Place, schema: Json, *, required: bool) -> None:
        if name in _UNHEEDED:
            return
        self.places[name], self.properties[name] = place, schema
        if required:
            self._required.append(name)

    def drop(self, names: Set[str], kind: Kind) -> None:
        """Take the arguments of these names back that go to places of one kind."""
        for name in names & self.places.keys():
            if self.places[name].kind is kind and name not in self._required:
                del self.places[name], self.properties[name]

    def group(self, name: str, kind: Kind, said: str) -> Json:
        """Return the members of an argument that is an object, which is added if it is not there."""
        if name not in self.places:
            schema: Json = {"type": "object", "description": said, "properties": {}}
            self.add(name, Place(kind, name), {**schema, "additionalProperties": False}, required=False)
        members: Json = self.properties[name]["properties"]
        return members

    def schema(self) -> Json:
        required = {"required": self._required} if self._required else {}
        return {"type": "object", "properties": self.properties, **required, "additionalProperties": False}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            operation = item.get(method)
            if operation is not None and _is_tool(operation):
                yield path, method, operation


def _is_tool(operation: Json) -> bool:
    """Tell whether an operation is a tool: not what tells of the server, nor the same in another guise."""
    return OWN_MODULE not in operation["tags"] and not operation["operationId"].endswith(_SAME_BY_POST)


def _only_reads(operation: Json) -> bool:
    scopes = operation["x-required-scopes"]
    return bool(scopes) and all(scope.endswith(":read") for scope in scopes)


def _exports(operation: Json) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    return bool(content) and _JSON not in content


def _export(kinds: list[str]) -> Json:
    members = {
        "media_type": {"type": "string", "enum": kinds, "description": "What the text is written in."},
        "text": {"type": "string", "description": "The whole file."},
    }
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _said(operation: Json) -> str:
    summary, description = operation["summary"], operation["description"]
    found = description if description.startswith(summary) else f"{summary}. {description}"
    return f"Deprecated. {found}" if operation.get("deprecated") else found


def _leads_on(name: str, schema: Json) -> bool:
    """Tell whether a member of a filter joins conditions or leads to another resource."""
    return name in _JUNCTIONS or schema.get("$ref", "").startswith("#/$defs/Related")


def _snake(name: str) -> str:
    return name.lower().replace("-", "_")
