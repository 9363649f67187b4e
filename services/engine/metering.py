"""Metering: what is counted per workspace, written down in batches beside the requests (C-88)."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from db.driver import DatabaseError
from db.execute import Call, Database
from db.queries.entitlements import COUNTED

API_CALLS = "api_calls"
"""The feature that points are counted as."""

T = TypeVar("T")

_log = logging.getLogger("diptych")


class Counts(Protocol[T]):
    """What one process has counted per workspace since it was drained last."""

    def add(self, workspace_id: str, counted: T, /) -> None:
        """Count more."""

    def drain(self) -> dict[str, T]:
        """Return what was counted, and begin anew."""


def spending(points: int) -> Call:
    """Return what adds points to those that a workspace has spent."""
    return Call(COUNTED, (API_CALLS.encode(), b"%d" % points))


class Meter(Generic[T]):
    """Carries what one process has counted to the database, where any number of processes add theirs.

    `adding` returns the statement that adds what was counted in one workspace; `what` names it in the log.
    """

    def __init__(self, counts: Counts[T], adding: Callable[[T], Call], database: Database, what: str) -> None:
        self._counts, self._adding, self._database, self._what = counts, adding, database, what
        self._writing: asyncio.Future[None] | None = None

    async def write(self) -> None:
        """Write down what was counted since the last time; what cannot be written is kept for the next.

        Raises the last DatabaseError.
        """
        counted = self._counts.drain()
        failed: dict[str, T] = {}
        failure: DatabaseError | None = None
        try:
            while counted:
                workspace_id, found = next(iter(counted.items()))
                try:
                    await self._add(workspace_id, found)
                except DatabaseError as error:
                    # One that cannot be written keeps no other back.
                    failed[workspace_id], failure = found, error
                del counted[workspace_id]
        finally:
            for workspace_id, found in (failed | counted).items():
                self._counts.add(workspace_id, found)
        if failure is not None:
            raise failure

    async def _add(self, workspace_id: str, found: T) -> None:
        async with self._database.transaction(workspace_id, None) as transaction:
            await transaction.commit(self._adding(found))

    async def keep_writing(self, pause: float) -> None:
        """Write every `pause` seconds, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            try:
                self._writing = asyncio.ensure_future(self.write())
                # One that has begun is not cut off, since nobody could tell whether it has been written.
                await asyncio.shield(self._writing)
            except Exception as error:
                _log.warning("It was not written down %s: %s", self._what, error)

    async def finish(self) -> None:
        """Write what is left, once what is being written is; raises DatabaseError."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.write()
