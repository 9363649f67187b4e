"""Asking together: however many ask at the same time, one of them asks and all hear the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Together(Generic[_T]):
    """A question that anybody may ask as often as they like, and that is never asked twice at once."""

    def __init__(self, ask: Callable[[], Awaitable[_T]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Future[_T] | None = None

    async def __call__(self) -> _T:
        """Return the answer; raises what asking raises."""
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._ask())
            self._under_way.add_done_callback(self._end)
        # Whoever began it may be cancelled; the others still wait for what comes of it.
        return await asyncio.shield(self._under_way)

    def _end(self, answered: "asyncio.Future[_T]") -> None:
        self._under_way = None
        if not answered.cancelled():
            # Whoever waited for it may be gone, and then nobody else asks what went wrong.
            answered.exception()
