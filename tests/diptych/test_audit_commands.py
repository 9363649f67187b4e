"""`diptych audit export`: the same file as over HTTP, and the log of the platform."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from db.embedded import Embedded
from diptych.cli import main
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import SECRET, Seed, plant


@pytest.fixture
def seed(postgres: Embedded, migrated_template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Seed:
    monkeypatch.chdir(tmp_path)
    seed = plant(copied(postgres, migrated_template), ("reader",))
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", seed.database)
    monkeypatch.setenv("DIPTYCH_ENV", "test")
    monkeypatch.setenv("DIPTYCH_SECRET_KEY", SECRET)
    return seed


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", "export", *words])


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.stderr == f"{len(rows)} rows.\n"
    return rows


def over_http(seed: Seed, query: str) -> bytes:
    async def ask() -> bytes:
        async with running(seed.database) as application:
            client = Client(application, seed.tokens["acme", "reader"])
            return (await client.get(f"/api/v1/audit-logs/export?{query}")).body

    return asyncio.run(ask())


def test_the_file_is_the_one_that_is_served(seed: Seed) -> None:
    for kind in ("ndjson", "csv"):
        result = run("--workspace", "acme", "--format", kind)
        assert result.stdout_bytes == over_http(seed, f"format={kind}")
        assert result.stderr == "9 rows.\n"


def test_it_holds_the_rows_that_are_asked_for_and_no_other_workspaces(seed: Seed) -> None:
    rows = told(run("--workspace", "acme"))
    action = rows[0]["action"]

    assert told(run("--workspace", "acme", "--action", action)) == [r for r in rows if r["action"] == action]
    row = rows[0]["resource_id"]
    assert told(run("--workspace", "acme", "--resource-id", row)) == [
        r for r in rows if r["resource_id"] == row
    ]
    middle = rows[4]["inserted_at"]
    since = middle[:19] + "Z"
    assert told(run("--workspace", "acme", "--since", since)) == [
        r for r in rows if r["inserted_at"] >= since
    ]
    assert told(run("--workspace", "acme", "--until", "2020-01-01")) == []
    ids = {row["id"] for row in told(run("--workspace", "globex"))}
    assert len(ids) == 9
    assert not ids & {row["id"] for row in rows}


def test_a_file_is_for_its_owner_alone(seed: Seed, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"

    assert run("--workspace", "acme", "--format", "csv", "--output", str(path)).exit_code == 0

    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(csv.reader(io.StringIO(path.read_text(), newline="")))) == 10


def test_what_makes_no_sense_is_refused(seed: Seed) -> None:
    for words, sentence in (
        (("--workspace", "nowhere"), "There is no workspace 'nowhere'."),
        (("--workspace", "acme", "--user-id", "me"), "'me' is no id."),
        (("--token-id", "5b2e3c1e-0000-4000-8000-000000000000"), "The log of the platform has no token_id."),
    ):
        result = run(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"Error: {sentence}\n"


def test_what_concerns_no_workspace_is_in_the_log_of_the_platform(seed: Seed) -> None:
    assert told(run()) == []

    assert CliRunner().invoke(main, ["rotate-secrets"]).exit_code == 0

    row, begun = told(run())
    assert (begun["action"], begun["request_id"]) == ("secrets.rotation_started", row["request_id"])
    assert (row["action"], row["resource"], row["resource_id"]) == ("secrets.rotated", "secret", None)
    assert row["after"] == {"renewed": 0, "unreadable": 0}
    assert row["request_id"].startswith("cli:")


def test_every_command_that_changes_a_workspace_leaves_one_row(seed: Seed, tmp_path: Path) -> None:
    """Issue item 7: making a workspace, making a token, an import whatever becomes of its rows."""
    command = CliRunner().invoke
    assert command(main, ["workspace", "create", "--slug", "shop", "--name", "Shop"]).exit_code == 0
    made = ["token", "create", "--workspace", "shop", "--name", "bot", "--scopes", "all:read"]
    raw = command(main, made).stdout.strip()
    file = tmp_path / "brands.csv"
    file.write_text("name\nAlpine\n" + "x" * 300 + "\n")
    for more in ([], ["--resume"]):
        command(main, ["import", "--workspace", "shop", "--resource", "brands", *more, str(file)])

    rows = told(run("--workspace", "shop"))[::-1]
    assert [row["action"] for row in rows] == [
        "workspace.created",
        "token.created",
        "import.started",
        "import.started",
    ]
    assert rows[0]["after"] == {"slug": "shop", "name": "Shop", "tier": "free"}
    assert set(rows[1]["after"]) == {"name", "scopes", "token_prefix", "trusted_only"}
    assert [row["after"]["rows_before"] for row in rows[2:]] == [0, 2]
    assert rows[2]["resource_id"] == rows[3]["resource_id"]
    assert {row["after"]["file"] for row in rows[2:]} == {"brands.csv"}
    assert len({row["request_id"] for row in rows}) == 4
    assert all(row["request_id"].startswith("cli:") and row["token_id"] is None for row in rows)
    with psycopg.connect(seed.database) as connection:
        (secrets,) = connection.execute(
            "SELECT token_hash, token_key FROM tokens WHERE name = 'bot'"
        ).fetchall()
    assert [secret for secret in (raw, *secrets) if secret in json.dumps(rows)] == []
