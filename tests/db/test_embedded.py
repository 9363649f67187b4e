"""The embedded PostgreSQL in ordinary use."""

import psycopg
import pytest
import sqlalchemy

from db.embedded import Embedded


def test_dsn_reaches_the_database_named_diptych(postgres: Embedded) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("diptych",)


def test_url_reaches_the_same_server_through_sqlalchemy(postgres: Embedded) -> None:
    engine = sqlalchemy.create_engine(postgres.url())

    with engine.connect() as connection:
        database = connection.scalar(sqlalchemy.text("SELECT current_database()"))
    engine.dispose()

    assert database == "diptych"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("jit", "off"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "100"),
    ],
)
def test_server_runs_with_the_documented_setting(postgres: Embedded, setting: str, value: str) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)


def test_text_is_compared_alike_on_every_system(postgres: Embedded) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        row = connection.execute(
            "SELECT datlocprovider, datlocale, lower('ÀÉ') FROM pg_database WHERE datname = 'diptych'"
        ).fetchone()

    assert row == ("b", "C.UTF-8", "àé")


def test_empty_database_holds_no_table(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        count = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

    assert count == (0,)
