"""Wall 2: statements whose fence is missing, in every tenant table that the database has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg import sql

from db.calls import Statement
from db.driver import DatabaseError, Driver, Session
from db.execute import BEGIN
from db.migrate import operating
from db.policies import tables
from db.queries.tokens import FIND
from db.walls import ROLE, Rls, Wall
from tests.isolation.tenant_tables import Planted, columns, names, rows

TENANT = [each.name for each in tables() if each.policies and each.name not in ("users", "workspaces")]
APPEND_ONLY = [each.name for each in tables() if each.privileges == {"SELECT", "INSERT"}]

USER = Statement("SELECT current_user")
ROLLBACK = Statement("ROLLBACK")


@asynccontextmanager
async def serving(database: str, wall: Wall) -> AsyncIterator[Driver]:
    """Open the connections that a server has."""
    driver = Driver(
        database,
        size=1,
        startup_options=not wall.pooled,
        prepare=not wall.pooled,
        session_options=wall.session_options,
        before=wall.before,
    )
    try:
        yield driver
    finally:
        await driver.close()


async def tried(session: Session, world: Planted, text: str, wall: Wall) -> list[str] | str:
    """Return the workspaces that an unfenced statement reached, or the code of its refusal; undo it."""
    opening = wall.opening(str(world.own).encode())
    try:
        found = await session.run([(BEGIN, ()), opening, (Statement(text), ())])
    except DatabaseError as error:
        return error.sqlstate
    finally:
        await session.run([(ROLLBACK, ())])
    return [(value or b"").decode() for (value,) in found[2]]


def as_superuser(database: str, text: str) -> int:
    """Return how many rows a statement reaches where no wall stands; undo it."""
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        count = connection.execute(text).rowcount  # type: ignore[call-overload]  # Its text is made here.
        connection.rollback()
    return int(count)


def copying(world: Planted, table: str, key: str) -> str:
    """Return an insertion of a copy of the stranger's first row under another `key`."""
    with psycopg.connect(world.database) as connection:
        listed = columns(connection, table)
        # The copy differs in its key alone, of whatever type that is.
        values = [
            f"gen_random_uuid()::{'text' if name != 'id' else 'uuid'}" if name == key else name
            for name in listed
        ]
        return (
            f"INSERT INTO {table} ({', '.join(listed)}) SELECT {', '.join(values)} FROM {table}"
            f" WHERE workspace_id = '{world.foreign}' LIMIT 1 RETURNING workspace_id"
        )


def key_of(world: Planted, table: str) -> str:
    """Return the column that, beside the workspace, makes rows of a table differ."""
    query = """
        SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
        WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attnum = ANY(i.indkey)
          AND a.attname <> 'workspace_id' ORDER BY a.attnum DESC LIMIT 1
    """
    with psycopg.connect(world.database) as connection:
        (found,) = connection.execute(query, [table]).fetchone() or ("id",)
    return str(found)


def test_the_models_and_the_database_agree_on_what_a_tenant_table_is(two_filled: Planted) -> None:
    assert sorted(TENANT) == sorted(two_filled.tables)
    assert len(TENANT) >= 12
    assert {"audit_logs", "events"} <= set(APPEND_ONLY)


@pytest.mark.parametrize("table", TENANT)
async def test_a_write_without_its_fence_changes_no_foreign_row(two_filled: Planted, table: str) -> None:
    """Q-21: the same statements reach the stranger's rows where no wall stands."""
    world, wall = two_filled, Wall()
    theirs = f"WHERE workspace_id = '{world.foreign}'"
    change = f"UPDATE {table} SET workspace_id = workspace_id {theirs} RETURNING workspace_id"
    delete = f"DELETE FROM {table} {theirs} RETURNING workspace_id"
    insert = copying(world, table, key_of(world, table))
    denied = "42501" if table in APPEND_ONLY else []
    with psycopg.connect(world.database) as connection:
        count = rows(connection, table, world.foreign)

    assert as_superuser(world.database, change) == as_superuser(world.database, delete) == count > 0
    async with serving(world.database, wall) as driver, driver.sessions.lease() as session:
        assert await tried(session, world, change, wall) == denied
        assert await tried(session, world, delete, wall) == denied
        assert await tried(session, world, insert, wall) == "42501"


