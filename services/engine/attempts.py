"""Attempts: when a transaction is run once more, for writes and procedures alike."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from db.driver import DatabaseError, DatabaseUnavailable
from db.execute import Transaction
from services.engine.errors import conflict
from services.engine.failures import is_passing

_MOST_ATTEMPTS = 3
_PATIENCE_SECONDS = 5.0

_T = TypeVar("_T")


class StaleError(Exception):
    """The attempt changed nothing and may go otherwise now: scopes have changed, or rivals are done."""


class Attempt:
    """One run of a transaction, which is `opened` once there is a connection for it.

    `keyed` tells that an idempotency key shows whether a lost commit took place.
    """

    def __init__(self, *, keyed: bool, final: bool) -> None:
        self._keyed, self._final = keyed, final
        self._began = time.monotonic()
        self.opened: Transaction | None = None

    def may_be_repeated(self, error: DatabaseError) -> bool:
        """Tell whether the transaction that ended in this error may be run once more."""
        # Without a key nobody can tell whether a lost commit took place, so it is not tried again.
        lost = isinstance(error, DatabaseUnavailable)
        unknown = self.opened is None or (lost and self.opened.committing and not self._keyed)
        # Nor is a caller kept waiting for another who has waited long for this one.
        waited = time.monotonic() - self._began > _PATIENCE_SECONDS
        return is_passing(error) and not (self._final or unknown or waited)


async def repeated(run: Callable[[Attempt], Awaitable[_T]], again: Callable[[], None], *, keyed: bool) -> _T:
    """Return what a transaction brings that is run anew as long as it is stale, `again` called in between.

    Raises the 409 problem where that never ends.
    """
    for remaining in reversed(range(_MOST_ATTEMPTS)):
        try:
            return await run(Attempt(keyed=keyed, final=not remaining))
        except StaleError:
            again()
    raise conflict("The token kept changing; try again.", retry_after=1)
