"""Operations registered from what build tools write, and run as their clients run them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from diptych.cli import main
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import SECRET
from tests.support.stored import Stored

MANIFESTS = Path(__file__).parent / "manifests"
RELAY, APOLLO, CODEGEN = (MANIFESTS / f"{name}.json" for name in ("relay", "apollo", "codegen-sha1"))
DOCUMENTS = MANIFESTS / "documents"
Run = Callable[..., Result]


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on `database`, which has a workspace `shop`, and return its result."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", database)
    monkeypatch.setenv("DIPTYCH_ENV", "test")
    monkeypatch.setenv("DIPTYCH_SECRET_KEY", SECRET)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    assert invoke("workspace", "create", "--slug", "shop", "--name", "Shop").exit_code == 0
    return invoke


def register(run: Run, *words: Path | str) -> Result:
    return run("operations", "register", "--workspace", "shop", *map(str, words))


def registered(database: str) -> list[tuple[Any, ...]]:
    """Return name, kind and client of what is registered, by name."""
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT name, kind, client FROM trusted_operations ORDER BY name"
        ).fetchall()


def ask(database: str, raw: str, *bodies: dict[str, Any], **settings: Any) -> list[Any]:
    """Return what a server answers these bodies, each without any text in it."""

    async def asked() -> list[Any]:
        async with running(database, **settings) as application:
            client = Client(application, raw)
            return [(await client.post("/graphql", body)).json() for body in bodies]

    return asyncio.run(asked())


def bound_token(run: Run) -> str:
    words = (
        "token",
        "create",
        "--workspace",
        "shop",
        "--name",
        "web",
        "--scopes",
        "all:write",
        "--trusted-only",
    )
    return run(*words).stdout.strip()


def test_relays_manifest_is_registered_and_run_by_its_ids(run: Run, database: str) -> None:
    """Relay's persistConfig with SHA-256: the key of the map goes as `documentId`."""
    found = register(run, RELAY, "--client", "web@1.4")
    assert (found.exit_code, found.stdout, found.stderr) == (0, "2 new, 0 known already, 0 refused.\n", "")
    assert registered(database) == [
        ("BrandsPageQuery", "query", "web@1.4"),
        ("RenameBrandMutation", "mutation", "web@1.4"),
    ]

    page, rename = json.loads(RELAY.read_text())
    first, second = ask(
        database,
        bound_token(run),
        {"documentId": page, "variables": {"count": 2, "cursor": None}},
        {"documentId": rename, "variables": {"id": "00000000-0000-4000-8000-000000000000", "name": "x"}},
        operations="trusted",
    )
    assert first["data"]["brands"]["edges"] == []
    assert second["data"]["updateBrand"]["problem"] == {"code": "not-found"}


def test_apollos_manifest_is_registered_and_run_by_its_ids(run: Run, database: str) -> None:
    """Apollo's persisted query lists: the id goes as extensions.persistedQuery.sha256Hash."""
    assert register(run, APOLLO).stdout == "2 new, 0 known already, 0 refused.\n"

    bodies = [
        {
            "operationName": each["name"],
            "variables": {"first": 1} if each["type"] == "query" else {"name": "Alpine"},
            "extensions": {"persistedQuery": {"version": 1, "sha256Hash": each["id"]}},
        }
        for each in json.loads(APOLLO.read_text())["operations"]
    ]
    read, made = ask(database, bound_token(run), *bodies)

    assert read["data"]["orders"]["nodes"] == []
    assert made["data"]["createBrand"]["brand"]["name"] == "Alpine"


def test_what_is_known_already_is_told_apart(run: Run, database: str) -> None:
    register(run, RELAY)

    again = register(run, RELAY, APOLLO, APOLLO)

    assert (again.exit_code, again.stdout) == (0, "2 new, 4 known already, 0 refused.\n")
    assert len(registered(database)) == 4


def test_a_folder_is_read_and_what_is_refused_is_told_with_its_reason(run: Run, database: str) -> None:
    """The others are registered all the same; the exit code is 1."""
    found = register(run, DOCUMENTS, CODEGEN)

    assert (found.exit_code, found.stdout) == (1, "1 new, 0 known already, 2 refused.\n")
    stale, other_hash = found.stderr.splitlines()
    assert stale.startswith(f"{DOCUMENTS / 'stale.gql'}: Cannot query field 'colour' on type 'Brand'.")
    assert "is not the SHA-256 of its text" in other_hash
    assert "hashAlgorithm 'sha256'" in other_hash
    assert registered(database) == [("Viewer", "query", None)]


def test_a_dry_run_registers_nothing(run: Run, database: str) -> None:
    with Stored(database).unchanged():
        assert register(run, RELAY, "--dry-run").stdout == "2 new, 0 known already, 0 refused.\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is neither a map of hashes to documents nor"),
        ('{"a": 1}', "is neither a map of hashes to documents nor"),
        ('{"format": "other", "operations": []}', "is no apollo-persisted-query-manifest of version 1"),
        ('{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}', "of version 1"),
        (
            '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "x"}]}',
            "has an operation without id or body",
        ),
        ("query A { a }", "is neither JSON nor ends in .graphql or .gql"),
    ],
)
def test_what_is_no_manifest_is_refused_whole(
    run: Run, database: str, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)

    with Stored(database).unchanged():
        found = register(run, RELAY, path)

    assert (found.exit_code, found.stdout) == (1, "")
    assert said in found.stderr


def test_an_empty_folder_and_an_unknown_workspace_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "holds no file that ends in .graphql or .gql" in register(run, tmp_path / "empty").stderr
    missing = run("operations", "register", "--workspace", "nowhere", str(RELAY))
    assert (missing.exit_code, missing.stderr) == (1, "Error: There is no workspace 'nowhere'.\n")


def test_what_is_registered_is_listed(run: Run) -> None:
    register(run, APOLLO, "--client", "web@1.4")

    lines = run("operations", "list", "--workspace", "shop").stdout.splitlines()

    assert lines[0].split() == ["SHA256", "KIND", "NAME", "CLIENT", "REGISTERED"]
    assert [line.split()[1:4] for line in lines[1:]] == [
        ["mutation", "MakeBrand", "web@1.4"],
        ["query", "Orders", "web@1.4"],
    ]


def test_registering_leaves_events_and_audit_rows(run: Run, database: str) -> None:
    register(run, APOLLO)

    with psycopg.connect(database) as connection:
        for table in ("events", "audit_logs"):
            column = "type" if table == "events" else "action"
            found = connection.execute(
                f"SELECT count(*) FROM {table} WHERE {column} = 'trusted_operation.created'"
            ).fetchone()
            assert found == (2,)
