"""Many starts at once, and first starts that are cut off half-way, leave one whole database or none."""

import contextlib
import os
import signal
from pathlib import Path

import psycopg
import pytest

from db.embedded import EngineError, locks, start
from tests.faults.engine_on_trial import Application, Engine, count_rows, eventually, write_rows

CROWD = 6


def test_of_six_processes_starting_at_once_one_starts_the_server_and_five_join(new_engine: Engine) -> None:
    crowd = [new_engine.application() for _ in range(CROWD)]

    dsns = [application.dsn() for application in crowd]

    assert [_served_by(dsn) for dsn in dsns] == [new_engine.postmaster()] * CROWD
    assert new_engine.log().count("LOG:  starting PostgreSQL") == 1

    for application in crowd[:-1]:
        application.end()
    assert _served_by(dsns[-1]) == new_engine.postmaster()

    crowd[-1].end()
    eventually(lambda: not new_engine.running())
    assert new_engine.log().count("LOG:  database system is shut down") == 1


def test_six_processes_killed_at_once_leave_nothing_running(engine: Engine) -> None:
    crowd = [engine.application() for _ in range(CROWD)]
    write_rows(crowd[0].dsn(), 100)
    for application in crowd[1:]:
        application.dsn()

    for application in crowd:
        application.process.kill()
    for application in crowd:
        application.end()

    eventually(lambda: not engine.running())
    assert engine.rows() == 100


def test_start_waits_for_an_initialisation_whose_starter_was_killed(new_engine: Engine) -> None:
    _initialising(new_engine).kill()
    assert len(_initdb(new_engine)) == 1
    assert not locks.is_free(new_engine.folder / "postgres.lock")

    with start(new_engine.folder) as server:
        assert _served_by(server.dsn()) == new_engine.postmaster()
        assert _initdb(new_engine) == []

    assert _drafts(new_engine) == []


def test_start_begins_anew_after_an_initialisation_was_killed_with_its_starter(new_engine: Engine) -> None:
    application = _initialising(new_engine)
    application.process.kill()
    for seen in new_engine.running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(seen.pid, signal.SIGKILL)
    application.end()
    assert len(_drafts(new_engine)) == 1
    assert not new_engine.place.data.exists()

    with start(new_engine.folder) as server:
        assert _served_by(server.dsn()) == new_engine.postmaster()

    assert _drafts(new_engine) == []


def test_killed_initialisation_is_reported_and_leaves_no_half_database(new_engine: Engine) -> None:
    application = _initialising(new_engine)

    for pid in _initdb(new_engine):
        os.kill(pid, signal.SIGKILL)

    assert "PostgreSQL could not initialise a database" in application.end()
    assert _drafts(new_engine) == []
    assert not new_engine.place.data.exists()


def test_folder_that_lost_its_version_is_never_overwritten(engine: Engine) -> None:
    start(engine.folder).stop()
    (engine.place.data / "PG_VERSION").unlink()
    before = sorted(engine.place.data.rglob("*"))

    with pytest.raises(EngineError, match="holds files but no PG_VERSION"):
        start(engine.folder)

    assert sorted(engine.place.data.rglob("*")) == before
    assert _drafts(engine) == []


def test_many_starts_within_one_process_share_one_server(engine: Engine) -> None:
    first, second = start(engine.folder), start(engine.folder)
    write_rows(first.dsn(), 10)
    first.stop()

    assert count_rows(second.dsn()) == 10

    second.stop()
    second.stop()
    assert engine.running() == []


def _initialising(engine: Engine) -> Application:
    application = engine.application()
    eventually(lambda: any((draft / "base").exists() for draft in _drafts(engine)))
    return application


def _drafts(engine: Engine) -> list[Path]:
    return list((engine.folder / "postgres").glob("pgdata.new-*"))


def _initdb(engine: Engine) -> list[int]:
    return [seen.pid for seen in engine.running() if os.path.basename(seen.program) == "initdb"]


def _served_by(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        text = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0]
    return int(text.split("\n")[0])
