"""The commands of an operator, on a database that is configured."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from diptych.cli import main
from rest.router import Rest, Route
from schema.build import build as schema_of
from services import tokens
from services.catalog import CATALOG
from services.engine.resource import Resource
from services.tokens import Environment
from tests.support.application import running
from tests.support.client import Client
from tests.support.commands import Run, commands, printed, refused

WRONG = {
    "ENV=staging": "DIPTYCH_ENV: Input should be 'prod', 'dev' or 'test'.",
    "ENV=prod": "DIPTYCH_SECRET_KEY must be set in prod: 32 or more random characters.",
    "PORT=99999": "DIPTYCH_PORT: Input should be less than or equal to 65535.",
    "SECRET_KEY=short": "DIPTYCH_SECRET_KEY: Value should have at least 32 items after validation, not 5.",
    "CORS_ORIGINS=*": "DIPTYCH_CORS_ORIGINS: '*' is not an origin such as https://app.example.",
    "DATABASE_POOLER=session": "DIPTYCH_DATABASE_POOLER: String should match pattern '^transaction$'.",
    "DATABASE_URL=nonsense": "The address of the database is malformed.",
    "DATA_DIR=/proc/x": "PostgreSQL cannot be kept in /proc/x: No such file or directory (/proc/x).",
}


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on `database`."""
    return commands(database, tmp_path, monkeypatch)


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_is_told_in_one_sentence(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name, _, value = setting.partition("=")
    monkeypatch.setenv(f"DIPTYCH_{name}", value)

    assert refused(CliRunner().invoke(main, ["migrate"])) == WRONG[setting]
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_database_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", "postgresql://someone:geheim@127.0.0.1:1/x")

    said = refused(CliRunner().invoke(main, ["migrate"]))

    assert said.startswith("The database cannot be reached: ")
    assert "Connection refused" in said
    assert "geheim" not in said


def test_migrate_brings_an_empty_database_to_the_newest_schema(
    run: Run, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", empty_database)

    assert printed(run("migrate")) == "The database has the newest schema."
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (0,)


async def test_a_created_token_is_all_that_is_printed_and_reads_what_its_scopes_say(
    run: Run, database: str
) -> None:
    workspace = printed(run("workspace", "create", "--slug", "acme", "--name", "Acme"))
    raw = printed(
        run("token", "create", "--workspace", "acme", "--name", "t", "--scopes", "brands:read,orders:read")
    )

    assert re.fullmatch(r"dip_test_[0-9a-f]{88}", raw)
    assert tokens.lookup_key(raw, Environment.TEST) is not None
    with psycopg.connect(database) as connection:
        stored = connection.execute("SELECT tokens::text FROM tokens").fetchall()
    assert len(stored) == 1
    assert raw.rpartition("_")[2][16:80] not in stored[0][0]
    async with running(database) as application:
        client = Client(application, raw)
        found = await client.get(f"/api/v1/workspaces/{workspace}")
        assert found.problem(403)["required_scope"] == "workspaces:read"
        assert (await client.get("/api/v1/brands")).rows() == []
        assert (await client.get("/api/v1/orders")).rows() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("workspace", "create", "--slug", "acme", "--name", "B"), "There is already a workspace 'acme'."),
        (("workspace", "create", "--slug", "A!", "--name", "B"), "'A!' is not a slug: "),
        (("workspace", "create", "--slug", "b", "--name", " "), "A name has 1 to 255 characters."),
        (
            ("token", "create", "--workspace", "none", "--name", "t", "--scopes", "all:read"),
            "no workspace 'none'",
        ),
        (
            ("token", "create", "--workspace", "acme", "--name", "t", "--scopes", "all:rea"),
            "'all:rea' is no scope",
        ),
    ],
)
def test_what_cannot_be_made_is_told_and_changes_nothing(
    run: Run, database: str, words: tuple[str, ...], said: str
) -> None:
    printed(run("workspace", "create", "--slug", "acme", "--name", "Acme"))

    assert said in refused(run(*words))
    with psycopg.connect(database) as connection:
        counts = "SELECT (SELECT count(*) FROM workspaces), (SELECT count(*) FROM tokens)"
        assert connection.execute(counts).fetchone() == (1, 0)


