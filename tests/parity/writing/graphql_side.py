"""The GraphQL side of writes: neutral cases as mutations, and payloads as neutral outcomes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.engine.catalog import Catalog
from services.engine.resource import ActionKind, Embedded, Resource
from tests.parity.graphql_side import Name, _literal, camel, constant, pascal
from tests.parity.graphql_side import Request as Request
from tests.parity.neutral import Row
from tests.parity.writing.neutral import VALUED, Entry, WriteCase, WriteOutcome, without_request
from tests.parity.writing.rest_side import shown_beside, shown_once, version
from tests.support.client import Answer

PROBLEM = (
    "problem { type title status detail instance code requestId retryAfter errors errorMessages extensions }"
)
_MEMBERS = {
    "type": "type",
    "title": "title",
    "status": "status",
    "detail": "detail",
    "instance": "instance",
    "code": "code",
    "requestId": "request_id",
    "retryAfter": "retry_after",
    "errors": "errors",
    "errorMessages": "error_messages",
}
_MOST_EMBEDDED = 100

Arguments = dict[str, tuple[Any, str]]
"""Values of arguments with their types, by name."""


def mutation(case: WriteCase) -> str:
    """Return the name of the mutation field."""
    return camel(case.action.name) + pascal(case.resource.plural if case.bulk else case.resource.name)


def with_variables(case: WriteCase, catalog: Catalog, *, embedded: bool = True) -> Request:
    """Return the case with every argument in a variable."""
    given = arguments(case)
    head = ", ".join(f"${name}: {type_}" for name, (_, type_) in given.items())
    called = ", ".join(f"{name}: ${name}" for name in given)
    query = (
        f"mutation Parity({head}) {{ {mutation(case)}({called}) {{ {selection(case, catalog, embedded)} }} }}"
    )
    return Request(query, {name: value for name, (value, _) in given.items()})


def with_literals(case: WriteCase, catalog: Catalog, *, embedded: bool = True) -> Request:
    """Return the case with every argument written out."""
    called = ", ".join(f"{name}: {_literal(value)}" for name, (value, _) in arguments(case).items())
    return Request(
        f"mutation {{ {mutation(case)}({called}) {{ {selection(case, catalog, embedded)} }} }}", {}
    )


def arguments(case: WriteCase) -> Arguments:
    """Return the arguments of the mutation."""
    found = _many(case) if case.bulk else _one(case)
    if case.if_match is not None:
        found["ifMatch"] = case.if_match, "String"
    if case.merge:
        found["merge"] = True, "Boolean!"
    if case.key is not None:
        found["idempotencyKey"] = case.key, "String"
    if case.dry_run:
        found["dryRun"] = True, "Boolean!"
    return found


def _one(case: WriteCase) -> Arguments:
    (item,) = case.items
    found: Arguments = {}
    if case.kind is not ActionKind.CREATE:
        found["id"] = item.id, "ID!"
    if case.kind in VALUED:
        kind = f"{pascal(case.resource.name)}{pascal(case.kind)}Input!"
        found["input"] = values(case.resource, item.values), kind
    if case.kind is ActionKind.ITEM and item.values:
        found["input"] = (
            values(case.resource, item.values),
            f"{pascal(case.action.name)}{pascal(case.resource.name)}Input",
        )
    return found


def _many(case: WriteCase) -> Arguments:
    found: Arguments
    if case.kind is ActionKind.DELETE:
        found = {"ids": ([item.id for item in case.items], "[ID!]!")}
    else:
        bulk = "BulkUpdate" if case.kind is ActionKind.UPDATE else pascal(case.kind)
        named = case.kind is ActionKind.UPDATE
        items = [
            {"id": item.id, **values(case.resource, item.values)}
            if named and item.named
            else values(case.resource, item.values)
            for item in case.items
        ]
        found = {"items": (items, f"[{pascal(case.resource.name)}{bulk}Input!]!")}
    if not case.atomic:
        found["atomic"] = False, "Boolean!"
    return found


def values(resource: Resource, given: Any) -> Any:
    """Return REST's values in the names and spellings of GraphQL; what is unknown is only renamed."""
    if not isinstance(given, Mapping):
        return given
    return {camel(name): _value(resource, name, value) for name, value in given.items()}


def _value(resource: Resource, name: str, value: Any) -> Any:
    embedded = resource.embedded_by_name.get(name)
    if embedded is not None and isinstance(value, list):
        return [values(embedded.resource, each) for each in value]
    field = resource.all_fields.get(name)
    if field is not None and field.enum is not None and isinstance(value, str):
        return Name(constant(value))
    return value


# Selections


