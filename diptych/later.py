"""Loading what the first answers can do without, while the server already gives them."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)

_log = logging.getLogger("diptych")


class Later(Generic[T_co]):
    """Something that `make` makes in a thread of its own; the server ends if that fails."""

    def __init__(self, make: Callable[[], T_co]) -> None:
        self._make = make
        self._future: Future[T_co] | None = None

    def begin(self) -> "Future[T_co]":
        """Begin to make it, unless that has begun; call this from one thread alone."""
        if self._future is None:
            self._future = Future()
            threading.Thread(target=self._run, args=(self._future,), daemon=True).start()
        return self._future

    async def ready(self) -> T_co:
        """Return it as soon as it is made; raises what `make` raised."""
        future = self.begin()
        return future.result() if future.done() else await asyncio.wrap_future(future)

    def _run(self, future: "Future[T_co]") -> None:
        try:
            future.set_result(self._make())
        except Exception as error:
            _log.exception("A part of the server could not be loaded.")
            future.set_exception(error)
            os.kill(os.getpid(), signal.SIGTERM)
