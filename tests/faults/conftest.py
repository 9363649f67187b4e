"""Data folders for engines that are about to be mistreated."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.engine_on_trial import Engine, eventually


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may traverse, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-fault-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def engine(open_folder: Path) -> Iterator[Engine]:
    """A data folder that holds no database yet; the test fails when a process of it outlives the test."""
    engine = Engine(open_folder / "data")
    yield engine
    for application in engine.applications:
        if application.process.returncode is None:
            application.end()
    eventually(lambda: not engine.running())
