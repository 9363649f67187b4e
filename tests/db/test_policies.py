"""The role, its rights and the policies: mended on every start, or told of where that is impossible."""

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db import migrate
from db.driver import Driver
from db.embedded.programs import find
from db.policies import findings, tables
from db.sweeping import sweep
from db.walls import ROLE, Rls
from diptych.runtime import precheck_key
from services import demo, operator
from services.importing import Order, run
from services.tokens import Environment
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import settings

EVERYTHING = """
    SELECT c.relname, relrowsecurity, relforcerowsecurity, polname, polpermissive, polcmd,
           polroles::regrole[]::text, pg_get_expr(polqual, c.oid), pg_get_expr(polwithcheck, c.oid)
    FROM pg_class c LEFT JOIN pg_policy ON polrelid = c.oid
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1, 4
"""
RIGHTS = """
    SELECT relname, array_agg(privilege_type::text ORDER BY privilege_type)
    FROM pg_class, aclexplode(relacl) WHERE grantee = %s::regrole GROUP BY 1
"""


def policies(database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(EVERYTHING).fetchall()


def rights(database: str) -> dict[str, set[str]]:
    with psycopg.connect(database) as connection:
        return {name: set(given) for name, given in connection.execute(RIGHTS, [ROLE])}


def found(database: str, rls: Rls = Rls.WRITES) -> list[str]:
    with psycopg.connect(database) as connection:
        return findings(connection, rls)


def change(database: str, *statements: str) -> None:
    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]  # Each is written out below.


def test_the_role_has_the_rights_that_the_models_ask_for_and_no_others(database: str) -> None:
    assert rights(database) == {each.name: set(each.privileges) for each in tables()}
    assert rights(database)["audit_logs"] == rights(database)["events"] == {"SELECT", "INSERT"}
    assert rights(database)["alembic_version"] == {"SELECT"}
    assert found(database) == []


def test_every_tenant_table_is_guarded_by_the_same_policies(database: str) -> None:
    own = "(workspace_id = (NULLIF(current_setting('diptych.workspace'::text, true), ''::text))::uuid)"
    rows = [row for row in policies(database) if row[0] == "brands"]

    assert [(name, command, using, check) for _, _, _, name, _, command, _, using, check in rows][1:] == [
        ("read", "r", "true", None),
        ("workspace_delete", "d", own, None),
        ("workspace_insert", "a", None, own),
        ("workspace_update", "w", own, None),
    ]
    assert {row[4:5] + row[6:7] for row in rows} == {(True, "{-}")}
    for each in tables():
        mine = [row for row in policies(database) if row[0] == each.name]
        assert {row[3] for row in mine} == (each.policies or {None}), each.name
        assert {row[1:3] for row in mine} == {(bool(each.policies),) * 2}, each.name


def test_reads_are_guarded_as_long_as_the_setting_says_so(database: str) -> None:
    before = policies(database)
    assert found(database, Rls.FULL)[0] == "Reads of audit_logs are not guarded."

    migrate.upgrade(database, Rls.FULL)
    guarded = [row for row in policies(database) if row not in before]
    assert found(database, Rls.FULL) == found(database) == []
    migrate.upgrade(database, Rls.FULL)
    assert [row for row in policies(database) if row not in before] == guarded
    migrate.upgrade(database)

    assert {row[0] for row in guarded} == {each.name for each in tables() if each.policies}
    assert {row[3:7] for row in guarded} == {("workspace_read", False, "r", "{-}")}
    assert policies(database) == before


def test_a_start_mends_the_rights_of_the_role(database: str) -> None:
    before = rights(database)
    change(
        database,
        f"REVOKE ALL ON brands, counters FROM {ROLE}",
        f"GRANT UPDATE, TRUNCATE ON audit_logs TO {ROLE}",
        f"GRANT ALL ON alembic_version TO {ROLE}",
    )
    told = found(database)

    migrate.upgrade(database)

    assert f"The role {ROLE} lacks rights on brands." in told
    assert f"The role {ROLE} may TRUNCATE and UPDATE rows of audit_logs." in told
    assert (rights(database), found(database)) == (before, [])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER TABLE brands DISABLE ROW LEVEL SECURITY", "Row-level security is not forced on brands."),
        ("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", "Row-level security is not forced on orders."),
        ("DROP POLICY workspace_delete ON orders", "The table orders lacks the policy workspace_delete."),
        (
            "CREATE POLICY mine ON tokens USING (true)",
            "The table tokens has the policy mine, which may open it.",
        ),
    ],
)
def test_a_server_does_not_start_behind_a_wall_with_a_hole(database: str, damage: str, said: str) -> None:
    change(database, damage)

    assert found(database) == [said]
    with pytest.raises(migrate.MigrationFailed) as refused:
        migrate.upgrade(database)
    assert str(refused.value) == said
    migrate.upgrade(database, Rls.OFF)


