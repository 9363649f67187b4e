"""Writes: the handlers that follow from a resource's actions, for one row and for many."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from rest import bodies, conditional, query_string
from rest.http import BASE, JSON, Handler, Headers, Request, Response
from services.engine.access import require_action
from services.engine.context import Caller
from services.engine.dispatch import Writer
from services.engine.encoding import identifier
from services.engine.errors import Invalid, Problem, bad_request, validation_failed
from services.engine.idempotency import key_of
from services.engine.read import Reader
from services.engine.resource import Action, ActionKind, Resource
from services.engine.writing import Item, Outcome, Write, Written

_CREATED, _OK, _NO_CONTENT, _MIXED = 201, 200, 204, 207
# An answer to a write may hold what is shown only once, and is no one else's.
_UNSTORED: Headers = [(b"cache-control", b"no-store"), (b"vary", b"Authorization")]
_NOT_A_LIST = Invalid("invalid_format", "This must be a list.")
_NOT_AN_OBJECT = Invalid("invalid_format", "This must be an object.")


Complete = Callable[[Caller, dict[str, Any]], dict[str, Any]]
"""Adds to a body what the law demands and an older convention may leave out."""


class Writes:
    """The handlers of one resource, by method or by verb; those it has no action for are left out."""

    def __init__(
        self,
        resource: Resource,
        writer: Writer,
        reader: Reader,
        *,
        origin: str = "",
        complete: Complete | None = None,
    ) -> None:
        self._resource, self._writer, self._reader = resource, writer, reader
        self._complete = complete
        self._origin = origin
        self._actions = {action.kind: action for action in resource.actions}

    def collection(self) -> dict[str, Handler]:
        """Return what the collection answers: POST makes a row."""
        return self._handlers({"POST": (ActionKind.CREATE, self._creating)})

    def single(self) -> dict[str, Handler]:
        """Return what a single row answers."""
        return self._handlers(
            {
                "PUT": (ActionKind.REPLACE, self._changing),
                "PATCH": (ActionKind.UPDATE, self._changing),
                "DELETE": (ActionKind.DELETE, self._deleting),
            }
        )

    def verbs(self) -> dict[str, Handler]:
        """Return what is posted to below a row, by verb: restoring it, and the actions of its own."""
        kinds = (ActionKind.RESTORE, ActionKind.ITEM)
        return {
            action.name: self._acting(action) for action in self._resource.actions if action.kind in kinds
        }

    def bulk(self) -> dict[str, Handler]:
        """Return what the bulk address answers; nothing where rows are written one by one."""
        if not self._resource.bulk:
            return {}
        return self._handlers(
            {
                "POST": (ActionKind.CREATE, self._many),
                "PATCH": (ActionKind.UPDATE, self._many),
                "DELETE": (ActionKind.DELETE, self._many),
            }
        )

    def bulk_delete(self) -> dict[str, Handler]:
        """Return what the address for clients that cannot send a body with DELETE answers (C-53)."""
        return self._handlers({"POST": (ActionKind.DELETE, self._many)}) if self._resource.bulk else {}

    def _handlers(self, wanted: dict[str, tuple[ActionKind, Any]]) -> dict[str, Handler]:
        return {
            method: make(self._actions[kind])
            for method, (kind, make) in wanted.items()
            if kind in self._actions
        }

    # One row

    def _creating(self, action: Action) -> Handler:
        async def post(caller: Caller, request: Request) -> Response:
            await self._admit(caller, action)
            _refuse_if_match(request)
            values, _ = bodies.read(request)
            if self._complete is not None:
                values = self._complete(caller, values)
            asked = self._asked(request, action, (Item(values),))
            return self._made(asked, await self._writer.write(caller, asked))

        return post

    def _changing(self, action: Action) -> Handler:
        accepted = bodies.PATCHES if action.kind is ActionKind.UPDATE else ()

        async def change(caller: Caller, request: Request) -> Response:
            await self._admit(caller, action, request)
            values, kind = bodies.read(request, *accepted)
            asked = self._asked(request, action, (_named(request, values),), merge=kind == bodies.MERGE_TYPE)
            return _changed(asked, await self._writer.write(caller, asked))

        return change

    def _deleting(self, action: Action) -> Handler:
        async def delete(caller: Caller, request: Request) -> Response:
            await self._admit(caller, action, request)
            bodies.refuse(request)
            asked = self._asked(request, action, (_named(request, {}),))
            outcome = await self._writer.write(caller, asked)
            return Response(_NO_CONTENT, [*_UNSTORED, *_replayed(outcome)])

        return delete

    def _acting(self, action: Action) -> Handler:
        async def post(caller: Caller, request: Request) -> Response:
            await self._admit(caller, action, request)
            values = bodies.read_if_any(request)
            if values and not action.inputs:
                raise bad_request(f"{next(iter(values))!r} is not a member of this body, which takes none.")
            asked = self._asked(request, action, (_named(request, values),))
            return _changed(asked, await self._writer.write(caller, asked))

        return post

    # Many rows

    def _many(self, action: Action) -> Handler:
        member = "ids" if action.kind is ActionKind.DELETE else "items"
        accepted = bodies.PATCHES if action.kind is ActionKind.UPDATE else ()

        async def write(caller: Caller, request: Request) -> Response:
            await self._admit(caller, action)
            _refuse_if_match(request)
            body, kind = bodies.read(request, *accepted)
            items = _items(body, member, action)
            asked = self._asked(request, action, items, bulk=True, merge=kind == bodies.MERGE_TYPE)
            return self._results(caller, asked, await self._writer.write(caller, asked))

        return write

    def _results(self, caller: Caller, asked: Write, outcome: Outcome) -> Response:
        parts: list[bytes] = []
        for index, item in enumerate(outcome.items):
            parts += b"," if index else b'{"data":[', *self._result(caller, index, item)
        total, failed = len(outcome.items), outcome.failed
        summary = b'],"summary":{"total":%d,"succeeded":%d,"failed":%d}}' % (total, total - failed, failed)
        body = b"".join([*parts, summary])
        made = _CREATED if asked.action.kind is ActionKind.CREATE else _OK
        return Response(_MIXED if failed else made, [JSON, *_UNSTORED, *_replayed(outcome)], body)

    def _result(self, caller: Caller, index: int, item: Written) -> tuple[bytes, ...]:
        """Return one entry in parts, its index, id, status and then either its row or its problem (C-52)."""
        id_ = "null" if item.id is None else f'"{item.id}"'
        head = f'{{"index":{index},"id":{id_},"status":"{item.status}"'.encode()
        if item.document is not None:
            return head, b',"data":', item.document, b"}"
        if item.problem is None:
            return head, b"}"
        told = item.problem.members(
            instance=caller.instance, request_id=caller.request_id, origin=self._origin
        )
        return head, b',"error":', orjson.dumps(told), b"}"

    # Parts

    async def _admit(self, caller: Caller, action: Action, request: Request | None = None) -> None:
        """Raise the 403 problem unless the token may do this, before the request itself is judged (Q-22).

        `request` is one about a single row, which its path names.
        """
        ids = [] if request is None else [identifier(request.segments[1])]
        try:
            require_action(caller.principal, self._resource, action, ids)
        except Problem:
            # The scopes may have changed since they were read.
            await self._reader.confirm(caller)
            require_action(caller.principal, self._resource, action, ids)

    def _asked(
        self,
        request: Request,
        action: Action,
        items: Sequence[Item],
        *,
        bulk: bool = False,
        merge: bool = False,
    ) -> Write:
        given = _parameters(request.query, _IN_BULK if bulk else _ON_ONE)
        if b"if-none-match" in request.headers:
            raise bad_request("If-None-Match does not go with a write; use If-Match.")
        key = request.headers.get(b"idempotency-key")
        return Write(
            self._resource,
            action,
            items,
            bulk,
            query_string.flag(given, "atomic", True),
            query_string.flag(given, "dry_run", False),
            merge,
            None if key is None else key_of(key.decode("latin-1")),
        )

    def _made(self, asked: Write, outcome: Outcome) -> Response:
        (item,) = outcome.items
        headers = _row_headers(asked, outcome)
        if not asked.dry_run:
            headers.append((b"location", f"{BASE}/{self._resource.path}/{item.id}".encode()))
        return Response(_CREATED, headers, _envelope(item))


_ON_ONE = frozenset({"dry_run"})
_IN_BULK = frozenset({"dry_run", "atomic"})


def _parameters(query: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """Return the query parameters of a write; raises the 400 problem naming an unknown or repeated one."""
    given: dict[str, str] = {}
    for name, value, _ in query_string.pairs(query):
        if name not in allowed:
            raise bad_request(f"{name!r} is not a query parameter of this write.")
        if name in given:
            raise bad_request(f"Query parameter {name!r} is given twice.")
        given[name] = value
    return given


def _refuse_if_match(request: Request) -> None:
    """Raise the 400 problem for a precondition on rows that are new or many: it must not go unheeded."""
    if b"if-match" in request.headers:
        raise bad_request("If-Match goes with a write of one row that is already there, and with no other.")


def _named(request: Request, values: Mapping[str, Any]) -> Item:
    """Return the row that the path names, with its precondition."""
    if_match = request.headers.get(b"if-match")
    return Item(values, request.segments[1], None if if_match is None else if_match.decode("latin-1"))


def _items(body: dict[str, Any], member: str, action: Action) -> list[Item]:
    for name in body:
        if name != member:
            raise bad_request(f"{name!r} is not a member of this body; send {member!r}.")
    listed = body.get(member)
    if listed is None:
        listed = []
    if not isinstance(listed, list):
        raise validation_failed({member: [_NOT_A_LIST]})
    if action.kind is ActionKind.DELETE:
        return [Item(id=id_) for id_ in listed]
    wrong = {f"{member}.{n}": [_NOT_AN_OBJECT] for n, item in enumerate(listed) if not isinstance(item, dict)}
    if wrong:
        raise validation_failed(wrong)
    if action.kind is ActionKind.UPDATE:
        return [Item(id=item.pop("id", None), values=item) for item in listed]
    return [Item(item) for item in listed]


def _changed(asked: Write, outcome: Outcome) -> Response:
    (item,) = outcome.items
    return Response(_OK, _row_headers(asked, outcome), _envelope(item))


def _envelope(item: Written) -> bytes:
    return b'{"data":' + (item.document or b"null") + b"}"


def _row_headers(asked: Write, outcome: Outcome) -> Headers:
    """Return the headers of an answer that holds one row; the tag of a dry run would name nothing."""
    (item,) = outcome.items
    headers: Headers = [JSON, *_UNSTORED, *_replayed(outcome)]
    if not asked.dry_run:
        headers.append((b"etag", conditional.entity_tag(item.id or "", item.version)))
    return headers


def _replayed(outcome: Outcome) -> Headers:
    return [(b"idempotency-replayed", b"true")] if outcome.replayed else []
