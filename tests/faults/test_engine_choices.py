"""Which programs the embedded server runs, where its socket lies and how it finds its own process."""

import contextlib
import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from db.embedded import EngineError, programs, start, status
from db.embedded.processes import live_postmaster
from tests.faults.engine_on_trial import Engine, count_rows, write_rows

SYSTEM_BINS = [path.parent for path in Path("/usr/lib/postgresql").glob("1[5-7]/bin/initdb")]
SYSTEM_BIN = min(SYSTEM_BINS, default=Path("/nowhere"))
with_system_postgres = pytest.mark.skipif(not SYSTEM_BINS, reason="no older system PostgreSQL")


def test_data_of_a_version_that_is_not_installed_is_refused_untouched(engine: Engine) -> None:
    start(engine.folder).stop()
    version = engine.place.data / "PG_VERSION"
    version.write_text("12\n")

    with pytest.raises(EngineError, match="written by PostgreSQL 12, which no other major version can read"):
        start(engine.folder)

    assert version.read_text() == "12\n"
    assert engine.running() == []


def test_damaged_version_is_reported(engine: Engine) -> None:
    start(engine.folder).stop()
    (engine.place.data / "PG_VERSION").write_text("")

    with pytest.raises(EngineError, match="PG_VERSION is damaged"):
        start(engine.folder)

    assert "PG_VERSION is damaged" in status(engine.folder)


@with_system_postgres
def test_chosen_programs_make_the_data_and_are_found_again_by_its_version(new_engine: Engine) -> None:
    with start(new_engine.folder, SYSTEM_BIN) as server:
        write_rows(server.dsn(), 10)
    major = int(SYSTEM_BIN.parent.name)

    assert new_engine.place.major == major
    with start(new_engine.folder) as server, psycopg.connect(server.dsn()) as connection:
        assert connection.info.server_version // 10_000 == major
        assert count_rows(server.dsn()) == 10


@with_system_postgres
def test_chosen_programs_of_another_version_than_the_data_are_refused(engine: Engine) -> None:
    start(engine.folder).stop()

    with pytest.raises(EngineError, match="Set DIPTYCH_PG_BIN to the bin folder of PostgreSQL 18"):
        start(engine.folder, SYSTEM_BIN)

    assert engine.place.major == 18


def test_folder_without_programs_is_named(new_engine: Engine, open_folder: Path) -> None:
    with pytest.raises(EngineError, match=f"{open_folder} holds no PostgreSQL that runs here"):
        start(new_engine.folder, open_folder)

    assert not (new_engine.folder / "postgres" / "pgdata").exists()


def test_programs_too_old_are_refused(new_engine: Engine, open_folder: Path) -> None:
    script = open_folder / "postgres"
    script.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
    script.chmod(0o755)

    with pytest.raises(EngineError, match=f"holds PostgreSQL 14.9, older than {programs.OLDEST_MAJOR}"):
        start(new_engine.folder, open_folder)


@pytest.mark.parametrize("name", ["a" * 120, "comma,comma", "two words", 'quote"quote', "ünïcödé"])
def test_any_folder_name_works(open_folder: Path, name: str) -> None:
    engine = Engine(open_folder / name)

    with start(engine.folder) as server:
        write_rows(server.dsn(), 10)
        assert count_rows(server.dsn()) == 10
        assert len(str(engine.place.sockets)) < 100

    assert engine.running() == []
    _forget_sockets(engine)


def test_socket_folder_of_somebody_else_is_never_used(open_folder: Path) -> None:
    engine = Engine(open_folder / ("a" * 120))
    start(engine.folder).stop()
    elsewhere = open_folder / "elsewhere"
    elsewhere.mkdir()
    _forget_sockets(engine)
    engine.place.sockets.symlink_to(elsewhere)

    with pytest.raises(EngineError, match="is not a private folder of the user"):
        start(engine.folder)

    assert list(elsewhere.iterdir()) == []
    engine.place.sockets.unlink()


def test_settings_of_the_operators_shell_do_not_lead_astray(engine: Engine, monkeypatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANG", "xx_XX.nonsense")

    with start(engine.folder) as server:
        write_rows(server.dsn(), 10)

    assert engine.rows() == 10


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_server_is_found_in_the_process_table(engine: Engine, monkeypatch, system: str) -> None:
    if system == "darwin" and not Path("/bin/ps").exists():
        pytest.skip("there is no ps here")
    with start(engine.folder) as server, psycopg.connect(server.dsn()) as connection:
        text = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone()[0]
        monkeypatch.setattr(sys, "platform", system)
        found = live_postmaster(engine.place.data)
        stranger = live_postmaster(engine.place.data.parent)
        monkeypatch.undo()

    assert found == int(text.split("\n")[0])
    assert stranger is None


def test_status_tells_each_state_in_a_sentence(new_engine: Engine) -> None:
    sentences = [status(new_engine.folder)]
    with start(new_engine.folder):
        sentences.append(status(new_engine.folder))
        pid = new_engine.postmaster()
    sentences.append(status(new_engine.folder))

    home = new_engine.place.home
    assert sentences == [
        f"There is no embedded database in {new_engine.folder} yet: the first start makes it.",
        f"Embedded PostgreSQL 18 in {home} runs as process {pid} and listens in {new_engine.place.sockets}.",
        f"Embedded PostgreSQL 18 in {home} is stopped; the next start takes it up.",
    ]


def _forget_sockets(engine: Engine) -> None:
    if engine.place.sockets.parent != engine.place.home:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(engine.place.sockets)
