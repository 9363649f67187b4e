"""Exclusive sessions when they are contended, cancelled, lost or refused."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop

from db.driver import DatabaseUnavailable, Driver, Row, Session, Statement
from tests.support.relay import relayed

BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
CREATE = Statement("create table t (a int primary key, n int not null)")
FILL = Statement("insert into t select g, 100 from generate_series(1, 4) g")
ADD = Statement("update t set n = n + $2::int where a = $1::int")
SUM = Statement("select sum(n) from t")
ECHO = Statement("select $1::text")
SLEEP = Statement("select pg_sleep($1::float)")
TERMINATE = Statement("select pg_terminate_backend($1::int, 5000)")
SIBLINGS = Statement("select pid from pg_stat_activity where application_name = $1")
# Whatever of the application's is in a transaction or in the middle of a statement, but for this one.
BUSY = Statement(
    "select count(*) from pg_stat_activity"
    " where application_name = $1 and state <> 'idle' and pid <> pg_backend_pid()"
)


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[Driver]:
    driver = Driver(dsn, **options)
    try:
        yield driver
    finally:
        await driver.close()


@asynccontextmanager
async def filled(dsn: str, **options: Any) -> AsyncIterator[tuple[Driver, Driver]]:
    """A driver whose sessions are tested and one that watches and kills, on four rows of 100 each."""
    async with opened(dsn, application_name="tested", **options) as driver, opened(dsn) as watcher:
        await watcher.fetch(CREATE, [])
        await watcher.fetch(FILL, [])
        yield driver, watcher


async def total(driver: Driver) -> int:
    [(value,)] = await driver.fetch(SUM, [])
    assert value is not None
    return int(value)


async def rested(watcher: Driver, within: float = 3) -> None:
    """Wait until no backend of the tested driver is in a statement or transaction any more."""
    await answered(watcher, BUSY, [(b"0",)], within)


async def gone(watcher: Driver) -> None:
    """Wait until the tested driver has no backend any more."""
    await answered(watcher, SIBLINGS, [], 3)


async def answered(watcher: Driver, question: Statement, answer: list[Row], within: float) -> None:
    async with asyncio.timeout(within):
        while True:
            if await watcher.fetch(question, [b"tested"]) == answer:
                return
            await asyncio.sleep(0.01)


async def held(driver: Driver, order: list[int], number: int, seconds: float) -> int:
    async with driver.sessions.lease() as session:
        order.append(number)
        await asyncio.sleep(seconds)
        return session.backend_pid


async def begun(session: Session, row: bytes = b"1") -> None:
    await session.run([(BEGIN, ()), (ADD, [row, b"1"])])


async def test_leases_beyond_the_size_wait_in_the_order_of_asking(empty_database: str) -> None:
    order: list[int] = []

    async with opened(empty_database, size=2) as driver:
        # Connecting takes one longer than the other: that is done with first.
        await asyncio.gather(*[held(driver, [], n, 0.01) for n in range(2)])
        pids = await asyncio.gather(*[held(driver, order, n, 0.01) for n in range(12)])

    assert order == list(range(12))
    assert len(set(pids)) == 2


async def test_lease_that_waits_too_long_is_refused_and_leaves_the_queue(empty_database: str) -> None:
    async with opened(empty_database, size=1, connect_timeout=0.1) as driver:
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
            with pytest.raises(DatabaseUnavailable) as failure:
                async with driver.sessions.lease():
                    raise AssertionError
        order: list[int] = []
        again = await asyncio.gather(*[held(driver, order, n, 0) for n in range(3)])

    assert failure.value.sqlstate == "53300"
    assert again == [pid] * 3


async def test_cancelled_waiters_lose_no_connection(empty_database: str) -> None:
    order: list[int] = []

    async with opened(empty_database, size=1) as driver:
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
            waiting = [asyncio.create_task(held(driver, order, n, 0)) for n in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        # The first in the queue is gone; the second is given the connection, and is then cancelled too.
        waiting[1].cancel()

        assert await waiting[2] == pid
        assert order == [2]
        assert waiting[0].cancelled()
        assert waiting[1].cancelled()


async def test_cancelled_opening_gives_its_slot_to_the_next(empty_database: str) -> None:
    order: list[int] = []

    async with opened(empty_database, size=1) as driver:
        tasks = [asyncio.create_task(held(driver, order, n, 0)) for n in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)

    assert order == [1]


async def test_cancelled_run_leaves_no_transaction_and_no_lost_slot(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):

        async def write() -> None:
            async with driver.sessions.lease() as session:
                await begun(session)
                await session.run([(SLEEP, [b"0.2"]), (ADD, [b"2", b"1"])])

        task = asyncio.create_task(write())
        await answered(watcher, BUSY, [(b"1",)], 3)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await rested(watcher)
        assert await total(watcher) == 400
        async with driver.sessions.lease() as session:
            await session.run([(BEGIN, ()), (ADD, [b"1", b"5"]), (COMMIT, ())])
        assert await total(watcher) == 405


async def test_cancelled_wait_for_a_lock_frees_what_was_locked(empty_database: str) -> None:
    async with filled(empty_database, size=2, statement_timeout=60) as (driver, watcher):
        async with driver.sessions.lease() as holder:
            await begun(holder, b"2")

            async def write() -> None:
                async with driver.sessions.lease() as session:
                    await begun(session, b"1")
                    await session.run([(ADD, [b"2", b"1"])])

            task = asyncio.create_task(write())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])

            async with asyncio.timeout(4), driver.sessions.lease() as session:
                await session.run([(BEGIN, ()), (ADD, [b"1", b"7"]), (COMMIT, ())])
        assert await total(watcher) == 407


async def test_cancellation_between_runs_rolls_back_and_keeps_the_connection(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        pids = []

        async def write() -> None:
            async with driver.sessions.lease() as session:
                pids.append(session.backend_pid)
                await begun(session)
                await asyncio.sleep(10)

        task = asyncio.create_task(write())
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])

        assert await watcher.fetch(BUSY, [b"tested"]) == [(b"0",)]
        assert await total(watcher) == 400
        async with driver.sessions.lease() as session:
            assert pids == [session.backend_pid]


async def test_session_with_an_unanswered_run_takes_no_other_and_is_not_used_again(
    empty_database: str,
) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await session.run([(BEGIN, ()), (ADD, [b"1", b"1"]), (SLEEP, [b"0.3"])])
            with pytest.raises(RuntimeError):
                await session.run([(COMMIT, ())])
        async with driver.sessions.lease() as session:
            assert session.backend_pid != pid
        await rested(watcher)
        assert await total(watcher) == 400


async def test_rollback_that_takes_too_long_costs_the_connection(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        async with driver.sessions.lease() as session:
            await begun(session)
            pid = session.backend_pid
            os.kill(pid, signal.SIGSTOP)
        try:
            async with driver.sessions.lease() as session:
                assert session.backend_pid != pid
        finally:
            os.kill(pid, signal.SIGCONT)
        await rested(watcher)

        assert await total(watcher) == 400


async def test_connection_terminated_while_idle_is_replaced_unseen(empty_database: str) -> None:
    async with filled(empty_database, size=2) as (driver, watcher):
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
        await watcher.fetch(TERMINATE, [b"%d" % pid])
        await asyncio.sleep(0.05)
        async with driver.sessions.lease() as session:
            assert session.backend_pid != pid
            await session.run([(BEGIN, ()), (ADD, [b"1", b"1"]), (COMMIT, ())])

        assert await total(watcher) == 401


async def test_connections_found_dead_are_told_once_and_replaced_together(empty_database: str) -> None:
    async with filled(empty_database, size=3) as (driver, watcher):
        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            pids = {one.backend_pid, two.backend_pid}
        with psycopg.connect(empty_database, autocommit=True) as killer:
            # The event loop does not turn meanwhile, and so sees none of the ends.
            for pid in pids:
                killer.execute("select pg_terminate_backend(%s, 5000)", [pid])
        async with driver.sessions.lease() as session:
            assert session.backend_pid in pids
            with pytest.raises(DatabaseUnavailable):
                await session.run([(BEGIN, ()), (ADD, [b"1", b"1"]), (COMMIT, ())])
        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            assert not pids & {one.backend_pid, two.backend_pid}
            await one.run([(BEGIN, ()), (ADD, [b"1", b"3"]), (COMMIT, ())])

        assert await total(watcher) == 403


async def test_loss_of_one_connection_drops_the_idle_ones(empty_database: str) -> None:
    async with filled(empty_database, size=3) as (driver, watcher), driver.sessions.lease() as kept:
        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            pid = one.backend_pid
        await watcher.fetch(TERMINATE, [b"%d" % pid])
        await answered(watcher, SIBLINGS, [(b"%d" % kept.backend_pid,)], 3)
        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            assert one.backend_pid != two.backend_pid
        assert await kept.run([(ECHO, [b"on"])]) == [[(b"on",)]]


async def test_run_in_flight_when_its_backend_ends_fails_and_is_not_repeated(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        async with driver.sessions.lease() as session:
            calls = [(BEGIN, ()), (ADD, [b"1", b"1"]), (SLEEP, [b"10"]), (COMMIT, ())]
            run = asyncio.create_task(session.run(calls))
            await asyncio.sleep(0.1)
            sent = driver.statements_sent
            await watcher.fetch(TERMINATE, [b"%d" % session.backend_pid])
            with pytest.raises(DatabaseUnavailable) as failure:
                await run
            with pytest.raises(DatabaseUnavailable) as afterwards:
                await session.run([(COMMIT, ())])
            assert driver.statements_sent == sent
        async with driver.sessions.lease() as session:
            await session.run([(BEGIN, ()), (ADD, [b"1", b"9"]), (COMMIT, ())])

        assert (failure.value.sqlstate, afterwards.value.sqlstate) == ("57P01", "57P01")
        assert await total(watcher) == 409


async def test_transaction_whose_backend_ends_between_runs_fails_at_the_next(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        async with driver.sessions.lease() as session:
            await begun(session)
            await watcher.fetch(TERMINATE, [b"%d" % session.backend_pid])
            with pytest.raises(DatabaseUnavailable):
                await session.run([(ADD, [b"2", b"1"]), (COMMIT, ())])
        async with driver.sessions.lease() as session:
            assert await session.run([(ECHO, [b"on"])]) == [[(b"on",)]]

        assert await total(watcher) == 400


async def moved(driver: Driver, source: int, target: int) -> None:
    """Move one from row to row, in two runs; the rows are locked in the order of their keys."""
    steps = sorted([(source, b"-1"), (target, b"1")])
    (first, one), (second, other) = steps
    async with driver.sessions.lease() as session:
        await session.run([(BEGIN, ()), (ADD, [b"%d" % first, one])])
        [[(number,)], *_] = await session.run(
            [(ECHO, [b"%d" % source]), (ADD, [b"%d" % second, other]), (COMMIT, ())]
        )
        assert number == b"%d" % source


async def storm(dsn: str) -> int:
    """Move, cancel and terminate at random; how many moves were finished."""
    dice = random.Random(7)
    finished = 0
    async with filled(dsn, size=3, connect_timeout=10) as (driver, watcher):

        async def attempt() -> None:
            nonlocal finished
            source, target = dice.sample(range(1, 5), 2)
            with contextlib.suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(dice.choice([10, dice.random() * 0.01])):
                    await moved(driver, source, target)
                finished += 1

        for round_ in range(12):
            attempts = [asyncio.create_task(attempt()) for _ in range(40)]
            if round_ % 3 == 2:
                pids = await watcher.fetch(SIBLINGS, [b"tested"])
                for (pid,) in pids:
                    await watcher.fetch(TERMINATE, [pid])
            await asyncio.gather(*attempts)
            assert await total(watcher) == 400
        await rested(watcher)
        order: list[int] = []
        assert len(set(await asyncio.gather(*[held(driver, order, n, 0.05) for n in range(3)]))) == 3
    return finished


async def test_nothing_is_left_half_done_by_cancellations_and_losses(empty_database: str) -> None:
    assert await storm(empty_database) > 100


def test_nothing_is_left_half_done_under_uvloop(empty_database: str) -> None:
    assert uvloop.run(storm(empty_database)) > 100


async def test_connecting_is_retried_until_one_waited_in_vain(empty_database: str) -> None:
    attempts = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = f"host=127.0.0.1 port={port} sslmode=disable gssencmode=disable"
    async with server, opened(target, size=1, connect_timeout=0.3) as driver:
        with pytest.raises(DatabaseUnavailable):
            await held(driver, [], 0, 0)
        assert attempts > 2
        attempts = 0
        outcomes = await asyncio.gather(*[held(driver, [], n, 0) for n in range(6)], return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 6
    assert attempts == 6


async def test_unreachable_server_is_told_to_every_caller(tmp_path: Path) -> None:
    async with opened(f"host={tmp_path} dbname=none", size=2, connect_timeout=0.2) as driver:
        outcomes = await asyncio.gather(*[held(driver, [], n, 0) for n in range(20)], return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 20
    assert driver.statements_sent == 0


async def test_short_outage_is_waited_out(empty_database: str) -> None:
    async with relayed(empty_database) as (port, _):
        pass
    async with opened(f"{empty_database} host=127.0.0.1 port={port}", size=1, connect_timeout=5) as driver:
        order: list[int] = []
        waiting = asyncio.gather(*[held(driver, order, n, 0) for n in range(3)])
        await asyncio.sleep(0.1)
        async with relayed(empty_database, port):
            assert len(set(await waiting)) == 1
            await driver.close()


async def test_outages_are_waited_out_again_after_one_that_was_too_long(empty_database: str) -> None:
    async with relayed(empty_database) as (port, _):
        pass
    async with opened(f"{empty_database} host=127.0.0.1 port={port}", size=1, connect_timeout=0.5) as driver:
        with pytest.raises(DatabaseUnavailable):
            await held(driver, [], 0, 0)
        async with relayed(empty_database, port):
            before = await held(driver, [], 1, 0)
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(held(driver, [], 2, 0))
        await asyncio.sleep(0.1)
        async with relayed(empty_database, port):
            assert await waiting != before
            await driver.close()


async def test_closing_ends_transactions_waiters_and_later_leases(empty_database: str) -> None:
    async with filled(empty_database, size=1) as (driver, watcher):
        async with driver.sessions.lease() as session:
            await begun(session)
            running = asyncio.create_task(session.run([(SLEEP, [b"0.1"]), (COMMIT, ())]))
            waiting = asyncio.create_task(held(driver, [], 0, 0))
            await asyncio.sleep(0)
            await driver.close()
            outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
        with pytest.raises(DatabaseUnavailable):
            await held(driver, [], 0, 0)

        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
        await gone(watcher)


async def test_driver_closed_while_sessions_connect_keeps_no_connection(empty_database: str) -> None:
    async with filled(empty_database, size=2) as (driver, watcher):
        leases = [asyncio.create_task(held(driver, [], n, 0)) for n in range(3)]
        await asyncio.sleep(0)
        await driver.close()
        outcomes = await asyncio.gather(*leases, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
        await gone(watcher)


async def test_connection_that_the_server_refuses_frees_its_slot(empty_database: str) -> None:
    options = {"work_mem": "nonsense"}

    async with opened(empty_database, size=1, connect_timeout=0.1, session_options=options) as driver:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="work_mem"):
                await held(driver, [], 0, 0)
