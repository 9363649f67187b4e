"""The pipelined driver when connections are lost, refused or never answered."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from db.driver import DatabaseError, DatabaseUnavailable, Driver, Row, Statement
from db.embedded import Embedded, locks, start
from tests.support.relay import relayed

ECHO = Statement("select $1::text")
PID = Statement("select pg_backend_pid()")
SLEEP = Statement("select $2::text from pg_sleep($1)")
TERMINATE = Statement("select pg_terminate_backend($1::int, 5000)")
SUICIDE = Statement("select pg_terminate_backend(pg_backend_pid())")
SIBLINGS = Statement("select pid from pg_stat_activity where application_name = $1")


@pytest.fixture(scope="module")
def mortal_postgres() -> Iterator[Embedded]:
    """A server of this module's own, which its tests may crash."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-test-"))
    folder.chmod(0o755)
    with start(folder, durable=False) as server:
        yield server
    locks.wait_until_free(folder / "postgres" / "watch.lock")
    shutil.rmtree(folder)


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[Driver]:
    driver = Driver(dsn, **options)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


async def pid_of(driver: Driver) -> bytes:
    [(pid,)] = await driver.fetch(PID, [])
    assert pid is not None
    return pid


async def test_reads_in_flight_are_repeated_on_a_fresh_connection(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver, opened(empty_database) as killer:
        before = await pid_of(driver)
        calls = [asyncio.create_task(driver.fetch(SLEEP, [b"0.2", b"%d" % n])) for n in range(3)]
        await asyncio.sleep(0.05)
        sent = driver.statements_sent

        assert await killer.fetch(TERMINATE, [before]) == [(b"t",)]

        assert await asyncio.gather(*calls) == [[(b"%d" % n,)] for n in range(3)]
        assert driver.statements_sent == sent + 3
        assert await pid_of(driver) != before


async def test_call_that_is_not_idempotent_fails_once_and_is_not_repeated(empty_database: str) -> None:
    insert = Statement("insert into t select 1 from pg_sleep($1)")

    async with opened(empty_database, size=1) as driver, opened(empty_database) as killer:
        await driver.fetch(Statement("create table t (a int)"), [])
        before = await pid_of(driver)
        call = asyncio.create_task(driver.fetch(insert, [b"10"], idempotent=False))
        many = asyncio.create_task(driver.fetch_many([(insert, [b"0"]), (ECHO, [b"a"])], idempotent=False))
        await asyncio.sleep(0.05)
        sent = driver.statements_sent

        await killer.fetch(TERMINATE, [before])

        with pytest.raises(DatabaseUnavailable) as raised:
            await call
        assert [type(outcome) for outcome in await many] == [DatabaseUnavailable] * 2
        assert driver.statements_sent == sent
        assert await driver.fetch(Statement("select a from t"), []) == []

    assert raised.value.sqlstate == "57P01"
    assert raised.value.message.startswith("The database connection was lost: terminating connection")


async def test_read_is_repeated_only_once(empty_database: str) -> None:
    async with opened(empty_database, size=2) as driver:
        with pytest.raises(DatabaseUnavailable):
            await driver.fetch(SUICIDE, [])
        assert driver.statements_sent == 2
        assert await driver.fetch(ECHO, [b"a"]) == [(b"a",)]


async def test_idle_connection_that_was_terminated_is_replaced_unseen(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver, opened(empty_database) as killer:
        for _ in range(5):
            before = await pid_of(driver)
            await killer.fetch(TERMINATE, [before])
            assert await pid_of(driver) != before


async def test_cancelled_call_is_not_repeated_after_a_loss(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver, opened(empty_database) as killer:
        before = await pid_of(driver)
        call = asyncio.create_task(driver.fetch(SLEEP, [b"10", b"a"]))
        await asyncio.sleep(0.05)
        call.cancel()
        sent = driver.statements_sent

        await killer.fetch(TERMINATE, [before])
        assert await pid_of(driver) != before

        assert driver.statements_sent == sent + 1
    assert call.cancelled()


async def storm(dsn: str) -> int:
    """Terminate every connection fifteen times under load; the number of answers, all of them right."""
    over = False
    async with opened(dsn, size=3, application_name="storm") as driver, opened(dsn) as killer:

        async def worker(name: int) -> int:
            answers = 0
            while not over:
                key = b"%d-%d" % (name, answers)
                # A call may lose two connections in a row and must then say so, never answer wrongly.
                with contextlib.suppress(DatabaseUnavailable):
                    assert await driver.fetch(ECHO, [key]) == [(key,)]
                    answers += 1
            return answers

        work = asyncio.gather(*[worker(name) for name in range(10)])
        for _ in range(15):
            pids: list[Row] = []
            while not pids:
                await asyncio.sleep(0.01)
                pids = await killer.fetch(SIBLINGS, [b"storm"])
            await asyncio.gather(*[killer.fetch(TERMINATE, [pid]) for (pid,) in pids])
        over = True
        return sum(await work)


async def test_answers_stay_right_while_backends_are_terminated(empty_database: str) -> None:
    assert await storm(empty_database) > 100


def test_loss_is_survived_under_uvloop(empty_database: str) -> None:
    assert uvloop.run(storm(empty_database)) > 100


async def test_killed_backend_brings_the_pool_back_after_crash_recovery(mortal_postgres: Embedded) -> None:
    async with opened(mortal_postgres.dsn(), size=3, connect_timeout=10) as driver:
        held = await asyncio.gather(*[driver.fetch(SLEEP, [b"0.05", b"a"]) for _ in range(6)])
        assert held == [[(b"a",)]] * 6
        pid = int(await pid_of(driver))
        calls = [asyncio.create_task(driver.fetch(ECHO, [b"%d" % n])) for n in range(40)]

        os.kill(pid, signal.SIGKILL)

        for n, outcome in enumerate(await asyncio.gather(*calls, return_exceptions=True)):
            assert outcome == [(b"%d" % n,)] or isinstance(outcome, DatabaseUnavailable)
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(DatabaseUnavailable):
                    assert await pid_of(driver) != b"%d" % pid
                    break
        assert await asyncio.gather(*[driver.fetch(ECHO, [b"%d" % n]) for n in range(40)]) == [
            [(b"%d" % n,)] for n in range(40)
        ]


async def committed(driver: Driver) -> None:
    """One transaction, in one run."""
    async with driver.sessions.lease() as session:
        await session.run([(Statement("BEGIN"), ()), (ECHO, [b"a"]), (Statement("COMMIT"), ())])


async def tried(driver: Driver) -> int:
    """Run a transaction anew whenever its connection is lost; how many attempts that took."""
    for attempt in range(1, 20):
        with contextlib.suppress(DatabaseUnavailable):
            await committed(driver)
            return attempt
    raise AssertionError


async def test_transactions_survive_crash_recovery_within_three_attempts(mortal_postgres: Embedded) -> None:
    async with opened(mortal_postgres.dsn(), size=4, connect_timeout=10) as driver:
        assert await asyncio.gather(*[tried(driver) for _ in range(4)]) == [1] * 4
        async with driver.sessions.lease() as session:
            victim = session.backend_pid

        os.kill(victim, signal.SIGKILL)

        assert max(await asyncio.gather(*[tried(driver) for _ in range(8)])) <= 3


async def test_connection_cut_without_a_word_is_survived(empty_database: str) -> None:
    async with relayed(empty_database) as (port, clients):
        async with opened(f"{empty_database} host=localhost port={port}", size=1) as driver:
            call = asyncio.create_task(driver.fetch(SLEEP, [b"0.2", b"again"]))
            once = asyncio.create_task(driver.fetch(SLEEP, [b"0.2", b"once"], idempotent=False))
            await asyncio.sleep(0.05)
            clients[0].transport.abort()

            with pytest.raises(DatabaseUnavailable) as raised:
                await once
            assert await call == [(b"again",)]

        assert len(clients) == 2
    assert raised.value.sqlstate == "08006"


async def test_unreachable_server_fails_open_at_once_and_fetch_within_the_timeout(tmp_path: Path) -> None:
    driver = Driver(f"host={tmp_path} dbname=none", connect_timeout=0.3)

    with pytest.raises(DatabaseUnavailable) as raised:
        await driver.open()
    outcomes = await asyncio.gather(*[driver.fetch(ECHO, [b"a"]) for _ in range(50)], return_exceptions=True)
    many = await driver.fetch_many([(ECHO, [b"a"]), (ECHO, [b"b"])])
    await driver.close()

    assert raised.value.sqlstate == "08001"
    assert raised.value.message.startswith("The database cannot be reached: ")
    assert raised.value.message.endswith(".")
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 50
    assert [type(outcome) for outcome in many] == [DatabaseUnavailable] * 2
    assert driver.statements_sent == 0


async def test_pool_heals_when_the_server_comes_back(empty_database: str) -> None:
    async with relayed(empty_database) as (port, _):
        pass
    driver = Driver(f"{empty_database} host=127.0.0.1 port={port}", connect_timeout=0.2)
    with pytest.raises(DatabaseUnavailable):
        await driver.fetch(ECHO, [b"a"])

    async with relayed(empty_database, port):
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(DatabaseUnavailable):
                    assert await driver.fetch(ECHO, [b"back"]) == [(b"back",)]
                    break
                await asyncio.sleep(0.02)
        await driver.close()


async def test_short_outage_is_waited_out(empty_database: str) -> None:
    async with relayed(empty_database) as (port, _):
        pass
    driver = Driver(f"{empty_database} host=127.0.0.1 port={port}", connect_timeout=5)
    waiting = [asyncio.create_task(driver.fetch(ECHO, [b"%d" % n])) for n in range(5)]
    await asyncio.sleep(0.1)

    async with relayed(empty_database, port):
        assert await asyncio.gather(*waiting) == [[(b"%d" % n,)] for n in range(5)]
        await driver.close()


@pytest.mark.parametrize("hosts", ["localhost,localhost", "/nowhere,localhost", "localhost,127.0.0.1"])
async def test_hosts_of_the_connection_string_are_tried_in_turn(empty_database: str, hosts: str) -> None:
    async with relayed(empty_database) as (port, clients):
        async with opened(f"{empty_database} host={hosts} port=1,{port}") as driver:
            assert await driver.fetch(ECHO, [b"a"]) == [(b"a",)]

        assert len(clients) == 1


async def test_silent_server_times_out_without_blocking_the_loop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        driver = Driver(f"host=localhost port={silent.getsockname()[1]} dbname=none", connect_timeout=0.5)
        opening = asyncio.create_task(driver.open())
        longest = 0.0
        while not opening.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before)
        with pytest.raises(DatabaseUnavailable) as raised:
            await opening
        await driver.close()

    assert raised.value.message == "The database cannot be reached: no connection within 0.5 s."
    assert longest < 0.4


@pytest.mark.parametrize("target", ["host=a..b", "host=localhost,localhost port=1,2,3"])
async def test_senseless_address_is_reported_to_every_caller(target: str) -> None:
    driver = Driver(target, connect_timeout=0.1)

    with pytest.raises(DatabaseUnavailable):
        await driver.open()
    with pytest.raises(DatabaseUnavailable):
        await driver.fetch(ECHO, [b"a"])
    await driver.close()


async def test_driver_closed_while_it_connects_keeps_no_connection(empty_database: str) -> None:
    driver = Driver(empty_database, application_name="closing")
    opening = asyncio.create_task(driver.open())
    await asyncio.sleep(0)

    await driver.close()

    with pytest.raises(DatabaseUnavailable):
        await opening
    async with opened(empty_database) as other:
        async with asyncio.timeout(5):
            while await other.fetch(SIBLINGS, [b"closing"]):
                pass


async def test_refused_session_setting_is_reported(empty_database: str) -> None:
    for startup_options in (True, False):
        driver = Driver(
            empty_database, session_options={"no_such_setting": "1"}, startup_options=startup_options
        )
        with pytest.raises(DatabaseUnavailable, match="no_such_setting"):
            await driver.open()
        await driver.close()


def test_malformed_connection_string_is_refused_without_being_quoted() -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        Driver("host=localhost secret")

    assert "secret" not in raised.value.message


async def test_pool_works_with_the_connections_it_gets(empty_database: str) -> None:
    async with opened(empty_database) as owner:
        [(role,)] = await owner.fetch(Statement("select 'limited_' || pg_backend_pid()"), [])
        assert role is not None
        await owner.fetch(Statement(f"create role {role.decode()} login connection limit 1"), [])
        try:
            limited = f"{empty_database} user={role.decode()}"
            async with opened(limited, size=4, connect_timeout=0.3) as driver:
                for _ in range(3):
                    calls = [driver.fetch(SLEEP, [b"0.03", b"%d" % n]) for n in range(8)]
                    assert await asyncio.gather(*calls) == [[(b"%d" % n,)] for n in range(8)]
        finally:
            with contextlib.suppress(DatabaseError):
                await owner.fetch(Statement(f"drop role {role.decode()}"), [])