def test_import_brings_a_file_into_a_workspace(run: Run, database: str, tmp_path: Path) -> None:
    printed(run("workspace", "create", "--slug", "acme", "--name", "Acme"))
    (tmp_path / "brands.csv").write_text("Brand,name\nx,One\ny,Two\n")

    result = run("import", "--workspace", "acme", "--resource", "brands", "--map", "Brand=slug", "brands.csv")

    assert printed(result) == "2 rows imported, 0 rejected."
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT slug, name FROM brands ORDER BY slug").fetchall()
    assert rows == [("x", "One"), ("y", "Two")]


def test_verify_counts_the_sound_resources(run: Run) -> None:
    assert printed(run("verify")) == f"{len(CATALOG.resources)} resources are sound."


@pytest.mark.parametrize("name", ["order_items", "order-items", "order_item"])
def test_explain_tells_what_is_derived(run: Run, name: str) -> None:
    told = printed(run("explain", name))

    for derived in (
        "GET /api/v1/order-items/{id}",
        "POST /api/v1/order-items/search",
        "PATCH /api/v1/order-items/{id}",
        "DELETE /api/v1/order-items/bulk",
        "POST /api/v1/order-items/{id}/restore",
        "order_items:read",
        "orderItems(…)",
        "filter(eq,neq,in,nin,null)",
        "workspace_id",
    ):
        assert derived in told


@pytest.mark.parametrize("resource", list(CATALOG), ids=lambda each: each.plural)
def test_explain_tells_every_route_and_every_mutation(run: Run, resource: Resource) -> None:
    told = printed(run("explain", resource.plural))
    rest = Rest(CATALOG, None, None)

    routes = {
        f"{method} /api/v1/{resource.path}{'' if not below else '/' + below}"
        for below, route in _routes_of(rest, resource.path)
        for method in route.handlers
        if method != "HEAD"
    }
    assert set(re.findall(r"(?:GET|POST|PUT|PATCH|DELETE) /\S+", told.split("  SQL of")[0])) == routes
    mutations = schema_of(CATALOG).graphql.mutation_type
    ours, procedures = {resource.name, resource.plural}, {each.name for each in CATALOG.procedures}
    rows = {name for name in mutations.fields if _words(name) not in procedures}
    known = {name for name in rows if _words(name).partition("_")[2] in ours}
    words = {word for line in told.splitlines() if "   event " in line for word in line.split()}
    assert {word for word in words if word in mutations.fields} == known
    assert re.findall(r"event (\S+)", told) == [f"{resource.name}.{a.event}" for a in resource.actions]


def _routes_of(rest: Rest, path: str) -> Iterator[tuple[str, Route]]:
    yield "", rest._collections[path]
    yield "{id}", rest._singles[path]
    yield from ((name, route) for (owner, name), route in rest._literals.items() if owner == path)
    yield from (("{id}/" + name, route) for (owner, name), route in rest._below.items() if owner == path)


def _words(name: str) -> str:
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def test_explain_names_the_resources_there_are(run: Run) -> None:
    assert refused(run("explain", "orderz")).startswith(
        "There is no resource 'orderz'; there are workspaces, "
    )


def test_an_operator_decides_the_tier_of_a_workspace(database: str, run: Run) -> None:
    """S2-014: whoever is in a workspace cannot change its plan, so that operators must be able to."""
    id_ = printed(run("workspace", "create", "--slug", "shop", "--name", "Shop", "--tier", "pro"))
    printed(run("workspace", "create", "--slug", "other", "--name", "Other"))

    assert [printed(run("workspace", "set-tier", "shop", tier)) for tier in ("agency", "agency")] == ["", ""]

    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT slug, tier, version FROM workspaces ORDER BY slug").fetchall()
        told = connection.execute(
            "SELECT resource_id::text, before, after FROM audit_logs WHERE action = 'workspace.updated'"
        ).fetchall()
    assert found == [("other", "free", 1), ("shop", "agency", 2)]
    assert told == [(id_, {"tier": "pro"}, {"tier": "agency"})]


def test_a_tier_must_exist(database: str, run: Run) -> None:
    said = "'gold' is no tier; there are free, starter, pro, business, agency, enterprise."
    printed(run("workspace", "create", "--slug", "shop", "--name", "Shop"))

    assert refused(run("workspace", "create", "--slug", "more", "--name", "More", "--tier", "gold")) == said
    assert refused(run("workspace", "set-tier", "shop", "gold")) == said
    assert refused(run("workspace", "set-tier", "more", "pro")) == "There is no workspace 'more'."

    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT slug, tier, version FROM workspaces").fetchall()
    assert found == [("shop", "free", 1)]
