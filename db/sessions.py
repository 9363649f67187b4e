"""A pool of exclusive connections: whoever leases one has it alone, in the order of asking."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from psycopg.pq.abc import PGconn

from db.calls import DatabaseError, DatabaseUnavailable, Statement, Traffic, closed
from db.session import Session

__all__ = ["Session", "Sessions", "session_settings"]

_FIRST_BACKOFF = 0.02
_LAST_BACKOFF = 1.0
_CLOSED = closed().sqlstate
_ROLLBACK_SECONDS = 1.0
_ROLLBACK = Statement("ROLLBACK")


def session_settings(prepare: bool) -> dict[str, str]:
    """What holds for exclusive connections beside the driver's own settings.

    A backend that is deep in a statement, or waits for a lock, notices within a second that it was left
    alone, and an open transaction whose client fell silent for ten ends by itself, with its locks. Generic
    plans: writes find their rows by key, so planning for the values at hand gains nothing.
    """
    settings = {
        "client_connection_check_interval": "1000",
        "idle_in_transaction_session_timeout": "10000",
    }
    if prepare:
        settings["plan_cache_mode"] = "force_generic_plan"
    return settings


class Sessions:
    """At most `size` connections, opened on demand and leased to one at a time, in the order of asking.

    A lease is waited for at most `patience` seconds; so long are connections retried while there is none.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[PGconn]],
        *,
        size: int,
        patience: float,
        prepared_limit: int,
        silence: float,
        traffic: Traffic,
    ) -> None:
        self._connect = connect
        self._size = size
        self._patience = patience
        self._prepared_limit = prepared_limit
        self._silence = silence
        self._traffic = traffic
        self._slots = size
        self._idle: list[Session] = []
        self._all: set[Session] = set()
        # A waiter is given a connection, or None: the slot to open one in.
        self._waiting: deque[asyncio.Future[Session | None]] = deque()
        self._epoch = 0
        self._given_up = False
        self._closed = False

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Session]:
        """Have one connection alone; a transaction left open is rolled back, an unfinished run cut off.

        Raises `DatabaseUnavailable` when no connection was free or could be made in time.
        """
        session = await self._acquire()
        if session.epoch != self._epoch:
            session.forget()
            session.epoch = self._epoch
        try:
            yield session
        finally:
            try:
                if not session.idle:
                    await _clean(session)
            finally:
                self._release(session)

    async def close(self) -> None:
        """Close every connection; those who wait or run fail with `DatabaseUnavailable`."""
        self._closed = True
        for session in list(self._all):
            session.close()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(closed())
        self._waiting.clear()

    async def _acquire(self) -> Session:
        if self._closed:
            raise closed()
        if self._idle:
            return self._idle.pop()
        session = None
        if self._slots:
            self._slots -= 1
        else:
            session = await self._wait()
        return session or await self._open()

    async def _wait(self) -> Session | None:
        """Queue for a connection or a slot; what was given to one who is gone goes to the next."""
        waiter: asyncio.Future[Session | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give(waiter.result())
            if isinstance(error, TimeoutError):
                reason = f"all {self._size} connections for writing were in use for {self._patience:g} s"
                raise DatabaseUnavailable("53300", f"The database is busy: {reason}.") from None
            raise

    async def _open(self) -> Session:
        """Connect, again and again while the patience lasts; frees the slot on failure."""
        try:
            pgconn = await self._connected()
            if self._closed:
                pgconn.finish()
                raise closed()
        except BaseException:
            self._give(None)
            raise
        session = Session(
            pgconn,
            prepared_limit=self._prepared_limit,
            silence=self._silence,
            traffic=self._traffic,
            on_stale=self._outdate,
            on_lost=self._lost,
        )
        self._all.add(session)
        return session

    async def _connected(self) -> PGconn:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        backoff = _FIRST_BACKOFF
        while True:
            try:
                pgconn = await self._connect()
            except DatabaseUnavailable:
                # Once one has waited in vain, the others are told at once.
                if self._given_up or self._closed or loop.time() + backoff >= deadline:
                    self._given_up = True
                    raise
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LAST_BACKOFF)
            else:
                self._given_up = False
                return pgconn

    def _release(self, session: Session) -> None:
        if not session.idle:
            session.close()
            self._give(None)
        else:
            self._give(session)

    def _give(self, session: Session | None) -> None:
        """Hand a connection or a slot to whoever waits longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(session)
                return
        if session is None:
            self._slots += 1
        else:
            self._idle.append(session)

    def _outdate(self, session: Session) -> None:
        """Have the others prepare all of their statements anew too: the schema changed for every one."""
        self._epoch += 1
        session.epoch = self._epoch

    def _lost(self, session: Session, error: DatabaseUnavailable) -> None:
        """Drop the idle connections when the server ended one: the same may be about to happen to them."""
        self._all.discard(session)
        if error.sqlstate == _CLOSED:
            return
        idle, self._idle = self._idle, []
        for other in idle:
            other.close()
            self._give(None)


async def _clean(session: Session) -> None:
    """Roll back what is open, unless answers are awaited or it takes long: the connection is closed then."""
    if session.pending or session.ended:
        return
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            await session.run([(_ROLLBACK, ())])
    except (DatabaseError, TimeoutError):
        return
