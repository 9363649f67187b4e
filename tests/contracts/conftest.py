"""Tokens of one scope each, in a database of their own, since others compare theirs token by token."""

from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest

from db.embedded import Embedded
from diptych.edge import Application
from diptych.runtime import precheck_key
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, add_token, plant, settings

Holders = Callable[[str], Awaitable[Client]]


@pytest.fixture(scope="session")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    """The seeded rows."""
    return plant(copied(postgres, migrated_template))


@pytest.fixture(scope="session")
async def application(seed: Seed) -> AsyncIterator[Application]:
    """The whole application on that database."""
    async with running(seed.database) as started:
        yield started


@pytest.fixture(scope="session")
def api(application: Application, seed: Seed) -> Client:
    """A client whose token reads everything in workspace acme."""
    return Client(application, seed.tokens["acme", "reader"])


@pytest.fixture(scope="session")
def holders(api: Client, seed: Seed) -> Holders:
    """What returns a client whose token has one scope alone."""
    made: dict[str, Client] = {}

    async def holder(scope: str) -> Client:
        if scope not in made:
            with psycopg.connect(seed.database) as connection:
                own, key = seed.workspaces["acme"]["id"], precheck_key(settings(seed.database))
                made[scope] = api.using(add_token(connection, own, [scope], key))
        return made[scope]

    return holder
