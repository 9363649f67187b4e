"""Deaths at exact moments: a worker kills itself around one round trip of a transaction."""

import asyncio
import os
import signal
from enum import StrEnum
from typing import Any

from db.session import Session


class Moment(StrEnum):
    """When, seen from a round trip to the database."""

    BEFORE = "before it is sent"
    SENT = "once it is sent"
    ANSWERED = "once it is answered"


def plan(round_trip: int | None = None, moment: str | None = None) -> None:
    """Have this process die around its n-th round trip within transactions, counted from 1."""
    if round_trip is None:
        return
    run, count = Session.run, 0

    async def last_run(session: Session, calls: Any) -> Any:
        nonlocal count
        count += 1
        ours = count == round_trip
        if ours and moment == Moment.BEFORE:
            _die()
        answer = asyncio.ensure_future(run(session, calls))
        # One turn of the loop has everything written to the socket.
        await asyncio.sleep(0)
        if ours and moment == Moment.SENT:
            _die()
        try:
            return await answer
        finally:
            if ours:
                _die()

    Session.run = last_run  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
