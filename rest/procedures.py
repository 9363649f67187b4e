"""Procedures over REST: their routes, how they are asked, and how their answers stand in a response."""

from collections.abc import Iterable
from typing import Any

import orjson

from rest import bodies, query_string
from rest.http import JSON, PRIVATE, Handler, Headers, Request, Response
from services.engine.access import require_scope
from services.engine.asking import Answered, Asked
from services.engine.calling import Guest, Procedures
from services.engine.context import Caller
from services.engine.credentials import cookie
from services.engine.errors import Problem, bad_request, not_found
from services.engine.idempotency import key_of
from services.engine.procedures import (
    AnyProcedure,
    Method,
    PublicProcedure,
    keeps_answers,
    scope_of,
)
from services.engine.read import Reader
from services.engine.resource import Field

Place = tuple[str, ...]
"""The segments of a procedure's path, those that are inputs as `{name}`."""

_UNSTORED: Headers = [(b"cache-control", b"no-store"), (b"vary", b"Authorization")]
_NO_CONTENT = 204


class Calls:
    """The handlers of procedures, by place and method."""

    def __init__(self, declared: Iterable[AnyProcedure], procedures: Procedures, reader: Reader) -> None:
        self._procedures, self._reader = procedures, reader
        self._declared: dict[Place, dict[str, AnyProcedure]] = {}
        for procedure in declared:
            for place in procedure.places:
                self._declared.setdefault(place, {})[str(procedure.method)] = procedure
        # Most requests are about resources, which this tells from their first segment.
        self._first = frozenset(place[0] for place in self._declared)

    def place(self, segments: tuple[str, ...]) -> Place | None:
        """Return the place that these segments of a path lead to, those without inputs first."""
        if segments[0] not in self._first:
            return None
        if segments in self._declared:
            return segments
        return next((place for place in self._declared if _leads(segments, place)), None)

    def handlers(self) -> dict[Place, dict[str, Handler]]:
        """Return what answers callers at each place, by method."""
        found = {}
        for place, procedures in self._declared.items():
            made = {method: self._handler(procedure) for method, procedure in procedures.items()}
            found[place] = made | ({"HEAD": made["GET"]} if "GET" in made else {})
        return found

    def public(self, method: str, segments: tuple[str, ...]) -> PublicProcedure | None:
        """Return the public procedure that such a request asks for, if it does."""
        place = self.place(segments)
        if place is None:
            return None
        found = self._declared[place].get("GET" if method == "HEAD" else method)
        return found if isinstance(found, PublicProcedure) else None

    async def visit(self, guest: Guest, request: Request) -> Response:
        """Return the response of a public procedure; raises a Problem."""
        procedure = self.public(request.method, request.segments)
        if procedure is None:
            raise not_found(f"There is nothing at {request.path}.")
        answered = await self._procedures.visit(guest, _asked(procedure, request))
        return _response(procedure, answered, secure=guest.visit.secure)

    def _handler(self, procedure: AnyProcedure) -> Handler:
        async def answer(caller: Caller, request: Request) -> Response:
            await self._admit(caller, procedure)
            asked = _asked(procedure, request)
            return _response(procedure, await self._procedures.call(caller, asked), secure=caller.secure)

        return answer

    async def _admit(self, caller: Caller, procedure: AnyProcedure) -> None:
        """Raise the 403 problem unless the token may do this, before the request itself is judged (Q-22)."""
        scope = scope_of(procedure)
        if scope is None:
            return
        try:
            require_scope(caller.principal.scopes, scope)
        except Problem:
            # The scopes may have changed since they were read.
            await self._reader.confirm(caller)
            require_scope(caller.principal.scopes, scope)


def _leads(segments: tuple[str, ...], place: Place) -> bool:
    """Tell whether segments fit a place, in which inputs stand for any."""
    return len(segments) == len(place) and all(
        text == wanted or (wanted.startswith("{") and text)
        for text, wanted in zip(segments, place, strict=True)
    )


def _asked(procedure: AnyProcedure, request: Request) -> Asked:
    """Return what a request asks; raises the 400 and 415 problems."""
    place = next(place for place in procedure.places if _leads(request.segments, place))
    sent: dict[str, Any] = {
        wanted[1:-1]: text
        for text, wanted in zip(request.segments, place, strict=True)
        if wanted.startswith("{")
    }
    from_text = procedure.method is not Method.POST
    given = _from_query(procedure, request) if from_text else _from_body(procedure, request)
    for name, value in given.items():
        if name in sent:
            raise bad_request(f"{name!r} stands in the path of this address; leave it out.")
        sent[name] = value
    return Asked(procedure, sent, from_text, _key(procedure, request))


def _from_query(procedure: AnyProcedure, request: Request) -> dict[str, str]:
    if procedure.method is Method.DELETE:
        bodies.refuse(request)
    given: dict[str, str] = {}
    for name, value, _ in query_string.pairs(request.query):
        if name not in procedure.inputs_by_name:
            raise bad_request(f"{name!r} is not a query parameter of {request.path}.")
        if name in given:
            raise bad_request(f"Query parameter {name!r} is given twice.")
        given[name] = value
    return given


def _from_body(procedure: AnyProcedure, request: Request) -> dict[str, Any]:
    for name, _, _ in query_string.pairs(request.query):
        raise bad_request(f"{name!r} is not a query parameter of {request.path}.")
    values = bodies.read_if_any(request)
    if values and len(procedure.inputs) == len(procedure.in_path):
        raise bad_request(f"{next(iter(values))!r} is not a member of this body, which takes none.")
    return values


def _key(procedure: AnyProcedure, request: Request) -> str | None:
    """Return the idempotency key; raises the 400 problem for one that would go unheeded."""
    for name in (b"if-match", b"if-none-match") if procedure.method is not Method.GET else ():
        if name in request.headers:
            raise bad_request(f"{name.decode().title()} names no version here; leave it out.")
    key = request.headers.get(b"idempotency-key")
    if key is None or procedure.method is Method.GET:
        return None
    if not keeps_answers(procedure):
        raise bad_request("An Idempotency-Key would go unheeded here; leave it out.")
    return key_of(key.decode("latin-1"))


def _response(procedure: AnyProcedure, answered: Answered, *, secure: bool) -> Response:
    readable = procedure.method is Method.GET and not isinstance(procedure, PublicProcedure)
    headers: Headers = [*(PRIVATE if readable else _UNSTORED)]
    if answered.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    if answered.credential is not None:
        headers.append((b"set-cookie", cookie(answered.credential, secure=secure)))
    if procedure.status == _NO_CONTENT:
        return Response(_NO_CONTENT, headers)
    document = _mapped(procedure.outputs, answered.document)
    body = orjson.dumps({"data": document} if procedure.wrapped else document)
    return Response(procedure.status, [JSON, *headers], body)


def _mapped(outputs: Iterable[Any], document: Any) -> Any:
    """Return a document in which lists that go by a field are maps."""
    if document is None:
        return None
    if isinstance(document, list):
        return [_mapped(outputs, each) for each in document]
    shown = dict(document)
    for part in outputs:
        if isinstance(part, Field):
            if part.sparse and shown[part.name] is None:
                del shown[part.name]
        else:
            found = _mapped(part.fields, shown[part.name])
            by = part.by
            shown[part.name] = {row.pop(by): row for row in found} if by and found is not None else found
    return shown
