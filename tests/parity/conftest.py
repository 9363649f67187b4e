"""One world for the whole session, of the shipped catalogue; no test here changes its rows."""

import logging
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import Embedded
from services.catalog import CATALOG
from tests.parity.world import World, opened


@pytest.fixture(scope="session")
async def world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """The shipped catalogue over a database of its own."""
    copy = sql.SQL("CREATE DATABASE parity TEMPLATE {} STRATEGY wal_log")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(migrated_template)))
    async with opened(make_conninfo(postgres.dsn(), dbname="parity"), CATALOG) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_fails_unexpectedly(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test during which the server logged an error: nothing that is asked here may."""
    yield
    errors = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, errors
