"""Data folders for engines and processes for servers that are about to be mistreated."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from db.embedded import Embedded, start
from tests.faults.engine_on_trial import Engine, eventually
from tests.faults.serving import Serving, serving
from tests.support.databases import copied

MEMORY = Path("/dev/shm")


def _make_folder() -> Path:
    # Every account may traverse it, unlike pytest's own, and no test waits for a disk where memory will do.
    store = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="diptych-fault-", dir=store)).resolve()
    folder.chmod(0o755)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may traverse."""
    folder = _make_folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_engine(open_folder: Path) -> Iterator[Engine]:
    """A data folder that does not exist yet; the test fails when a process of it outlives the test."""
    engine = Engine(open_folder / "data")
    yield engine
    for application in engine.applications:
        if application.process.returncode is None:
            application.end()
    eventually(lambda: not engine.running())


@pytest.fixture(scope="session")
def stopped_engine() -> Iterator[Engine]:
    """An engine that was started once and stopped, to be copied."""
    folder = _make_folder()
    engine = Engine(folder / "data")
    start(engine.folder).stop()
    engine.place.log.unlink()
    yield engine
    shutil.rmtree(folder)


@pytest.fixture
def engine(new_engine: Engine, stopped_engine: Engine) -> Engine:
    """An engine that is stopped and has an empty database."""
    subprocess.run(["cp", "-a", str(stopped_engine.folder), str(new_engine.folder)], check=True)
    return new_engine


@pytest.fixture(scope="session")
def written(postgres: Embedded, migrated_template: str) -> str:
    """A database for all that writes into workspaces of its own."""
    return copied(postgres, migrated_template)


@pytest.fixture(scope="session")
async def server(written: str) -> AsyncIterator[Serving]:
    """The server of that database, which has no worker yet."""
    async with serving(written) as started:
        yield started
