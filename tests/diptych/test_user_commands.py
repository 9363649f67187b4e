"""What an operator does with people: passwords never in arguments, and sessions that end at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from psycopg.rows import dict_row

from tests.support.application import running
from tests.support.client import Client
from tests.support.commands import Run, commands, printed, refused
from tests.support.logins import login
from tests.support.stored import Stored

EMAIL, PASSWORD, FRESH = "ada@example.com", "correct horse battery", "eleven lazy owls"


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on `database`, which has a workspace `shop`."""
    invoke = commands(database, tmp_path, monkeypatch)
    assert invoke("workspace", "create", "--slug", "shop", "--name", "Shop").exit_code == 0
    return invoke


def make(run: Run, *words: str, email: str = EMAIL, password: str = PASSWORD) -> Result:
    return run("user", "create", "--email", email, "--name", "Ada", *words, typed=f"{password}\n")


def users(database: str) -> list[dict[str, Any]]:
    with psycopg.connect(database, row_factory=dict_row) as connection:
        return connection.execute("SELECT * FROM users ORDER BY email").fetchall()


def statuses(database: str, *passwords: str) -> list[int]:
    async def ask() -> list[int]:
        async with running(database) as application:
            return [(await login(Client(application), EMAIL, each)).status for each in passwords]

    return asyncio.run(ask())


def after(database: str, command: Callable[[], Any]) -> tuple[int, int]:
    """Return what a session is answered before a command and after it, by a server that knows it."""

    async def ask() -> tuple[int, int]:
        async with running(database) as application:
            client = Client(application)
            session = client.using((await login(client, EMAIL, PASSWORD)).data()["token"])
            before = (await session.get("/api/v1/whoami")).status
            await asyncio.to_thread(command)
            return before, (await session.get("/api/v1/whoami")).status

    return asyncio.run(ask())


def notes(database: str, table: str, action: str) -> list[dict[str, Any]]:
    return Stored(database).rows(table, action, "action")


def test_a_user_is_created_with_a_password_from_standard_input(database: str, run: Run) -> None:
    id_ = printed(make(run, "--workspace", "shop", "--role", "owner", email="Ada@Example.COM"))

    (row,) = users(database)
    assert (str(row["id"]), row["email"], row["is_platform_admin"]) == (id_, EMAIL, False)
    assert row["password_hash"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert statuses(database, PASSWORD, FRESH) == [200, 401]
    (entry,) = notes(database, "audit_logs", "user.created")
    assert PASSWORD not in str(entry)
    assert row["password_hash"] not in str(entry)


def test_an_administrator_of_the_platform_needs_no_workspace(database: str, run: Run) -> None:
    printed(make(run, "--platform-admin"))

    assert [row["is_platform_admin"] for row in users(database)] == [True]
    assert len(notes(database, "platform_logs", "user.created")) == 1
    both = make(run, "--platform-admin", "--workspace", "shop", email="eve@example.com")
    assert (both.exit_code, len(users(database))) == (2, 1)


@pytest.mark.parametrize(
    ("words", "changes", "sentence"),
    [
        ((), {"password": "elevenchars"}, "A password has at least 12 characters."),
        ((), {"password": ""}, "A password has at least 12 characters."),
        ((), {"password": "x" * 1_025}, "A password has at most 1024 characters."),
        ((), {"email": "ada"}, "This is not an e-mail address such as ada@example.com."),
        (("--workspace", "none"), {}, "There is no workspace 'none'."),
        (("--name", " "), {}, "A name has 1 to 255 characters."),
    ],
)
def test_what_is_refused_makes_nobody(
    database: str, run: Run, words: tuple[str, ...], changes: dict[str, str], sentence: str
) -> None:
    assert refused(make(run, *words, **changes)) == sentence

    assert users(database) == []


def test_an_address_belongs_to_one(database: str, run: Run) -> None:
    printed(make(run))

    for words in ((), ("--workspace", "shop")):
        sentence = refused(make(run, *words, email=EMAIL.upper(), password=FRESH))
        assert sentence == f"Somebody has an account with the address {EMAIL!r} already."

    assert len(users(database)) == 1


def test_users_are_listed_with_what_matters_of_them(database: str, run: Run) -> None:
    printed(make(run, "--workspace", "shop"))
    printed(make(run, "--platform-admin", email="root@example.com"))
    printed(run("user", "disable", "root@example.com"))

    head, ada, root = printed(run("user", "list")).splitlines()

    assert head.split() == ["ID", "EMAIL", "NAME", "LAST", "LOGIN", "STATE"]
    assert ada.split()[1:] == [EMAIL, "Ada", "never", "enabled"]
    assert root.endswith("disabled, platform administrator")
    assert "argon2" not in ada + root


def test_a_new_password_ends_the_sessions(database: str, run: Run) -> None:
    printed(make(run, "--workspace", "shop"))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE users SET totp_secret = 'sealed'")

    told = []
    found = after(
        database, lambda: told.append(printed(run("user", "set-password", EMAIL, typed=f"{FRESH}\n")))
    )

    assert (found, told) == ((200, 401), ["1 sessions ended."])
    assert statuses(database, PASSWORD, FRESH) == [401, 200]
    assert users(database)[0]["totp_secret"] == "sealed"
    assert [each["after"] for each in notes(database, "platform_logs", "user.password_changed")] == [
        {"sessions_ended": 1, "second_factor_forgotten": False}
    ]
    assert len(notes(database, "audit_logs", "token.revoked")) == 1


def test_a_lost_second_factor_can_be_forgotten(database: str, run: Run) -> None:
    printed(make(run, "--workspace", "shop"))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE users SET totp_secret = 'sealed', totp_enabled_at = now()")
        connection.execute("INSERT INTO recovery_codes (user_id, code_hash) SELECT id, 'x' FROM users")

    printed(run("user", "set-password", "--forget-second-factor", EMAIL, typed=f"{FRESH}\n"))

    (row,) = users(database)
    assert (row["totp_secret"], row["totp_enabled_at"]) == (None, None)
    assert Stored(database).count("recovery_codes") == 0
    assert statuses(database, FRESH) == [200]


def test_who_is_disabled_is_out_at_once_until_enabled(database: str, run: Run) -> None:
    printed(make(run, "--workspace", "shop"))

    assert after(database, lambda: printed(run("user", "disable", EMAIL.upper()))) == (200, 401)

    assert statuses(database, PASSWORD) == [401]
    printed(run("user", "enable", EMAIL))
    assert statuses(database, PASSWORD) == [200]
    for action in ("user.disabled", "user.enabled"):
        assert len(notes(database, "platform_logs", action)) == 1


@pytest.mark.parametrize("command", ["set-password", "disable", "enable"])
def test_nobody_is_not_found(database: str, run: Run, command: str) -> None:
    printed(make(run))
    before = users(database)

    sentence = refused(run("user", command, "eve@example.com", typed=f"{FRESH}\n"))

    assert sentence == "Nobody has an account with the address 'eve@example.com'."
    assert users(database) == before


def test_no_command_takes_a_password_as_an_argument(run: Run) -> None:
    """Whoever shares the machine reads arguments."""
    for command in ("create", "set-password"):
        assert "--password" not in printed(run("user", command, "--help"))
