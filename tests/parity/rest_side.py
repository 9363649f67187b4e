"""The REST side: neutral cases as requests, and response documents as neutral outcomes."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.engine.catalog import Catalog
from services.engine.resource import Resource
from tests.parity.neutral import Case, Compare, Condition, Outcome, Row, bare_problem, tree
from tests.support.client import Answer, Client

BASE = "/api/v1"


@dataclass(frozen=True, slots=True)
class Request:
    """A target, and a body where it is a search."""

    target: str
    body: dict[str, Any] | None = None

    async def send(self, client: Client) -> Answer:
        """Return the answer to it."""
        if self.body is None:
            return await client.request("GET", self.target)
        return await client.post(self.target, self.body)


def by_url(case: Case) -> Request:
    """Return the case as a GET."""
    parameters = [(name, _listed(value)) for name, value in _members(case).items()]
    for part in case.filter:
        if not isinstance(part, Compare):
            raise ValueError("A query string knows no junctions.")
        parameters.append((f"filter[{'.'.join(part.path)}][{part.operator}]", _text(part.value)))
    query = "&".join(f"{quote(name, safe='[].')}={quote(value, safe=',')}" for name, value in parameters)
    return Request(f"{_path(case)}?{query}" if query else _path(case))


def by_search(case: Case) -> Request:
    """Return the case as a POST to the search address."""
    body = _members(case)
    conditions = [_object(part) for part in case.filter]
    if conditions:
        body["filter"] = conditions[0] if len(conditions) == 1 else {"and": conditions}
    return Request(f"{_path(case)}/search", body)


def outcome(case: Case, answer: Answer, catalog: Catalog) -> Outcome:
    """Return what the response says."""
    if answer.status != 200:
        return Outcome(bare_problem(answer.problem(answer.status)))
    document = answer.json()
    included = {(item["type"], item["id"]): item for item in document.get("included", ())}
    reader = _Reader(catalog, included)
    if case.id is not None:
        row = reader.row(document["data"], case.resource, tree(case.include))
        whole = case.fields is None and not case.include
        return Outcome(rows=(row,), etag=answer.header("etag") if whole else None)
    rows = tuple(reader.row(item, case.resource, tree(case.include)) for item in document["data"])
    pagination = document["pagination"]
    return Outcome(
        rows=rows,
        total=pagination.get("total_count"),
        after=pagination.get("next_cursor"),
        before=pagination.get("prev_cursor"),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    catalog: Catalog
    included: dict[tuple[str, str], dict[str, Any]]

    def row(self, item: dict[str, Any], resource: Resource, relations: dict[str, Any]) -> Row:
        """Return a resource object with the resources that it relates to in their places."""
        beside = ("links", "relationships", "type", *resource.embedded_by_name)
        found = {name: value for name, value in item.items() if name not in beside}
        for name, inner in relations.items():
            target = self.catalog.target(resource.relations_by_name[name])
            found[name] = self._related(item["relationships"][name], target, inner)
        return found

    def _related(self, reference: Any, target: Resource, inner: dict[str, Any]) -> Any:
        if reference is None:
            return None
        if isinstance(reference, list):
            return [self._related(each, target, inner) for each in reference]
        return self.row(self.included[reference["type"], reference["id"]], target, inner)


def _path(case: Case) -> str:
    if case.owner is not None:
        owner = case.owner
        name = owner.relation.name.replace("_", "-")
        return f"{BASE}/{owner.resource.path}/{quote(owner.id, safe='')}/{name}"
    own = f"{BASE}/{case.resource.path}"
    return own if case.id is None else f"{own}/{quote(case.id, safe='')}"


def _members(case: Case) -> dict[str, Any]:
    """Return everything but the filter, under the names that query strings and search bodies share."""
    found: dict[str, Any] = {}
    fields = [
        *(case.fields or ()),
        *(f"{name}.{field}" for name, own in case.related_fields for field in own),
    ]
    if fields:
        found["fields"] = fields
    if case.include:
        found["include"] = [".".join(path) for path in case.include]
    if case.id is not None:
        return found
    if case.sort:
        found["sort"] = list(case.sort)
    if case.q is not None:
        found["q"] = case.q
    if case.include_deleted:
        found["include_deleted"] = True
    return found | {"per_page": case.size} | _paging(case)


def _paging(case: Case) -> dict[str, Any]:
    if not case.keyset:
        return {} if case.page is None else {"page": case.page}
    found: dict[str, Any] = {"pagination": "cursor"} if case.cursor is None else {"cursor": case.cursor}
    return found | {"direction": "prev" if case.backward else "next"}


def _object(node: Condition) -> dict[str, Any]:
    if isinstance(node, Compare):
        return {".".join(node.path): {node.operator: node.value}}
    parts = [_object(part) for part in node.parts]
    return {node.kind: parts[0] if node.kind == "not" else parts}


def _listed(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
