"""One pipelined libpq connection: it sends calls in order and settles each with its own answer."""

from collections import deque
from collections.abc import Callable, Sequence

from psycopg import Error as LibpqError
from psycopg.pq.abc import PGconn, PGresult

from db import wire
from db.calls import Call, DatabaseError, DatabaseUnavailable, Statement, Traffic

_PLANNING = {
    True: b"SET plan_cache_mode = force_generic_plan",
    False: b"SET plan_cache_mode = auto",
}


class Connection(wire.Wire):
    """A connection that independent single statements share.

    Every call ends with its own sync, so PostgreSQL gives each its own implicit transaction and an error
    never reaches a neighbour. Answers arrive in the order of sending: `pending` is all the bookkeeping.
    """

    def __init__(
        self,
        pgconn: PGconn,
        *,
        prepared_limit: int,
        silence: float,
        traffic: Traffic,
        on_ready: "Callable[[Connection], None]",
        on_lost: "Callable[[Connection, list[Call], DatabaseUnavailable], None]",
    ) -> None:
        self.pending: deque[Call] = deque()
        self._generic = False
        self._on_ready = on_ready
        self._on_lost = on_lost
        super().__init__(pgconn, prepared_limit=prepared_limit, silence=silence, traffic=traffic)

    def send(self, call: Call) -> None:
        """Send one call now; its future is settled by a later readiness callback."""
        self._traffic.round_trips += 1
        self._send(call)

    def send_many(self, calls: Sequence[Call]) -> None:
        """Send the calls back to back, as one round trip."""
        self._traffic.round_trips += 1
        for call in calls:
            self._send(call)

    def _send(self, call: Call) -> None:
        if self._end is not None:
            self._on_lost(self, [call], self._end)
            return
        self._traffic.statements += 1
        pgconn = self._pgconn
        self.pending.append(call)
        try:
            if self._prepared_limit:
                if call.generic is not self._generic:
                    self._plan_anew(call)
                if call.preface is not None:
                    self._introduce(call, *call.preface)
                name = self._prepared.get(call.text)
                call.reused = name is not None
                if name is None:
                    name = self._prepare(call, call.text)
                else:
                    self._prepared.move_to_end(call.text)
                call.name = name
                pgconn.send_query_prepared(name, call.parameters)
            else:
                if call.preface is not None:
                    pgconn.send_query_params(call.preface[0].text.encode(), call.preface[1])
                pgconn.send_query_params(call.text.encode(), call.parameters)
            self._sync()
        except LibpqError as error:
            self._lose(wire.lost(str(error)))

    def _plan_anew(self, call: Call) -> None:
        """Queue the change of the way of planning in the call's own pipeline segment."""
        self._generic = call.generic
        self._pgconn.send_query_params(_PLANNING[call.generic], None)
        call.preparing += 1

    def _introduce(self, call: Call, statement: Statement, parameters: Sequence[bytes | None]) -> None:
        """Queue what goes ahead in the call's own pipeline segment; the rows behind it replace its own."""
        name = self._prepared.get(statement.text) or self._prepare(call, statement.text)
        self._prepared.move_to_end(statement.text)
        self._pgconn.send_query_prepared(name, parameters)

    def _prepare(self, call: Call, text: str) -> bytes:
        """Queue a Parse in the call's own pipeline segment, after closing what it displaces."""
        name, displaced = self._parse(text)
        call.preparing += 1 + len(displaced)
        return name

    @property
    def _awaits(self) -> bool:
        return bool(self.pending)

    def _take(self) -> None:
        pgconn = self._pgconn
        pending = self.pending
        settled = False
        try:
            pgconn.consume_input()
            # An idle connection asks too: that is what hands notices to libpq.
            while not pgconn.is_busy() and pending:
                result = pgconn.get_result()
                if result is None:
                    if pgconn.status == wire.BAD:
                        self._lose(wire.lost(pgconn.get_error_message()))
                        return
                elif result.status == wire.SYNC:
                    settled = True
                    self._settle(pending.popleft())
                elif not self._accept(pending[0], result):
                    return
        except LibpqError as error:
            self._lose(wire.lost(str(error)))
            return
        if settled:
            self._on_ready(self)

    def _accept(self, call: Call, result: PGresult) -> bool:
        """Take one result for the call; False when it ended the connection."""
        status = result.status
        if status == wire.TUPLES:
            # The result of a cancelled call is read and dropped: the answers behind it stay in step.
            if not call.future.done():
                call.rows = wire.rows_of(result)
        elif status == wire.COMMAND:
            if call.preparing:
                call.preparing -= 1
        elif status == wire.FATAL:
            call.error = wire.error_of(result)
        elif status not in (wire.ABORTED, wire.EMPTY):
            call.error = wire.refused_copy()
            call.idempotent = False
        result.clear()
        if isinstance(call.error, DatabaseUnavailable):
            self._lose(call.error)
            return False
        return True

    def _settle(self, call: Call) -> None:
        """Give the call at the head of the pipeline its answer, or send it once more."""
        error = call.error
        if error is None:
            if not call.future.done():
                call.future.set_result(call.rows)
            return
        if call.preparing:
            self._blame(call.name, error)
        stale = error.sqlstate in wire.STALE
        if call.preparing or stale:
            self._discard(call)
        if call.future.done():
            return
        if call.unprepared is not None:
            call.future.set_exception(call.unprepared)
        elif stale and call.reused and not call.reprepared:
            call.reprepared = True
            call.renew()
            self.send(call)
        else:
            call.future.set_exception(error)

    def _discard(self, call: Call) -> None:
        """Prepare anew, from now on, what this call could not have executed."""
        if self._prepared.get(call.text) == call.name:
            del self._prepared[call.text]
            self._stale.append(call.name)
        if call.preface is not None and (name := self._prepared.pop(call.preface[0].text, None)) is not None:
            self._stale.append(name)

    def _blame(self, name: bytes, error: DatabaseError) -> None:
        """Give the calls already sent behind a failed Parse its error, not "does not exist"."""
        for call in self.pending:
            if call.name == name:
                call.unprepared = error.copy()

    def _ended(self, error: DatabaseUnavailable) -> None:
        """Hand the calls in flight back."""
        calls = list(self.pending)
        self.pending.clear()
        self._on_lost(self, calls, error)
