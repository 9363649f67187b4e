"""The real PostgreSQL that the tests run against."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import Embedded, start
from db.migrate import upgrade
from diptych.edge import Application
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import Seed, plant

KEPT_POSTGRES, TEMPLATE = "DIPTYCH_TEST_POSTGRES", "migrated_template"
"""Names the folder of a server that many short sessions use in turn; it holds the migrated database."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Embedded]:
    """A server for this session alone, gone with its folder afterwards."""
    kept = os.environ.get(KEPT_POSTGRES)
    if kept is not None:
        with start(Path(kept), durable=False) as server:
            _sweep(server)
            yield server
        return
    # pytest's own temporary folders are closed to the account that runs the server for root.
    folder = Path(tempfile.mkdtemp(prefix="diptych-test-"))
    folder.chmod(0o755)
    with start(folder, durable=False) as server:
        yield server
    shutil.rmtree(folder)


@pytest.fixture
def empty_database(postgres: Embedded) -> Iterator[str]:
    """The connection string of a fresh database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield make_conninfo(postgres.dsn(), dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def migrated_template(postgres: Embedded) -> str:
    """The name of a database that was migrated once, to be copied."""
    if KEPT_POSTGRES in os.environ:
        return TEMPLATE
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    upgrade(make_conninfo(postgres.dsn(), dbname=TEMPLATE))
    return TEMPLATE


def _sweep(server: Embedded) -> None:
    """Drop the databases that an earlier session has left."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        left = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^(copy|test)_'")
        for (name,) in left.fetchall():
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres: Embedded, migrated_template: str) -> Iterator[str]:
    """The connection string of a fresh database with the newest schema, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(migrated_template)))
        yield make_conninfo(postgres.dsn(), dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    """The seeded rows of a database for the whole session: tests only read it."""
    return plant(copied(postgres, migrated_template))


@pytest.fixture(scope="session")
async def application(seed: Seed) -> AsyncIterator[Application]:
    """The whole application on the seeded database."""
    async with running(seed.database) as started:
        yield started


@pytest.fixture(scope="session")
def api(application: Application, seed: Seed) -> Client:
    """A client whose token reads everything in workspace acme."""
    return Client(application, seed.tokens["acme", "reader"])
