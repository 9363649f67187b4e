"""A seeded database that attackers are let loose on, and what must never change in it."""

from collections.abc import AsyncIterator

import pytest

from db.embedded import Embedded
from diptych.edge import Application
from tests.attacks.arena import Arena
from tests.attacks.wire import Wire, serving
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant

ADMINS = {
    (slug, name): ("all:write",) for slug in ("acme", "globex") for name in ("writer", "owner", "fuzzer")
}
"""Tokens that may do everything in their workspace, several each, so that no one is the last."""


@pytest.fixture(scope="session")
def ground(postgres: Embedded, migrated_template: str) -> Seed:
    """The rows of both workspaces."""
    return plant(copied(postgres, migrated_template), further=ADMINS)


@pytest.fixture(scope="session")
async def besieged(ground: Seed) -> AsyncIterator[Application]:
    """The whole application on that database."""
    async with running(ground.database) as started:
        yield started


@pytest.fixture(scope="session")
def arena(besieged: Application, ground: Seed) -> Arena:
    """The attackers' view of both workspaces."""
    return Arena(Client(besieged), ground)


@pytest.fixture(scope="session")
async def wire(besieged: Application) -> AsyncIterator[Wire]:
    """The same application behind a real socket."""
    async with serving(besieged) as started:
        yield started