@pytest.mark.parametrize("table", [name for name in TENANT if name not in APPEND_ONLY])
async def test_a_change_of_everything_changes_only_what_is_ones_own(two_filled: Planted, table: str) -> None:
    world, wall = two_filled, Wall()
    with psycopg.connect(world.database) as connection:
        own = rows(connection, table, world.own)
    everything = f"UPDATE {table} SET workspace_id = workspace_id RETURNING workspace_id"
    away = f"UPDATE {table} SET workspace_id = '{world.foreign}'"

    async with serving(world.database, wall) as driver, driver.sessions.lease() as session:
        reached = await tried(session, world, everything, wall)
        assert reached == [str(world.own)] * own
        assert await tried(session, world, away, wall) == "42501"


@pytest.mark.parametrize("table", TENANT)
@pytest.mark.parametrize("rls", [Rls.WRITES, Rls.FULL])
async def test_without_a_workspace_nothing_is_written(two_filled: Planted, table: str, rls: Rls) -> None:
    wall = Wall(rls)
    change = f"UPDATE {table} SET workspace_id = workspace_id RETURNING workspace_id"

    async with serving(two_filled.database, wall) as driver:
        if table in APPEND_ONLY:
            with pytest.raises(DatabaseError) as refused:
                await driver.fetch(Statement(change), ())
            assert refused.value.sqlstate == "42501"
        else:
            assert await driver.fetch(Statement(change), ()) == []


@pytest.mark.parametrize("table", TENANT)
async def test_a_read_without_its_fence_sees_no_foreign_row_where_reads_are_guarded(
    fully_guarded: Planted, table: str
) -> None:
    world, wall = fully_guarded, Wall(Rls.FULL)
    everything = f"SELECT DISTINCT workspace_id FROM {table}"
    unfenced = Statement(f"{everything} WHERE $1::uuid IS NOT NULL", workspace=0)

    assert as_superuser(world.database, everything) >= 2
    async with serving(world.database, wall) as driver:
        own = str(world.own).encode()
        assert await driver.fetch(unfenced, (own,)) == [(own,)]
        assert await driver.fetch_many([(unfenced, (own,))]) == [[(own,)]]
        # What names no workspace sees nothing at all, neither before nor after one that did.
        assert await driver.fetch(Statement(everything), ()) == []
        async with driver.sessions.lease() as session:
            assert await tried(session, world, everything, wall) == [str(world.own)]


async def test_guarded_reads_cost_no_round_trip(fully_guarded: Planted) -> None:
    wall = Wall(Rls.FULL)
    count = Statement("SELECT count(*) FROM brands WHERE workspace_id = $1", workspace=0)

    async with serving(fully_guarded.database, wall) as driver:
        for _ in range(3):
            before = driver.statements_sent, driver.round_trips
            await driver.fetch(count, (str(fully_guarded.own).encode(),))
            assert (driver.statements_sent, driver.round_trips) == (before[0] + 1, before[1] + 1)


async def test_a_token_is_found_and_slugs_are_compared_across_workspaces(fully_guarded: Planted) -> None:
    wall = Wall(Rls.FULL)
    with psycopg.connect(fully_guarded.database) as connection:
        keys = [key for (key,) in connection.execute("SELECT token_key FROM tokens")]

    async with serving(fully_guarded.database, wall) as driver:
        found = [await driver.fetch(FIND, (key.encode(),)) for key in keys]
        slugs = Statement("SELECT slug FROM workspaces", across=True)
        brands = Statement("SELECT 1 FROM brands", across=True)
        assert [len(each) for each in found] == [1] * len(keys)
        assert len(await driver.fetch(slugs, ())) == 3
        assert await driver.fetch(Statement(slugs.text), ()) == []
        # Only what must be found so is: the rest stays closed.
        assert await driver.fetch(brands, ()) == []


async def test_workspaces_are_written_by_themselves_and_by_the_one_that_made_them(
    two_filled: Planted,
) -> None:
    """C-12."""
    world, wall = two_filled, Wall()
    change = "UPDATE workspaces SET name = name RETURNING slug"
    adopt = f"UPDATE workspaces SET parent_workspace_id = '{world.own}' WHERE slug = 'globex' RETURNING slug"
    insert = "INSERT INTO workspaces (name, slug, parent_workspace_id) VALUES ('n', 's', {}) RETURNING slug"

    async with serving(world.database, wall) as driver, driver.sessions.lease() as session:
        assert sorted(await tried(session, world, change, wall)) == ["acme", "labs"]
        assert await tried(session, world, adopt, wall) == []
        assert await tried(session, world, insert.format(f"'{world.own}'"), wall) == ["s"]
        assert await tried(session, world, insert.format("NULL"), wall) == "42501"
        assert await tried(session, world, insert.format(f"'{world.foreign}'"), wall) == "42501"


