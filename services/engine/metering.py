"""Metering: the points that each workspace has spent, written down in batches beside the requests (C-88)."""

import asyncio
import logging

from db.driver import DatabaseError
from db.execute import Call, Database
from db.queries.entitlements import COUNTED
from services.engine.limiter import Usage

API_CALLS = "api_calls"
"""The feature that points are counted as."""

_log = logging.getLogger("diptych")


class Meter:
    """Carries what one process has counted to the database, where any number of processes add theirs."""

    def __init__(self, usage: Usage, database: Database) -> None:
        self._usage, self._database = usage, database
        self._writing: asyncio.Future[None] | None = None

    async def write(self) -> None:
        """Write down what has been spent since the last time; what cannot be written is kept for the next.

        Raises the last DatabaseError.
        """
        spent = self._usage.drain()
        failed: dict[str, int] = {}
        failure: DatabaseError | None = None
        try:
            while spent:
                workspace_id, points = next(iter(spent.items()))
                try:
                    await self._add(workspace_id, points)
                except DatabaseError as error:
                    # One that cannot be written keeps no other back.
                    failed[workspace_id], failure = points, error
                del spent[workspace_id]
        finally:
            for workspace_id, points in (failed | spent).items():
                self._usage.add(workspace_id, points)
        if failure is not None:
            raise failure

    async def _add(self, workspace_id: str, points: int) -> None:
        async with self._database.transaction(workspace_id, None) as transaction:
            await transaction.commit(Call(COUNTED, (API_CALLS.encode(), b"%d" % points)))

    async def keep_writing(self, pause: float) -> None:
        """Write every `pause` seconds, until cancelled."""
        while True:
            await asyncio.sleep(pause)
            try:
                self._writing = asyncio.ensure_future(self.write())
                # One that has begun is not cut off, since nobody could tell whether it has been written.
                await asyncio.shield(self._writing)
            except Exception as error:
                _log.warning("It was not written down what was spent: %s", error)

    async def finish(self) -> None:
        """Write what is left, once what is being written is; raises DatabaseError."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await self.write()
