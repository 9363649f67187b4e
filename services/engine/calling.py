"""The one door for every procedure: with a token, in a transaction or at the desk, and without one.

authorise → validate → charge → token proof and idempotency key in the first round trip → rule → commit
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

from db.driver import DatabaseError, DatabaseUnavailable, Row
from db.execute import Call, Prepared, Transaction
from db.queries import idempotency as queries
from db.queries.tokens import PROVE
from services.engine import idempotency, noticing
from services.engine.access import Principal, require_scope
from services.engine.asking import (
    PURPOSE,
    Answered,
    Asked,
    document_of,
    fingerprint,
    inputs_of,
    without_secrets,
)
from services.engine.attempts import Attempt, StaleError, repeated
from services.engine.context import Caller, Visit
from services.engine.deprecation import Noticed
from services.engine.dispatch import Writer
from services.engine.errors import Problem, conflict
from services.engine.failures import failed, is_passing
from services.engine.limits import Standing
from services.engine.procedures import DeskProcedure, Procedure, PublicProcedure, Result
from services.engine.registered import note, proofs, prove, require_proven, require_registered
from services.engine.resource import Action, ActionKind
from services.engine.transaction import Ongoing


@dataclass(slots=True)
class Guest:
    """A request whose token nobody has looked at: its client's address pays.

    `standing` is what the address has left once it was charged, and `paid` the points it has paid ahead.
    `outdated` is what was asked for that is deprecated.
    """

    visit: Visit
    instance: str
    standing: Standing | None = None
    paid: int = 0
    outdated: tuple[Noticed, ...] = ()

    @property
    def client(self) -> str:
        """Return the address."""
        return self.visit.address


def nobody(visit: Visit, instance: str, workspace_id: str = "") -> Caller:
    """Return who acts where nobody has shown a token."""
    return Caller(
        Principal("", workspace_id, frozenset(), 0),
        b"",
        visit.request_id,
        instance,
        visit.now,
        proving=True,
        address=visit.address,
        user_agent=visit.user_agent,
        secure=visit.secure,
    )


class Procedures:
    """The one way to call procedures, for every surface."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def call(self, caller: Caller, asked: Asked) -> Answered:
        """Return what a procedure answers a caller; raises a Problem if nothing was done."""
        authenticator = self._writer.authenticator
        inputs = await authenticator.admitted(caller, lambda: _admitted(caller, asked))
        await self._writer.limiter.charge(caller, asked.procedure.cost)
        if not isinstance(asked.procedure, Procedure):
            if await authenticator.renewed(caller):
                inputs = _admitted(caller, asked)
            await prove(self._writer.database, caller)
            return await self._at_desk(asked, inputs, caller.visit, caller.instance, caller)

        async def run(attempt: Attempt) -> Answered:
            return await self._attempt(caller, asked, inputs, attempt)

        def again() -> None:
            nonlocal inputs
            inputs = _admitted(caller, asked)

        return await repeated(run, again, keyed=asked.key is not None)

    async def visit(self, guest: Guest, asked: Asked) -> Answered:
        """Return what a public procedure answers, and charge the client's address; raises a Problem."""
        due = asked.procedure.cost - guest.paid
        guest.paid = max(guest.paid - asked.procedure.cost, 0)
        if due > 0:
            await self._writer.limiter.charge_visitor(guest, due)
        guest.outdated += tuple(Noticed(asked.operation, each) for each in noticing.called(asked))
        return await self._at_desk(asked, inputs_of(asked), guest.visit, guest.instance, None)

    async def charge_visitor(self, guest: Guest) -> None:
        """Take a point of a client's address ahead, before anything is read; raises the 429 problem."""
        await self._writer.limiter.charge_visitor(guest, 1)
        guest.paid += 1

    async def _at_desk(
        self, asked: Asked, inputs: dict[str, object], visit: Visit, instance: str, caller: Caller | None
    ) -> Answered:
        procedure = asked.procedure
        assert isinstance(procedure, DeskProcedure | PublicProcedure)  # noqa: S101 (narrows the type)
        try:
            result = await procedure.run(_Desk(self._writer, asked, visit, instance, caller), inputs)
        except DatabaseError as error:
            raise _refused(error) from error
        return Answered(document_of(procedure, result.values), result.credential)

    async def _attempt(
        self, caller: Caller, asked: Asked, inputs: dict[str, object], attempt: Attempt
    ) -> Answered:
        """Run the whole transaction once; raises StaleError where it must be run anew."""
        principal, writer = caller.principal, self._writer
        try:
            async with writer.database.transaction(principal.workspace_id, principal.token_id) as opened:
                attempt.opened = opened
                proven = _Proven(writer, caller, opened)
                work = Ongoing(proven, caller, _action(asked), writer.deployment, writer.of)
                return await _Attempt(work, proven, asked, inputs, writer.deployment.derived(PURPOSE)).run()
        except DatabaseError as error:
            if attempt.may_be_repeated(error):
                raise StaleError from error
            raise _refused(error) from error
        except Problem:
            # A rule may refuse before it has asked anything, and a dead token hears only that it is dead.
            if attempt.opened is not None and not proven.proven:
                await writer.authenticator.renewed(caller)
            raise


