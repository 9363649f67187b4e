"""The REST side of writes: neutral cases as requests, and responses as neutral outcomes."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from zlib import crc32

from services.engine.encoding import identifier
from services.engine.resource import ActionKind, Resource, Shown
from services.engine.versions import tag
from tests.parity.neutral import Row
from tests.parity.rest_side import BASE
from tests.parity.writing.neutral import Entry, WriteCase, WriteOutcome, without_request
from tests.support.client import Answer, Client

_METHODS = {
    ActionKind.CREATE: "POST",
    ActionKind.REPLACE: "PUT",
    ActionKind.UPDATE: "PATCH",
    ActionKind.DELETE: "DELETE",
    ActionKind.RESTORE: "POST",
    ActionKind.ITEM: "POST",
}
_MOST_VERSIONS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """A method, a target, headers and a body."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    async def send(self, client: Client) -> Answer:
        """Return the answer to it."""
        return await client.request(self.method, self.target, headers=self.headers, body=self.body)


def request(case: WriteCase) -> Request:
    """Return the case as a request."""
    method, target, body = _many(case) if case.bulk else _one(case)
    parameters = {"dry_run": case.dry_run, "atomic": not (case.bulk and not case.atomic)}
    unusual = [
        f"{name}={str(value).lower()}" for name, value in parameters.items() if value is (name[0] == "d")
    ]
    headers = []
    if body is not None:
        kind = "application/merge-patch+json" if case.merge else "application/json"
        headers.append(("content-type", kind))
    if case.if_match is not None:
        headers.append(("if-match", case.if_match))
    if case.key is not None:
        headers.append(("idempotency-key", case.key))
    query = "?" + "&".join(unusual) if unusual else ""
    return Request(method, target + query, tuple(headers), b"" if body is None else json.dumps(body).encode())


def _one(case: WriteCase) -> tuple[str, str, Any]:
    (item,) = case.items
    own = f"{BASE}/{case.resource.path}"
    if case.kind is ActionKind.CREATE:
        return "POST", own, item.values
    own = f"{own}/{quote(str(item.id), safe='')}"
    if case.kind in (ActionKind.RESTORE, ActionKind.ITEM):
        # The body of an action without inputs is empty, or an empty object.
        body = item.values or ({} if _coin(case) else None)
        return "POST", f"{own}/{case.action.name.replace('_', '-')}", body
    values = None if case.kind is ActionKind.DELETE else item.values
    return _METHODS[case.kind], own, values


def _many(case: WriteCase) -> tuple[str, str, Any]:
    own = f"{BASE}/{case.resource.path}"
    if case.kind is ActionKind.DELETE:
        ids = [item.id for item in case.items]
        method, name = ("DELETE", "bulk") if _coin(case) else ("POST", "bulk-delete")
        return method, f"{own}/{name}", {"ids": ids}
    named = case.kind is ActionKind.UPDATE
    items = [{**item.values, "id": item.id} if named and item.named else item.values for item in case.items]
    return _METHODS[case.kind], f"{own}/bulk", {"items": items}


def _coin(case: WriteCase) -> bool:
    return crc32(case.name.encode()) % 2 == 0


def outcome(case: WriteCase, answer: Answer) -> WriteOutcome:
    """Return what the response says, after checking status and headers."""
    replayed = answer.header("idempotency-replayed") == "true"
    if answer.status >= 400:
        return WriteOutcome(without_request(answer.problem(answer.status)), replayed=replayed)
    if case.bulk:
        return _results(case, answer, replayed)
    (item,) = case.items
    if case.kind is ActionKind.DELETE:
        assert (answer.status, answer.body) == (204, b"")
        return WriteOutcome(id=identifier(item.id), replayed=replayed)
    document = answer.data(201 if case.kind is ActionKind.CREATE else 200)
    secrets, others = shown_once(case), shown_beside(case)
    shown = {name: value for name, value in document.items() if name not in ("links", *secrets, *others)}
    versions = {}
    if case.dry_run:
        assert answer.header("etag") is None
        assert answer.header("location") is None
    else:
        versions = {document["id"]: version(document["id"], answer.header("etag") or "")}
        created = case.kind is ActionKind.CREATE
        assert answer.header("location") == (document["links"]["self"] if created else None)
    return WriteOutcome(
        id=document["id"],
        row=shown,
        once={name: document[name] for name in secrets} or None,
        beside={name: document[name] for name in others} or None,
        replayed=replayed,
        versions=versions,
    )


def _results(case: WriteCase, answer: Answer, replayed: bool) -> WriteOutcome:
    body = answer.json()
    assert set(body) == {"data", "summary"}
    made = 201 if case.kind is ActionKind.CREATE else 200
    assert answer.status == (207 if body["summary"]["failed"] else made)
    entries = tuple(_entry(case.resource, found) for found in body["data"])
    return WriteOutcome(entries=entries, summary=body["summary"], replayed=replayed)


def _entry(resource: Resource, found: dict[str, Any]) -> Entry:
    assert set(found) <= {"index", "id", "status", "data", "error"}
    document, problem = found.get("data"), found.get("error")
    return Entry(
        found["index"],
        found["id"],
        found["status"],
        None if document is None else row(resource, document),
        None if problem is None else without_request(problem),
    )


def row(resource: Resource, document: dict[str, Any]) -> Row:
    """Return a document of a bulk request without its links and secrets; no other member is dropped."""
    hidden = {"links", *(item.name for item in resource.fields if item.shown is Shown.ONCE)}
    return {name: value for name, value in document.items() if name not in hidden}


def shown_once(case: WriteCase) -> list[str]:
    """Return the names of the secrets that the answer to a case shows."""
    return [item.name for item in case.resource.shown_by(case.action) if item.shown is Shown.ONCE]


def shown_beside(case: WriteCase) -> list[str]:
    """Return the names of what the answer to a case shows beside the row and its secrets."""
    return [item.name for item in case.resource.shown_by(case.action) if item.shown is not Shown.ONCE]


def version(id_: str, etag: str) -> int | str:
    """Return the version that an entity tag stands for, the tag itself if it stands for none."""
    return next((n for n in range(1, _MOST_VERSIONS) if tag(id_, n) == etag), etag)
