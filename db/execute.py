"""Execution of query trees: the only place that fills in the workspace and the token."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from db import cursors
from db.calls import Preface
from db.compile import Compiled, compile_query
from db.driver import DatabaseError, Driver, Row, Statement
from db.planning import generic
from db.query import Query
from db.sessions import Session
from db.walls import Wall

BEGIN, COMMIT = Statement("BEGIN"), Statement("COMMIT")
_WALL = Wall()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement and where each of its parameters comes from: a slot or a system value's name."""

    statement: Statement
    sources: tuple[int | str, ...]


class Call(NamedTuple):
    """One execution: a prepared query and its encoded slots."""

    prepared: Prepared
    slots: Sequence[bytes | None]


def prepared(compiled: Compiled) -> Prepared:
    """Return a compiled statement, to be run in a transaction, whose connections plan it once."""
    return Prepared(_statement(compiled), compiled.sources)


def _statement(compiled: Compiled, *, generic: bool = False) -> Statement:
    sources = compiled.sources
    return Statement(compiled.text, generic, sources.index("workspace") if "workspace" in sources else None)


class Database:
    """Runs queries inside one caller's workspace."""

    def __init__(self, driver: Driver, cursor_key: bytes, wall: Wall = _WALL) -> None:
        self.driver, self._wall = driver, wall
        inner, outer = cursors.key_pads(cursor_key)
        self._inner, self._outer = b"\\x" + inner.hex().encode(), b"\\x" + outer.hex().encode()

    def prepare(self, query: Query, sizes: tuple[tuple[int, int], ...] = ()) -> Prepared:
        """Return the statement of `query` for these page sizes; do this once per plan, not per request."""
        compiled = compile_query(query, sizes)
        return Prepared(_statement(compiled, generic=generic(query)), compiled.sources)

    async def run(
        self, call: Call, workspace: str, token: str | None, *, idempotent: bool = True
    ) -> list[Row]:
        """Return the rows of one query; raises DatabaseError.

        One that is not `idempotent` is never sent twice, whatever becomes of the connection.
        """
        parameters = self._parameters(call, workspace, token)
        return await self.driver.fetch(call.prepared.statement, parameters, idempotent=idempotent)

    async def run_many(
        self, calls: Sequence[Call], workspace: str, token: str
    ) -> list[list[Row] | DatabaseError]:
        """Return the rows, or the error, of each query; all in one round trip."""
        return await self.driver.fetch_many(
            [(call.prepared.statement, self._parameters(call, workspace, token)) for call in calls]
        )

    @asynccontextmanager
    async def transaction(self, workspace: str, token: str | None) -> AsyncIterator["Transaction"]:
        """Lend a connection of one's own to write with; whoever acts without a token has none."""
        async with self.driver.sessions.lease() as session:
            bind = partial(self._parameters, token=token)
            yield Transaction(session, bind, self._wall, workspace)

    def _parameters(self, call: Call, workspace: str, token: str | None) -> list[bytes | None]:
        system = {
            "workspace": workspace.encode(),
            "token": None if token is None else token.encode(),
            "cursor_inner": self._inner,
            "cursor_outer": self._outer,
        }
        slots = call.slots
        return [
            slots[source] if type(source) is int else system[source]  # type: ignore[index]  # The type test narrows both.
            for source in call.prepared.sources
        ]


class Transaction:
    """Statements of one caller that come to pass together or not at all.

    It begins with the first statement, in the same round trip; unless it is committed, nothing stays.
    """

    def __init__(
        self,
        session: Session,
        bind: Callable[[Call, str], list[bytes | None]],
        wall: Wall,
        workspace: str,
    ) -> None:
        self._session, self._bind_in, self._wall, self._workspace = session, bind, wall, workspace
        self._waiting: list[tuple[Statement, Sequence[bytes | None]]] = [(BEGIN, ()), self._opening()]
        self.committing = False

    @contextmanager
    def within(self, workspace: str) -> Iterator[None]:
        """Act in another workspace meanwhile; nothing but the rule keeps the caller out of it."""
        own, self._workspace = self._workspace, workspace
        self._waiting.append(self._opening())
        try:
            yield
        finally:
            self._workspace = own
            self._waiting.append(self._opening())

    def defer(self, call: Call) -> None:
        """Send a statement without an answer together with the next ones."""
        self._waiting.append((call.prepared.statement, self._bind(call)))

    async def run(self, *calls: Call) -> list[list[Row]]:
        """Return the rows of each statement, all in one round trip; raises the first DatabaseError."""
        sent, self._waiting, places = self._waiting, [], []
        for call in calls:
            around = self._wall.around(call.prepared.statement)
            sent += [around[0]] if around else []
            places.append(len(sent))
            sent.append((call.prepared.statement, self._bind(call)))
            sent += [around[1]] if around else []
        found = await self._session.run(sent)
        return [found[place] for place in places]

    async def commit(self, *calls: Call) -> None:
        """Run these and make all of it last; if the connection is lost now, nobody knows whether it does."""
        bound = [(call.prepared.statement, self._bind(call)) for call in calls]
        self.committing = True
        await self._session.run([*self._waiting, *bound, (COMMIT, ())])
        self._waiting = []

    def _bind(self, call: Call) -> list[bytes | None]:
        return self._bind_in(call, self._workspace)

    def _opening(self) -> Preface:
        return self._wall.opening(self._workspace.encode())
