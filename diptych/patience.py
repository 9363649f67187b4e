"""Patience with clients: how long a connection may keep the server waiting before it is closed."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

SLOWEST = 4_096
"""Bytes a second that a client must send of a body, or take of a response, once its patience is used up."""

_LOOKS = 4


class Stage(Enum):
    """What the client of a connection owes."""

    HEAD = "head"
    BODY = "body"
    NOTHING = "nothing"


class Watched(Protocol):
    """A connection that is watched."""

    def late(self) -> None:
        """Close the connection of a client that is late with its request."""

    def abort(self) -> None:
        """Cut off a client that does not take its response."""

    def unsent(self) -> int:
        """Return how many bytes of responses wait for the client."""

    def taken(self) -> int:
        """Return how many bytes of responses the client has taken."""

    def waits_for_us(self) -> bool:
        """Tell whether it is the server that does not go on."""


@dataclass(slots=True)
class Patience:
    """Watches one connection, whose client may take `seconds`, and from then on go at SLOWEST.

    It looks a few times within that span, so that a request pays for nothing but notes of the time.
    """

    loop: asyncio.AbstractEventLoop
    seconds: float
    watched: Watched
    stage: Stage = Stage.HEAD
    received: int = 0
    _began: float = 0.0
    _waiting: tuple[float, int] | None = None
    _next: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start to watch: a client that connects has something to say."""
        self.expect(Stage.HEAD)
        self._again()

    def expect(self, stage: Stage) -> None:
        """Note what the client owes from now on."""
        self.stage, self._began, self.received = stage, self.loop.time(), 0

    def end(self) -> None:
        """Stop watching."""
        if self._next is not None:
            self._next.cancel()

    def _again(self) -> None:
        self._next = self.loop.call_later(self.seconds / _LOOKS, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        if self._is_stuck(now):
            self.watched.abort()
            return
        if self.watched.waits_for_us():
            self._began = now
        if self.stage is not Stage.NOTHING and now - self._began > self._allowed(self.received):
            self.watched.late()
            # What is closed still waits for its last bytes to be taken.
            self._next = self.loop.call_later(self.seconds / _LOOKS, self.watched.abort)
            return
        self._again()

    def _is_stuck(self, now: float) -> bool:
        if not self.watched.unsent():
            self._waiting = None
            return False
        # As long as a client takes enough, it does not matter how much more there is for it.
        taken = self.watched.taken()
        since, before = self._waiting = self._waiting or (now, taken)
        return now - since > self._allowed(taken - before)

    def _allowed(self, size: int) -> float:
        return self.seconds + size / SLOWEST
