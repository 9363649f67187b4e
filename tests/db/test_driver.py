"""The pipelined driver in ordinary use: answers, errors, preparing, pooling and cancellation."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from db.driver import DatabaseError, DatabaseUnavailable, Driver, Statement, StatementTimeout

ECHO = Statement("select $1::text")
PID = Statement("select pg_backend_pid()")
PID_AFTER_SLEEP = Statement("select pg_backend_pid() from pg_sleep($1)")
DIVIDE = Statement("select 6 / $1::int")
PREPARED = Statement("select count(*) from pg_prepared_statements")


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[Driver]:
    driver = Driver(dsn, **options)
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()


async def sessions(driver: Driver, application: str) -> int:
    counted = Statement("select count(*) from pg_stat_activity where application_name = $1")
    [(count,)] = await driver.fetch(counted, [application.encode()])
    assert count is not None
    return int(count)


async def test_rows_arrive_as_text_with_every_column_and_null(empty_database: str) -> None:
    several = Statement("select n, $1::text, $2::int from generate_series(1, 2) n order by n")

    async with opened(empty_database) as driver:
        rows = await driver.fetch(several, ["né".encode(), None])
        nothing = await driver.fetch(Statement("select 1 where false"), [])
        empty = await driver.fetch(ECHO, [b""])

    assert rows == [(b"1", "né".encode(), None), (b"2", "né".encode(), None)]
    assert nothing == []
    assert empty == [(b"",)]


async def test_statement_without_rows_gives_an_empty_list(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        assert await driver.fetch(Statement("create table t (a int)"), []) == []
        assert await driver.fetch(Statement("insert into t values ($1)"), [b"7"]) == []
        assert await driver.fetch(Statement(""), []) == []
        assert await driver.fetch(Statement("select a from t"), []) == [(b"7",)]


async def test_fetch_connects_without_open(empty_database: str) -> None:
    driver = Driver(empty_database)

    rows = await asyncio.gather(*[driver.fetch(ECHO, [b"%d" % n]) for n in range(5)])
    await driver.close()

    assert rows == [[(b"%d" % n,)] for n in range(5)]


async def test_counters_are_exact_and_preparing_costs_no_round_trip(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        assert (driver.statements_sent, driver.round_trips) == (0, 0)
        await driver.fetch(ECHO, [b"a"])
        assert (driver.statements_sent, driver.round_trips) == (1, 1)
        await driver.fetch(ECHO, [b"b"])
        await driver.fetch_many([(ECHO, [b"c"]), (DIVIDE, [b"1"]), (ECHO, [b"d"])])
        assert (driver.statements_sent, driver.round_trips) == (5, 3)
        assert await driver.fetch_many([]) == []
        assert (driver.statements_sent, driver.round_trips) == (5, 3)


@pytest.mark.parametrize("startup_options", [True, False])
async def test_session_settings_hold_from_the_first_statement(
    empty_database: str, startup_options: bool
) -> None:
    names = [
        "application_name",
        "TimeZone",
        "jit",
        "statement_timeout",
        "client_encoding",
        "DateStyle",
        "search_path",
    ]
    shown = Statement("select " + ", ".join(f"current_setting('{name}')" for name in names))
    options = {"search_path": '"a b", public', "TimeZone": "UTC"}

    async with opened(
        empty_database, session_options=options, startup_options=startup_options, statement_timeout=1.5
    ) as driver:
        [row] = await driver.fetch(shown, [])
        sent = driver.statements_sent

    assert row == (b"diptych", b"UTC", b"off", b"1500ms", b"UTF8", b"ISO, MDY", b'"a b", public')
    assert sent == 1


async def test_error_carries_state_message_constraint_and_detail(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        await driver.fetch(Statement("create table t (a int constraint only_once unique)"), [])
        await driver.fetch(Statement("insert into t values (1)"), [])
        with pytest.raises(DatabaseError) as raised:
            await driver.fetch(Statement("insert into t values ($1)"), [b"1"])
        rows = await driver.fetch(Statement("select a from t"), [])

    error = raised.value
    assert type(error) is DatabaseError
    assert (error.sqlstate, error.constraint) == ("23505", "only_once")
    assert error.message == 'duplicate key value violates unique constraint "only_once"'
    assert error.detail == "Key (a)=(1) already exists."
    assert rows == [(b"1",)]


async def test_error_raised_at_commit_reaches_the_caller(empty_database: str) -> None:
    deferred = "create table t (a int, constraint late unique (a) deferrable initially deferred)"

    async with opened(empty_database) as driver:
        await driver.fetch(Statement(deferred), [])
        with pytest.raises(DatabaseError) as raised:
            await driver.fetch(Statement("insert into t values (1), (1) returning a"), [])
        rows = await driver.fetch(Statement("select a from t"), [])

    assert (raised.value.sqlstate, raised.value.constraint) == ("23505", "late")
    assert rows == []


async def test_failing_statement_leaves_its_pipeline_neighbours_alone(empty_database: str) -> None:
    async with opened(empty_database, size=1, depth=64) as driver:
        calls = [driver.fetch(DIVIDE, [b"%d" % (n % 4)]) for n in range(60)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        prepared = await driver.fetch(PREPARED, [])

    for n, outcome in enumerate(outcomes):
        if n % 4:
            assert outcome == [(b"%d" % (6 // (n % 4)),)]
        else:
            assert isinstance(outcome, DatabaseError)
            assert outcome.sqlstate == "22012"
    assert prepared == [(b"2",)]


async def test_fetch_many_isolates_errors_on_one_connection(empty_database: str) -> None:
    insert = Statement("insert into t values ($1) returning a")

    async with opened(empty_database) as driver:
        await driver.fetch(Statement("create table t (a int check (a > 0))"), [])
        first, bad, text, second, here, there = await driver.fetch_many(
            [(insert, [b"1"]), (insert, [b"-1"]), (ECHO, [b"\0"]), (insert, [b"2"]), (PID, []), (PID, [])]
        )
        rows = await driver.fetch(Statement("select a from t order by a"), [])

    assert (first, second) == ([(b"1",)], [(b"2",)])
    assert isinstance(bad, DatabaseError)
    assert bad.sqlstate == "23514"
    assert isinstance(text, DatabaseError)
    assert text.sqlstate == "22021"
    assert here == there
    assert rows == [(b"1",), (b"2",)]


async def test_parameter_that_libpq_would_cut_short_is_refused_unsent(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        with pytest.raises(DatabaseError) as zero:
            await driver.fetch(ECHO, [b"admin\0x"])
        with pytest.raises(DatabaseError) as many:
            await driver.fetch(ECHO, [b"1"] * 65536)
        assert driver.statements_sent == 0

    assert (zero.value.sqlstate, many.value.sqlstate) == ("22021", "54023")


async def test_statement_timeout_is_told_apart_and_the_connection_kept(empty_database: str) -> None:
    async with opened(empty_database, size=1, statement_timeout=0.1) as driver:
        [(before,)] = await driver.fetch(PID, [])
        slow = asyncio.create_task(driver.fetch(PID_AFTER_SLEEP, [b"30"]))
        behind = asyncio.create_task(driver.fetch(PID, []))
        with pytest.raises(StatementTimeout) as raised:
            await slow
        assert await behind == [(before,)]

    assert raised.value.sqlstate == "57014"


async def test_invalid_statement_reports_its_own_error_to_every_concurrent_caller(
    empty_database: str,
) -> None:
    absent = Statement("select a from absent")

    async with opened(empty_database, size=1) as driver:
        outcomes = await asyncio.gather(*[driver.fetch(absent, []) for _ in range(6)], return_exceptions=True)
        await driver.fetch(Statement("create table absent (a int)"), [])
        rows = await driver.fetch(absent, [])

    assert [outcome.sqlstate for outcome in outcomes if isinstance(outcome, DatabaseError)] == ["42P01"] * 6
    assert rows == []


async def test_prepared_statements_are_reused_and_bounded(empty_database: str) -> None:
    async with opened(empty_database, size=1, prepared_limit=3) as driver:
        for _ in range(2):
            for n in range(10):
                assert await driver.fetch(Statement(f"select {n}"), []) == [(b"%d" % n,)]
        for _ in range(5):
            assert await driver.fetch(PREPARED, []) == [(b"3",)]
        parsed = Statement("select name from pg_prepared_statements where statement = 'select 9'")
        [name] = await driver.fetch(parsed, [])
        await driver.fetch(Statement("select 9"), [])
        assert await driver.fetch(parsed, []) == [name]


async def test_nothing_is_prepared_for_a_transaction_pooler(empty_database: str) -> None:
    async with opened(empty_database, size=1, prepare=False) as driver:
        assert await driver.fetch(ECHO, [b"a"]) == [(b"a",)]
        with pytest.raises(DatabaseError):
            await driver.fetch(DIVIDE, [b"0"])
        assert await driver.fetch(PREPARED, []) == [(b"0",)]


async def test_changed_result_type_is_prepared_again_unseen(empty_database: str) -> None:
    every = Statement("select * from t")

    async with opened(empty_database, size=1) as driver, opened(empty_database) as other:
        await driver.fetch(Statement("create table t (a int)"), [])
        await driver.fetch(Statement("insert into t values (1)"), [])
        assert await driver.fetch(every, []) == [(b"1",)]
        await other.fetch(Statement("alter table t add b text default 'new'"), [])
        sent = driver.statements_sent

        rows = await asyncio.gather(*[driver.fetch(every, []) for _ in range(5)])
        assert rows == [[(b"1", b"new")]] * 5
        assert driver.statements_sent == sent + 10
        assert await driver.fetch(every, []) == [(b"1", b"new")]
        assert driver.statements_sent == sent + 11
        assert await driver.fetch(Statement("select count(*) from pg_prepared_statements"), []) == [(b"4",)]


async def test_changed_parameter_type_is_prepared_again_unseen(empty_database: str) -> None:
    named = Statement("select a from t where a = $1")

    async with opened(empty_database, size=1) as driver, opened(empty_database) as other:
        await driver.fetch(Statement("create table t (a int)"), [])
        await driver.fetch(Statement("insert into t values (1)"), [])
        assert await driver.fetch(named, [b"1"]) == [(b"1",)]
        await other.fetch(Statement("alter table t alter a type text"), [])
        assert await driver.fetch(named, [b"1"]) == [(b"1",)]
        assert await driver.fetch(named, [b"word"]) == []


async def test_statement_deallocated_behind_the_driver_is_prepared_again_unseen(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        await driver.fetch(ECHO, [b"a"])
        gone, *echoes = await asyncio.gather(
            driver.fetch(Statement("deallocate all"), []),
            *[driver.fetch(ECHO, [b"%d" % n]) for n in range(5)],
        )

    assert gone == []
    assert echoes == [[(b"%d" % n,)] for n in range(5)]


async def test_error_that_no_new_preparing_can_heal_is_final(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        raising = """create function f(boolean) returns int language plpgsql as
            $$ begin if $1 then raise sqlstate '0A000'; end if; return 1; end $$"""
        await driver.fetch(Statement(raising), [])
        with pytest.raises(DatabaseError):
            await driver.fetch(Statement("select f(true)"), [])
        assert driver.statements_sent == 2
        call = Statement("select f($1)")
        assert await driver.fetch(call, [b"f"]) == [(b"1",)]
        sent = driver.statements_sent
        with pytest.raises(DatabaseError) as raised:
            await driver.fetch(call, [b"t"])
        assert driver.statements_sent == sent + 2
        assert await driver.fetch(call, [b"f"]) == [(b"1",)]

    assert raised.value.sqlstate == "0A000"


async def test_sequential_work_stays_on_one_connection(empty_database: str) -> None:
    async with opened(empty_database, application_name="sequential") as driver:
        for n in range(20):
            await driver.fetch(ECHO, [b"%d" % n])
            await driver.fetch_many([(ECHO, [b"a"]), (ECHO, [b"b"])])
        assert await sessions(driver, "sequential") == 1


async def test_concurrent_work_opens_connections_up_to_the_size(empty_database: str) -> None:
    async with opened(empty_database, size=3, application_name="concurrent") as driver:
        for _ in range(3):
            await asyncio.gather(*[driver.fetch(PID_AFTER_SLEEP, [b"0.03"]) for _ in range(9)])
        assert await sessions(driver, "concurrent") == 3
        pids = await asyncio.gather(*[driver.fetch(PID_AFTER_SLEEP, [b"0.03"]) for _ in range(3)])

    assert len({rows[0] for rows in pids}) == 3


async def test_calls_beyond_the_depth_wait_in_order(empty_database: str) -> None:
    async with opened(empty_database, size=1, depth=2) as driver:
        await driver.fetch(Statement("create sequence s"), [])
        calls = [driver.fetch(Statement("select nextval('s')"), []) for _ in range(50)]
        tasks = [asyncio.create_task(call) for call in calls]
        many = asyncio.create_task(driver.fetch_many([(Statement("select nextval('s')"), [])] * 5))
        last = asyncio.create_task(driver.fetch(Statement("select nextval('s')"), []))
        await asyncio.sleep(0)
        assert driver.statements_sent == 3
        await asyncio.wait([*tasks, many, last])

    assert [task.result() for task in tasks] == [[(b"%d" % n,)] for n in range(1, 51)]
    assert many.result() == [[(b"%d" % n,)] for n in range(51, 56)]
    assert last.result() == [(b"56",)]


async def test_cancelled_calls_never_shift_the_answers_of_others(empty_database: str) -> None:
    chance = random.Random(7)
    wordy = Statement("select $1::text, repeat('x', $2::int)")

    async def ask(driver: Driver, n: int) -> int:
        key = b"%d" % n
        if n % 5 == 0:
            got = await driver.fetch_many([(ECHO, [key]), (DIVIDE, [b"0"]), (ECHO, [key])])
            assert got[0] == got[2] == [(key,)]
            assert isinstance(got[1], DatabaseError)
            assert got[1].sqlstate == "22012"
        elif n % 7 == 0:
            assert await driver.fetch(wordy, [key, b"20000"]) == [(key, b"x" * 20000)]
        else:
            assert await driver.fetch(ECHO, [key]) == [(key,)]
        return n

    async with opened(empty_database, size=3, depth=4) as driver:
        survivors = cancelled = 0
        for start in range(0, 4000, 200):
            tasks = [asyncio.create_task(ask(driver, n)) for n in range(start, start + 200)]
            for task in chance.sample(tasks, 60):
                await asyncio.sleep(0 if chance.random() < 0.7 else 0.001)
                task.cancel()
            for n, outcome in enumerate(await asyncio.gather(*tasks, return_exceptions=True), start):
                if isinstance(outcome, asyncio.CancelledError):
                    cancelled += 1
                else:
                    assert outcome == n
                    survivors += 1
        assert await driver.fetch(ECHO, [b"end"]) == [(b"end",)]

    assert survivors >= 4000 - 20 * 60
    assert cancelled > 100


async def test_call_cancelled_in_the_queue_is_never_sent(empty_database: str) -> None:
    async with opened(empty_database, size=1, depth=1) as driver:
        slow = asyncio.create_task(driver.fetch(PID_AFTER_SLEEP, [b"0.05"]))
        queued = [asyncio.create_task(driver.fetch(ECHO, [b"%d" % n])) for n in range(4)]
        await asyncio.sleep(0)
        queued[0].cancel()
        queued[2].cancel()
        await asyncio.wait([slow, *queued])

        assert queued[1].result() == [(b"1",)]
        assert queued[3].result() == [(b"3",)]
        assert driver.statements_sent == 3


async def test_large_parameters_and_answers_cross_without_blocking_each_other(empty_database: str) -> None:
    payloads = [bytes([97 + n]) * 3_000_000 for n in range(8)]

    async with opened(empty_database, size=1) as driver:
        rows = await asyncio.gather(*[driver.fetch(ECHO, [payload]) for payload in payloads])
        small = await driver.fetch(ECHO, [b"small"])

    assert [row == [(payload,)] for row, payload in zip(rows, payloads, strict=True)] == [True] * 8
    assert small == [(b"small",)]


async def test_results_are_released(empty_database: str) -> None:
    large = Statement("select repeat('x', 1000000)")

    async with opened(empty_database, size=1) as driver:
        for _ in range(20):
            await driver.fetch(large, [])
        before = psutil.Process().memory_info().rss
        for _ in range(200):
            await driver.fetch(large, [])
        after = psutil.Process().memory_info().rss

    assert after - before < 50_000_000


async def test_notices_are_not_printed(empty_database: str, capfd: pytest.CaptureFixture[str]) -> None:
    async with opened(empty_database) as driver:
        await driver.fetch(Statement("do $$ begin raise notice 'heard'; raise warning 'too'; end $$"), [])
        assert await driver.fetch(ECHO, [b"a"]) == [(b"a",)]

    assert capfd.readouterr() == ("", "")


async def test_copy_is_refused_and_the_pool_survives(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        with pytest.raises(DatabaseUnavailable):
            await driver.fetch(Statement("copy (select 1) to stdout"), [])
        assert driver.statements_sent == 1
        assert await driver.fetch(ECHO, [b"a"]) == [(b"a",)]


async def test_closed_driver_refuses_work(empty_database: str) -> None:
    driver = Driver(empty_database, application_name="closing")
    waiting = asyncio.create_task(driver.fetch(PID_AFTER_SLEEP, [b"30"]))
    await asyncio.sleep(0.05)

    await driver.close()

    with pytest.raises(DatabaseUnavailable):
        await waiting
    with pytest.raises(DatabaseUnavailable):
        await driver.fetch(ECHO, [b"a"])
    with pytest.raises(DatabaseUnavailable):
        await driver.open()
