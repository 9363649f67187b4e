"""One pair of twins for the whole session, of the shipped catalogue."""

from collections.abc import AsyncIterator

import pytest

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.parity.writing.twins import Twins, twins


@pytest.fixture(scope="session")
async def shop(postgres: Embedded, migrated_template: str) -> AsyncIterator[Twins]:
    """The shipped catalogue over two databases."""
    async with twins(postgres, migrated_template, CATALOG) as made:
        yield made
