"""Exclusive sessions in ordinary use: transactions, errors, preparing, counting and settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db.driver import (
    DatabaseError,
    DatabaseUnavailable,
    Driver,
    Session,
    Statement,
    StatementStale,
    StatementTimeout,
)

BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")
CREATE = Statement("create table t (a int constraint one_a unique deferrable, b text not null)")
INSERT = Statement("insert into t values ($1, $2) returning a")
ALL = Statement("select a, b from t order by a")
DIVIDE = Statement("select 6 / $1::int")
ECHO = Statement("select $1::text")
PREPARED = Statement("select count(*) from pg_prepared_statements")
PID = Statement("select pg_backend_pid()")
OPEN = Statement("select count(*) from pg_stat_activity where state like 'idle in transaction%'")


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[Driver]:
    driver = Driver(dsn, **options)
    await driver.open()
    await driver.fetch(CREATE, [])
    try:
        yield driver
    finally:
        await driver.close()


async def prepared(session: Session) -> int:
    [[(count,)]] = await session.run([(PREPARED, ())])
    assert count is not None
    return int(count)


async def test_transaction_is_seen_by_others_once_it_is_committed(empty_database: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        answers = await session.run(
            [(BEGIN, ()), (INSERT, [b"1", b"x"]), (INSERT, [b"2", "né".encode()]), (ALL, ())]
        )
        before = await driver.fetch(ALL, [])
        committed = await session.run([(COMMIT, ())])
        after = await driver.fetch(ALL, [])

    rows = [(b"1", b"x"), (b"2", "né".encode())]
    assert answers == [[], [(b"1",)], [(b"2",)], rows]
    assert (before, committed, after) == ([], [[]], rows)


async def test_whole_transaction_crosses_in_one_run(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        async with driver.sessions.lease() as session:
            answers = await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (COMMIT, ()), (ALL, ())])

        assert answers == [[], [(b"1",)], [], [(b"1", b"x")]]
        assert await driver.fetch(ALL, []) == [(b"1", b"x")]


async def test_rollback_leaves_nothing(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        async with driver.sessions.lease() as session:
            await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"])])
            assert await session.run([(ROLLBACK, ())]) == [[]]

        assert await driver.fetch(ALL, []) == []


async def test_run_without_calls_sends_nothing(empty_database: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        before = (driver.statements_sent, driver.round_trips)

        assert await session.run([]) == []
        assert (driver.statements_sent, driver.round_trips) == before


async def test_first_error_of_a_run_is_raised_and_the_rest_is_skipped(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
            with pytest.raises(DatabaseError) as failure:
                await session.run(
                    [
                        (BEGIN, ()),
                        (INSERT, [b"1", b"x"]),
                        (DIVIDE, [b"0"]),
                        (INSERT, [b"2", None]),
                        (COMMIT, ()),
                    ]
                )
        async with driver.sessions.lease() as session:
            reused = session.backend_pid
            rows = await session.run([(DIVIDE, [b"3"]), (ALL, ())])

        assert failure.value.sqlstate == "22012"
        assert reused == pid
        assert rows == [[(b"2",)], []]
        assert await driver.fetch(OPEN, []) == [(b"0",)]


async def test_run_without_begin_takes_effect_as_a_whole_or_not_at_all(empty_database: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        with pytest.raises(DatabaseError):
            await session.run([(INSERT, [b"1", b"x"]), (DIVIDE, [b"0"]), (INSERT, [b"2", b"x"])])
        assert await driver.fetch(ALL, []) == []

        await session.run([(INSERT, [b"1", b"x"]), (INSERT, [b"2", b"y"])])
        assert await driver.fetch(ALL, []) == [(b"1", b"x"), (b"2", b"y")]


async def test_failed_begin_lets_nothing_behind_it_take_effect(empty_database: str) -> None:
    begin = Statement("BEGIN ISOLATION LEVEL nonsense")

    async with opened(empty_database) as driver:
        with pytest.raises(DatabaseError) as failure:
            async with driver.sessions.lease() as session:
                await session.run([(begin, ()), (INSERT, [b"1", b"x"]), (COMMIT, ())])

        assert failure.value.sqlstate == "42601"
        assert await driver.fetch(ALL, []) == []


@pytest.mark.parametrize("text", ["COMMIT", " end work", "commit and chain"])
async def test_commit_of_a_failed_transaction_is_an_error(empty_database: str, text: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        with pytest.raises(DatabaseError) as first:
            await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (DIVIDE, [b"0"])])
        with pytest.raises(DatabaseError) as second:
            await session.run([(Statement(text), ()), (DIVIDE, [b"0"])])

        assert (first.value.sqlstate, second.value.sqlstate) == ("22012", "25P02")
        assert await driver.fetch(ALL, []) == []


@pytest.mark.parametrize("text", ["ROLLBACK", " rollback work", "Abort"])
async def test_rollback_of_a_failed_transaction_succeeds(empty_database: str, text: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        with pytest.raises(DatabaseError):
            await session.run([(BEGIN, ()), (DIVIDE, [b"0"])])

        assert await session.run([(Statement(text), ()), (ECHO, [b"on"])]) == [[], [(b"on",)]]


async def test_part_of_a_transaction_is_undone_at_a_savepoint(empty_database: str) -> None:
    savepoint, undo = Statement("SAVEPOINT s"), Statement("ROLLBACK TO SAVEPOINT s")

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (savepoint, ())])
        with pytest.raises(DatabaseError):
            await session.run([(INSERT, [b"2", None])])
        assert await session.run([(undo, ()), (COMMIT, ())]) == [[], []]

        assert await driver.fetch(ALL, []) == [(b"1", b"x")]


async def test_violation_found_only_at_commit_fails_the_transaction(empty_database: str) -> None:
    defer = Statement("SET CONSTRAINTS ALL DEFERRED")

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        inserts = [(INSERT, [b"1", b"x"]), (INSERT, [b"1", b"y"])]
        with pytest.raises(DatabaseError) as explicit:
            await session.run([(BEGIN, ()), (defer, ()), *inserts, (COMMIT, ())])
        with pytest.raises(DatabaseError) as implicit:
            await session.run([(defer, ()), *inserts])

        assert (explicit.value.sqlstate, explicit.value.constraint) == ("23505", "one_a")
        assert (implicit.value.sqlstate, implicit.value.constraint) == ("23505", "one_a")
        assert await session.run([(ALL, ())]) == [[]]


async def test_error_names_the_table_and_the_column(empty_database: str) -> None:
    async with opened(empty_database) as driver:
        with pytest.raises(DatabaseError) as failure:
            async with driver.sessions.lease() as session:
                await session.run([(BEGIN, ()), (INSERT, [b"1", None])])
        with pytest.raises(DatabaseError) as shared:
            await driver.fetch(INSERT, [b"1", None])

    for error in (failure.value, shared.value):
        assert (error.sqlstate, error.table, error.column, error.constraint) == ("23502", "t", "b", None)


async def test_statement_timeout_fails_the_transaction_and_keeps_the_connection(empty_database: str) -> None:
    async with opened(empty_database, size=1, statement_timeout=0.1) as driver:
        async with driver.sessions.lease() as session:
            pid = session.backend_pid
            with pytest.raises(StatementTimeout):
                await session.run(
                    [(BEGIN, ()), (INSERT, [b"1", b"x"]), (Statement("select pg_sleep(5)"), ())]
                )
        async with driver.sessions.lease() as session:
            assert session.backend_pid == pid
        assert await driver.fetch(ALL, []) == []


async def test_parameter_that_libpq_would_cut_short_is_refused_before_anything_is_sent(
    empty_database: str,
) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        before = (driver.statements_sent, driver.round_trips)
        with pytest.raises(DatabaseError) as failure:
            await session.run([(BEGIN, ()), (INSERT, [b"1", b"a\0b"])])

        assert failure.value.sqlstate == "22021"
        assert (driver.statements_sent, driver.round_trips) == before
        assert session.idle


async def test_exception_in_the_lease_rolls_back_and_keeps_the_connection(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:

        async def write() -> None:
            async with driver.sessions.lease() as session:
                pids.append(session.backend_pid)
                await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"])])
                raise LookupError

        pids: list[int] = []
        with pytest.raises(LookupError):
            await write()
        async with driver.sessions.lease() as session:
            assert pids == [session.backend_pid]
            assert await session.run([(ALL, ())]) == [[]]


async def test_transaction_that_was_left_open_is_rolled_back(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        async with driver.sessions.lease() as session:
            await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"])])

        assert await driver.fetch(ALL, []) == []
        assert await driver.fetch(OPEN, []) == [(b"0",)]


async def test_counters_are_exact(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        assert (driver.statements_sent, driver.round_trips) == (1, 1)
        async with driver.sessions.lease() as session:
            assert (driver.statements_sent, driver.round_trips) == (1, 1)
            for key in (b"1", b"2"):
                await session.run([(BEGIN, ()), (INSERT, [key, b"x"]), (COMMIT, ())])
        assert (driver.statements_sent, driver.round_trips) == (7, 3)
        async with driver.sessions.lease() as session:
            await session.run([(BEGIN, ())])
        # The rollback on leaving counts too.
        assert (driver.statements_sent, driver.round_trips) == (9, 5)
        await driver.fetch(ALL, [])
        assert (driver.statements_sent, driver.round_trips) == (10, 6)


async def test_statements_are_prepared_once_for_all_leases(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        for _ in range(3):
            async with driver.sessions.lease() as session:
                await session.run([(ECHO, [b"a"]), (ECHO, [b"b"]), (DIVIDE, [b"1"])])
                assert await prepared(session) == 3


async def test_prepared_statements_are_bounded_also_within_a_run(empty_database: str) -> None:
    texts = [Statement(f"select {n}") for n in range(6)]

    async with opened(empty_database, prepared_limit=2) as driver, driver.sessions.lease() as session:
        for _ in range(2):
            answers = await session.run([(text, ()) for text in texts])
            assert answers == [[(b"%d" % n,)] for n in range(6)]
        # The one before the count, and the count itself.
        assert await prepared(session) == 2


async def test_preparing_that_an_error_skipped_is_made_up_for(empty_database: str) -> None:
    async with opened(empty_database, prepared_limit=2) as driver, driver.sessions.lease() as session:
        await session.run([(ECHO, [b"a"]), (ALL, ())])
        for _ in range(2):
            with pytest.raises(DatabaseError) as failure:
                await session.run([(DIVIDE, [b"0"]), (ECHO, [b"b"]), (PID, ()), (ALL, ())])
            assert failure.value.sqlstate == "22012"

        assert await session.run([(ECHO, [b"c"]), (ALL, ())]) == [[(b"c",)], []]
        assert await prepared(session) == 2


async def test_statement_that_cannot_be_prepared_reports_its_own_error_every_time(
    empty_database: str,
) -> None:
    broken = Statement("select nonsense")

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        for _ in range(2):
            with pytest.raises(DatabaseError) as failure:
                await session.run([(ECHO, [b"a"]), (broken, ()), (broken, ())])
            assert failure.value.sqlstate == "42703"
        assert await session.run([(ECHO, [b"b"])]) == [[(b"b",)]]


async def test_stale_statement_surfaces_once_and_no_connection_repeats_it(empty_database: str) -> None:
    several = [(Statement(f"select *, {n} from t"), ()) for n in range(4)]

    async with opened(empty_database, size=2) as driver:
        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            await one.run(several)
            await two.run(several)
        await driver.fetch(Statement("alter table t add column c int default 7"), [])
        async with driver.sessions.lease() as session:
            sent = driver.statements_sent
            with pytest.raises(StatementStale) as failure:
                await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), *several, (COMMIT, ())])
            assert driver.statements_sent == sent + 7
        assert failure.value.sqlstate == "0A000"
        assert await driver.fetch(ALL, []) == []

        async with driver.sessions.lease() as one, driver.sessions.lease() as two:
            for session in (one, two):
                answers = await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), *several, (ROLLBACK, ())])
                assert answers[2:6] == [[(b"1", b"x", b"7", b"%d" % n)] for n in range(4)]
                # These, BEGIN, the INSERT and ROLLBACK, and the count itself.
                assert await prepared(session) == 8


async def test_statement_deallocated_behind_the_driver_is_prepared_anew(empty_database: str) -> None:
    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        await session.run([(BEGIN, ()), (ECHO, [b"a"]), (COMMIT, ()), (Statement("DEALLOCATE ALL"), ())])
        with pytest.raises(StatementStale) as failure:
            await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (COMMIT, ())])
        assert failure.value.sqlstate == "26000"
        assert await driver.fetch(ALL, []) == []

        await session.run([(BEGIN, ()), (INSERT, [b"2", b"x"]), (COMMIT, ())])
        assert await driver.fetch(ALL, []) == [(b"2", b"x")]


async def test_error_that_new_preparing_cannot_heal_is_not_called_stale(empty_database: str) -> None:
    unknown = Statement("select no_such_function()")

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        with pytest.raises(DatabaseError) as failure:
            await session.run([(unknown, ())])
        assert failure.value.sqlstate == "42883"
        assert not isinstance(failure.value, StatementStale)


async def test_error_of_a_statement_that_the_run_itself_prepared_is_not_called_stale(
    empty_database: str,
) -> None:
    refuse = "create function refuse() returns int language plpgsql as"
    refuse += " $$ begin raise exception using errcode = '0A000'; end $$"
    call = Statement("select refuse()")

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        await driver.fetch(Statement(refuse), [])
        with pytest.raises(DatabaseError) as failure:
            await session.run([(ECHO, [b"a"]), (call, ())])
        assert failure.value.sqlstate == "0A000"
        assert not isinstance(failure.value, StatementStale)


async def test_refusal_at_an_implicit_commit_is_no_statements_own(empty_database: str) -> None:
    refuse = "create function refuse() returns trigger language plpgsql as"
    refuse += " $$ begin raise exception using errcode = '0A000'; end $$"
    trigger = "create constraint trigger late after insert on t deferrable initially deferred"

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        await session.run([(INSERT, [b"1", b"x"])])
        await driver.fetch(Statement(refuse), [])
        await driver.fetch(Statement(f"{trigger} for each row execute function refuse()"), [])
        with pytest.raises(DatabaseError) as failure:
            await session.run([(INSERT, [b"2", b"x"])])

        assert (failure.value.sqlstate, type(failure.value)) == ("0A000", DatabaseError)
        assert await session.run([(ALL, ())]) == [[(b"1", b"x")]]


async def test_nothing_is_prepared_for_a_transaction_pooler(empty_database: str) -> None:
    async with opened(empty_database, prepare=False, startup_options=False) as driver:
        async with driver.sessions.lease() as session:
            answers = await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (COMMIT, ())])
            with pytest.raises(DatabaseError):
                await session.run([(BEGIN, ()), (INSERT, [b"2", b"x"]), (DIVIDE, [b"0"]), (COMMIT, ())])
            with pytest.raises(DatabaseError, match="rolled back"):
                await session.run([(COMMIT, ())])
            assert await prepared(session) == 0
            assert await session.run([(Statement("show plan_cache_mode"), ())]) == [[(b"auto",)]]

        assert answers == [[], [(b"1",)], []]
        assert await driver.fetch(ALL, []) == [(b"1", b"x")]


@pytest.mark.parametrize("startup_options", [True, False])
async def test_session_settings_outlive_a_rollback(empty_database: str, startup_options: bool) -> None:
    settings = Statement("select current_setting('TimeZone'), current_setting('plan_cache_mode')")

    options = {"startup_options": startup_options}
    async with opened(empty_database, **options) as driver, driver.sessions.lease() as session:
        await session.run([(BEGIN, ()), (Statement("select 1", generic=True), ()), (ROLLBACK, ())])
        assert await session.run([(settings, ())]) == [[(b"UTC", b"force_generic_plan")]]


async def test_given_session_options_win(empty_database: str) -> None:
    options = {"session_options": {"plan_cache_mode": "force_custom_plan"}}

    async with opened(empty_database, **options) as driver, driver.sessions.lease() as session:
        mode = await session.run([(Statement("show plan_cache_mode"), ())])

    assert mode == [[(b"force_custom_plan",)]]


async def test_large_parameters_and_answers_cross_without_blocking_each_other(empty_database: str) -> None:
    payloads = [bytes([97 + n]) * 3_000_000 for n in range(6)]

    async with opened(empty_database) as driver, driver.sessions.lease() as session:
        answers = await asyncio.wait_for(session.run([(ECHO, [payload]) for payload in payloads]), 20)

    assert answers == [[(payload,)] for payload in payloads]


async def test_copy_is_refused_and_the_pool_survives(empty_database: str) -> None:
    async with opened(empty_database, size=1) as driver:
        with pytest.raises(DatabaseUnavailable, match="COPY is not supported"):
            async with driver.sessions.lease() as session:
                await session.run([(BEGIN, ()), (INSERT, [b"1", b"x"]), (Statement("copy t to stdout"), ())])
        async with driver.sessions.lease() as session:
            assert await session.run([(ALL, ())]) == [[]]
