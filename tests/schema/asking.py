"""Asks the GraphQL surface without a server, and counts what reached the database."""

import base64
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from diptych import runtime
from schema.endpoint import GraphQL, Response, Settings
from services.catalog import CATALOG
from services.engine.context import Caller
from services.engine.deployment import JudgedOperation
from services.engine.errors import Invalid
from tests.support.seed import Seed, settings


@dataclass(frozen=True, slots=True)
class Reply:
    """One response, the way it was executed, and what it cost the database."""

    response: Response
    way: str
    statements: int
    round_trips: int

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.response.body)

    @property
    def data(self) -> Any:
        """The data of a response without errors."""
        found = self.json
        assert "errors" not in found, found["errors"]
        return found["data"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors, each checked to be a whole problem (RFC 9457) with its code."""
        found: list[dict[str, Any]] = self.json["errors"]
        for error in found:
            problem = error["extensions"]["problem"]
            assert error["message"] == problem["detail"]
            assert error["extensions"]["code"] == problem["code"].upper().replace("-", "_")
            assert problem["instance"] == "/graphql"
            assert problem["request_id"] == "req-1"
            assert problem["type"].endswith(f"/problems/{problem['code']}")
        return found

    def refused(self, code: str, *named: str) -> dict[str, Any]:
        """The only error, of that code, after checking that it names the offending things."""
        (error,) = self.errors
        assert error["extensions"]["code"] == code, error
        for name in named:
            assert name in error["message"], error["message"]
        return error


class Asker:
    """Asks as the holder of one of the seed's tokens; `way` is the way of execution where none is named."""

    def __init__(self, running: runtime.Runtime, seed: Seed, way: str | None = None) -> None:
        self.running, self.seed, self.way = running, seed, way
        self.graphql = GraphQL(CATALOG, running.reader, running.writer, Settings(open_ways=True))

    async def caller(self, scopes: str = "reader", workspace: str = "acme") -> Caller:
        """Return an authenticated caller."""
        raw = self.seed.tokens[workspace, scopes]
        principal, digest = await self.running.authenticator.authenticate(raw)
        return Caller(principal, digest, "req-1", "/graphql", time.time())

    async def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        way: str | None = None,
        scopes: str = "reader",
        workspace: str = "acme",
        operation: str | None = None,
        key: str | None = None,
    ) -> Reply:
        """Ask by POST, in JSON."""
        body = {"query": query, "variables": variables, "operationName": operation}
        return await self.send(orjson.dumps(body), way=way, scopes=scopes, workspace=workspace, key=key)

    async def mutate(
        self, query: str, variables: dict[str, Any] | None = None, *, scopes: str = "writer", **more: Any
    ) -> Any:
        """Return what a document's only mutation answers, with no errors beside it."""
        reply = await self.ask(query, variables, scopes=scopes, **more)
        assert reply.response.status == 200
        assert reply.way in ("executor", self.way or "compiled")
        (found,) = reply.data.values()
        return found

    async def send(
        self,
        body: bytes,
        *,
        method: str = "POST",
        raw_query: bytes = b"",
        accept: str | None = None,
        way: str | None = None,
        scopes: str = "reader",
        workspace: str = "acme",
        key: str | None = None,
    ) -> Reply:
        """Send a request as it is; `key` is the header Idempotency-Key."""
        caller = await self.caller(scopes, workspace)
        driver = self.running.driver
        statements, round_trips = driver.statements_sent, driver.round_trips
        response = await self.graphql.answer(
            caller,
            method,
            content_type="application/json",
            accept=accept,
            raw_query=raw_query,
            body=body,
            way=way or self.way,
            idempotency_key=key,
        )
        told = dict(response.headers).get(b"x-diptych-execution", b"").decode()
        return Reply(response, told, driver.statements_sent - statements, driver.round_trips - round_trips)


@asynccontextmanager
async def asking(seed: Seed, way: str | None = None) -> AsyncIterator[Asker]:
    """Open the parts of a server on a seeded database; `way` forces the executor."""

    async def judge(text: str) -> JudgedOperation | Sequence[Invalid]:
        return await asker.graphql.judge(text)

    running = runtime.build(settings(seed.database), seed.database, CATALOG, judge)
    asker = Asker(running, seed, way)
    await running.driver.open()
    try:
        yield asker
    finally:
        await running.driver.close()


def global_id(type_: str, id_: Any) -> str:
    """Return a Relay global id."""
    return base64.b64encode(f"{type_}:{id_}".encode()).decode()
