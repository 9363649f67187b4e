"""The GraphQL side: neutral cases as operations, and response data as neutral outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.engine.catalog import Catalog
from services.engine.resource import Kind, Resource
from tests.parity.neutral import Case, Compare, Condition, Outcome, Row, bare_problem, only, tree
from tests.support.client import Answer, Client

NESTED_SIZE = 25
"""How many rows an included list may have: more, and the sizes of three levels would multiply too far."""


class Name(str):
    """A word that stands bare in a document, such as an enum value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Request:
    """An operation and its variables."""

    query: str
    variables: dict[str, Any]

    async def send(self, client: Client) -> Answer:
        """Return the answer to it."""
        return await client.post("/graphql", {"query": self.query, "variables": self.variables})


def camel(name: str) -> str:
    """Return a database name as a GraphQL one."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def pascal(name: str) -> str:
    """Return a resource's name as that of its type."""
    return "".join(part.capitalize() for part in name.split("_"))


def constant(value: str) -> str:
    """Return a stored enum value as its GraphQL name."""
    return value.upper().replace("-", "_")


def with_variables(case: Case, catalog: Catalog) -> Request:
    """Return the case with every argument in a variable."""
    variables: dict[str, Any] = {}
    declared: list[str] = []
    body = _Writer(catalog, variables, declared).body(case)
    head = f"({', '.join(declared)})" if declared else ""
    return Request(f"query Parity{head} {body}", variables)


def with_literals(case: Case, catalog: Catalog) -> Request:
    """Return the case with every argument written out."""
    return Request(_Writer(catalog, None, []).body(case), {})


