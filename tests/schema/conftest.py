"""The GraphQL surface on the seeded database."""

from collections.abc import AsyncIterator

import pytest

from tests.schema.asking import Asker, asking
from tests.support.seed import Seed


@pytest.fixture(scope="session")
async def gql(seed: Seed) -> AsyncIterator[Asker]:
    """Asks the surface as the holder of a token that reads all of workspace acme."""
    async with asking(seed) as asker:
        yield asker