def selection(case: WriteCase, catalog: Catalog, embedded: bool) -> str:
    """Return what is selected of the payload: everything that REST answers."""
    shown = fields(case.resource, catalog, embedded and not case.dry_run)
    own = camel(case.resource.name)
    if case.bulk:
        # Only readers may select a row, and there is none of what was deleted.
        row = f"{own} {{ {shown} }}" if embedded or case.kind is not ActionKind.DELETE else ""
        entry = f"index id: rowId status {PROBLEM} {row}"
        return f"results {{ {entry} }} summary {{ total succeeded failed }} {PROBLEM} replayed"
    if case.kind is ActionKind.DELETE:
        return f"deletedId {PROBLEM} replayed"
    more = [_beside(case, name) for name in (*shown_once(case), *shown_beside(case))]
    return " ".join((f"{own} {{ {shown} }}", *more, PROBLEM, "replayed"))


def fields(resource: Resource, catalog: Catalog, embedded: bool) -> str:
    """Return the selection of a whole row: what REST's document holds, and its entity tag."""
    parts = [*(camel(item.name) for item in resource.shown_fields), "etag"]
    if embedded:
        for item in resource.embedded:
            inner = " ".join(camel(name) for name in item.shown)
            parts.append(f"{camel(item.relation)}(first: {_MOST_EMBEDDED}) {{ nodes {{ {inner} }} }}")
    return " ".join(parts)


def _beside(case: WriteCase, name: str) -> str:
    """Return the member of a payload that holds what is shown beside the row, which is named first."""
    return camel(f"raw_{name}" if name == case.resource.name else name)


# Answers


def outcome(case: WriteCase, answer: Answer) -> WriteOutcome:
    """Return what the response says; one with errors must say exactly one, and no data beside it."""
    response = answer.json()
    if "errors" in response:
        (error,) = response["errors"]
        assert set((response.get("data") or {}).values()) <= {None}, response
        problem = error["extensions"]["problem"]
        assert error["extensions"]["code"] == problem["code"].upper().replace("-", "_"), response
        assert problem["request_id"] == answer.header("x-request-id"), response
        return WriteOutcome(without_request(problem))
    (payload,) = response["data"].values()
    replayed = payload["replayed"]
    if payload["problem"] is not None:
        _check_refused(payload)
        told = problem_of(payload["problem"])
        assert replayed or told["request_id"] == answer.header("x-request-id"), response
        return WriteOutcome(without_request(told), replayed=replayed)
    if case.bulk:
        entries = tuple(_entry(case.resource, found) for found in payload["results"])
        shown = [found.get(camel(case.resource.name)) for found in payload["results"]]
        tags = {one["id"]: version(one["id"], one["etag"]) for one in shown if one is not None}
        return WriteOutcome(entries=entries, summary=payload["summary"], replayed=replayed, versions=tags)
    if case.kind is ActionKind.DELETE:
        return WriteOutcome(id=payload["deletedId"], replayed=replayed)
    found = payload[camel(case.resource.name)]
    made = WriteOutcome(
        id=found["id"],
        row=row(case.resource, found),
        once={name: payload[_beside(case, name)] for name in shown_once(case)} or None,
        beside={name: payload[_beside(case, name)] for name in shown_beside(case)} or None,
        replayed=replayed,
        versions={found["id"]: version(found["id"], found["etag"])},
    )
    # The tag of a trial names nothing, so REST has none.
    return replace(made, versions={}) if case.dry_run else made


def _check_refused(payload: dict[str, Any]) -> None:
    others = {name: value for name, value in payload.items() if name not in ("problem", "replayed")}
    assert set(others.values()) == {None}, payload


def problem_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return a problem of a payload as REST's members; those that are null are not there."""
    members = {_MEMBERS[name]: value for name, value in told.items() if name != "extensions"}
    return {name: value for name, value in members.items() if value is not None} | (told["extensions"] or {})


def _entry(resource: Resource, found: dict[str, Any]) -> Entry:
    shown, problem = found.get(camel(resource.name)), found["problem"]
    return Entry(
        found["index"],
        found["id"],
        found["status"].lower(),
        None if shown is None else row(resource, shown),
        None if problem is None else without_request(problem_of(problem)),
    )


def row(resource: Resource, found: dict[str, Any]) -> Row:
    """Return an object under database names, its embedded lists under REST's names."""
    names = {camel(item.name): item.name for item in resource.shown_fields}
    made = {
        names[shown]: _stored(resource, names[shown], value)
        for shown, value in found.items()
        if shown in names
    }
    for item in resource.embedded:
        if camel(item.relation) in found:
            made[item.name] = [_embedded_row(item, each) for each in found[camel(item.relation)]["nodes"]]
    return made


def _embedded_row(item: Embedded, found: dict[str, Any]) -> Row:
    return {name: _stored(item.resource, name, found[camel(name)]) for name in item.shown}


def _stored(resource: Resource, name: str, value: Any) -> Any:
    enum = resource.all_fields[name].enum
    if enum is None or value is None:
        return value
    return {constant(str(member)): str(member) for member in enum}[value]
