"""A seeded application that the tests of rules write to: each makes the rows that it changes."""

from collections.abc import AsyncIterator

import pytest

from db.embedded import Embedded
from diptych.edge import Application
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant
from tests.support.stored import Stored

FURTHER = {
    ("globex", "writer"): ("all:write",),
    ("acme", "order_writer"): ("orders:write", "order_items:write"),
}
"""Scopes of further tokens."""


@pytest.fixture(scope="session")
def traded(postgres: Embedded, migrated_template: str) -> Seed:
    """The rows that the database holds at first."""
    return plant(copied(postgres, migrated_template), further=FURTHER)


@pytest.fixture(scope="session")
def stored(traded: Seed) -> Stored:
    """What the database holds now."""
    return Stored(traded.database)


@pytest.fixture(scope="session")
async def trading(traded: Seed) -> AsyncIterator[Application]:
    """The whole application on that database."""
    async with running(traded.database) as started:
        yield started


@pytest.fixture(scope="session")
def shop(trading: Application, traded: Seed) -> Client:
    """A client whose token writes everything in workspace acme."""
    return Client(trading, traded.tokens["acme", "writer"])


@pytest.fixture(scope="session")
def stranger(trading: Application, traded: Seed) -> Client:
    """A client whose token writes everything in workspace globex."""
    return Client(trading, traded.tokens["globex", "writer"])
