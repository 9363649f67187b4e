"""Reading: requests to answers, by way of plans that are kept per shape and scopes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from db.driver import DatabaseError, Row
from db.execute import Call, Database, Prepared
from db.included import INCLUDED_LIMIT as INCLUDED_LIMIT
from db.query import Count, Estimate, Page
from services.engine.authenticate import Authenticator
from services.engine.binding import Plan
from services.engine.catalog import Catalog
from services.engine.context import Caller, Identity
from services.engine.cursor import CursorCodec
from services.engine.errors import Problem, bad_request, not_found
from services.engine.failures import failed
from services.engine.intent import Intent
from services.engine.limiter import Limiter
from services.engine.plan import plan
from services.engine.pricing import FREE, Price, together
from services.engine.registered import Registry, note, proofs, prove, require_proven, require_registered

_MOST_PLANS = 4_000
_MOST_SIZES = 16


class Request(NamedTuple):
    """One read: its shape, how to make the intent of that shape, and the values outside it.

    Equal shapes must make equal intents: the intent is made only when the shape is new. A request without a
    shape is planned each time and its plan not kept. `operation` names it where its address does not.
    """

    shape: Hashable | None
    intent: Callable[[], Intent]
    values: Sequence[Any]
    operation: str = ""


class Answer(NamedTuple):
    """What one read found: the columns that `db.compile` lays out, under their names.

    `nested` are the rows that its nested lists hold.
    """

    rows: list[Row]
    nested: int
    estimate: int | None = None

    @property
    def body(self) -> bytes | None:
        """Return the finished JSON, None where there is no such row."""
        return self.rows[0][1]

    @property
    def version(self) -> int:
        """Return the version of a single resource."""
        return int(self.rows[0][3] or 0)

    @property
    def total(self) -> int | None:
        """Return the exact number of rows of a collection, all pages, if it was counted."""
        return None if self.rows[0][3] is None else int(self.rows[0][3])

    @property
    def fetched(self) -> int:
        """Return how many rows were found when one more than the page was asked for."""
        return int(self.rows[0][4] or 0)

    @property
    def cursors(self) -> tuple[str | None, str | None]:
        """Return the cursors of a page's first and last row."""
        first, last = self.rows[0][5], self.rows[0][6]
        return (None if first is None else first.decode()), (None if last is None else last.decode())

    @property
    def has_owner(self) -> bool:
        """Tell whether the parent of a nested collection exists; true where there is none to check."""
        return self.rows[0][7] != b"f"

    def included(self, *, page: bool) -> Row:
        """Return the included lists, of a page or of a single resource."""
        return self.rows[0][8 if page else 4 :]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan and its statements by the page sizes that are written into them."""

    plan: Plan
    estimate: Prepared | None
    statements: dict[tuple[tuple[int, int], ...], Prepared] = field(default_factory=dict)

    def prepared(self, slots: Sequence[bytes | None], database: Database) -> Prepared:
        sizes = tuple((slot, int(slots[slot] or 0)) for slot in self.plan.limits)
        known = self.statements.get(sizes)
        if known is not None:
            return known
        # Whoever pages by every size there is gets the statement that fits them all.
        kept = sizes if len(self.statements) < _MOST_SIZES else ()
        if kept not in self.statements:
            self.statements[kept] = database.prepare(self.plan.query, kept)
        return self.statements[kept]


class Reader:
    """The one way to read, for every surface."""

    def __init__(
        self,
        catalog: Catalog,
        database: Database,
        authenticator: Authenticator,
        codec: CursorCodec,
        limiter: Limiter,
    ) -> None:
        self.catalog, self.codec = catalog, codec
        self.limiter, self.registry = limiter, Registry(database)
        self._database, self._authenticator = database, authenticator
        self._plans: OrderedDict[tuple[Hashable, frozenset[str]], _Planned] = OrderedDict()

    async def read(self, caller: Caller, request: Request, *, charged: bool = False) -> Answer:
        """Return the answer to one request, in one round trip; raises a Problem.

        `charged` tells that the caller has been charged for it, as part of something larger. What else the
        answer leaves over of its price is given back; what fails to be answered gives nothing back.
        """
        planned, slots = await self._authenticator.admitted(caller, lambda: self._bind(caller, request))
        price = FREE if charged else planned.plan.price(slots)
        if not charged:
            await self.limiter.charge(caller, price.points, price.held)
            if planned.plan.outdated:
                caller.notice(planned.plan.outdated, request.operation)
        calls = [Call(planned.prepared(slots, self._database), slots)]
        if planned.estimate is not None:
            calls.append(Call(planned.estimate, slots))
        outcomes = await self._run(caller, calls)
        if await self._authenticator.is_current(caller, outcomes[0][0][0]):
            require_proven(caller)
            answer = _answer(outcomes[0], outcomes[1] if planned.estimate else None)
        else:
            answer = await self.read(caller, request, charged=True)
        if price.held:
            self.limiter.refund(caller, price.unused(answer.nested))
        return answer

    async def read_many(
        self, caller: Caller, requests: Sequence[Request], *, charged: bool = False
    ) -> list[Answer | Problem]:
        """Return an answer or a problem for each request, in one round trip; raises the 401 and the 429."""
        caller.proving = True
        bound = [self._attempt(caller, request) for request in requests]
        if any(isinstance(item, Problem) for item in bound) and await self._authenticator.renewed(caller):
            bound = [self._attempt(caller, request) for request in requests]
        require_registered(caller)
        good = [item for item in bound if not isinstance(item, Problem)]
        prices = [
            FREE if charged or isinstance(item, Problem) else item[0].plan.price(item[1]) for item in bound
        ]
        if good and not charged:
            await self.limiter.charge(caller, *together(prices))
            for request, item in zip(requests, bound, strict=True):
                if not isinstance(item, Problem) and item[0].plan.outdated:
                    caller.notice(item[0].plan.outdated, request.operation)
        rows = await self._run_each(
            caller, [Call(planned.prepared(slots, self._database), slots) for planned, slots in good]
        )
        for found in rows:
            if isinstance(found, Problem):
                continue
            if not await self._authenticator.is_current(caller, found[0][0]):
                answers = await self.read_many(caller, requests, charged=True)
                break
        else:
            require_proven(caller)
            each = (found if isinstance(found, Problem) else _attempted(found) for found in rows)
            answers = [item if isinstance(item, Problem) else next(each) for item in bound]
        unused = (
            price.unused(answer.nested)
            for price, answer in zip(prices, answers, strict=True)
            if not isinstance(answer, Problem)
        )
        self.limiter.refund(caller, sum(unused))
        return answers

    def judge(self, caller: Caller, request: Request, rows: int = 1) -> Price:
        """Return what a request costs, planned and bound but not read; raises its Problem.

        `rows` tells for how many rows of its kind it stands. What of it is deprecated is noted.
        """
        made = plan(request.intent(), self.catalog, caller.principal.scopes)
        if made.outdated:
            caller.notice(made.outdated, request.operation)
        return made.price(made.bind(request.values, self.codec, caller.now), rows)

    async def identify(self, caller: Caller) -> Identity:
        """Return who the caller is, charging nothing (S3-335); raises the 401 problem."""
        caller.proving = True
        found = await self._authenticator.identify(caller)
        await self.limiter.look(caller)
        return found

    async def confirm(self, caller: Caller) -> None:
        """Prove the caller's token live unless a read has done so; raises the 401 problem."""
        if not caller.proving:
            caller.proving = True
            await self._authenticator.renewed(caller)

    async def prove(self, caller: Caller) -> None:
        """Prove also that the caller may run what it runs; raises the 401 and the 403 problem."""
        await self.confirm(caller)
        await prove(self._database, caller)

    # Plans

    def _bind(self, caller: Caller, request: Request) -> tuple[_Planned, list[bytes | None]]:
        require_registered(caller)
        key = (request.shape, caller.principal.scopes)
        planned = self._plans.get(key)
        if planned is None:
            planned = self._planned(request, caller.principal.scopes)
            if request.shape is not None:
                self._plans[key] = planned
            if len(self._plans) > _MOST_PLANS:
                self._plans.popitem(last=False)
        return planned, planned.plan.bind(request.values, self.codec, caller.now)

    def _planned(self, request: Request, scopes: frozenset[str]) -> _Planned:
        made = plan(request.intent(), self.catalog, scopes)
        query = made.query
        estimate = None
        if isinstance(query, Page) and query.count is Count.ESTIMATED:
            estimate = self._database.prepare(Estimate(query.rows, query.parent))
        return _Planned(made, estimate)

    def _attempt(self, caller: Caller, request: Request) -> tuple[_Planned, list[bytes | None]] | Problem:
        try:
            return self._bind(caller, request)
        except Problem as problem:
            return problem

    # Execution

    async def _run(self, caller: Caller, calls: list[Call]) -> list[list[Row]]:
        principal = caller.principal
        if len(calls) == 1 and not proofs(caller):
            try:
                return [await self._database.run(calls[0], principal.workspace_id, principal.token_id)]
            except DatabaseError as error:
                raise failed(error) from error
        found = await self._run_each(caller, calls)
        for item in found:
            if isinstance(item, Problem):
                raise item
        return [item for item in found if not isinstance(item, Problem)]

    async def _run_each(self, caller: Caller, calls: list[Call]) -> list[list[Row] | Problem]:
        principal, asked = caller.principal, proofs(caller)
        outcomes = await self._database.run_many([*calls, *asked], principal.workspace_id, principal.token_id)
        found = [failed(item) if isinstance(item, DatabaseError) else item for item in outcomes]
        for proof in (found.pop() for _ in asked):
            if isinstance(proof, Problem):
                raise proof
            note(caller, proof)
        return found


def _attempted(rows: list[Row]) -> Answer | Problem:
    try:
        return _answer(rows, None)
    except Problem as problem:
        return problem


def _answer(rows: list[Row], estimate: list[Row] | None) -> Answer:
    nested = sum(int(row[2] or 0) for row in rows)
    if nested > INCLUDED_LIMIT:
        raise bad_request(
            f"The response would include more than {INCLUDED_LIMIT} rows: ask for a smaller page or less."
        )
    guessed = None
    if estimate is not None:
        guessed = int(orjson.loads(estimate[0][0] or b"[]")[0]["Plan"]["Plan Rows"])
    return Answer(rows, nested, guessed)


def found(body: bytes | None) -> bytes:
    """Return the JSON of a row that must exist; raises the 404 problem."""
    if body is None:
        raise not_found()
    return body
