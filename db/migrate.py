"""Brings a database to the newest schema, safely from several processes at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from db.calls import DatabaseUnavailable
from db.connecting import startup_conninfo
from db.policies import WallMissing, settle
from db.walls import OPERATOR_SETTING, Rls

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

CURRENT_REVISION_SQL = "SELECT version_num FROM alembic_version"
"""Reads the revision of a database; fails with 42P01 where none was ever applied."""

# Any constant works, as long as every process of every release uses the same one.
_LOCK = 0x6469707479636800

_OLDEST_SERVER = 150000

_FOLDER = Path(__file__).parent / "migrations"


class MigrationFailed(Exception):
    """The schema could not be brought up or down; the message is a sentence for the operator."""


@cache
def head() -> str:
    """Return the newest revision this release knows."""
    return max(path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def is_current(url: str) -> bool:
    """Tell whether the database at `url` has exactly the newest schema."""
    with connected(url) as connection:
        if connection.info.server_version < _OLDEST_SERVER:
            raise MigrationFailed("The database is too old: Diptych needs PostgreSQL 15 or newer.")
        return revision(connection) == head()


def upgrade(url: str, rls: Rls = Rls.WRITES) -> None:
    """Bring the database at `url` to the newest schema; others who race for it wait and then do nothing.

    Then settle the role that serves requests and how far reads are guarded (`db.policies`).

    `url` is a libpq connection string or a URL, with or without SQLAlchemy's `+psycopg`. Raises
    `MigrationFailed` when the database cannot be reached, is older than PostgreSQL 15, has a schema newer
    than this release, or lacks an extension, and where the role cannot be made.
    """
    # Nearly every start finds the schema current, and then need not pay for loading Alembic.
    if not is_current(url):
        _run(url, "upgrade", head())
    with connected(url) as connection:
        # Of several starts that find something to settle, one does it.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        try:
            settle(connection, rls)
        except WallMissing as error:
            raise MigrationFailed(str(error)) from None


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to `revision` (`base` for an empty one), losing the data it adds."""
    _run(url, "downgrade", revision)


def _run(url: str, command: str, target: str) -> None:
    from alembic import command as commands
    from alembic.util import CommandError

    with _locked(url) as connection:
        try:
            getattr(commands, command)(_config(connection), target)
        except CommandError as error:
            raise MigrationFailed(
                f"The schema cannot be changed: {error}. The database may have been migrated by a newer "
                "release; run that release, or restore a backup."
            ) from error
        except Exception as error:
            if isinstance(cause := getattr(error, "orig", None), errors.InsufficientPrivilege):
                raise MigrationFailed(
                    f"The database refuses a step of the migration: {cause.diag.message_primary}. Let its "
                    "owner run `diptych migrate`, and a superuser first run CREATE EXTENSION btree_gin and "
                    "CREATE EXTENSION pg_trgm where they are missing."
                ) from error
            if isinstance(cause, errors.FeatureNotSupported | errors.UndefinedFile):
                raise MigrationFailed(
                    f"The database lacks something that Diptych needs: {cause.diag.message_primary}. Install "
                    "PostgreSQL's contrib extensions btree_gin and pg_trgm on its server."
                ) from error
            raise


@contextmanager
def _locked(url: str) -> "Iterator[Connection]":
    from sqlalchemy import NullPool, create_engine, text

    engine = create_engine("postgresql+psycopg://", creator=lambda: connected(url), poolclass=NullPool)
    with engine.connect() as connection:
        # The lock belongs to the session and goes with it, however this process ends.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        yield connection


def _config(connection: "Connection") -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def connected(url: str) -> psycopg.Connection:
    """Return an operator's connection; raises MigrationFailed with a sentence."""
    try:
        # A migration that rewrites rows does so in every workspace.
        return psycopg.connect(operating(url), connect_timeout=10)
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split()).rstrip(".?")
        raise MigrationFailed(f"The database cannot be reached: {reason}.") from error
    except DatabaseUnavailable:
        raise MigrationFailed("The address of the database is malformed.") from None


def revision(connection: psycopg.Connection) -> str | None:
    """Return the revision of a database, None where none was ever applied."""
    try:
        row = connection.execute(CURRENT_REVISION_SQL).fetchone()
    except errors.UndefinedTable:
        return None
    return str(row[0]) if row else None


def operating(url: str) -> str:
    """Return the connection string of an operator, who may write in any workspace (`db.policies`)."""
    return startup_conninfo(conninfo(url), {OPERATOR_SETTING: "on"}, "diptych operator")


def conninfo(url: str) -> str:
    """Return `url` without SQLAlchemy's name of the driver, so that libpq understands it."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}" if separator and " " not in scheme else url
