"""Wall 2 around people: they belong to no workspace, and are seen from those that they are members of."""

import psycopg
import pytest

from db.calls import Statement
from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls, Wall
from services.roles import Role
from tests.isolation.tenant_tables import Planted
from tests.isolation.test_second_wall import serving, tried
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.logins import logged_in
from tests.support.people import PASSWORD, join
from tests.support.workshop import Workshop

EVERYBODY = Statement("SELECT id::text FROM users WHERE $1::uuid IS NOT NULL ORDER BY 1", workspace=0)
MEMBERS = """
    SELECT user_id::text FROM memberships WHERE workspace_id = %s AND deleted_at IS NULL ORDER BY 1
"""


def members(world: Planted, workspace: object) -> list[tuple[bytes]]:
    with psycopg.connect(world.database) as connection:
        return [(str(user).encode(),) for (user,) in connection.execute(MEMBERS, [workspace])]


async def test_where_reads_are_guarded_a_workspace_sees_its_members_alone(fully_guarded: Planted) -> None:
    """C-17: whatever a statement forgets."""
    world, wall = fully_guarded, Wall(Rls.FULL)
    own, foreign = members(world, world.own), members(world, world.foreign)
    assert own
    assert foreign
    assert not {*own} & {*foreign}

    async with serving(world.database, wall) as driver:
        assert await driver.fetch(EVERYBODY, (str(world.own).encode(),)) == own
        assert await driver.fetch(EVERYBODY, (str(world.foreign).encode(),)) == foreign
        assert await driver.fetch(Statement("SELECT id FROM users"), ()) == []


async def test_who_logs_in_is_found_before_a_workspace_is_known(fully_guarded: Planted) -> None:
    """People without any workspace too."""
    across = Statement("SELECT id FROM users", across=True)
    with psycopg.connect(fully_guarded.database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM users").fetchone() or (0,)

    async with serving(fully_guarded.database, Wall(Rls.FULL)) as driver:
        assert len(await driver.fetch(across, ())) == count > 0


@pytest.mark.parametrize("rls", [Rls.WRITES, Rls.FULL])
async def test_nobody_deletes_people(two_filled: Planted, rls: Rls) -> None:
    wall, delete = Wall(rls), "DELETE FROM users RETURNING id"
    async with serving(two_filled.database, wall) as driver, driver.sessions.lease() as session:
        assert await tried(session, two_filled, delete, wall) == []


async def test_where_reads_are_guarded_no_stranger_is_changed_from_a_workspace(
    fully_guarded: Planted,
) -> None:
    world, wall = fully_guarded, Wall(Rls.FULL)
    change = "UPDATE users SET name = name RETURNING id"
    async with serving(world.database, wall) as driver, driver.sessions.lease() as session:
        reached = await tried(session, world, change, wall)
    assert sorted(reached) == [user.decode() for (user,) in members(world, world.own)]


async def test_people_come_in_change_and_go_behind_guarded_reads(
    postgres: Embedded, migrated_template: str
) -> None:
    """Whatever is asked of people names its workspace, or says that it looks across them."""
    database = copied(postgres, migrated_template)
    upgrade(database, Rls.FULL)
    async with running(database, rls="full") as application:
        shop = Workshop(Client(application), database)
        owner, email = join(shop, Role.OWNER), "ada@guests.example"
        made = await owner.session.post("/api/v1/invitations", {"email": email, "role": "admin"})
        body = {"token": made.data(201)["token"], "name": "Ada", "password": PASSWORD}
        member = (await shop.api.post("/api/v1/auth/invitations/accept", body)).data(201)
        ada = await logged_in(shop.api, email)
        created = (await ada.post("/api/v1/workspaces", {"name": "Ada's own"})).data(201)

        seen = await ada.get("/api/v1/memberships?include=user,invitation&sort=inserted_at")
        assert sorted(item["type"] for item in seen.json()["included"]) == ["invitation", "user", "user"]
        mine = (await ada.get("/api/v1/auth/workspaces")).json()["data"]
        assert [each["workspace_id"] for each in mine] == [str(shop.id), created["id"]]
        moved = (await ada.post("/api/v1/auth/refresh", {"workspace": created["slug"]})).data()
        assert moved["user"]["role"] == "owner"
        ada = await logged_in(shop.api, email, workspace=shop.slug)
        target = f"/api/v1/memberships/{member['membership_id']}"
        assert (await owner.session.patch(target, {"role": "viewer"})).status == 200
        assert (await ada.post("/api/v1/brands", {"name": "B"})).problem(403)
        assert (await owner.session.post("/api/v1/auth/leave", {})).problem(409)
        assert (await ada.post("/api/v1/auth/leave", {})).status == 204
        assert (await ada.get("/api/v1/users")).problem(401)
        assert (await owner.session.get("/api/v1/users")).ids() == [owner.user]
