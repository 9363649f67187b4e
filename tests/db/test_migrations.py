"""Migrations lead to exactly the schema that the models describe, and back."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, NullPool, create_engine, text

from db import migrate
from db.models import Model

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,
               is_nullable, column_default, generation_expression
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
        ORDER BY 1, 2
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
        ORDER BY 1, 2
    """,
    "indexes": """
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2
    """,
}


def engine(conninfo: str) -> Engine:
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool
    )


def described(conninfo: str) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(conninfo) as connection:
        return {name: connection.execute(query).fetchall() for name, query in CATALOGUE.items()}


def tables(conninfo: str) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [row[0] for row in found]


def test_autogenerate_finds_nothing_left_to_migrate(database: str) -> None:
    with engine(database).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Model.metadata) == []


def test_migrations_and_models_make_the_same_columns_constraints_and_indexes(
    database: str, empty_database: str
) -> None:
    with engine(empty_database).begin() as connection:
        connection.execute(text("CREATE EXTENSION btree_gin"))
        connection.execute(text("CREATE EXTENSION pg_trgm"))
        Model.metadata.create_all(connection)

    migrated, created = described(database), described(empty_database)

    assert len(created["columns"]) == sum(len(table.columns) for table in Model.metadata.tables.values())
    assert migrated == created


def test_the_head_is_the_one_that_alembic_sees() -> None:
    script = ScriptDirectory(str(migrate._FOLDER))

    assert script.get_heads() == [migrate.head()]


def test_a_sqlalchemy_url_and_a_connection_string_name_the_same_database(database: str) -> None:
    given = conninfo_to_dict(database)
    url = f"postgresql+psycopg://{given['user']}@/{given['dbname']}?host={given['host']}"

    assert migrate.is_current(database)
    assert migrate.is_current(url)


def test_upgrading_twice_changes_nothing(database: str) -> None:
    before = described(database)

    migrate.upgrade(database)

    assert described(database) == before


def test_racing_processes_migrate_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [empty_database] * 4))

    with psycopg.connect(empty_database) as connection:
        assert connection.execute(migrate.CURRENT_REVISION_SQL).fetchall() == [(migrate.head(),)]


def test_downgrading_leaves_no_table_and_upgrading_brings_all_back(database: str) -> None:
    before = described(database)

    migrate.downgrade(database, "base")

    assert tables(database) == ["alembic_version"]
    assert not migrate.is_current(database)
    migrate.upgrade(database)
    assert described(database) == before


def test_one_step_back_takes_only_that_step(database: str) -> None:
    migrate.downgrade(database, "0004")

    assert "brands" not in tables(database)
    assert "products" in tables(database)


def test_a_schema_of_a_newer_release_is_refused_with_advice(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = described(database)

    with pytest.raises(migrate.MigrationFailed, match=r"'9999'.*newer release"):
        migrate.upgrade(database)

    assert described(database) == before
    assert not migrate.is_current(database)


def test_an_account_without_rights_is_told_who_has_them(empty_database: str) -> None:
    name = f"guest_{conninfo_to_dict(empty_database)['dbname']}"
    with psycopg.connect(empty_database) as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))

    with pytest.raises(migrate.MigrationFailed, match=r"diptych migrate.*CREATE EXTENSION btree_gin"):
        migrate.upgrade(make_conninfo(empty_database, options=f"-c role={name}"))

    assert tables(empty_database) == []
    with psycopg.connect(empty_database) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
