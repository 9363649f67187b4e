"""The one door for every write: one action, one transaction, whichever surface it came from.

authorise → validate → idempotency key → rows, references, uniqueness → 404 → 428, 412 → rule → 422
          → rows, events and audit rows in one statement → idempotency record → commit
"""

from collections.abc import Callable
from datetime import UTC, datetime

from db.driver import DatabaseError, Row
from db.execute import Call, Database
from db.queries import idempotency as queries
from db.queries.tokens import PROVE
from services.engine import bulk, entitling, idempotency, judging, noticing
from services.engine.access import require_action
from services.engine.attempts import Attempt, StaleError, repeated
from services.engine.authenticate import Authenticator
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.deployment import Deployment
from services.engine.documents import whole_document
from services.engine.encoding import decoded, identifier
from services.engine.errors import Problem, conflict, not_found
from services.engine.failures import refused
from services.engine.limiter import Limiter
from services.engine.pricing import FREE, Price
from services.engine.registered import note, proofs, require_proven, require_registered
from services.engine.resource import ActionKind, Resource
from services.engine.transaction import Ongoing, Statements, loaded
from services.engine.work import Change
from services.engine.writing import Outcome, Write

_MOST_GENERATED = 5
_ITEMS_PER_POINT = 10
_ADDING = (ActionKind.CREATE, ActionKind.RESTORE)
_LOCKING = frozenset(ActionKind) - {ActionKind.CREATE}


Permit = Callable[[Caller], Price]
"""Returns the price of what is shown beside the rows; raises the problem of a caller who may not see it."""


def _nothing_more(_: Caller) -> Price:
    """Let everyone pass, since the answer shows nothing but the rows written."""
    return FREE


