"""The embedded server starts whatever number its lock files were left with."""

import subprocess
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.faults.engine_on_trial import Engine, eventually, write_rows

ROWS = 1_000
SOCKET_LOCK = ".s.PGSQL.5432.lock"


@pytest.fixture
def spawn(engine: Engine) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start programs under the server's own account, which PostgreSQL might take for itself."""
    strangers = []

    def _spawn(*command: str) -> subprocess.Popen[bytes]:
        strangers.append(subprocess.Popen(command, cwd="/", **engine.place.account.popen()))
        return strangers[-1]

    yield _spawn
    for stranger in strangers:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("kind", ["dead", "foreign", "zombie"])
def test_start_survives_lock_files_that_name_another_process(engine: Engine, spawn, kind: str) -> None:
    _crash(engine)
    stranger = spawn("/bin/sleep", "60")
    if kind != "foreign":
        stranger.kill()
        eventually(lambda: psutil.Process(stranger.pid).status() == psutil.STATUS_ZOMBIE)
    if kind == "dead":
        stranger.wait()

    _rewrite(engine, lambda text: "\n".join([str(stranger.pid), *text.split("\n")[1:]]))

    assert engine.rows() == ROWS
    if kind == "foreign":
        assert stranger.poll() is None


@pytest.mark.parametrize("text", ["", "\x00\x00\x00", "not a number\n"])
def test_start_survives_damaged_lock_files(engine: Engine, text: str) -> None:
    _crash(engine)

    _rewrite(engine, lambda _: text)

    assert engine.rows() == ROWS


def test_start_never_writes_through_a_link_left_as_lock_file(engine: Engine, open_folder) -> None:
    _crash(engine)
    precious = open_folder / "precious"
    precious.write_text("1\nkeep me\n")
    lock = engine.place.data / "postmaster.pid"
    lock.unlink()
    lock.symlink_to(precious)

    complaint = engine.application().end()

    assert "PostgreSQL did not start" in complaint
    assert precious.read_text() == "1\nkeep me\n"


def _crash(engine: Engine) -> None:
    application = engine.application()
    write_rows(application.dsn(), ROWS)
    engine.crash(application)


def _rewrite(engine: Engine, change: Callable[[str], str]) -> None:
    for file in (engine.place.data / "postmaster.pid", engine.place.sockets / SOCKET_LOCK):
        file.write_text(change(file.read_text()))
