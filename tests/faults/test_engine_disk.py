"""The embedded server on a full disk says so, and works again once there is room."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from db.embedded import EngineError, cluster, start
from tests.faults.engine_on_trial import Engine, count_rows, eventually, write_rows

ROWS = 5_000
MEBIBYTE = 2**20


@pytest.fixture
def small_disk(new_engine: Engine) -> Iterator[Callable[[int], None]]:
    """Make the data folder a disk of its own, and return how to change its size in MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    new_engine.folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m,mode=755", "tmpfs", str(new_engine.folder)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")

    def resize(megabytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(new_engine.folder)], check=True)

    yield resize
    for application in new_engine.applications:
        application.end()
    eventually(lambda: not new_engine.running())
    subprocess.run(["umount", str(new_engine.folder)], check=True)


def test_first_start_asks_for_room_before_it_writes(new_engine: Engine, small_disk) -> None:
    with pytest.raises(EngineError, match="has 60 MB free and needs 100 MB"):
        start(new_engine.folder)

    assert [path.name for path in (new_engine.folder / "postgres").iterdir()] == ["run"]

    small_disk(300)
    with start(new_engine.folder) as server:
        write_rows(server.dsn(), ROWS)
    assert new_engine.rows() == ROWS


def test_disk_that_fills_up_in_the_first_start_is_named(new_engine: Engine, small_disk, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "SMALLEST_DISK", 0)
    small_disk(25)

    with pytest.raises(EngineError, match=f"The disk that holds {new_engine.folder}/postgres is full"):
        start(new_engine.folder)

    assert [path.name for path in (new_engine.folder / "postgres").iterdir()] == ["run"]
    assert new_engine.running() == []


def test_start_on_a_full_disk_says_so_and_loses_nothing(new_engine: Engine, small_disk) -> None:
    small_disk(200)
    with start(new_engine.folder) as server:
        write_rows(server.dsn(), ROWS)
    filler = _fill(new_engine.folder)

    with pytest.raises(EngineError, match=f"The disk that holds {new_engine.folder}/postgres is full"):
        start(new_engine.folder)
    assert new_engine.running() == []

    filler.unlink()
    assert new_engine.rows() == ROWS


def test_server_goes_on_after_a_full_disk_was_freed_under_it(new_engine: Engine, small_disk) -> None:
    small_disk(200)
    dsn = new_engine.application().dsn()
    write_rows(dsn, ROWS)
    filler = _fill(new_engine.folder)

    committed = _write_until_refused(dsn)
    filler.unlink()

    assert _rows(dsn) == ROWS + committed


def test_server_killed_on_a_full_disk_comes_back_once_there_is_room(new_engine: Engine, small_disk) -> None:
    small_disk(200)
    dsn = new_engine.application().dsn()
    write_rows(dsn, ROWS)
    filler = _fill(new_engine.folder)
    first_watcher = new_engine.watcher()

    os.kill(new_engine.postmaster(), signal.SIGKILL)
    eventually(lambda: new_engine.watcher() not in (None, first_watcher))
    assert _rows(dsn) is None
    filler.unlink()

    eventually(lambda: _rows(dsn) == ROWS)


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(folder).free))
    assert shutil.disk_usage(folder).free == 0
    return filler


def _write_until_refused(dsn: str) -> int:
    """Return how many rows were committed before the disk was full."""
    committed = 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        while committed < 200_000:
            try:
                connection.execute("INSERT INTO kept SELECT 1 FROM generate_series(1, 1000)")
            except psycopg.errors.DiskFull:
                return committed
            committed += 1000
    raise AssertionError("a full disk held 200,000 rows more")


def _rows(dsn: str) -> int | None:
    try:
        return count_rows(dsn)
    except psycopg.OperationalError:
        return None
