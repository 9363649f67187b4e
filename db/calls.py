"""What is asked of the database and what comes back: statements, calls, rows and errors."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Row = tuple[bytes | None, ...]
"""One row in text format, copied out of libpq's memory."""

_MAXIMUM_PARAMETERS = 65535


class DatabaseError(Exception):
    """A statement failed; `sqlstate` is PostgreSQL's five-character code.

    `constraint`, `table` and `column` are named by PostgreSQL where the error is about one.
    """

    def __init__(
        self,
        sqlstate: str,
        message: str,
        constraint: str | None = None,
        detail: str | None = None,
        table: str | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.constraint = constraint
        self.detail = detail
        self.table = table
        self.column = column

    def copy(self) -> Self:
        """The same error to raise elsewhere, without this one's traceback."""
        return type(self)(self.sqlstate, self.message, self.constraint, self.detail, self.table, self.column)


class DatabaseUnavailable(DatabaseError):
    """No answer could be had: the connection was lost or could not be made."""


class StatementTimeout(DatabaseError):
    """The statement was cancelled by PostgreSQL, as a rule for exceeding `statement_timeout`."""


class StatementStale(DatabaseError):
    """A statement prepared earlier no longer fits the schema; the next attempt prepares it anew.

    Raised inside transactions alone, where nothing is repeated unseen: run the transaction once more.
    """


@dataclass(frozen=True, slots=True)
class Statement:
    """A SQL text with `$1` placeholders, prepared once per connection; equal texts are the same statement.

    A `generic` statement is planned once for all values, where otherwise PostgreSQL decides by its own
    estimates, which leave out most of what planning costs. `workspace` is the place of the parameter that
    holds the caller's workspace. A statement that looks `across` workspaces asks before one is known, or for
    what must be unique among all of them.
    """

    text: str
    generic: bool = False
    workspace: int | None = None
    across: bool = False


Preface = tuple[Statement, Sequence[bytes | None]]
"""A statement that goes ahead of another one, in its transaction and round trip; its rows are ignored."""


class Call:
    """One execution of a statement and the future that receives its rows or its error."""

    __slots__ = (
        "error",
        "future",
        "generic",
        "idempotent",
        "name",
        "parameters",
        "preface",
        "preparing",
        "reprepared",
        "resent",
        "reused",
        "rows",
        "text",
        "unprepared",
    )

    def __init__(
        self,
        text: str,
        parameters: Sequence[bytes | None],
        future: asyncio.Future[list[Row]],
        idempotent: bool,
        generic: bool = False,
        preface: Preface | None = None,
    ) -> None:
        self.text = text
        self.preface = preface
        self.generic = generic
        self.parameters = parameters
        self.future = future
        self.idempotent = idempotent
        self.rows: list[Row] = []
        self.error: DatabaseError | None = None
        self.name = b""
        # Close and Parse messages of this call that are not answered yet.
        self.preparing = 0
        # Whether the statement had been prepared by an earlier call.
        self.reused = False
        # Why the earlier call that this one relied on could not prepare the statement.
        self.unprepared: DatabaseError | None = None
        # Whether the call was sent again, once for a stale statement and once for a lost connection.
        self.reprepared = False
        self.resent = False

    def renew(self) -> None:
        """Forget what was received, so that the call can be sent once more."""
        self.rows = []
        self.error = self.unprepared = None
        self.preparing = 0


class Traffic:
    """Counts what the connections of one driver sent."""

    __slots__ = ("round_trips", "statements")

    def __init__(self) -> None:
        self.statements = 0
        self.round_trips = 0


def refusal(parameters: Sequence[bytes | None]) -> DatabaseError | None:
    """What libpq would not report: it ends a text parameter silently at a zero byte."""
    for parameter in parameters:
        if parameter is not None and b"\0" in parameter:
            return DatabaseError("22021", "A text parameter contains a zero byte.")
    if len(parameters) > _MAXIMUM_PARAMETERS:
        return DatabaseError("54023", f"A statement takes at most {_MAXIMUM_PARAMETERS} parameters.")
    return None


def closed() -> DatabaseUnavailable:
    """The error of all that is asked of a closed driver."""
    return DatabaseUnavailable("08003", "The database driver is closed.")
