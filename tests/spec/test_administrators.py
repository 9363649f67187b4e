"""Administrators of the platform: who is one, what they see, and that it ends at once."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from diptych.cli import main
from diptych.runtime import precheck_key
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import SECRET, Seed, add_token, plant, settings
from tests.support.stored import Stored

ADMIN = "/api/v1/admin"
LIST = "{ allWorkspaces(limit: 2) { workspaces { slug members } nextAfter } }"
REFUSED = "Only a session of somebody who administers the platform may do this."


@dataclass(frozen=True, slots=True)
class Town:
    """Two workspaces, and people with sessions in them."""

    seed: Seed
    client: Client
    stored: Stored

    def user(self, *, administers: bool = False, **values: Any) -> str:
        """Return the id of a new user."""
        row = {"name": "Somebody", "email": f"{uuid.uuid4().hex}@people.example", **values}
        row |= {"is_platform_admin": administers}
        names, places = ", ".join(row), ", ".join(["%s"] * len(row))
        with psycopg.connect(self.seed.database) as connection:
            query = f"INSERT INTO users ({names}) VALUES ({places}) RETURNING id"
            found = connection.execute(query, list(row.values())).fetchone()  # type: ignore[arg-type]
        return str(found[0] if found else "")

    def session(
        self, user: str, workspace: str = "acme", *, above: bool = True, scopes: str = "all:write"
    ) -> Client:
        """Return a client with a session of a user, as an administrator unless they are a member."""
        with psycopg.connect(self.seed.database) as connection:
            raw = add_token(
                connection,
                self.seed.workspaces[workspace]["id"],
                (scopes,),
                precheck_key(settings(self.seed.database)),
                kind="session",
                user_id=user,
                administrative=above,
            )
        return self.client.using(raw)


@pytest.fixture(scope="module", params=[Rls.WRITES, Rls.FULL])
async def town(
    postgres: Embedded, migrated_template: str, request: pytest.FixtureRequest
) -> AsyncIterator[Town]:
    seed = plant(copied(postgres, migrated_template), ("writer",))
    upgrade(seed.database, request.param)
    async with running(seed.database, rls=request.param) as application:
        client = Client(application, seed.tokens["acme", "writer"], peer="198.51.100.9")
        yield Town(seed, client, Stored(seed.database))


async def asked(client: Client, query: str) -> dict[str, Any]:
    answer = await client.post("/graphql", {"query": query})
    found = answer.json()
    assert isinstance(found, dict)
    return found


async def test_an_administrator_lists_every_workspace_page_by_page(town: Town) -> None:
    """Issue item 2: across workspaces, the same on both surfaces, and written down."""
    root = town.session(town.user(administers=True))
    with psycopg.connect(town.seed.database) as connection:
        rows = connection.execute("SELECT slug FROM workspaces WHERE deleted_at IS NULL").fetchall()
    every = sorted(slug for (slug,) in rows)
    assert len(every) >= 3

    found: list[str] = []
    after = ""
    while after is not None:
        page = (await root.get(f"{ADMIN}/workspaces?limit=2" + (f"&after={after}" if after else ""))).data()
        found += [row["slug"] for row in page["workspaces"]]
        after = page["next_after"]
    assert found == every
    told = (await asked(root, LIST))["data"]["allWorkspaces"]
    assert [row["slug"] for row in told["workspaces"]] == every[:2]
    assert told["nextAfter"] == every[1]
    with psycopg.connect(town.seed.database) as connection:
        count = connection.execute("SELECT count(*) FROM memberships WHERE deleted_at IS NULL").fetchone()
    whole = (await root.get(f"{ADMIN}/workspaces")).data()["workspaces"]
    assert sum(row["members"] for row in whole) == (count or (0,))[0] > 0
    named = (await root.get(f"{ADMIN}/workspaces?search=GLOB")).data()
    assert [row["slug"] for row in named["workspaces"]] == ["globex"]
    (await root.get(f"{ADMIN}/workspaces?limit=101")).invalid(limit=["less_than"])


async def test_whoever_lists_all_workspaces_is_watched_even_as_a_member(town: Town) -> None:
    root = town.session(town.user(administers=True), above=False, scopes="all:read")
    batch = [{"query": "{ brands(first: 1) { nodes { id } } }"}, {"query": LIST}]
    for answer in (await root.get(f"{ADMIN}/workspaces"), await root.post("/graphql", batch)):
        assert answer.status == 200
        (row,) = town.stored.rows("audit_logs", answer.header("x-request-id"), "request_id")
        assert (row["action"], row["after"]["fields"]) == ("administrative.read", ["all_workspaces"])
    plain = await root.get("/api/v1/brands")
    assert town.stored.rows("audit_logs", plain.header("x-request-id"), "request_id") == []


async def test_nobody_else_learns_or_decides_anything(town: Town) -> None:
    """No scope is enough: not that of owners, nor a token that an administrator made."""
    target = town.user()
    gone = town.user(administers=True, disabled_at="2026-01-01")
    email = town.stored.row("users", target)["email"]
    grant = (
        f'mutation {{ grantPlatformAdministration(email: "{email}") {{ id problem {{ detail status }} }} }}'
    )
    sessions = [town.session(user, above=False) for user in (target, gone)]
    with town.stored.unchanged():
        for client in (town.client, *sessions):
            for answer in (
                await client.get(f"{ADMIN}/workspaces"),
                await client.get(f"{ADMIN}/administrators"),
                await client.post(f"{ADMIN}/administrators", {"email": email}),
                await client.delete(f"{ADMIN}/administrators/{target}"),
            ):
                assert answer.problem(403)["detail"] == REFUSED
            told = await asked(client, LIST)
            assert told["errors"][0]["message"] == REFUSED
            assert "errors" in await asked(client, grant)
    assert not town.stored.row("users", target)["is_platform_admin"]


async def test_an_administrator_is_made_and_unmade_by_another_and_its_sessions_end(town: Town) -> None:
    """In every workspace at once; sessions of a membership go on."""
    root = town.session(town.user(administers=True))
    other = town.user()
    email = town.stored.row("users", other)["email"]

    made = (await root.post(f"{ADMIN}/administrators", {"email": email.upper()})).data()
    again = await root.post(f"{ADMIN}/administrators", {"email": email})

    assert made == again.data() == {"id": other, "email": email, "name": "Somebody"}
    sessions = [town.session(other), town.session(other, "globex")]
    member = town.session(other, "labs", above=False)
    for client in (*sessions, member):
        assert (await client.get("/api/v1/brands")).status == 200
    listed = (await root.get(f"{ADMIN}/administrators")).json()["data"]
    assert email in {row["email"] for row in listed}

    withdrawn = await root.delete(f"{ADMIN}/administrators/{other}")

    assert withdrawn.status == 204
    for client in sessions:
        (await client.get("/api/v1/brands")).problem(401)
    assert (await member.get("/api/v1/brands")).status == 200
    (await member.get(f"{ADMIN}/workspaces")).problem(403)
    told = town.stored.rows("platform_logs", other, "resource_id")
    assert sorted(row["action"] for row in told) == [
        "user.administration_granted",
        "user.administration_withdrawn",
    ]
    assert {row["address"] for row in told} == {"198.51.100.9"}
    revoked = town.stored.rows("audit_logs", withdrawn.header("x-request-id"), "request_id")
    ended = [row for row in revoked if row["action"] == "token.revoked"]
    assert {str(row["workspace_id"]) for row in ended} == {
        str(town.seed.workspaces[name]["id"]) for name in ("acme", "globex")
    }
    assert len(ended) == 2
    (await root.post(f"{ADMIN}/administrators", {"email": "nobody@people.example"})).problem(404)


@pytest.fixture
def command(town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_DATABASE_URL", town.seed.database)
    monkeypatch.setenv("DIPTYCH_ENV", "test")
    monkeypatch.setenv("DIPTYCH_SECRET_KEY", SECRET)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["administrator", *words])

    return run


async def test_an_operator_makes_the_first_administrator_and_takes_it_back(town: Town, command: Any) -> None:
    user = town.user()
    email = town.stored.row("users", user)["email"]

    assert command("grant", email.upper()).stdout == f"{email} administers the platform now.\n"
    assert command("grant", email).stdout == f"{email} administers the platform already.\n"
    assert f"{email}  Somebody\n" in command("list").stdout
    root = town.session(user)
    assert (await root.get(f"{ADMIN}/workspaces")).status == 200
    assert command("withdraw", email).stdout == f"{email} does not administer the platform now.\n"

    (await root.get("/api/v1/brands")).problem(401)
    assert email not in command("list").stdout
    rows = town.stored.rows("platform_logs", user, "resource_id")
    assert sorted(row["action"] for row in rows) == [
        "user.administration_granted",
        "user.administration_withdrawn",
    ]
    assert {(row["user_id"], row["address"]) for row in rows} == {(None, None)}
    (ended,) = [
        row
        for request in {row["request_id"] for row in rows}
        for row in town.stored.rows("audit_logs", request, "request_id")
    ]
    assert (ended["action"], ended["token_id"]) == ("token.revoked", None)
    refused = command("grant", "nobody@people.example")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "Error: Nobody has an account with the address 'nobody@people.example'.\n"
