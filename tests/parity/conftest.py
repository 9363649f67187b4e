"""One world for the whole session, of the shipped catalogue; no test here changes its rows."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.parity.world import World, opened
from tests.support.databases import copied


@pytest.fixture(scope="session")
async def world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """The shipped catalogue over a database of its own."""
    async with opened(copied(postgres, migrated_template), CATALOG) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_fails_unexpectedly(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test during which the server logged an error: nothing that is asked here may."""
    yield
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, errors
