"""Asynchronous execution of SQL over a few pipelined libpq connections, for the hot read path."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from db.calls import (
    Call,
    DatabaseError,
    DatabaseUnavailable,
    Preface,
    Row,
    Statement,
    StatementStale,
    StatementTimeout,
    Traffic,
    closed,
    refusal,
)
from db.connecting import connect, startup_conninfo
from db.connection import Connection
from db.sessions import Session, Sessions, session_settings

__all__ = [
    "DatabaseError",
    "DatabaseUnavailable",
    "Driver",
    "Row",
    "Session",
    "Sessions",
    "Statement",
    "StatementStale",
    "StatementTimeout",
]

_FIRST_BACKOFF = 0.02
_LAST_BACKOFF = 1.0
_GRACE = 1.0
_FOREVER = 86_400.0


class Driver:
    """A pool of at most `size` connections, each carrying up to `depth` calls at once.

    Connections open when concurrency asks for them. `prepare=False` serves transaction poolers, and
    `startup_options=False` those that refuse the `options` start-up parameter: the session settings are
    then set by one statement after connecting. `session_options` adds to or replaces these settings, and
    `before` tells what is sent ahead of a statement outside the sessions, in its implicit transaction.
    `connect_timeout` and `statement_timeout` are in seconds. Statements are single and leave no transaction
    open: send BEGIN to one of the `sessions` alone, which are up to `size` connections more. The counters
    count executed statements (not PREPARE) and network round trips.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        size: int = 8,
        depth: int = 16,
        prepare: bool = True,
        prepared_limit: int = 500,
        connect_timeout: float = 5.0,
        statement_timeout: float = 5.0,
        application_name: str = "diptych",
        session_options: Mapping[str, str] | None = None,
        startup_options: bool = True,
        before: Callable[[Statement, Sequence[bytes | None]], Preface | None] | None = None,
    ) -> None:
        if min(size, depth, prepared_limit) < 1:
            raise ValueError("size, depth and prepared_limit are at least 1")
        self._settings = _settings(statement_timeout, session_options)
        self._conninfo = startup_conninfo(
            conninfo, self._settings if startup_options else {}, application_name
        )
        self._startup_options, self._before = startup_options, before
        self._size, self._depth = size, depth
        self._prepared_limit = prepared_limit if prepare else 0
        self._connect_timeout = connect_timeout
        # PostgreSQL itself ends a statement earlier.
        self._silence = statement_timeout + _GRACE if statement_timeout else _FOREVER
        self._traffic = Traffic()
        self.sessions = self._exclusive(conninfo, session_settings(prepare), application_name)
        self._connections: list[Connection] = []
        self._idle: list[Connection] = []
        self._queue: deque[list[Call]] = deque()
        self._stranded: list[Call] = []
        self._opener: asyncio.Task[None] | None = None
        self._backoff = _FIRST_BACKOFF
        self._outage: float | None = None
        self._failure: DatabaseUnavailable | None = None
        self._closed = False

    def _exclusive(self, conninfo: str, settings: Mapping[str, str], application_name: str) -> Sessions:
        own = {**settings, **self._settings}
        at_start, after = (own, {}) if self._startup_options else ({}, own)
        conninfo = startup_conninfo(conninfo, at_start, application_name)
        return Sessions(
            partial(connect, conninfo, after, self._connect_timeout),
            size=self._size,
            patience=self._connect_timeout,
            prepared_limit=self._prepared_limit,
            silence=self._silence,
            traffic=self._traffic,
        )

    @property
    def statements_sent(self) -> int:
        """How many statements were executed so far, retries included."""
        return self._traffic.statements

    @property
    def round_trips(self) -> int:
        """How many network round trips the statements took so far; opening connections is not counted."""
        return self._traffic.round_trips

    async def open(self) -> None:
        """Connect once, to fail early; `fetch` connects by itself too. Raises `DatabaseUnavailable`."""
        if self._closed:
            raise closed()
        if not self._connections:
            self._adopt(await self._connected())

    async def close(self) -> None:
        """Close every connection; calls still waiting fail with `DatabaseUnavailable`."""
        self._closed = True
        if self._opener is not None:
            self._opener.cancel()
            await asyncio.gather(self._opener, return_exceptions=True)
        for connection in list(self._connections):
            connection.close()
        self._fail_waiting(closed())
        await self.sessions.close()

    async def fetch(
        self, statement: Statement, parameters: Sequence[bytes | None], *, idempotent: bool = True
    ) -> list[Row]:
        """Execute one statement and return its rows; parameters are in text format, their types inferred.

        An idempotent call in flight on a connection that is lost is sent once more on a fresh one.
        Raises `DatabaseError` or one of its two special kinds.
        """
        refused = refusal(parameters)
        if refused is not None:
            raise refused
        future: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        call = Call(
            statement.text,
            parameters,
            future,
            idempotent,
            statement.generic,
            self._ahead(statement, parameters),
        )
        if self._idle:
            self._idle.pop().send(call)
        else:
            self._submit([call])
        return await future

    async def fetch_many(
        self, calls: Sequence[tuple[Statement, Sequence[bytes | None]]], *, idempotent: bool = True
    ) -> list[list[Row] | DatabaseError]:
        """Execute the statements in one pipeline on one connection, each on its own: errors are outcomes."""
        loop = asyncio.get_running_loop()
        outcomes: list[list[Row] | DatabaseError | None] = [refusal(parameters) for _, parameters in calls]
        batch = [
            Call(
                statement.text,
                parameters,
                loop.create_future(),
                idempotent,
                statement.generic,
                self._ahead(statement, parameters),
            )
            for (statement, parameters), refused in zip(calls, outcomes, strict=True)
            if refused is None
        ]
        if batch:
            self._submit(batch)
        try:
            settled = iter([await _outcome(call) for call in batch])
        finally:
            for call in batch:
                if not call.future.cancel() and not call.future.cancelled():
                    call.future.exception()
        return [next(settled) if outcome is None else outcome for outcome in outcomes]

    def _ahead(self, statement: Statement, parameters: Sequence[bytes | None]) -> Preface | None:
        return None if self._before is None else self._before(statement, parameters)

    def _submit(self, batch: list[Call]) -> None:
        """Send the batch on the best connection, or queue it behind those already waiting."""
        if self._closed:
            _fail(batch, closed())
        elif not self._connections and self._given_up() and self._failure is not None:
            _fail(batch, self._failure)
            self._grow()
        else:
            self._queue.append(batch)
            self._drain()

    def _drain(self) -> None:
        """Send what waits, oldest first, as far as the connections have room."""
        queue = self._queue
        while queue:
            batch = [call for call in queue[0] if not call.future.done()]
            if batch:
                connection = self._choose(len(batch))
                if connection is None:
                    break
                queue.popleft()
                connection.send_many(batch)
            else:
                queue.popleft()

    def _choose(self, calls: int) -> Connection | None:
        """An idle connection, else the one with the least in flight, unless that is full."""
        if self._idle:
            return self._idle.pop()
        self._grow()
        if not self._connections:
            return None
        least = min(self._connections, key=lambda connection: len(connection.pending))
        return least if len(least.pending) + calls <= self._depth else None

    def _ready(self, connection: Connection) -> None:
        if not connection.pending:
            self._idle.append(connection)
        if self._queue:
            self._drain()

    def _lost(self, connection: Connection, calls: list[Call], error: DatabaseUnavailable) -> None:
        """Forget the connection; its idempotent calls wait for a fresh one: its siblings may be dead too."""
        if connection in self._connections:
            self._connections.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        for call in calls:
            if call.idempotent and not call.resent and not self._closed:
                call.resent = True
                call.renew()
                self._stranded.append(call)
            else:
                _fail([call], error)
        if self._stranded or self._queue:
            self._grow()

    def _grow(self) -> None:
        """Open connections in the background, one after the other, while they are wanted."""
        if self._wanted() and (self._opener is None or self._opener.done()):
            self._opener = asyncio.get_running_loop().create_task(self._open_wanted())

    def _wanted(self) -> bool:
        if self._closed or len(self._connections) >= self._size:
            return False
        return bool(self._stranded or self._queue) or not self._idle

    async def _open_wanted(self) -> None:
        loop = asyncio.get_running_loop()
        self._outage = None
        if self._stranded:
            # A server that lost one backend may be about to close the others: give it a moment.
            await asyncio.sleep(_FIRST_BACKOFF)
        while self._wanted():
            began = loop.time()
            try:
                connection = await self._connected()
            except DatabaseUnavailable as error:
                self._outage = began if self._outage is None else self._outage
                self._failure = error
                if self._given_up():
                    self._fail_waiting(error)
                await asyncio.sleep(self._backoff)
                self._backoff = min(self._backoff * 2, _LAST_BACKOFF)
            else:
                self._adopt(connection)

    def _given_up(self) -> bool:
        """Whether no connection could be made for longer than a caller is asked to wait."""
        now = asyncio.get_running_loop().time()
        return self._outage is not None and now - self._outage >= self._connect_timeout

    def _fail_waiting(self, error: DatabaseUnavailable) -> None:
        """Fail the calls that wait for a new connection; those that a live one will serve stay queued."""
        _fail(self._stranded, error)
        self._stranded = []
        if not self._connections:
            for batch in self._queue:
                _fail(batch, error)
            self._queue.clear()

    async def _connected(self) -> Connection:
        settings = {} if self._startup_options else self._settings
        return Connection(
            await connect(self._conninfo, settings, self._connect_timeout),
            prepared_limit=self._prepared_limit,
            silence=self._silence,
            traffic=self._traffic,
            on_ready=self._ready,
            on_lost=self._lost,
        )

    def _adopt(self, connection: Connection) -> None:
        """Put a new connection to work, first for the calls that lost theirs."""
        if self._closed:
            connection.close()
            raise closed()
        self._outage = self._failure = None
        self._backoff = _FIRST_BACKOFF
        self._connections.append(connection)
        stranded = [call for call in self._stranded if not call.future.done()]
        self._stranded = []
        if stranded:
            connection.send_many(stranded)
        else:
            self._idle.append(connection)
        self._drain()


def _settings(statement_timeout: float, more: Mapping[str, str] | None) -> dict[str, str]:
    return {
        "statement_timeout": str(round(statement_timeout * 1000)),
        "TimeZone": "UTC",
        "DateStyle": "ISO",
        "jit": "off",
        **(more or {}),
    }


async def _outcome(call: Call) -> list[Row] | DatabaseError:
    try:
        return await call.future
    except DatabaseError as error:
        return error


def _fail(calls: Sequence[Call], error: DatabaseUnavailable) -> None:
    for call in calls:
        if not call.future.done():
            call.future.set_exception(DatabaseUnavailable(error.sqlstate, error.message))