class _Proven(Transaction):
    """A transaction whose first round trip proves the token, whatever it asks beside that."""

    def __init__(self, writer: Writer, caller: Caller, transaction: Transaction) -> None:
        self._writer, self._caller, self._transaction = writer, caller, transaction
        self.proven = False

    @contextmanager
    def within(self, workspace: str) -> Iterator[None]:
        """Act in another workspace meanwhile."""
        with self._transaction.within(workspace):
            yield

    def defer(self, call: Call) -> None:
        """Send a statement without an answer together with the next ones."""
        self._transaction.defer(call)

    async def run(self, *calls: Call) -> list[list[Row]]:
        """Return the rows of each statement; raises StaleError and the 401 problem before anything else."""
        if self.proven:
            return await self._transaction.run(*calls)
        asked = proofs(self._caller)
        found = await self._transaction.run(Call(PROVE, ()), *calls, *asked)
        version, tier = found[0][0] if found[0] else (None, None)
        self.proven = True
        for rows in (found.pop() for _ in asked):
            note(self._caller, rows)
        if not await self._writer.authenticator.is_current(self._caller, version, tier):
            raise StaleError
        require_proven(self._caller)
        return found[1:]

    async def commit(self, *calls: Call) -> None:
        """Make all of it last."""
        if not self.proven:
            await self.run()
        await self._transaction.commit(*calls)


class _Attempt:
    """One run of one procedure in its transaction, from the first statement to the commit."""

    def __init__(
        self, work: Ongoing, transaction: Transaction, asked: Asked, inputs: dict[str, object], key: bytes
    ) -> None:
        self._work, self._transaction = work, transaction
        self._asked, self._inputs = asked, inputs
        self._key = None if asked.key is None else asked.key.encode()
        user = work.caller.principal.user_id
        self._fingerprint = b"" if self._key is None else fingerprint(asked.procedure, inputs, user, key)

    async def run(self) -> Answered:
        """Return what is answered, committed; raises the problem if nothing was done."""
        procedure = self._asked.procedure
        assert isinstance(procedure, Procedure)  # noqa: S101 (narrows the type)
        if self._key is None:
            result = await procedure.run(self._work, self._inputs)
            await self._work.finish()
            await self._transaction.commit()
            return Answered(document_of(procedure, result.values), result.credential)
        claimed = await self._transaction.run(*idempotency.claiming(self._key))
        earlier = idempotency.earlier(self._fingerprint, *claimed)
        if earlier is not None:
            return Answered(idempotency.answer_of(earlier), replayed=True)
        return await self._kept(procedure)

    async def _kept(self, procedure: Procedure) -> Answered:
        """Run the rule and keep its answer, or its refusal without anything that it has written."""
        self._transaction.defer(Call(queries.SAVEPOINT, ()))
        try:
            result: Result = await procedure.run(self._work, self._inputs)
            await self._work.finish()
        except Problem as problem:
            if idempotency.may_keep(problem):
                self._transaction.defer(Call(queries.UNDO, ()))
                await self._keep(idempotency.kept_problem(problem, self._work.caller))
            raise
        document = document_of(procedure, result.values)
        await self._keep(idempotency.kept_answer(without_secrets(procedure.outputs, document)))
        return Answered(document, result.credential)

    async def _keep(self, kept: bytes) -> None:
        await self._transaction.commit(idempotency.keeping(self._key, self._fingerprint, kept))


class _Desk:
    """What a procedure without a transaction of its own gets (`services.engine.procedures.Desk`)."""

    def __init__(
        self, writer: Writer, asked: Asked, visit: Visit, instance: str, caller: Caller | None
    ) -> None:
        self.visit, self.deployment, self.caller = visit, writer.deployment, caller
        self._writer, self._asked, self._instance = writer, asked, instance

    async def rows(self, prepared: Prepared, *parameters: bytes | None) -> list[Row]:
        """Return the rows of one statement by itself, never sent twice; raises a Problem."""
        principal = None if self.caller is None else self.caller.principal
        workspace, token = ("", None) if principal is None else (principal.workspace_id, principal.token_id)
        try:
            return await self._writer.database.run(
                Call(prepared, parameters), workspace, token, idempotent=False
            )
        except DatabaseError as error:
            raise _refused(error) from error

    @asynccontextmanager
    async def work(self, workspace_id: str) -> AsyncIterator[Ongoing]:
        """Lend a transaction in one workspace, committed when it is left without an exception."""
        caller = self._caller_in(workspace_id)
        token = caller.principal.token_id or None
        try:
            async with self._writer.database.transaction(workspace_id, token) as transaction:
                work = Ongoing(transaction, caller, _action(self._asked), self.deployment, self._writer.of)
                yield work
                await work.finish()
                await transaction.commit()
        except DatabaseError as error:
            raise _refused(error) from error

    def _caller_in(self, workspace_id: str) -> Caller:
        """Return who acts there: the caller in its own workspace, elsewhere nobody with a token."""
        visit, caller = self.visit, self.caller
        if caller is not None and caller.principal.workspace_id == workspace_id:
            return caller
        if caller is not None:
            principal = replace(
                caller.principal, token_id="", workspace_id=workspace_id, scopes=frozenset(), version=0
            )
            return replace(caller, principal=principal, credential=b"")
        return nobody(visit, self._instance, workspace_id)


def _admitted(caller: Caller, asked: Asked) -> dict[str, object]:
    """Return the inputs of one who may call this; raises the 403 problem, then what is wrong with them."""
    require_registered(caller)
    scope = getattr(asked.procedure, "scope", None)
    if scope is not None:
        require_scope(caller.principal.scopes, scope)
    if used := noticing.called(asked):
        caller.notice(used, asked.operation)
    return inputs_of(asked)


def _action(asked: Asked) -> Action:
    """Return a procedure as rules see the action that they belong to."""
    procedure = asked.procedure
    return Action(ActionKind.ITEM, procedure.name, procedure.name, procedure.doc)


def _refused(error: DatabaseError) -> Problem:
    """Return the problem of a failed procedure; raises the error itself if it is not foreseen."""
    if is_passing(error) and not isinstance(error, DatabaseUnavailable):
        return conflict("The same was being changed by others; try again.", retry_after=1)
    return failed(error)
