"""One connection to oneself, for transactions: statements in order, several in one round trip."""

import asyncio
from collections.abc import Callable, Sequence

from psycopg import Error as LibpqError
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from db import wire
from db.calls import DatabaseError, DatabaseUnavailable, Row, Statement, StatementStale, Traffic, refusal

Calls = Sequence[tuple[Statement, Sequence[bytes | None]]]

_IDLE = int(pq.TransactionStatus.IDLE)


class Session(wire.Wire):
    """A connection that one task at a time has to itself; nothing it sends is ever sent again.

    The calls of one run share one sync: after an error PostgreSQL skips the rest of the run, so that nothing
    behind a failed BEGIN can take effect by itself, and a COMMIT behind an error is never reached.
    """

    def __init__(
        self,
        pgconn: PGconn,
        *,
        prepared_limit: int,
        silence: float,
        traffic: Traffic,
        on_stale: "Callable[[Session], None]",
        on_lost: "Callable[[Session, DatabaseUnavailable], None]",
    ) -> None:
        # Which schema the prepared statements were made for, as the pool counts.
        self.epoch = 0
        self._on_stale = on_stale
        self._on_lost = on_lost
        self._future: asyncio.Future[list[list[Row]]] | None = None
        self._calls: Calls = ()
        self._rows: list[list[Row]] = []
        self._error: DatabaseError | None = None
        self._answered = 0
        # What the results at these places of the run answer: a Parse (with its text) or a Close.
        self._preparing: dict[int, tuple[bytes, str | None]] = {}
        self._fresh: set[bytes] = set()
        super().__init__(pgconn, prepared_limit=prepared_limit, silence=silence, traffic=traffic)

    @property
    def ended(self) -> bool:
        """Whether the connection is gone."""
        return self._end is not None

    @property
    def pending(self) -> bool:
        """Whether answers are still awaited: also those to a run that was cancelled."""
        return self._future is not None

    @property
    def idle(self) -> bool:
        """Whether the connection lives, nothing is awaited and no transaction is open."""
        # libpq says "active" while answers are awaited and "unknown" once the connection is gone.
        return self._pgconn.transaction_status == _IDLE

    async def run(self, calls: Calls) -> list[list[Row]]:
        """Send the calls back to back as one round trip and return the rows of each.

        Raises the first `DatabaseError` in order once all answers arrived; the calls behind it were not
        executed. After `DatabaseUnavailable` it is unknown what was, a COMMIT included; after every other
        error no COMMIT at or behind the failing call took effect. `RuntimeError` when an earlier run is not
        answered yet.
        """
        if self._future is not None:
            raise RuntimeError("An earlier run of this session is not answered yet.")
        for _, parameters in calls:
            refused = refusal(parameters)
            if refused is not None:
                raise refused
        if self._end is not None:
            raise self._end.copy()
        if not calls:
            return []
        future: asyncio.Future[list[list[Row]]] = self._loop.create_future()
        self._future = future
        self._calls, self._rows, self._answered = calls, [], 0
        self._send(calls)
        return await future

    def forget(self) -> None:
        """Prepare every statement anew from now on."""
        self._stale.extend(self._prepared.values())
        self._prepared.clear()

    def _send(self, calls: Calls) -> None:
        self._traffic.round_trips += 1
        self._traffic.statements += len(calls)
        pgconn = self._pgconn
        prepared = self._prepared
        try:
            for place, (statement, parameters) in enumerate(calls):
                text = statement.text
                if not self._prepared_limit:
                    pgconn.send_query_params(text.encode(), parameters)
                    continue
                name = prepared.get(text)
                if name is None:
                    name = self._prepare(place, text)
                else:
                    prepared.move_to_end(text)
                pgconn.send_query_prepared(name, parameters)
            self._sync()
        except LibpqError as error:
            self._lose(wire.lost(str(error)))

    def _prepare(self, place: int, text: str) -> bytes:
        """Queue a Parse ahead of the call at this place, and remember which results will answer it."""
        name, displaced = self._parse(text)
        answers = self._preparing
        place += len(answers)
        for old in displaced:
            answers[place] = old, None
            place += 1
        answers[place] = name, text
        self._fresh.add(name)
        return name

    @property
    def _awaits(self) -> bool:
        return self._future is not None

    def _take(self) -> None:
        pgconn = self._pgconn
        try:
            pgconn.consume_input()
            # An idle connection asks too: that is what hands notices to libpq.
            while not pgconn.is_busy() and self._future is not None:
                result = pgconn.get_result()
                if result is None:
                    if pgconn.status == wire.BAD:
                        self._lose(wire.lost(pgconn.get_error_message()))
                        return
                elif result.status == wire.SYNC:
                    self._settle(self._future)
                elif not self._accept(result):
                    return
        except LibpqError as error:
            self._lose(wire.lost(str(error)))

    def _accept(self, result: PGresult) -> bool:
        """Take the next result of the run; False when it ended the connection."""
        status = result.status
        place = self._answered
        self._answered = place + 1
        if status == wire.TUPLES:
            if self._error is None:
                self._rows.append(wire.rows_of(result))
        elif status == wire.COMMAND or status == wire.EMPTY:
            self._complete(place, result)
        elif status == wire.FATAL:
            self._fail(place, wire.error_of(result))
        elif status != wire.ABORTED:
            self._error = wire.refused_copy()
        result.clear()
        if isinstance(self._error, DatabaseUnavailable):
            self._lose(self._error)
            return False
        return True

    def _complete(self, place: int, result: PGresult) -> None:
        """Take a result without rows: of a statement, or of a Parse or Close, which are then done with."""
        if self._preparing and place in self._preparing:
            # The places of later ones must not move: the entry stays, answered.
            self._preparing[place] = b"", None
        elif self._error is None:
            if result.command_status == b"ROLLBACK" and not self._rolls_back():
                self._error = DatabaseError("25P02", "The transaction had failed and was rolled back.")
            self._rows.append([])

    def _rolls_back(self) -> bool:
        text = self._calls[len(self._rows)][0].text
        return text.lstrip()[:8].lower().startswith(("rollback", "abort"))

    def _fail(self, place: int, error: DatabaseError) -> None:
        """Keep the run's first error; a stale statement, reused, is the pool's business too."""
        if self._error is not None and not isinstance(error, DatabaseUnavailable):
            return
        self._error = error
        if error.sqlstate not in wire.STALE or place in self._preparing:
            return
        if len(self._rows) == len(self._calls):
            # It was raised by the sync, that is by the commit of an implicit transaction.
            return
        name = self._prepared.get(self._calls[len(self._rows)][0].text)
        if name is not None and name not in self._fresh:
            self._error = StatementStale(error.sqlstate, error.message)
            self._on_stale(self)

    def _settle(self, future: asyncio.Future[list[list[Row]]]) -> None:
        """Give the run its answer; a future that is done was cancelled."""
        error, rows = self._error, self._rows
        self._future = self._error = None
        self._calls, self._rows = (), []
        if self._preparing:
            self._prune()
        if isinstance(error, StatementStale):
            self.forget()
        if future.done():
            return
        if error is None:
            future.set_result(rows)
        else:
            future.set_exception(error)

    def _prune(self) -> None:
        """Forget the Parses that failed or were skipped, and repeat the Closes that were."""
        for name, text in self._preparing.values():
            if text is not None:
                if self._prepared.get(text) == name:
                    del self._prepared[text]
            elif name:
                self._stale.append(name)
        self._preparing.clear()
        self._fresh.clear()

    def _ended(self, error: DatabaseUnavailable) -> None:
        future, self._future = self._future, None
        if future is not None and not future.done():
            future.set_exception(error)
        self._on_lost(self, error)
