"""Execution of query trees: the only place that fills in the workspace and the token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from db import cursors
from db.compile import compile_query
from db.driver import DatabaseError, Driver, Row, Statement
from db.planning import generic
from db.query import Query


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement and where each of its parameters comes from: a slot or a system value's name."""

    statement: Statement
    sources: tuple[int | str, ...]


class Call(NamedTuple):
    """One execution: a prepared query and its encoded slots."""

    prepared: Prepared
    slots: Sequence[bytes | None]


class Database:
    """Runs queries inside one caller's workspace."""

    def __init__(self, driver: Driver, cursor_key: bytes) -> None:
        self.driver = driver
        inner, outer = cursors.key_pads(cursor_key)
        self._inner, self._outer = b"\\x" + inner.hex().encode(), b"\\x" + outer.hex().encode()

    def prepare(self, query: Query, sizes: tuple[tuple[int, int], ...] = ()) -> Prepared:
        """Return the statement of `query` for these page sizes; do this once per plan, not per request."""
        compiled = compile_query(query, sizes)
        return Prepared(Statement(compiled.text, generic(query)), compiled.sources)

    async def run(self, call: Call, workspace: str, token: str) -> list[Row]:
        """Return the rows of one query; raises DatabaseError."""
        return await self.driver.fetch(call.prepared.statement, self._parameters(call, workspace, token))

    async def run_many(
        self, calls: Sequence[Call], workspace: str, token: str
    ) -> list[list[Row] | DatabaseError]:
        """Return the rows, or the error, of each query; all in one round trip."""
        return await self.driver.fetch_many(
            [(call.prepared.statement, self._parameters(call, workspace, token)) for call in calls]
        )

    def _parameters(self, call: Call, workspace: str, token: str) -> list[bytes | None]:
        system = {
            "workspace": workspace.encode(),
            "token": token.encode(),
            "cursor_inner": self._inner,
            "cursor_outer": self._outer,
        }
        slots = call.slots
        return [
            slots[source] if type(source) is int else system[source]  # type: ignore[index]  # The type test narrows both.
            for source in call.prepared.sources
        ]
