"""The GraphQL surface: requests of authenticated callers to responses, free of any server."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
from graphql import GraphQLError

from schema import compiled, http
from schema.build import build, printed
from schema.compiled import ENDING, Operation, Outcome, raise_whole
from schema.compiled_writes import WritingShape
from schema.deprecation import extended
from schema.documents import Documents
from schema.errors import Failure, RefusedError, entries, of_guard, of_http, refused
from schema.executor import Executor
from schema.guard import admit, check_variables
from schema.http import GraphQLRequest, HttpProblem, MediaType
from schema.limits import DEFAULT_LIMITS, WRITING_LIMITS, GuardViolation, Limits
from schema.resolvers import IdempotencyKey, Writing
from schema.trust import Chosen, Texts
from schema.variables import MismatchError
from services.engine.calling import Guest, Procedures, nobody
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.deployment import JudgedOperation
from services.engine.dispatch import Writer
from services.engine.errors import Invalid, Problem, Slug
from services.engine.read import Reader

Headers = list[tuple[bytes, bytes]]

FORCING_HEADER = b"x-diptych-execute"
"""A request header that, where it is honoured, forces the executor: its value is `executor`."""

_TOLD_HEADER = b"x-diptych-execution"
_MOST_KEPT_VALUES = 500
_LARGEST_VISIT = 65_536
_LEAST_COST = 1
_NO_HEADER = "If-Match names no row here: give each mutation its ifMatch, and leave the header out."


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers and finished body."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the surface is told.

    `origin` prefixes the types of problems, `body_limit` is in bytes; `open_ways` shows the way of execution
    and lets the request choose it, as development and tests need. Where only `trusted` operations run,
    everything else is refused unread.
    """

    origin: str = ""
    body_limit: int = 1_048_576
    open_ways: bool = False
    limits: Limits = DEFAULT_LIMITS
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class _Answered:
    """One response of a batch: `data` is None where nothing ran; `cost` is the member `extensions`."""

    data: bytes | None
    failures: Sequence[Failure]
    way: str = "none"
    cost: bytes = b""


@dataclass(frozen=True, slots=True)
class _Run:
    """One request ready to run as it was `asked`; `forced` says that the executor must."""

    operation: Operation
    chosen: Chosen
    method: str
    asked: GraphQLRequest
    forced: bool

    @property
    def request(self) -> GraphQLRequest:
        """Return the request with its text."""
        return self.chosen.request


