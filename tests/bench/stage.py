"""Where a run takes place: a filled database on one core, the other core left to the servers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from db.embedded import Embedded
from tests.bench import data, meter
from tests.bench.targets import ROOT

FOLDER = ROOT / ".diptych" / "bench"
SERVER_CORE = 0
DATABASE_CORE = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """A database that is ready, and what a run must know of it."""

    folder: Path
    size: data.Size
    engine: Embedded
    database: int
    """The process id of PostgreSQL's postmaster."""


@contextmanager
def staged(size: data.Size) -> Iterator[Stage]:
    """Give the database with `size` rows per workspace, PostgreSQL and this process on their core."""
    folder = FOLDER / ("small" if size == data.SMALL else "full")
    if meter.can_pin():
        # Children inherit this: PostgreSQL and the load generator stay off the servers' core.
        os.sched_setaffinity(0, {DATABASE_CORE})
    with data.prepare(folder, size) as engine:
        database = _postmaster(engine.dsn())
        if meter.can_pin():
            meter.pin(meter.tree(database), DATABASE_CORE)
        yield Stage(folder, size, engine, database)


def _postmaster(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return psutil.Process(connection.info.backend_pid).ppid()
