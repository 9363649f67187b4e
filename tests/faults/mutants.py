"""Servers that are wrong on purpose: what the fault tests must notice, or they would prove nothing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

from db import sessions
from db.calls import Statement
from db.execute import BEGIN, COMMIT, Call, Database, Prepared, Transaction
from db.queries import idempotency
from services.engine.transaction import Statements


class Mutant(StrEnum):
    """What is wrong."""

    LATE_RECORD = "the idempotency record is committed after the effect"
    EARLY_RECORD = "the idempotency record is committed before the effect"
    NO_KEY_LOCK = "two calls with one idempotency key may run at the same time"
    NO_ROW_LOCK = "rows are read without being locked"
    LASTING_TRIALS = "what should be rolled back is committed"
    BLIND_RETRY = "a commit whose outcome is unknown is repeated though there is no key"


_NAMING = Call(
    Prepared(Statement("SELECT set_config('diptych.workspace', $1, true)"), ("workspace",)),
    (),
)
"""What a transaction beside the one at hand must begin with, since it writes in a workspace too."""


def change(mutant: str | None) -> None:
    """Make this process the mutant."""
    if mutant is not None:
        _CHANGES[Mutant(mutant)]()


def _late_record() -> None:
    async def commit(self: Transaction, *calls: Call) -> None:
        self.committing = True
        await self._session.run([*self._waiting, (COMMIT, ())])
        self._waiting = []
        await self._session.run([(BEGIN, ()), *_bound(self, (_NAMING, *calls)), (COMMIT, ())])

    Transaction.commit = commit  # type: ignore[method-assign]


def _early_record() -> None:
    transaction = Database.transaction

    @asynccontextmanager
    async def with_database(self: Database, *caller: str) -> AsyncIterator[Transaction]:
        async with transaction(self, *caller) as found:
            found.database = self  # type: ignore[attr-defined]
            yield found

    async def commit(self: Any, *calls: Call) -> None:
        self.committing = True
        async with self.database.driver.sessions.lease() as other:
            await other.run([(BEGIN, ()), *_bound(self, (_NAMING, *calls)), (COMMIT, ())])
        await self._session.run([*self._waiting, (COMMIT, ())])
        self._waiting = []

    Database.transaction = with_database  # type: ignore[method-assign, assignment]
    Transaction.commit = commit  # type: ignore[method-assign]


def _bound(transaction: Transaction, calls: tuple[Call, ...]) -> list[Any]:
    return [(call.prepared.statement, transaction._bind(call)) for call in calls]


def _no_key_lock() -> None:
    text = "SELECT ($1::text || $2::text) IS NOT NULL"
    idempotency.LOCK = Prepared(Statement(text), idempotency.LOCK.sources)


def _no_row_lock() -> None:
    locking = Statements.load.func  # type: ignore[attr-defined]

    def load(self: Statements) -> Prepared:
        found = locking(self)
        text, clause, _ = found.statement.text.partition("FOR NO KEY UPDATE")
        assert clause
        return Prepared(Statement(text), found.sources)

    Statements.load = property(load)  # type: ignore[assignment]


def _lasting_trials() -> None:
    sessions._ROLLBACK = Statement("COMMIT")


def _blind_retry() -> None:
    Transaction.committing = property(lambda _: False, lambda *_: None)  # type: ignore[assignment]


_CHANGES: dict[Mutant, Callable[[], None]] = {
    Mutant.LATE_RECORD: _late_record,
    Mutant.EARLY_RECORD: _early_record,
    Mutant.NO_KEY_LOCK: _no_key_lock,
    Mutant.NO_ROW_LOCK: _no_row_lock,
    Mutant.LASTING_TRIALS: _lasting_trials,
    Mutant.BLIND_RETRY: _blind_retry,
}