CHANGING = [
    "UPDATE {0} SET id = id",
    "DELETE FROM {0}",
    "TRUNCATE {0}",
    "MERGE INTO {0} t USING (SELECT 1) x ON true WHEN MATCHED THEN DELETE",
    "MERGE INTO {0} t USING (SELECT 1) x ON true WHEN MATCHED THEN UPDATE SET id = t.id",
    "WITH gone AS (DELETE FROM {0} RETURNING id) SELECT id FROM gone",
    "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM {0}"
    " ON CONFLICT ON CONSTRAINT pk_{0} DO UPDATE SET id = excluded.id",
    "SELECT id FROM {0} FOR UPDATE",
    "LOCK TABLE {0} IN EXCLUSIVE MODE",
    "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {0} DISABLE TRIGGER ALL",
    "CREATE RULE silent AS ON INSERT TO {0} DO INSTEAD NOTHING",
    "DROP TABLE {0}",
]
"""Every way in which rows could be altered, taken away or kept from being written."""


@pytest.mark.parametrize(
    "wall", [Wall(), Wall(Rls.FULL), Wall(pooled=True)], ids=["writes", "full", "pooled"]
)
@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_what_was_written_down_stays(two_filled: Planted, table: str, wall: Wall) -> None:
    """S3-134, issue item 7: not even one's own, whatever the setting of operators says."""
    believed = Statement("SELECT set_config('diptych.operator', 'on', true)")
    async with serving(two_filled.database, wall) as driver, driver.sessions.lease() as session:
        for text in CHANGING:
            for before in ([], [(believed, ())]):
                opening = wall.opening(str(two_filled.own).encode())
                code = None
                try:
                    await session.run([(BEGIN, ()), opening, *before, (Statement(text.format(table)), ())])
                except DatabaseError as error:
                    code = error.sqlstate
                await session.run([(ROLLBACK, ())])
                assert code == "42501", text


def test_the_role_that_serves_writes_down_what_it_may_never_take_back() -> None:
    assert {"audit_logs", "events", "platform_logs"} <= set(APPEND_ONLY)


# The role and the workspace


@pytest.mark.parametrize("rls", [Rls.WRITES, Rls.FULL])
async def test_every_connection_of_a_server_takes_the_role(database: str, rls: Rls) -> None:
    async with serving(database, Wall(rls)) as driver:
        assert await driver.fetch(USER, ()) == [(ROLE.encode(),)]
        async with driver.sessions.lease() as session:
            assert await session.run([(USER, ())]) == [[(ROLE.encode(),)]]


async def test_behind_a_pooler_the_role_lasts_as_long_as_the_transaction(database: str) -> None:
    wall = Wall(pooled=True)
    async with serving(database, wall) as driver, driver.sessions.lease() as session:
        within = await session.run([(BEGIN, ()), wall.opening(b"x"), (USER, ())])
        await session.run([(ROLLBACK, ())])
        assert within[2] == [(ROLE.encode(),)]
        assert await session.run([(USER, ())]) == [[(b"postgres",)]]


async def test_behind_a_pooler_guarded_reads_take_role_and_workspace_with_them(
    fully_guarded: Planted,
) -> None:
    wall, own = Wall(Rls.FULL, pooled=True), str(fully_guarded.own).encode()
    everything = Statement("SELECT DISTINCT workspace_id FROM brands WHERE $1::uuid IS NOT NULL", workspace=0)

    async with serving(fully_guarded.database, wall) as driver:
        assert await driver.fetch(everything, (own,)) == [(own,)]
        assert await driver.fetch(USER, ()) == [(b"postgres",)]


