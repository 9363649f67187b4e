"""What is asked of the database and what comes back: statements, calls, rows and errors."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

Row = tuple[bytes | None, ...]
"""One row in text format, copied out of libpq's memory."""


class DatabaseError(Exception):
    """A statement failed; `sqlstate` is PostgreSQL's five-character code."""

    def __init__(
        self, sqlstate: str, message: str, constraint: str | None = None, detail: str | None = None
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.constraint = constraint
        self.detail = detail


class DatabaseUnavailable(DatabaseError):
    """No answer could be had: the connection was lost or could not be made."""


class StatementTimeout(DatabaseError):
    """The statement was cancelled by PostgreSQL, as a rule for exceeding `statement_timeout`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A SQL text with `$1` placeholders, prepared once per connection; equal texts are the same statement.

    A `generic` statement is planned once for all values, where otherwise PostgreSQL decides by its own
    estimates, which leave out most of what planning costs.
    """

    text: str
    generic: bool = False


class Call:
    """One execution of a statement and the future that receives its rows or its error."""

    __slots__ = (
        "error",
        "future",
        "generic",
        "idempotent",
        "name",
        "parameters",
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
    ) -> None:
        self.text = text
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