class GraphQL:
    """The GraphQL surface of one catalogue."""

    def __init__(
        self, catalog: Catalog, reader: Reader, writer: Writer, settings: Settings | None = None
    ) -> None:
        self.settings = settings or Settings()
        self._reader, self._writer = reader, writer
        self._built = build(catalog)
        self._procedures = Procedures(writer)
        self._executor = Executor(self._built, reader, writer, self._procedures, self.settings.origin)
        self._documents = Documents(self._built, self.settings.limits)
        self._texts = Texts(reader.registry, strict=self.settings.trusted)

    async def sdl(self) -> str:
        """Return the schema in GraphQL's own language."""
        return await asyncio.to_thread(printed, self._built.graphql)

    async def judge(self, text: str) -> JudgedOperation | Sequence[Invalid]:
        """Return what a document holds that could run here, or all that is wrong with it."""
        # Validating a large one takes as long as many requests, which must not wait for it.
        return await asyncio.to_thread(self._documents.judged, text)

    async def answer(
        self,
        caller: Caller,
        method: str,
        *,
        content_type: str | None,
        accept: str | None,
        raw_query: bytes,
        body: bytes,
        way: str | None = None,
        idempotency_key: str | None = None,
        if_match: bool = False,
    ) -> Response:
        """Return the response to one HTTP request; raises the 401 and 429 problems.

        `way` is the value of FORCING_HEADER, `idempotency_key` that of `Idempotency-Key`; `if_match` tells
        that there is an `If-Match`, which must not go unheeded.
        """
        forced = self.settings.open_ways and way == "executor"
        try:
            media_type = http.negotiate(accept)
            if if_match and method == "POST":
                raise HttpProblem(400, "bad-request", _NO_HEADER)
            requests = http.parse(
                method, content_type, accept, raw_query, body, body_limit=self.settings.body_limit
            )
            if isinstance(requests, tuple):
                runs = [await self._prepared(caller, method, each, forced) for each in requests]
                return self._listed(caller, media_type, await self._batch(caller, runs, idempotency_key))
            run = await self._prepared(caller, method, requests, forced)
            answered = await self._answered(caller, run, _key(idempotency_key, alone=True))
        except HttpProblem as problem:
            # A dead token hears only that it is dead.
            await self._reader.confirm(caller)
            await self._reader.limiter.charge(caller, _LEAST_COST)
            return self._refused(problem, caller, accept)
        return self._response(caller, media_type, answered)

    async def visit(
        self,
        guest: Guest,
        *,
        content_type: str | None,
        accept: str | None,
        body: bytes,
        idempotency_key: str | None = None,
    ) -> tuple[Response, Caller] | None:
        """Return the response to a request of nothing but public procedures, None for all others.

        It is posted. With it comes who was answered, who may have been granted a credential. Raises the 429
        problem.
        """
        if not self._built.public or len(body) > _LARGEST_VISIT:
            return None
        await self._procedures.charge_visitor(guest)
        try:
            media_type = http.negotiate(accept)
            request = http.parse("POST", content_type, accept, b"", body, body_limit=self.settings.body_limit)
            if isinstance(request, tuple) or not self._is_public(request.query):
                return None
        except (HttpProblem, GuardViolation, GraphQLError):
            return None
        caller = nobody(guest.visit, guest.instance)
        try:
            operation = self._documents.operation("POST", request)
            _bounded(request, operation)
            key = _key(idempotency_key, alone=True)
            outcome = await self._executor.run(caller, operation, request, key, guest)
            told = extended(b"", guest.outdated)
            answered = _Answered(outcome.data, outcome.failures, "executor", told)
        except RefusedError as refusal:
            answered = _Answered(None, refusal.failures)
        return self._response(caller, media_type, answered), caller

    def _is_public(self, query: str) -> bool:
        """Tell whether a document asks for public procedures alone; raises what the guard refuses."""
        operations = admit(query, self.settings.limits).facts.operations
        return all(each.root_names and each.root_names <= self._built.public for each in operations)

    def problem(
        self,
        problem: Problem,
        *,
        instance: str,
        request_id: str,
        accept: str | None,
        caller: Caller | None = None,
    ) -> Response:
        """Return the response of a problem that stopped a whole request, of `caller` if it had one."""
        cost = b"" if caller is None else cost_of(caller, caller.asked, caller.charged)
        return self._stopped(problem, instance, request_id, accept, [], cost)

    async def _prepared(
        self, caller: Caller, method: str, request: GraphQLRequest, forced: bool
    ) -> _Run | _Answered:
        """Return one request ready to run, or its refusal; raises HttpProblem and the 401 problem."""
        bound = caller.principal.trusted_only
        try:
            chosen = await self._texts.choose(caller, request)
            run = _Run(self._documents.operation(method, chosen.request), chosen, method, request, forced)
            self._texts.keep(caller, chosen)
            return run
        except RefusedError as refusal:
            await self._reader.confirm(caller)
            if bound and not caller.principal.trusted_only:
                # The token has been given more freedom since it was last looked at.
                return await self._prepared(caller, method, request, forced)
            await self._reader.limiter.charge(caller, _LEAST_COST)
            return _Answered(None, refusal.failures, cost=cost_of(caller, _LEAST_COST, _LEAST_COST))

    async def _answered(
        self, caller: Caller, run: _Run | _Answered, key: IdempotencyKey | None, *, retry: bool = True
    ) -> _Answered:
        """Run one request of a batch, or the only one; raises the 401 and 429 problems."""
        if isinstance(run, _Answered):
            return run
        before, returned, noticed = caller.taken, caller.returned, len(caller.outdated)
        caller.registered, caller.proven = run.chosen.registered, run.chosen.looked_up or None
        try:
            data, failures, way = await self._ran(caller, run, key)
        except Problem as problem:
            # What a rule refuses while the operation is registered, it refuses again.
            if problem.slug is not Slug.OPERATION_NOT_TRUSTED or caller.proven or not retry:
                raise
            # What is registered, or what the token may run, is not what it was when the text was chosen.
            self._texts.forget(caller, run.chosen)
            again = await self._prepared(caller, run.method, run.asked, run.forced)
            return await self._answered(caller, again, key, retry=False)
        if caller.taken == before:
            # Whatever reads no row costs as much as the least that does, unless it is free by its nature.
            await self._reader.limiter.charge(caller, _LEAST_COST)
        requested = (caller.taken or 0) - (before or 0)
        cost = cost_of(caller, requested, requested - (caller.returned - returned))
        return _Answered(data, failures, way, extended(cost, caller.outdated[noticed:]))

    async def _ran(
        self, caller: Caller, run: _Run, key: IdempotencyKey | None
    ) -> tuple[bytes | None, Sequence[Failure], str]:
        """Return what one request brought, what went wrong and the way it went."""
        operation, request = run.operation, run.request
        if caller.principal.administrative:
            caller.looked_at.extend(operation.names)
        try:
            # What a write is given is no part of its shape, so that of a large one is as good as any.
            kept = _bounded(request, operation) <= _MOST_KEPT_VALUES or operation.writes
            shape, values = (None, []) if run.forced else self._split(caller, operation, request, kept)
            if isinstance(shape, WritingShape):
                outcome, way = await self._write(caller, shape, values, key), "compiled"
            elif shape is not None:
                outcome, way = await compiled.run(self._reader, caller, shape, values), "compiled"
            else:
                outcome, way = await self._executor.run(caller, operation, request, key), "executor"
        except RefusedError as refusal:
            await self._reader.confirm(caller)
            return None, refusal.failures, "none"
        return outcome.data, outcome.failures, way

    def _split(
        self, caller: Caller, operation: Operation, request: GraphQLRequest, kept: bool
    ) -> tuple[compiled.Shape | WritingShape | None, list[Any]]:
        decode = partial(self._reader.codec.decode, now=caller.now)
        try:
            key, values = operation.split(request.variables, decode)
        except MismatchError:
            return None, []
        return operation.shape(key, keep=kept), values

    async def _write(
        self, caller: Caller, shape: WritingShape, values: list[Any], key: IdempotencyKey | None
    ) -> Outcome:
        writing = Writing(
            reader=self._reader, writer=self._writer, caller=caller, origin=self.settings.origin, key=key
        )
        data, failures = await shape.run(writing, values)
        raise_whole(failures, writing)
        await self._reader.prove(caller)
        return Outcome(data, failures)

    async def _batch(
        self, caller: Caller, runs: Sequence[_Run | _Answered], key: str | None
    ) -> list[_Answered]:
        """Run the requests of a batch: in order if one of them writes, else at once."""
        writing = sum(isinstance(run, _Run) and run.operation.writes for run in runs)
        if not writing:
            return await self._at_once(caller, runs)
        told = _key(key, alone=writing == 1)
        answered: list[_Answered] = []
        for run in runs:
            try:
                answered.append(await self._answered(caller, run, told))
            except Problem as problem:
                if problem.slug in ENDING or not answered:
                    raise
                # What the requests before it have written must still be told.
                answered.append(_Answered(None, [Failure(problem)], cost=cost_of(caller, caller.asked)))
        return answered

    async def _at_once(self, caller: Caller, runs: Sequence[_Run | _Answered]) -> list[_Answered]:
        """Run requests that only read, each charged by itself."""
        callers = [replace(caller, taken=None, held=0, returned=0) for _ in runs]
        pairs = zip(callers, runs, strict=True)
        try:
            return await asyncio.gather(*(self._answered(each, run, None) for each, run in pairs))
        finally:
            for each in callers:
                if each.taken is not None:
                    caller.taken, caller.asked = (caller.taken or 0) + each.taken, each.asked
                    caller.returned += each.returned
                caller.outdated += each.outdated
            caller.left = caller.account.left

    # Responses

    def _listed(self, caller: Caller, media_type: MediaType, answered: Sequence[_Answered]) -> Response:
        body = http.encode_batch([self._body(caller, each) for each in answered])
        return Response(200, [*_HEADERS[media_type], *self._ways(answered)], body)

    def _response(self, caller: Caller, media_type: MediaType, answered: _Answered) -> Response:
        status = 200
        if answered.data is None:
            error_status = answered.failures[0].problem.kind.status
            status = http.status_for(media_type, has_data=False, request_error_status=error_status)
        headers = [*_HEADERS[media_type], *self._ways((answered,))]
        return Response(status, headers, self._body(caller, answered))

    def _body(self, caller: Caller, answered: _Answered) -> bytes:
        if not answered.failures:
            return b'{"data":' + (answered.data or b"null") + answered.cost + b"}"
        errors = orjson.dumps(entries(answered.failures, caller, self.settings.origin))
        data = b"" if answered.data is None else b',"data":' + answered.data
        return b'{"errors":' + errors + data + answered.cost + b"}"

    def _ways(self, answered: Sequence[_Answered]) -> Headers:
        if not self.settings.open_ways:
            return []
        return [(_TOLD_HEADER, ", ".join(each.way for each in answered).encode())]

    def _refused(self, refusal: HttpProblem, caller: Caller, accept: str | None) -> Response:
        extra = [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        cost = cost_of(caller, caller.asked, caller.charged)
        return self._stopped(of_http(refusal), caller.instance, caller.request_id, accept, extra, cost)

    def _stopped(
        self,
        problem: Problem,
        instance: str,
        request_id: str,
        accept: str | None,
        extra: Headers,
        cost: bytes,
    ) -> Response:
        try:
            media_type = http.negotiate(accept)
        except HttpProblem:
            media_type = MediaType.JSON
        entry = Failure(problem).entry(instance=instance, request_id=request_id, origin=self.settings.origin)
        if problem.slug is Slug.INVALID_TOKEN:
            extra = [*extra, (b"www-authenticate", b'Bearer realm="api", error="invalid_token"')]
        if problem.retry_after is not None or problem.slug is Slug.SERVICE_UNAVAILABLE:
            extra = [*extra, (b"retry-after", b"%d" % (problem.retry_after or 1))]
        body = b'{"errors":' + orjson.dumps([entry]) + cost + b"}"
        return Response(problem.kind.status, [*_HEADERS[media_type], *extra], body)


def _key(text: str | None, *, alone: bool) -> IdempotencyKey | None:
    return None if text is None else IdempotencyKey(text, alone)


def _bounded(request: GraphQLRequest, operation: Operation) -> int:
    """Return how many values the variables hold; raises RefusedError where they pass a limit."""
    if not request.variables:
        return 0
    try:
        return check_variables(request.variables, WRITING_LIMITS if operation.writes else DEFAULT_LIMITS)
    except GuardViolation as violation:
        raise refused(of_guard(violation)) from None


def cost_of(caller: Caller, requested: int, charged: int = 0) -> bytes:
    """Return the member `extensions` of a response by its points before and after; none without limits."""
    found = caller.standing
    if found is None:
        return b""
    return b',"extensions":{"cost":{"requested":%d,"charged":%d,"remaining":%d,"limit":%d,"reset":%d}}' % (
        requested,
        charged,
        found.remaining,
        found.limit,
        found.reset,
    )


_HEADERS: dict[MediaType, Headers] = {
    media_type: [
        (b"content-type", media_type.header.encode()),
        (b"cache-control", b"private, no-store"),
        (b"vary", b"Accept, Authorization"),
    ]
    for media_type in MediaType
}
