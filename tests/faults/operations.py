"""Writes in the words of no surface, and how each surface puts them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from tests.faults.calling import Line, Reply

_UNDERSCORE = re.compile(r"_(\w)")
_METHODS = {"create": "POST", "update": "PATCH", "replace": "PUT", "delete": "DELETE"}
_STILL_RUNNING = "still running"
_CONTENDED = "were being changed by others"


class Surface(StrEnum):
    """Where a write is sent to."""

    REST = "REST"
    GRAPHQL = "GraphQL"


class Named(NamedTuple):
    """A resource, as paths and mutations call it."""

    name: str
    plural: str


PRODUCT, CUSTOMER, ORDER = (
    Named("product", "products"),
    Named("customer", "customers"),
    Named("order", "orders"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One write; `items` are those of a bulk request: values, or ids to delete."""

    resource: Named
    action: str
    values: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    items: Sequence[Any] | None = None
    if_match: str | None = None
    atomic: bool = True
    dry_run: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """One row as an answer tells of it; the document is REST's, byte by byte."""

    id: str | None
    etag: str | None = None
    document: bytes | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a write, on whichever surface: the status REST gives it, and its rows."""

    status: int
    written: tuple[Written, ...]
    replayed: bool
    passing: bool
    reply: Reply
    detail: str = ""


async def send(line: Line, surface: Surface, asked: Operation, request_id: str | None = None) -> Answer:
    """Send a write once and return its answer; raises Lost."""
    named = {} if request_id is None else {"X-Request-ID": request_id}
    if surface is Surface.REST:
        method, path, headers, body = over_rest(asked)
        return _from_rest(asked, await line.ask(method, path, headers | named, body))
    return _from_graphql(asked, await line.ask("POST", "/graphql", named, over_graphql(asked)))


def over_rest(asked: Operation) -> tuple[str, str, dict[str, str], Any]:
    """Return method, target, headers and body."""
    path = f"/api/v1/{asked.resource.plural}"
    body: Any = asked.values
    query = ["dry_run=true"] * asked.dry_run
    if asked.items is not None:
        path += "/bulk"
        body = {"ids" if asked.action == "delete" else "items": asked.items}
        query += [] if asked.atomic else ["atomic=false"]
    elif asked.id is not None:
        path += f"/{asked.id}" + ("" if asked.action in _METHODS else f"/{asked.action}")
        body = body if asked.action in ("update", "replace") else None
    headers = {"Idempotency-Key": asked.key, "If-Match": asked.if_match}
    target = path + ("?" + "&".join(query) if query else "")
    given = {name: value for name, value in headers.items() if value is not None}
    return _METHODS.get(asked.action, "POST"), target, given, body


def over_graphql(asked: Operation) -> dict[str, Any]:
    """Return the body of the request."""
    action, own = asked.action, asked.resource.name.capitalize()
    variables: dict[str, Any] = {"key": asked.key, "dry": asked.dry_run}
    declared = {"key": "String", "dry": "Boolean!"}
    given = {"idempotencyKey": "key", "dryRun": "dry"}
    if asked.items is not None:
        one = "ids" if action == "delete" else "items"
        kind = {"delete": "ID", "create": f"{own}CreateInput", "update": f"{own}BulkUpdateInput"}[action]
        declared |= {one: f"[{kind}!]!", "atomic": "Boolean!"}
        given |= {one: one, "atomic": "atomic"}
        variables |= {one: _camel(list(asked.items)), "atomic": asked.atomic}
        name = f"{action}{asked.resource.plural.capitalize()}"
        answer = f"results {{ id: rowId {asked.resource.name} {{ etag }} problem {{ status }} }}"
    else:
        if action in ("create", "update", "replace"):
            declared["input"] = f"{own}{action.capitalize()}Input!"
            given["input"] = "input"
            variables["input"] = _camel(asked.values)
        if asked.id is not None:
            declared |= {"id": "ID!", "match": "String"}
            given |= {"id": "id", "ifMatch": "match"}
            variables |= {"id": asked.id, "match": asked.if_match}
        name = f"{action}{own}"
        answer = "deletedId" if action == "delete" else f"{asked.resource.name} {{ id etag }}"
    heads = ", ".join(f"${variable}: {kind}" for variable, kind in declared.items())
    arguments = ", ".join(f"{argument}: ${variable}" for argument, variable in given.items())
    query = (
        f"mutation({heads}) {{ it: {name}({arguments}) {{ {answer} replayed problem {{ status detail }} }} }}"
    )
    return {"query": query, "variables": variables}


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        # What is in a JSON field is the caller's own.
        return {
            _UNDERSCORE.sub(lambda found: found[1].upper(), name): one if name == "metadata" else _camel(one)
            for name, one in value.items()
        }
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _from_rest(asked: Operation, reply: Reply) -> Answer:
    replayed = reply.headers.get("idempotency-replayed") == "true"
    if reply.status >= 300:
        told = reply.json()
        passing = reply.status in (409, 503) and "retry-after" in reply.headers
        return Answer(reply.status, (), replayed, passing, reply, told["detail"])
    rows: tuple[Written, ...]
    if asked.items is not None:
        rows = tuple(map(_item, reply.json()["data"]))
    elif reply.status == 204:
        rows = (Written(asked.id),)
    else:
        document = reply.body[len(b'{"data":') : -1]
        rows = (Written(reply.json()["data"]["id"], reply.headers.get("etag"), document),)
    return Answer(reply.status, rows, replayed, False, reply)


def _item(told: dict[str, Any]) -> Written:
    return Written(told["id"], status=told["error"]["status"] if "error" in told else None)


def _from_graphql(asked: Operation, reply: Reply) -> Answer:
    told = reply.json()
    found = (told.get("data") or {}).get("it")
    if found is None:
        problem = told["errors"][0]["extensions"]["problem"]
        passing = problem["status"] == 503
        return Answer(problem["status"], (), False, passing, reply, problem["detail"])
    problem = found["problem"]
    if problem is not None:
        # The surface tells no Retry-After here; the sentences do.
        passing = any(known in problem["detail"] for known in (_STILL_RUNNING, _CONTENDED))
        return Answer(problem["status"], (), found["replayed"], passing, reply, problem["detail"])
    if asked.items is not None:
        rows = tuple(_result(one, asked.resource.name) for one in found["results"])
    elif asked.action == "delete":
        rows = (Written(found["deletedId"]),)
    else:
        row = found[asked.resource.name]
        rows = (Written(row["id"], row["etag"]),)
    return Answer(_status(asked, rows), rows, found["replayed"], False, reply)


def _result(told: dict[str, Any], name: str) -> Written:
    row, problem = told.get(name), told["problem"]
    return Written(told["id"], row and row["etag"], status=problem and problem["status"])


def _status(asked: Operation, rows: tuple[Written, ...]) -> int:
    """Return the status that REST would give a success."""
    if any(row.status is not None for row in rows):
        return 207
    if asked.action == "create":
        return 201
    return 204 if asked.action == "delete" and asked.items is None else 200
