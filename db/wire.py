"""What every pipelined libpq connection does: wait for its socket, keep prepared names, end once."""

import asyncio
import select
from collections import OrderedDict

from psycopg import Error as LibpqError
from psycopg import pq
from psycopg.pq.abc import PGconn, PGresult

from db.calls import DatabaseError, DatabaseUnavailable, Row, StatementTimeout, Traffic

TUPLES = int(pq.ExecStatus.TUPLES_OK)
COMMAND = int(pq.ExecStatus.COMMAND_OK)
EMPTY = int(pq.ExecStatus.EMPTY_QUERY)
SYNC = int(pq.ExecStatus.PIPELINE_SYNC)
ABORTED = int(pq.ExecStatus.PIPELINE_ABORTED)
FATAL = int(pq.ExecStatus.FATAL_ERROR)
BAD = int(pq.ConnStatus.BAD)

# A schema change can give a prepared statement another result type, drop it, or leave it with parameter
# types that no longer fit; preparing the same text again heals all of these.
STALE = frozenset({"0A000", "26000", "42883", "42804"})

_LOOKS = 2


class Wire:
    """A connected PGconn in pipeline mode, driven by the event loop's readiness callbacks.

    A peer that owes an answer and brings nothing for `silence` seconds, or half as long again, is given up:
    what swallows an answer may well keep the connection alive.
    """

    def __init__(self, pgconn: PGconn, *, prepared_limit: int, silence: float, traffic: Traffic) -> None:
        self._traffic = traffic
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._fd = pgconn.socket
        self._prepared_limit = prepared_limit
        self._prepared: OrderedDict[str, bytes] = OrderedDict()
        self._stale: list[bytes] = []
        self._names = 0
        self._writing = False
        self._end: DatabaseUnavailable | None = None
        # Whatever is asked of it, it tells of a reset.
        self._resets = select.poll()
        self._resets.register(self._fd, 0)
        pgconn.nonblocking = 1
        pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._readable)
        self._silence = silence
        self._heard = 0
        self._owing: int | None = None
        self._looks = 0
        self._watch = self._loop.call_later(silence / _LOOKS, self._listen)

    @property
    def backend_pid(self) -> int:
        """The process id of the server's backend."""
        return self._pgconn.backend_pid

    def close(self) -> None:
        """Close the socket; calls in flight fail with `DatabaseUnavailable`."""
        self._lose(DatabaseUnavailable("08003", "The database connection was closed."))

    @property
    def _awaits(self) -> bool:
        """Whether answers are awaited."""
        raise NotImplementedError

    def _take(self) -> None:
        """Take what arrived."""
        raise NotImplementedError

    def _readable(self) -> None:
        """Take what arrived, down to the end of a connection that was reset.

        uvloop tells of a reset together with the last bytes, once, and watches the socket no longer.
        """
        awaited = self._awaits
        self._heard += 1
        self._take()
        if awaited and not self._awaits:
            return
        while self._end is None and self._resets.poll(0):
            self._take()

    def _listen(self) -> None:
        """Give the connection up if it has brought nothing since it was found owing an answer.

        It is looked at once in between, so that a process that was held up itself reads what came meanwhile.
        """
        looks = self._looks + 1 if self._awaits and self._heard == self._owing else 0
        if looks == _LOOKS:
            self._lose(lost(f"no answer for {self._silence:g} s"))
            return
        self._looks, self._owing = looks, self._heard if self._awaits else None
        self._watch = self._loop.call_later(self._silence / _LOOKS, self._listen)

    def _ended(self, error: DatabaseUnavailable) -> None:
        """Tell those that wait; called once."""
        raise NotImplementedError

    def _parse(self, text: str) -> tuple[bytes, list[bytes]]:
        """Queue a Parse behind the Closes of what it displaces; its name and theirs."""
        while len(self._prepared) >= self._prepared_limit:
            self._stale.append(self._prepared.popitem(last=False)[1])
        displaced, self._stale = self._stale, []
        for old in displaced:
            self._pgconn.send_close_prepared(old)
        self._names += 1
        name = b"d%d" % self._names
        self._pgconn.send_prepare(name, text.encode())
        self._prepared[text] = name
        return name, displaced

    def _sync(self) -> None:
        """End the pipeline segment and write as much as the socket takes."""
        self._pgconn.pipeline_sync()
        if self._pgconn.flush() and not self._writing:
            self._writing = True
            self._loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        try:
            if not self._pgconn.flush():
                self._writing = False
                self._loop.remove_writer(self._fd)
        except LibpqError as error:
            self._lose(lost(str(error)))

    def _lose(self, error: DatabaseUnavailable) -> None:
        """Give the connection up."""
        if self._end is not None:
            return
        self._end = error
        self._watch.cancel()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pgconn.finish()
        self._ended(error)


def rows_of(result: PGresult) -> list[Row]:
    """The rows of a result, copied out of libpq's memory."""
    value = result.get_value
    if result.nfields == 1:
        return [(value(row, 0),) for row in range(result.ntuples)]
    columns = range(result.nfields)
    return [tuple([value(row, column) for column in columns]) for row in range(result.ntuples)]


def error_of(result: PGresult) -> DatabaseError:
    """Turn an error result into an exception; a FATAL one means that the backend is gone."""
    sqlstate = _text(result, pq.DiagnosticField.SQLSTATE) or "08006"
    message = _text(result, pq.DiagnosticField.MESSAGE_PRIMARY)
    severity = _text(result, pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    if severity is None or severity in ("FATAL", "PANIC"):
        return DatabaseUnavailable(sqlstate, lost(message or result.get_error_message()).message)
    kind = StatementTimeout if sqlstate == "57014" else DatabaseError
    return kind(
        sqlstate,
        message or "",
        _text(result, pq.DiagnosticField.CONSTRAINT_NAME),
        _text(result, pq.DiagnosticField.MESSAGE_DETAIL),
        _text(result, pq.DiagnosticField.TABLE_NAME),
        _text(result, pq.DiagnosticField.COLUMN_NAME),
    )


def _text(result: PGresult, field: pq.DiagnosticField) -> str | None:
    value = result.error_field(field)
    return value.decode(errors="replace") if value else None


def lost(reason: str) -> DatabaseUnavailable:
    """The error of a connection that ended for this reason."""
    first = reason.strip().partition("\n")[0].rstrip(".") or "no reason given"
    return DatabaseUnavailable("08006", f"The database connection was lost: {first}.")


def refused_copy() -> DatabaseUnavailable:
    """The error of a connection that must be closed because a statement began to copy."""
    return DatabaseUnavailable("0A000", "COPY is not supported: the connection was closed.")
