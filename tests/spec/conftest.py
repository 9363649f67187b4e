"""A second seeded workspace that tests write to, beside the one that they only read."""

from collections.abc import AsyncIterator, Callable

import pytest

from db.embedded import Embedded
from diptych.edge import Application
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant
from tests.support.stored import Stored
from tests.support.workshop import Workshop

FURTHER = {
    ("globex", "writer"): ("all:write",),
    ("acme", "second_writer"): ("all:write",),
    ("acme", "brand_writer"): ("brands:write",),
    ("acme", "brand_deleter"): ("brands:delete",),
    ("acme", "brand_reader"): ("brands:read",),
}
"""Scopes of further tokens."""


@pytest.fixture(scope="session")
def written(postgres: Embedded, migrated_template: str) -> Seed:
    """The seeded rows of a database that tests write to: they make the rows that they change."""
    return plant(copied(postgres, migrated_template), further=FURTHER)


@pytest.fixture(scope="session")
def stored(written: Seed) -> Stored:
    """What that database holds."""
    return Stored(written.database)


@pytest.fixture(scope="session")
async def open_to_writes(written: Seed) -> AsyncIterator[Application]:
    """The whole application on that database."""
    async with running(written.database) as started:
        yield started


@pytest.fixture(scope="session")
def shop(open_to_writes: Application, written: Seed) -> Client:
    """A client whose token writes everything in workspace acme."""
    return Client(open_to_writes, written.tokens["acme", "writer"])


Workshops = Callable[[], Workshop]
"""Makes a workspace that one test has to itself."""


@pytest.fixture(scope="session")
def workshops(open_to_writes: Application, written: Seed) -> Workshops:
    """What makes workspaces in the database that tests write to."""
    return lambda: Workshop(Client(open_to_writes), written.database)