def outcome(case: Case, answer: Answer, catalog: Catalog) -> Outcome:
    """Return what the response says; one with errors must say exactly one, and no data beside it."""
    response = answer.json()
    if "errors" in response:
        assert len(response["errors"]) == 1, response
        data = response.get("data")
        assert data is None or set(data.values()) == {None} or case.owner is not None, response
        found = response["errors"][0]
        problem = found["extensions"]["problem"]
        assert found["extensions"]["code"] == problem["code"].upper().replace("-", "_"), response
        assert problem["request_id"] == answer.header("x-request-id"), response
        return Outcome(bare_problem(problem))
    reader = _Reader(catalog)
    (found,) = response["data"].values()
    if case.id is not None:
        row = reader.row(found, case.resource, tree(case.include))
        return Outcome(rows=(row,), etag=found.get("etag"))
    if case.owner is not None:
        (found,) = found.values()
    rows = found["nodes"] if "nodes" in found else [edge["node"] for edge in found["edges"]]
    info = found.get("pageInfo")
    return Outcome(
        rows=tuple(reader.row(item, case.resource, tree(case.include)) for item in rows),
        total=found.get("totalCount"),
        after=info["endCursor"] if info and info["hasNextPage"] else None,
        before=info["startCursor"] if info and info["hasPreviousPage"] else None,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    catalog: Catalog

    def row(self, item: dict[str, Any], resource: Resource, relations: dict[str, Any]) -> Row:
        """Return an object under database names, with database values for enums."""
        names = {camel(name): name for name in (*resource.all_fields, *resource.relations_by_name)}
        found: Row = {}
        for shown, value in item.items():
            if shown == "etag":
                continue
            name = names[shown]
            if name in relations:
                found[name] = self._related(value, resource, name, relations[name])
            else:
                found[name] = _stored(value, resource, name)
        return found

    def _related(self, value: Any, resource: Resource, name: str, inner: dict[str, Any]) -> Any:
        target = self.catalog.target(resource.relations_by_name[name])
        if value is None:
            return None
        if "nodes" in value:
            return [self.row(each, target, inner) for each in value["nodes"]]
        return self.row(value, target, inner)


def _stored(value: Any, resource: Resource, name: str) -> Any:
    enum = resource.all_fields[name].enum
    if enum is None or value is None:
        return value
    return {constant(str(member)): str(member) for member in enum}[value]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one operation; its arguments become variables, or literals where `variables` is None."""

    catalog: Catalog
    variables: dict[str, Any] | None
    declared: list[str]

    def body(self, case: Case) -> str:
        """Return the selection set of the operation."""
        if case.id is not None:
            etag = "etag " if case.fields is None and not case.include else ""
            inner = etag + self._selection(case, case.resource, tree(case.include))
            return self._single(case.resource, case.id, "id", inner)
        if case.owner is None:
            return f"{{ {camel(case.resource.plural)}{self._collection(case)} }}"
        inner = f"{camel(case.owner.relation.name)}{self._collection(case)}"
        return self._single(case.owner.resource, case.owner.id, "owner", inner)

    def _single(self, resource: Resource, id_: str, variable: str, inner: str) -> str:
        given = self._arguments({"id": (id_, "ID!")}, {"id": variable})
        return f"{{ {camel(resource.name)}{given} {{ {inner} }} }}"

    def _collection(self, case: Case) -> str:
        rows = self._selection(case, case.resource, tree(case.include))
        if case.keyset:
            info = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
            return f"{self._arguments(self._listing(case))} {{ edges {{ node {{ {rows} }} }} {info} }}"
        return f"{self._arguments(self._listing(case))} {{ totalCount nodes {{ {rows} }} }}"

    def _listing(self, case: Case) -> dict[str, tuple[Any, str]]:
        kind = pascal(case.resource.name)
        found: dict[str, tuple[Any, str]] = {}
        if case.filter:
            found["filter"] = self._filter(case), f"{kind}Filter"
        if case.sort:
            found["sort"] = [Name(_term(term)) for term in case.sort], f"[{kind}Sort!]"
        if case.q is not None:
            found["search"] = case.q, "String"
        if case.include_deleted:
            found["includeDeleted"] = True, "Boolean!"
        if case.keyset or case.owner is not None:
            found["last" if case.backward else "first"] = case.size, "Int"
            if case.cursor is not None:
                found["before" if case.backward else "after"] = case.cursor, "String"
        else:
            found["page"] = 1 if case.page is None else case.page, "Int"
            found["perPage"] = case.size, "Int"
        return found

    def _arguments(self, given: dict[str, tuple[Any, str]], names: Mapping[str, str] | None = None) -> str:
        if not given:
            return ""
        if self.variables is None:
            return f"({', '.join(f'{name}: {_literal(value)}' for name, (value, _) in given.items())})"
        parts = []
        for name, (value, type_) in given.items():
            variable = (names or {}).get(name, name)
            self.declared.append(f"${variable}: {type_}")
            self.variables[variable] = value
            parts.append(f"{name}: ${variable}")
        return f"({', '.join(parts)})"

    # Selections

    def _selection(
        self, case: Case, resource: Resource, relations: dict[str, Any], by: str | None = None
    ) -> str:
        parts = [camel(name) for name in only(case, by, resource)]
        for name, inner in relations.items():
            relation = resource.relations_by_name.get(name)
            if relation is None:
                parts.append(f"{camel(name)} {{ id }}")
                continue
            rows = self._selection(case, self.catalog.target(relation), inner, name)
            listed = f"(first: {NESTED_SIZE}) {{ nodes {{ {rows} }} }}"
            parts.append(camel(name) + (f" {{ {rows} }}" if relation.one else listed))
        return " ".join(parts)

    # Filters

    def _filter(self, case: Case) -> dict[str, Any]:
        parts = [self._condition(part, case.resource) for part in case.filter]
        return parts[0] if len(parts) == 1 else {"and": parts}

    def _condition(self, node: Condition, resource: Resource) -> dict[str, Any]:
        if isinstance(node, Compare):
            return self._comparison(node, node.path, resource)
        parts = [self._condition(part, resource) for part in node.parts]
        return {node.kind: parts[0] if node.kind == "not" else parts}

    def _comparison(self, node: Compare, path: tuple[str, ...], resource: Resource) -> dict[str, Any]:
        name = path[0]
        relation = resource.relations_by_name.get(name)
        if relation is not None:
            return {camel(name): self._comparison(node, path[1:], self.catalog.target(relation))}
        field = resource.all_fields.get(name)
        value = node.value
        if field is None:
            return {camel(name): {node.operator: value}}
        if resource.facts[name].kind is Kind.JSON:
            inside = {"path": ".".join(path[1:])} if len(path) > 1 else {}
            return {camel(name): [inside | {node.operator: value}]}
        if field.enum is not None and node.operator != "null":
            value = [Name(constant(one)) for one in value] if isinstance(value, list) else _enum_name(value)
        return {camel(name): {node.operator: value}}


def _enum_name(value: Any) -> Any:
    return Name(constant(value)) if isinstance(value, str) else value


def _term(term: str) -> str:
    return constant(term.removeprefix("-")) + ("_DESC" if term.startswith("-") else "_ASC")


def _literal(value: Any) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    # JSON's strings, numbers and words are GraphQL's too.
    return orjson.dumps(value).decode()
