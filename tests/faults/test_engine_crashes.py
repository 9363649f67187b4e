"""The embedded server survives the violent end of every process that has a part in it."""

import os
import signal

import psycopg
import pytest

from tests.faults.engine_on_trial import Engine, count_rows, eventually, write_rows

ROWS = 20_000


def test_server_stops_cleanly_after_its_only_user_was_killed(engine: Engine) -> None:
    application = engine.application()
    write_rows(application.dsn(), ROWS)

    application.kill()

    eventually(lambda: not engine.running())
    assert engine.log().count("database system is shut down") == 1
    assert engine.rows() == ROWS
    assert "not properly shut down" not in engine.log()


def test_server_stays_for_the_second_user_after_the_first_was_killed(engine: Engine) -> None:
    first, second = engine.application(), engine.application()
    write_rows(first.dsn(), ROWS)
    dsn = second.dsn()
    served_by = engine.postmaster()

    first.kill()

    assert count_rows(dsn) == ROWS
    assert engine.postmaster() == served_by


def test_killed_server_is_restarted_under_a_running_application(engine: Engine) -> None:
    dsn = engine.application().dsn()
    write_rows(dsn, ROWS)
    counts = []

    for _ in range(3):
        killed = engine.postmaster()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda killed=killed: engine.postmaster() not in (None, killed))
        eventually(lambda: _answers(dsn))
        counts.append(count_rows(dsn))

    assert counts == [ROWS, ROWS, ROWS]


def test_server_stopped_from_outside_is_restarted(engine: Engine) -> None:
    dsn = engine.application().dsn()
    stopped = engine.postmaster()

    os.kill(stopped, signal.SIGINT)

    eventually(lambda: engine.postmaster() not in (None, stopped))
    eventually(lambda: _answers(dsn))


def test_server_waits_for_the_orphans_of_a_killed_one(engine: Engine) -> None:
    dsn = engine.application().dsn()
    write_rows(dsn, ROWS)
    killed = engine.postmaster()
    with psycopg.connect(dsn, autocommit=True) as connection:
        orphan = connection.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)
        try:
            os.kill(killed, signal.SIGKILL)
            eventually(lambda: _backends(engine) == [orphan])
            assert engine.postmaster() is None
        finally:
            os.kill(orphan, signal.SIGCONT)

    eventually(lambda: _answers(dsn))
    assert count_rows(dsn) == ROWS
    assert "shared memory block" not in engine.log()


def test_next_start_recovers_after_everything_was_killed(engine: Engine) -> None:
    application = engine.application()
    write_rows(application.dsn(), ROWS)

    engine.crash(application)

    assert engine.rows() == ROWS
    assert engine.log().count("database system was interrupted") == 1


def test_killed_watcher_is_replaced_while_the_server_goes_on(engine: Engine) -> None:
    application = engine.application()
    dsn = application.dsn()
    served_by, watched_by = engine.postmaster(), engine.watcher()

    os.kill(watched_by, signal.SIGKILL)
    eventually(lambda: engine.watcher() not in (None, watched_by))

    assert _answers(dsn)
    assert engine.postmaster() == served_by

    application.end()
    eventually(lambda: not engine.running())
    assert engine.log().count("database system is shut down") == 1


def test_server_left_without_watcher_and_user_is_adopted_by_the_next_start(engine: Engine) -> None:
    application = engine.application()
    write_rows(application.dsn(), ROWS)
    served_by = engine.postmaster()
    application.process.send_signal(signal.SIGSTOP)
    os.kill(engine.watcher(), signal.SIGKILL)
    application.kill()
    assert engine.postmaster() == served_by

    following = engine.application()
    assert count_rows(following.dsn()) == ROWS
    assert engine.postmaster() == served_by

    following.end()
    eventually(lambda: not engine.running())


def test_adopted_server_is_restarted_when_killed(engine: Engine) -> None:
    dsn = engine.application().dsn()
    write_rows(dsn, ROWS)
    watched_by, served_by = engine.watcher(), engine.postmaster()
    os.kill(watched_by, signal.SIGKILL)
    eventually(lambda: engine.watcher() not in (None, watched_by))

    os.kill(served_by, signal.SIGKILL)

    eventually(lambda: engine.postmaster() not in (None, served_by))
    eventually(lambda: _answers(dsn))
    assert count_rows(dsn) == ROWS


@pytest.mark.parametrize("when", ["starting", "serving"])
def test_interrupt_from_the_terminal_leaves_nothing_running(new_engine: Engine, when: str) -> None:
    application = new_engine.application(start_new_session=True)
    if when == "serving":
        application.dsn()
    else:
        eventually(lambda: len(new_engine.running()) > 1)

    os.killpg(application.process.pid, signal.SIGINT)

    assert "KeyboardInterrupt" in application.end()
    eventually(lambda: not new_engine.running())


def _answers(dsn: str) -> bool:
    try:
        with psycopg.connect(dsn) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _backends(engine: Engine) -> list[int]:
    return [seen.pid for seen in engine.running() if seen.program.startswith("postgres: ")]
