"""What a database is like, for whoever asks whether a server will do well with it; nothing is changed."""

import time
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from db.migrate import connected, revision
from db.policies import findings
from db.walls import Rls

EXTENSIONS = frozenset({"btree_gin", "pg_trgm"})
_REDIS_SECONDS = 2.0

_SERVER: LiteralString = """
    SELECT current_setting('server_version'), pg_encoding_to_char(encoding),
           (SELECT array_agg(extname::text) FROM pg_extension),
           (SELECT rolsuper FROM pg_roles WHERE rolname = session_user),
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true)::int, 0),
           current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean
    FROM pg_database WHERE datname = current_database()
"""
_INVALID: LiteralString = """
    SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
    UNION ALL
    SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """A database as it is: `skew` are the seconds that its clock is ahead of this machine's.

    `version` is PostgreSQL's number (150004 for 15.4), `connections` how many of them servers may open,
    `invalid` the indexes and constraints that hold nothing, and `wall` what is wrong with its policies.
    """

    version: int
    version_text: str
    encoding: str
    extensions: frozenset[str]
    superuser: bool
    connections: int
    durable: bool
    skew: float
    revision: str | None
    invalid: tuple[str, ...]
    wall: tuple[str, ...]


def inspect(url: str, rls: Rls) -> Facts:
    """Return what there is to know of a database; raises MigrationFailed if it cannot be reached."""
    with connected(url) as connection:
        connection.read_only = True
        text, encoding, extensions, superuser, connections, durable = _row(connection, _SERVER)
        applied = revision(connection)
        connection.rollback()
        invalid = connection.execute(_INVALID).fetchall()
        return Facts(
            connection.info.server_version,
            str(text).partition(" ")[0],
            encoding,
            frozenset(extensions or ()),
            superuser,
            connections,
            durable,
            _skew(connection),
            applied,
            tuple(name for (name,) in invalid),
            tuple(findings(connection, rls)) if applied is not None else (),
        )


def redis_fault(url: str) -> str | None:
    """Return why the Redis at `url` does not answer, None if it does."""
    from redis import Redis, RedisError

    try:
        with Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        ) as client:
            client.ping()
    except (RedisError, ValueError, OSError) as error:
        return str(error).strip().rstrip(".") or type(error).__name__
    return None


def _row(connection: psycopg.Connection, query: LiteralString) -> tuple[Any, ...]:
    found = connection.execute(query).fetchone()
    return found if found is not None else ()


def _skew(connection: psycopg.Connection) -> float:
    """Return how far the database's clock is ahead, give or take half the time that asking takes."""
    before = time.time()
    (theirs,) = _row(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
    return float(theirs) - (before + time.time()) / 2
