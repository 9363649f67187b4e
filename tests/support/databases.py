"""Further databases for a suite, copied from the migrated one, and further tables in them."""

import uuid

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import MetaData, create_engine

from db.embedded import Embedded
from db.walls import ROLE


def copied(postgres: Embedded, template: str) -> str:
    """Return the connection string of a fresh copy of the database named `template`."""
    name = f"copy_{uuid.uuid4().hex}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    return make_conninfo(postgres.dsn(), dbname=name)


def add_tables(database: str, metadata: MetaData) -> None:
    """Create tables that no migration knows, and let the role that serves requests use them."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database))
    metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(database) as connection:
        for name in metadata.tables:
            grant = sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {}")
            connection.execute(grant.format(sql.Identifier(name), sql.Identifier(ROLE)))
