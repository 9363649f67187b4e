"""The whole application behind a real socket, and the official client in both revisions of the protocol."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.streamable_http import streamable_http_client

from db.embedded import Embedded
from diptych.edge import Application
from tests.attacks.wire import serving
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant
from tests.support.stored import Stored
from tests.support.workshop import Workshop

REVISIONS = {"2026-07-28": "auto", "2025-11-25": "legacy"}
"""The modes of the official client by the revision that it speaks in them."""

FURTHER = {
    ("globex", "writer"): ("all:write",),
    ("acme", "brand_reader"): ("brands:read",),
    ("acme", "agent"): ("mcp:write", "brands:read"),
    ("acme", "looker"): ("mcp:read", "products:read"),
}
"""Scopes of further tokens."""

Agents = Callable[[str], AbstractAsyncContextManager[McpClient]]
"""Connects the official client with a token."""


@pytest.fixture(scope="session")
def written(postgres: Embedded, migrated_template: str) -> Seed:
    """The seeded rows of a database that tests write to."""
    return plant(copied(postgres, migrated_template), further=FURTHER)


@pytest.fixture(scope="session")
def stored(written: Seed) -> Stored:
    """What that database holds."""
    return Stored(written.database)


@pytest.fixture(scope="session")
async def served(written: Seed) -> AsyncIterator[Application]:
    """The whole application on that database."""
    async with running(written.database) as started:
        yield started


@pytest.fixture(scope="session")
def shop(served: Application, written: Seed) -> Client:
    """A client of REST whose token writes everything in workspace acme."""
    return Client(served, written.tokens["acme", "writer"])


@pytest.fixture(scope="session")
def workshops(served: Application, written: Seed) -> Callable[[], Workshop]:
    """What makes workspaces in that database."""
    return lambda: Workshop(Client(served), written.database)


@pytest.fixture(scope="session")
async def address(served: Application) -> AsyncIterator[str]:
    """Where the application listens."""
    async with serving(served) as wire:
        yield f"http://127.0.0.1:{wire.port}"


@pytest.fixture(scope="session", params=REVISIONS)
def agents(request: pytest.FixtureRequest, address: str) -> Agents:
    """What connects the official client, in each revision."""
    return connecting(address, request.param)


def connecting(address: str, revision: str) -> Agents:
    """Return what connects the official client in one revision."""

    @asynccontextmanager
    async def connect(token: str) -> AsyncIterator[McpClient]:
        async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as http:
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with McpClient(transport, mode=REVISIONS[revision]) as client:
                yield client

    return connect
