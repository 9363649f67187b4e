"""What an operator does with tokens: the same rules, the same traces."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from tests.support.application import running
from tests.support.client import Client
from tests.support.commands import Run, commands, printed, refused
from tests.support.stored import Stored


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on `database`, which has a workspace `shop`."""
    invoke = commands(database, tmp_path, monkeypatch)
    assert invoke("workspace", "create", "--slug", "shop", "--name", "Shop").exit_code == 0
    return invoke


def make(run: Run, name: str, scopes: str) -> str:
    return printed(run("token", "create", "--workspace", "shop", "--name", name, "--scopes", scopes))


def id_of(database: str, name: str) -> str:
    with psycopg.connect(database) as connection:
        text = "SELECT id FROM tokens WHERE name = %s ORDER BY inserted_at DESC"
        found = connection.execute(text, [name]).fetchone()
    return str(found[0] if found else "")


def status(database: str, raw: str) -> int:
    async def ask() -> int:
        async with running(database) as application:
            return (await Client(application, raw).get("/api/v1/token")).status

    return asyncio.run(ask())


def test_a_token_is_revoked(run: Run, database: str) -> None:
    """S3-084, S3-087, C-08: with its event and its audit row."""
    raw = make(run, "bot", "all:read")
    id_ = id_of(database, "bot")
    assert status(database, raw) == 200

    assert printed(run("token", "revoke", "--workspace", "shop", id_)) == ""

    assert status(database, raw) == 401
    stored = Stored(database)
    assert [event["type"] for event in stored.events(id_)] == ["token.revoked"]
    audits = stored.audits(id_)
    assert [audit["action"] for audit in audits] == ["token.created", "token.revoked"]
    assert {(audit["token_id"], audit["user_id"], audit["address"]) for audit in audits} == {(None,) * 3}
    assert len({audit["request_id"] for audit in audits}) == 2
    assert all(audit["request_id"].startswith("cli:") for audit in audits)
    assert refused(run("token", "revoke", "--workspace", "shop", id_)).startswith(
        "Workspace 'shop' has no such"
    )


def test_the_last_admin_token_stays(run: Run, database: str) -> None:
    """S3-089."""
    make(run, "chief", "all:write")

    said_ = refused(run("token", "revoke", "--workspace", "shop", id_of(database, "chief")))

    assert said_ == "This is the last admin token of the workspace, which must keep one."


def test_a_token_is_rotated(run: Run, database: str) -> None:
    """C-85: what is printed is the raw token alone."""
    raw = make(run, "chief", "all:write")
    id_ = id_of(database, "chief")

    fresh = printed(run("token", "rotate", "--workspace", "shop", "--grace-hours", "0", id_))

    assert (status(database, raw), status(database, fresh)) == (401, 200)
    row = Stored(database).row("tokens", id_of(database, "chief"))
    assert (str(row["rotated_from_id"]), row["scopes"]) == (id_, ["all:write"])


def test_tokens_are_listed_without_a_secret(run: Run, database: str) -> None:
    """S3-049, S3-052, S3-054."""
    raw = make(run, "bot", "products:read,orders:write")
    chief = make(run, "chief", "all:write")
    printed(run("token", "revoke", "--workspace", "shop", id_of(database, "bot")))

    listed = printed(run("token", "list", "--workspace", "shop")).splitlines()
    every = printed(run("token", "list", "--workspace", "shop", "--all")).splitlines()

    assert listed[0].split() == ["ID", "PREFIX", "NAME", "SCOPES", "LAST", "USED", "STATE"]
    assert [line.split()[1:4] for line in listed[1:]] == [[chief[:12], "chief", "all:write"]]
    assert [line.split()[2] for line in every[1:]] == ["bot", "chief"]
    assert "revoked" in every[1]
    assert raw[12:] not in "".join(every)


@pytest.mark.parametrize("words", [("list",), ("revoke", "x"), ("rotate", "x")])
def test_another_workspace_is_told_of(run: Run, words: tuple[str, ...]) -> None:
    name, *rest = words

    assert refused(run("token", name, "--workspace", "nowhere", *rest)) == "There is no workspace 'nowhere'."


def test_what_is_no_id_is_told_of(run: Run) -> None:
    assert "no such token" in refused(run("token", "rotate", "--workspace", "shop", "x"))
