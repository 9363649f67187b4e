"""Further databases for a suite: copies of the migrated one that live as long as the session's server."""

import uuid

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import Embedded


def copied(postgres: Embedded, template: str) -> str:
    """Return the connection string of a fresh copy of the database named `template`."""
    name = f"copy_{uuid.uuid4().hex}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    return make_conninfo(postgres.dsn(), dbname=name)