class Writer:
    """The one way to write, for every surface; `base` is where the links of documents begin."""

    def __init__(
        self,
        catalog: Catalog,
        database: Database,
        authenticator: Authenticator,
        limiter: Limiter,
        *,
        base: str,
        deployment: Deployment,
        origin: str = "",
    ) -> None:
        self.catalog, self.deployment = catalog, deployment
        self.database, self.authenticator, self.limiter = database, authenticator, limiter
        self._base, self.origin = base, origin
        self._statements: dict[str, Statements] = {}

    async def write(self, caller: Caller, asked: Write, permit: Permit = _nothing_more) -> Outcome:
        """Return what the write brought; raises a Problem if nothing was written.

        `permit` raises the problem of a caller who may write but not see what the answer is to show. It is
        asked again whenever the scopes turn out to have changed.
        """

        def admit() -> tuple[list[Change], Price]:
            return self._admitted(caller, asked, permit)

        changes, price = await self.authenticator.admitted(caller, admit)
        await self.limiter.charge(caller, price.points, price.held)

        async def run(attempt: Attempt) -> Outcome:
            return await self._attempt(caller, asked, changes, attempt)

        def again() -> None:
            nonlocal changes
            changes, _ = admit()

        return await repeated(run, again, keyed=asked.key is not None)

    def _admitted(self, caller: Caller, asked: Write, permit: Permit) -> tuple[list[Change], Price]:
        """Return what was sent, read, and what it costs.

        Raises the 403 problem, and what can be told without looking anything up.
        """
        self._authorise(caller, asked)
        if used := noticing.written(asked):
            caller.notice(used, asked.operation)
        shown = permit(caller)
        bulk.check_size(asked)
        points = -(-len(asked.items) // _ITEMS_PER_POINT) or 1
        return judging.changes_of(asked), shown._replace(points=points + shown.points)

    def _authorise(self, caller: Caller, asked: Write) -> None:
        require_registered(caller)
        require_action(
            caller.principal, asked.resource, asked.action, [identifier(item.id) for item in asked.items]
        )

    async def _attempt(
        self, caller: Caller, asked: Write, changes: list[Change], attempt: Attempt
    ) -> Outcome:
        """Run the whole transaction once; raises StaleError where it must be run anew."""
        principal = caller.principal
        try:
            async with self.database.transaction(principal.workspace_id, principal.token_id) as opened:
                attempt.opened = opened
                work = Ongoing(opened, caller, asked.action, self.deployment, self.of)
                return await _Attempt(self, work, asked, changes).run()
        except DatabaseError as error:
            if attempt.may_be_repeated(error):
                raise StaleError from error
            raise refused(error, asked) from error

    def of(self, resource: Resource) -> Statements:
        """Return the statements that write a resource, made once."""
        found = self._statements.get(resource.name)
        if found is None:
            found = Statements(resource, whole_document(self.catalog, resource, self._base))
            self._statements[resource.name] = found
        return found

    async def renew(self, caller: Caller, proof: list[Row]) -> None:
        """Raise StaleError if the token has changed and was read anew, and the 401 problem if it is dead."""
        version, tier = proof[0] if proof else (None, None)
        if not await self.authenticator.is_current(caller, version, tier):
            raise StaleError

    def limit(self, caller: Caller, asked: Write) -> int | None:
        """Return how many rows the caller's plan allows, None where an action adds none that count."""
        counted, plans = asked.resource.counted, self.catalog.plans
        if counted is None or plans is None or asked.action.kind not in _ADDING:
            return None
        return plans.limit(caller.principal.tier, counted.feature)


class _Attempt:
    """One run of one write, from the first statement to the commit."""

    def __init__(self, writer: Writer, work: Ongoing, asked: Write, changes: list[Change]) -> None:
        self._writer, self._work, self._asked = writer, work, asked
        self._resource, self._kind = asked.resource, asked.action.kind
        self._key = None if asked.dry_run or asked.key is None else asked.key.encode()
        self._changes = changes
        self._limit = writer.limit(work.caller, asked)
        self._fingerprint = b"" if self._key is None else idempotency.fingerprint(asked, self._changes)
        judging.complete(asked, self._changes)
        judging.separate(asked.resource, self._changes)

    async def run(self) -> Outcome:
        """Return the outcome, committed unless it is a trial; raises the problem if nothing was written."""
        looked = await self._open()
        if isinstance(looked, Outcome):
            return looked
        try:
            await self._judge(looked)
            problems = await self._effect()
        except Problem as problem:
            await self._keep_problem(problem)
            raise
        # What is shown once opens nothing where nothing was written.
        outcome = bulk.outcome(self._asked, self._changes, problems, secrets=not self._asked.dry_run)
        if self._key is not None:
            kept = outcome
            if self._resource.shown_by(self._asked.action):
                kept = bulk.outcome(self._asked, self._changes, problems, secrets=False)
            await self._commit_with(idempotency.kept_outcome(kept, self._work.caller))
        elif not self._asked.dry_run:
            await self._work.transaction.commit()
        return outcome

    # Before the effect

    async def _open(self) -> Outcome | list[list[Row]]:
        """Prove the token and claim the key; return an earlier outcome, or what was looked up already."""
        looking = self._looking()
        calls = [Call(PROVE, ())]
        if self._key is not None:
            calls += idempotency.claiming(self._key)
            # Rows are not locked before the key is ours: whoever has it may hold them.
            calls += [] if self._kind in _LOCKING else looking
        else:
            calls += looking
        caller, asked = self._work.caller, proofs(self._work.caller)
        found = await self._work.transaction.run(*calls, *asked)
        for rows in (found.pop() for _ in asked):
            note(caller, rows)
        await self._writer.renew(caller, found[0])
        require_proven(caller)
        if self._key is None:
            return found[1:]
        earlier = idempotency.earlier(self._fingerprint, found[1], found[2])
        if earlier is not None:
            return idempotency.outcome_of(earlier)
        if self._asked.action.rule is not None:
            self._work.transaction.defer(Call(queries.SAVEPOINT, ()))
        return await self._work.transaction.run(*looking) if self._kind in _LOCKING else found[3:]

    def _looking(self) -> list[Call]:
        """Return what must be looked up before the effect: rows first, then uniqueness and references."""
        ids = [change.id for change in self._changes if "id" not in change.invalid]
        calls = [self._work.loading(self._resource, ids)] if self._kind in _LOCKING else []
        check = self._work.checking(self._resource, self._changes)
        calls += [check] if check is not None else []
        if self._limit is None:
            return calls
        # What is looked at after the lock is as whoever had it before left it.
        lock, count = entitling.looking(self._resource, self._limit)
        return [lock, *calls, count]

    async def _judge(self, looked: list[list[Row]]) -> None:
        found = iter(looked if self._limit is None else looked[1:-1])
        if self._kind in _LOCKING:
            rows = loaded(self._resource, next(found))
            for item, change in zip(self._asked.items, self._changes, strict=True):
                judging.against_stored(self._asked, item, change, rows.get(change.id))
        there = [change for change in self._changes if change.problem is None]
        judging.as_whole(self._asked, there)
        judging.check_among(self._writer.catalog, self._resource, there)
        judging.check_readable(self._writer.catalog, self._work.caller, self._resource, there)
        await self._note(next(found, []))
        judging.check_within(self._resource, self._changes)
        if self._kind is ActionKind.RESTORE:
            await self._restore()
        elif self._kind is ActionKind.DELETE:
            for change in self._changes:
                change.values["deleted_at"] = datetime.fromtimestamp(self._work.caller.now, UTC)
        if self._limit is not None:
            self._count(self._limit, int(looked[-1][0][0] or 0))
        await self._rule()

    def _count(self, limit: int, used: int) -> None:
        """Refuse the rows that the plan has no room for; raises the 403 problem where all belong together."""
        added = [
            each for each in self._changes if each.good and (each.stored is None or judging.is_deleted(each))
        ]
        room = max(limit - used, 0)
        plans, counted = self._writer.catalog.plans, self._resource.counted
        if len(added) <= room or plans is None or counted is None:
            return
        url = self._work.deployment.upgrade_url
        for each in added[room:]:
            each.problem = plans.reached(counted.feature, min(used, limit), limit, url)
        alone = all(each.good or each in added for each in self._changes)
        if alone and not (self._partial and room):
            raise added[-1].problem or not_found()

    async def _note(self, faults: list[Row]) -> None:
        """Note what the database found wrong with values, and try others where the server made them."""
        for _ in range(_MOST_GENERATED):
            again = [change for fault in faults if (change := self._retaken(*fault)) is not None]
            if not again:
                return
            for change in again:
                judging.generate(self._resource, change)
            check = self._work.checking(self._resource, self._changes)
            faults = (await self._work.transaction.run(check))[0] if check is not None else []

    def _retaken(self, place: bytes | None, column: bytes | None, kind: bytes | None) -> Change | None:
        """Note one fault; return the change if another value is to be tried for it."""
        change = self._changes[int(place or 1) - 1]
        return change if judging.take(change, decoded(column), decoded(kind)) else None

    async def _restore(self) -> None:
        """Bring deleted rows back unless another has taken what must be unique (Q-07)."""
        deleted = [each for each in self._changes if each.good and judging.is_deleted(each)]
        for change in deleted:
            change.values = {**(change.stored or {}), "deleted_at": None}
        check = self._work.checking(self._resource, deleted)
        for place, column, kind in (await self._work.transaction.run(check))[0] if check is not None else ():
            if kind == b"taken":
                detail = f"Another one has taken its {decoded(column)} since it was deleted."
                deleted[int(place or 1) - 1].problem = conflict(detail)
        for change in deleted:
            change.values = {"deleted_at": None}

    async def _rule(self) -> None:
        rule = self._asked.action.rule
        if rule is None:
            return
        # What is refused already may not even have a row that a rule could look at.
        good = [change for change in self._changes if change.good]
        if len(good) == len(self._changes) or (self._partial and good):
            await rule(self._work, good)

    # The effect

    @property
    def _partial(self) -> bool:
        return self._asked.bulk and not self._asked.atomic

    async def _effect(self) -> dict[int, Problem]:
        """Write the changes that are good; return the problems of the others by place, if some may fail."""
        problems = {
            place: bulk.problem_of(change) for place, change in enumerate(self._changes) if not change.good
        }
        good = [change for change in self._changes if change.good] if problems else self._changes
        if problems and not self._asked.bulk:
            raise problems[0]
        if problems and not (self._partial and good):
            raise bulk.failed(self._asked, self._changes, problems, self._work.caller, self._writer.origin)
        if self._kind is ActionKind.CREATE:
            await self._work.insert(self._resource, good, self._asked.action.event)
        else:
            changed = [change for change in good if change.values or self._kind is not ActionKind.RESTORE]
            await self._work.update(self._resource, changed, self._asked.action.event)
            if len(changed) < len(good):
                await self._work.show(self._resource, [change for change in good if change not in changed])
        await self._work.finish()
        for change in good if self._asked.dry_run else ():
            # This version never comes to be, and its number may become that of another.
            change.version = 0
        return problems

    # After the effect

    async def _keep_problem(self, problem: Problem) -> None:
        """Let the same refusal answer the next call with this key, without what a rule may have written."""
        if self._key is not None and idempotency.may_keep(problem):
            if self._asked.action.rule is not None:
                self._work.transaction.defer(Call(queries.UNDO, ()))
            await self._commit_with(idempotency.kept_problem(problem, self._work.caller))

    async def _commit_with(self, kept: bytes) -> None:
        await self._work.transaction.commit(idempotency.keeping(self._key, self._fingerprint, kept))