async def test_the_workspace_outlives_a_savepoint_and_ends_with_the_transaction(database: str) -> None:
    wall = Wall()
    named = Statement("SELECT current_setting('diptych.workspace', true)")
    steps = [Statement(text) for text in ("SAVEPOINT s", "SELECT 1", "ROLLBACK TO SAVEPOINT s")]

    async with serving(database, wall) as driver, driver.sessions.lease() as session:
        answers = await session.run(
            [(BEGIN, ()), wall.opening(b"w"), *((each, ()) for each in steps), (named, ())]
        )
        assert answers[-1] == [(b"w",)]
        await session.run([(Statement("COMMIT"), ())])
        assert await session.run([(named, ())]) == [[(b"",)]]


async def test_the_role_is_not_believed_when_it_calls_itself_an_operator(two_filled: Planted) -> None:
    wall = Wall()
    text = "UPDATE brands SET name = name RETURNING workspace_id"
    async with serving(two_filled.database, wall) as driver, driver.sessions.lease() as session:
        claim = Statement("SELECT set_config('diptych.operator', 'on', false)")
        await session.run([(claim, ())])
        reached = await tried(session, two_filled, text, wall)

    assert set(reached) == {str(two_filled.own)}


# What the schema itself holds together


def test_every_key_and_reference_of_a_tenant_table_holds_the_workspace(two_filled: Planted) -> None:
    """Attack 14: foreign keys do not ask policies, so only the key itself keeps references inside."""
    columns_of = (
        "SELECT array_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = {} AND a.attnum = ANY({})"
    )
    foreign = f"""
        SELECT conname, ({columns_of.format("conrelid", "conkey")}),
               ({columns_of.format("confrelid", "confkey")})
        FROM pg_constraint
        WHERE contype = 'f' AND conrelid::regclass::text = ANY(%(tables)s)
          AND confrelid::regclass::text = ANY(%(tables)s)
    """
    unique = f"""
        SELECT i.indexrelid::regclass::text, ({columns_of.format("i.indrelid", "i.indkey")})
        FROM pg_index i WHERE i.indisunique AND i.indrelid::regclass::text = ANY(%(tables)s)
    """
    with psycopg.connect(two_filled.database) as connection:
        tables = {"tables": names(connection)}
        references = connection.execute(foreign, tables).fetchall()
        keys = connection.execute(unique, tables).fetchall()

    assert len(references) >= 7
    assert len(keys) >= 19
    assert [name for name, *sides in references if any("workspace_id" not in side for side in sides)] == []
    # Keys that are unique among all workspaces are random, and tell which of them something belongs to.
    without = sorted(name for name, side in keys if "workspace_id" not in side)
    assert without == ["ux_invitations_token_key", "ux_tokens_token_key"]


async def test_a_reference_to_a_foreign_row_is_refused_by_the_schema(two_filled: Planted) -> None:
    """Attack 14."""
    world, wall = two_filled, Wall()
    with psycopg.connect(world.database) as connection:
        query = "SELECT id FROM customers WHERE workspace_id = %s LIMIT 1"
        (theirs,) = connection.execute(query, [world.foreign]).fetchone() or (None,)
    text = f"UPDATE orders SET customer_id = '{theirs}' RETURNING workspace_id"

    async with serving(world.database, wall) as driver, driver.sessions.lease() as session:
        assert await tried(session, world, text, wall) == "23503"


def plan(database: str) -> str:
    """Return how the role would search, if it could not read the table from end to end."""
    query = "EXPLAIN SELECT id FROM products WHERE search @@ to_tsquery('simple', 'milk')"
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SET LOCAL enable_indexscan = off")
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(ROLE)))
        return "\n".join(line for (line,) in connection.execute(query))


def test_policies_on_writes_leave_the_plan_of_a_search_alone(two_filled: Planted) -> None:
    """Q-21."""
    assert "Index Cond: (search @@ " in plan(two_filled.database)
    assert "current_setting" not in plan(two_filled.database)


def test_policies_on_reads_keep_a_search_from_its_index(fully_guarded: Planted) -> None:
    """Q-21: which is why they are not the default."""
    assert "Index Cond: (search @@ " not in plan(fully_guarded.database)
    assert "current_setting" in plan(fully_guarded.database)


def test_an_operator_writes_in_every_workspace(two_filled: Planted) -> None:
    with psycopg.connect(operating(two_filled.database)) as connection:
        found = connection.execute("UPDATE brands SET name = name RETURNING workspace_id").fetchall()
        connection.rollback()

    assert {workspace for (workspace,) in found} == {two_filled.own, two_filled.foreign}
