"""Tokens of one scope each."""

from collections.abc import Awaitable, Callable

import psycopg
import pytest

from diptych.runtime import precheck_key
from tests.support.client import Client
from tests.support.seed import Seed, add_token, settings

Holders = Callable[[str], Awaitable[Client]]


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
