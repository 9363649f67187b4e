"""One pipelined libpq connection: it sends calls in order and settles each with its own answer."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from psycopg import Error as LibpqError
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from db.calls import Call, DatabaseError, DatabaseUnavailable, Row, StatementTimeout, Traffic

_TUPLES = int(pq.ExecStatus.TUPLES_OK)
_COMMAND = int(pq.ExecStatus.COMMAND_OK)
_EMPTY = int(pq.ExecStatus.EMPTY_QUERY)
_SYNC = int(pq.ExecStatus.PIPELINE_SYNC)
_ABORTED = int(pq.ExecStatus.PIPELINE_ABORTED)
_FATAL = int(pq.ExecStatus.FATAL_ERROR)
_BAD = int(pq.ConnStatus.BAD)

# A schema change can give a prepared statement another result type, drop it, or leave it with parameter
# types that no longer fit; preparing the same text again heals all of these.
_STALE = frozenset({"0A000", "26000", "42883", "42804"})


_PLANNING = {
    True: b"SET plan_cache_mode = force_generic_plan",
    False: b"SET plan_cache_mode = auto",
}


class Connection:
    """A connected PGconn in pipeline mode, driven by the event loop's readiness callbacks.

    Every call ends with its own sync, so PostgreSQL gives each its own implicit transaction and an error
    never reaches a neighbour. Answers arrive in the order of sending: `pending` is all the bookkeeping.
    """

    def __init__(
        self,
        pgconn: PGconn,
        *,
        prepared_limit: int,
        traffic: Traffic,
        on_ready: "Callable[[Connection], None]",
        on_lost: "Callable[[Connection, list[Call], DatabaseUnavailable], None]",
    ) -> None:
        self.pending: deque[Call] = deque()
        self._traffic = traffic
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._fd = pgconn.socket
        self._prepared_limit = prepared_limit
        self._generic = False
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._stale: list[bytes] = []
        self._names = 0
        self._writing = False
        self._end: DatabaseUnavailable | None = None
        self._on_ready = on_ready
        self._on_lost = on_lost
        pgconn.nonblocking = 1
        pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._readable)

    @property
    def backend_pid(self) -> int:
        """The process id of the server's backend."""
        return self._pgconn.backend_pid

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
                name = self._prepared.get(call.text)
                call.reused = name is not None
                if name is None:
                    name = self._prepare(call)
                else:
                    self._prepared.move_to_end(call.text)
                call.name = name
                pgconn.send_query_prepared(name, call.parameters)
            else:
                pgconn.send_query_params(call.text.encode(), call.parameters)
            pgconn.pipeline_sync()
            if pgconn.flush() and not self._writing:
                self._writing = True
                self._loop.add_writer(self._fd, self._writable)
        except LibpqError as error:
            self._lose(_lost(str(error)))

    def close(self) -> None:
        """Close the socket; calls in flight fail with `DatabaseUnavailable`."""
        self._lose(DatabaseUnavailable("08003", "The database connection was closed."))

    def _plan_anew(self, call: Call) -> None:
        """Queue the change of the way of planning in the call's own pipeline segment."""
        self._generic = call.generic
        self._pgconn.send_query_params(_PLANNING[call.generic], None)
        call.preparing += 1

    def _prepare(self, call: Call) -> bytes:
        """Queue a Parse in the call's own pipeline segment, after closing what it displaces."""
        while len(self._prepared) >= self._prepared_limit:
            self._stale.append(self._prepared.popitem(last=False)[1])
        for old in self._stale:
            self._pgconn.send_close_prepared(old)
            call.preparing += 1
        self._stale.clear()
        self._names += 1
        name = b"d%d" % self._names
        self._pgconn.send_prepare(name, call.text.encode())
        call.preparing += 1
        self._prepared[call.text] = name
        return name

    def _writable(self) -> None:
        try:
            if not self._pgconn.flush():
                self._writing = False
                self._loop.remove_writer(self._fd)
        except LibpqError as error:
            self._lose(_lost(str(error)))

    def _readable(self) -> None:
        pgconn = self._pgconn
        pending = self.pending
        settled = False
        try:
            pgconn.consume_input()
            # An idle connection asks too: that is what hands notices to libpq.
            while not pgconn.is_busy() and pending:
                result = pgconn.get_result()
                if result is None:
                    if pgconn.status == _BAD:
                        self._lose(_lost(pgconn.get_error_message()))
                        return
                elif result.status == _SYNC:
                    settled = True
                    self._settle(pending.popleft())
                elif not self._accept(pending[0], result):
                    return
        except LibpqError as error:
            self._lose(_lost(str(error)))
            return
        if settled:
            self._on_ready(self)

    def _accept(self, call: Call, result: PGresult) -> bool:
        """Take one result for the call; False when it ended the connection."""
        status = result.status
        if status == _TUPLES:
            # The result of a cancelled call is read and dropped: the answers behind it stay in step.
            if not call.future.done():
                call.rows = _rows(result)
        elif status == _COMMAND:
            if call.preparing:
                call.preparing -= 1
        elif status == _FATAL:
            call.error = _error(result)
        elif status not in (_ABORTED, _EMPTY):
            call.error = DatabaseUnavailable("0A000", "COPY is not supported: the connection was closed.")
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
        stale = error.sqlstate in _STALE
        if (call.preparing or stale) and self._prepared.get(call.text) == call.name:
            del self._prepared[call.text]
            self._stale.append(call.name)
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

    def _blame(self, name: bytes, error: DatabaseError) -> None:
        """Give the calls already sent behind a failed Parse its error, not "does not exist"."""
        for call in self.pending:
            if call.name == name:
                call.unprepared = type(error)(error.sqlstate, error.message, error.constraint, error.detail)

    def _lose(self, error: DatabaseUnavailable) -> None:
        """Give the connection up and hand the calls in flight back."""
        if self._end is not None:
            return
        self._end = error
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pgconn.finish()
        calls = list(self.pending)
        self.pending.clear()
        self._on_lost(self, calls, error)


def _rows(result: PGresult) -> list[Row]:
    value = result.get_value
    if result.nfields == 1:
        return [(value(row, 0),) for row in range(result.ntuples)]
    columns = range(result.nfields)
    return [tuple([value(row, column) for column in columns]) for row in range(result.ntuples)]


def _error(result: PGresult) -> DatabaseError:
    """Turn an error result into an exception; a FATAL one means that the backend is gone."""
    field = result.error_field
    sqlstate = (field(pq.DiagnosticField.SQLSTATE) or b"08006").decode()
    message = field(pq.DiagnosticField.MESSAGE_PRIMARY)
    severity = field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    if severity is None or severity in (b"FATAL", b"PANIC"):
        reason = message.decode(errors="replace") if message else result.get_error_message()
        return DatabaseUnavailable(sqlstate, _lost(reason).message)
    constraint = field(pq.DiagnosticField.CONSTRAINT_NAME)
    detail = field(pq.DiagnosticField.MESSAGE_DETAIL)
    kind = StatementTimeout if sqlstate == "57014" else DatabaseError
    return kind(
        sqlstate,
        (message or b"").decode(errors="replace"),
        constraint.decode(errors="replace") if constraint else None,
        detail.decode(errors="replace") if detail else None,
    )


def _lost(reason: str) -> DatabaseUnavailable:
    first = reason.strip().partition("\n")[0].rstrip(".") or "no reason given"
    return DatabaseUnavailable("08006", f"The database connection was lost: {first}.")
