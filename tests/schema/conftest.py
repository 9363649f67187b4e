"""The GraphQL surface on the seeded database."""

from collections.abc import AsyncIterator

import pytest

from db.embedded import Embedded
from tests.schema.asking import Asker, asking
from tests.support.databases import copied
from tests.support.seed import Seed, plant
from tests.support.stored import Stored


@pytest.fixture(scope="session")
async def gql(seed: Seed) -> AsyncIterator[Asker]:
    """Asks the surface as the holder of a token that reads all of workspace acme."""
    async with asking(seed) as asker:
        yield asker


@pytest.fixture(scope="session")
def written(postgres: Embedded, migrated_template: str) -> Seed:
    """The seeded rows of a database that tests write to: they make the rows that they change."""
    return plant(copied(postgres, migrated_template))


@pytest.fixture(scope="session")
def stored(written: Seed) -> Stored:
    """What that database holds."""
    return Stored(written.database)


@pytest.fixture(scope="session", params=[None, "executor"], ids=["compiled", "executor"])
async def shop(request: pytest.FixtureRequest, written: Seed) -> AsyncIterator[Asker]:
    """Asks that surface in both ways of execution; its mutations come from a token that may write."""
    async with asking(written, request.param) as asker:
        yield asker