# An account that is no superuser


@dataclass(frozen=True, slots=True)
class Owned:
    """A database of its own account, which may make no roles."""

    url: str
    superuser: str
    account: str


@pytest.fixture
def owned(empty_database: str) -> Iterator[Owned]:
    name = f"owner_{uuid.uuid4().hex}"
    account, known = sql.Identifier(name), conninfo_to_dict(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(account))
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(str(known["dbname"])), account)
        )
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(account))
    yield Owned(make_conninfo(empty_database, user=name), empty_database, name)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(account))
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO postgres").format(account))
        connection.execute(sql.SQL("DROP ROLE {}").format(account))


def test_an_account_that_may_make_no_role_is_told_what_to_run(owned: Owned, migrated_template: str) -> None:
    with pytest.raises(migrate.MigrationFailed) as refused:
        migrate.upgrade(owned.url)

    command = f"GRANT {ROLE} TO {owned.account}"
    assert command in str(refused.value)
    assert "DIPTYCH_RLS=off" in str(refused.value)
    assert found(owned.url)[0] == f"The account {owned.account} is no member of the role {ROLE}."
    assert found(owned.url, Rls.OFF) == []
    migrate.upgrade(owned.url, Rls.OFF)
    change(owned.superuser, command)
    migrate.upgrade(owned.url)
    assert found(owned.url) == []


@pytest.mark.parametrize("rls", [Rls.OFF, Rls.WRITES, Rls.FULL])
async def test_everything_works_for_an_owner_whom_the_policies_hold(
    owned: Owned, migrated_template: str, tmp_path: Path, rls: Rls
) -> None:
    change(owned.superuser, f"GRANT {ROLE} TO {owned.account}")
    migrate.upgrade(owned.url, rls)
    demo.fill(owned.url, count=20)
    operator.create_workspace(owned.url, "shop", "Shop")
    precheck = precheck_key(settings(owned.url))
    raw = operator.create_token(owned.url, "shop", "t", ["all:write"], Environment.TEST, precheck)
    file = tmp_path / "brands.csv"
    file.write_text("slug,name\nx,One\n")
    run(owned.url, Order("shop", "brands", file, tmp_path / "refused.csv"), lambda _: None)
    change(
        owned.superuser,
        "INSERT INTO idempotency_records (workspace_id, key, fingerprint, outcome, inserted_at)"
        " SELECT id, 'k', '', '{}', now() - interval '2 days' FROM workspaces",
    )

    async with running(owned.url, rls=rls) as application:
        client = Client(application, raw)
        made = await client.post("/api/v1/brands", {"name": "Two"})
        assert made.status == 201
        assert sorted(row["name"] for row in (await client.get("/api/v1/brands")).rows()) == ["One", "Two"]
    driver = Driver(owned.url, size=1)
    assert await sweep(driver) == 2
    await driver.close()
    # Without its own word the owner is held by the policies as anybody is.
    with psycopg.connect(owned.url) as connection:
        assert connection.execute("UPDATE brands SET name = 'x'").rowcount == 0


@pytest.mark.parametrize("rls", [Rls.WRITES, Rls.FULL])
def test_a_backup_by_the_owner_is_whole_and_can_be_restored(
    owned: Owned, empty_database: str, database: str, tmp_path: Path, rls: Rls
) -> None:
    """The commands are those of the guide about a PostgreSQL of one's own."""
    change(owned.superuser, f"GRANT {ROLE} TO {owned.account}")
    migrate.upgrade(owned.url, rls)
    demo.fill(owned.url, count=20)
    file, programs = tmp_path / "shop.dump", Path(find(None, None)["postgres"]).parent
    environment = {"PGOPTIONS": "-c diptych.operator=on"}
    dump = [programs / "pg_dump", "-Fc", "--enable-row-security", "-d", owned.url, "-f", file]
    restore = [
        programs / "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "-d",
        database,
    ]

    subprocess.run(dump, check=True, env=environment)
    subprocess.run([*restore, file], check=True, env=environment)

    migrate.upgrade(database, rls)
    assert found(database, rls) == []
    assert [row[:7] for row in policies(database)] == [row[:7] for row in policies(owned.superuser)]
    for table in ("workspaces", "brands", "products", "orders"):
        assert count(database, table) == count(owned.superuser, table) > 0


def count(database: str, table: str) -> int:
    with psycopg.connect(database) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(rows)
