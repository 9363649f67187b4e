"""One procedure asked over each surface, and what came back in the words of neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import orjson

from schema.names import camel, constant, pascal
from services.engine.procedures import AnyProcedure, Method, Output, Part
from services.engine.resource import Field
from tests.support.client import Answer, Client

_PROBLEM = "type title status detail code retryAfter errors errorMessages extensions"
_OWN = ("instance", "request_id")


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: the document, or the problem without what differs from request to request."""

    document: Any = None
    problem: dict[str, Any] | None = None
    replayed: bool = False
    cookie: str | None = None


async def over_rest(
    client: Client, procedure: AnyProcedure, sent: Mapping[str, Any], key: str | None = None
) -> Told:
    """Return what REST answers."""
    segments = [
        quote(str(sent[part[1:-1]]), safe="") if part.startswith("{") else part
        for part in procedure.places[0]
    ]
    rest = {name: value for name, value in sent.items() if name not in procedure.in_path}
    target, body, headers = "/api/v1/" + "/".join(segments), b"", []
    if procedure.method is Method.POST:
        body = orjson.dumps(rest, default=str)
        headers.append(("content-type", "application/json"))
    elif rest:
        target += "?" + "&".join(f"{name}={quote(_text(value), safe='')}" for name, value in rest.items())
    if key is not None:
        headers.append(("idempotency-key", key))
    answer = await client.request(str(procedure.method), target, headers=headers, body=body)
    return _rest(procedure, answer)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rest(procedure: AnyProcedure, answer: Answer) -> Told:
    replayed = answer.header("idempotency-replayed") == "true"
    if answer.status >= 400:
        return Told(None, _problem(answer.problem(answer.status)), replayed)
    assert answer.status == procedure.status, answer
    document = None if answer.status == 204 else answer.json()
    if procedure.wrapped and document is not None:
        assert set(document) == {"data"}
        document = document["data"]
    return Told(_listed(procedure.outputs, document), None, replayed, answer.header("set-cookie"))


def _listed(outputs: tuple[Output, ...], document: Any) -> Any:
    """Return a document in which maps that go by a field are lists, and what was left out is null."""
    if isinstance(document, list):
        return [_listed(outputs, each) for each in document]
    if document is None:
        return None
    found = dict(document)
    for each in outputs:
        if not isinstance(each, Part):
            assert each.name in found or each.sparse
            found.setdefault(each.name, None)
        else:
            inner = found[each.name]
            if each.by is not None and inner is not None:
                inner = [{each.by: name, **row} for name, row in inner.items()]
            found[each.name] = _listed(each.fields, inner)
    return found


async def over_graphql(
    client: Client, procedure: AnyProcedure, sent: Mapping[str, Any], key: str | None = None
) -> Told:
    """Return what GraphQL answers."""
    variables, arguments = {}, []
    body: dict[str, Any] = {}
    for name, value in sent.items():
        field = procedure.inputs_by_name.get(name)
        if procedure.method is Method.GET or name in procedure.in_path:
            arguments.append(f"{camel(name)}: {_literal(field, value)}")
        else:
            body[camel(name)] = _enum_name(field, value)
    head = ""
    if body:
        head, variables = f"($input: {pascal(procedure.name)}Input)", {"input": body}
        arguments.append("input: $input")
    if key is not None:
        arguments.append(f"idempotencyKey: {_literal(None, key)}")
    kind = "query" if procedure.method is Method.GET else "mutation"
    shown = _selection(procedure.outputs)
    if kind == "mutation":
        own = f"results {{ {shown} }}" if procedure.many else shown
        shown = f"{own} replayed problem {{ {_PROBLEM} }}"
    given = f"({', '.join(arguments)})" if arguments else ""
    query = f"{kind} {head} {{ told: {camel(procedure.name)}{given} {{ {shown} }} }}"
    answer = await client.post("/graphql", {"query": query, "variables": variables})
    return _graphql(procedure, answer, kind)


def _selection(outputs: tuple[Output, ...]) -> str:
    return " ".join(
        f"{camel(each.name)} {{ {_selection(each.fields)} }}"
        if isinstance(each, Part)
        # What is no node has no `id` of its own.
        else "id: rowId"
        if each.name == "id"
        else camel(each.name)
        for each in outputs
    )


def _enum_name(field: Field | None, value: Any) -> Any:
    return constant(value) if field is not None and field.enum and isinstance(value, StrEnum) else value


def _literal(field: Field | None, value: Any) -> str:
    if field is not None and field.enum and isinstance(value, StrEnum):
        return constant(value)
    return orjson.dumps(value, default=str).decode()


def _graphql(procedure: AnyProcedure, answer: Answer, kind: str) -> Told:
    found = answer.json()
    if "errors" in found:
        return Told(None, _problem(found["errors"][0]["extensions"]["problem"]))
    told, cookie = found["data"]["told"], answer.header("set-cookie")
    if kind == "query":
        return Told(_stored(procedure.outputs, told), None, False, cookie)
    problem, replayed = told.pop("problem"), told.pop("replayed")
    if problem is not None:
        assert not any(told.values())
        problem["error_messages"] = problem.pop("errorMessages")
        problem["retry_after"] = problem.pop("retryAfter")
        flat = {**problem, **(problem.pop("extensions") or {})}
        del flat["extensions"]
        known = {name: value for name, value in flat.items() if value is not None}
        return Told(None, _problem(known), replayed)
    document = told.get("results") if procedure.many else told
    return Told(_stored(procedure.outputs, document) if procedure.outputs else None, None, replayed, cookie)


def _stored(outputs: tuple[Output, ...], document: Any) -> Any:
    """Return a document by the declared names, with enum values as they are stored."""
    if isinstance(document, list):
        return [_stored(outputs, each) for each in document]
    if document is None:
        return None
    assert set(document) == {camel(each.name) for each in outputs}
    found = {each.name: document[camel(each.name)] for each in outputs}
    for each in outputs:
        if isinstance(each, Part):
            found[each.name] = _stored(each.fields, found[each.name])
        elif each.enum is not None and found[each.name] is not None:
            found[each.name] = next(str(v) for v in each.enum if constant(v) == found[each.name])
    return found


def _problem(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in _OWN}
