"""Members: roles, what follows from changing them, and the last owner (DOMAIN.md M1, C-12)."""

import asyncio
from typing import Any

import psycopg
import pytest

from services.roles import Role, scopes_of
from tests.spec.conftest import Workshops
from tests.support.client import Client
from tests.support.logins import login, somewhere
from tests.support.people import join, roles, session, user
from tests.support.workshop import Workshop, graphql

MEMBERS = "/api/v1/memberships"
LEAVE, REFRESH = "/api/v1/auth/leave", "/api/v1/auth/refresh"
PROBLEM = "problem { status code extensions }"
UPDATE = f"""mutation($id: ID!, $role: Role!) {{
  updateMembership(id: $id, input: {{role: $role}}) {{ membership {{ id role }} {PROBLEM} }} }}"""
DELETE = f"mutation($id: ID!) {{ deleteMembership(id: $id) {{ deletedId {PROBLEM} }} }}"


def at(membership: str) -> str:
    return f"{MEMBERS}/{membership}"


def last_owner(answer: Any) -> None:
    assert "last owner" in answer.problem(409)["detail"]


# What a role may


async def test_roles_may_what_their_name_says(workshops: Workshops) -> None:
    """A viewer reads, a member writes the shop, an admin writes the account, on both surfaces."""
    shop = workshops()
    people = {role: join(shop, role).session for role in Role}
    create = 'mutation { createBrand(input: {name: "B"}) { brand { id } problem { status } } }'

    allowed = {
        role: (
            (await client.get("/api/v1/brands")).status,
            (await client.post("/api/v1/brands", {"name": "B"})).status,
            "errors" not in (await graphql(client, create)).json(),
            (await client.post("/api/v1/tokens", {"name": "t", "scopes": ["all:read"]})).status,
        )
        for role, client in people.items()
    }

    assert allowed == {
        Role.OWNER: (200, 201, True, 201),
        Role.ADMIN: (200, 201, True, 201),
        Role.MEMBER: (200, 201, True, 403),
        Role.VIEWER: (200, 403, False, 403),
    }


async def test_an_admin_makes_no_token_that_may_all(workshops: Workshops) -> None:
    """C-07: which would let them do what owners alone may."""
    shop = workshops()
    admin = join(shop, Role.ADMIN).session
    answer = await admin.post("/api/v1/tokens", {"name": "t", "scopes": ["all:write"]})
    assert answer.problem(403)["required_scope"] == "all:write"


# Who is seen


async def test_a_workspace_sees_its_members_and_nothing_secret_of_them(workshops: Workshops) -> None:
    """C-17: to everybody else they do not exist, on either surface."""
    shop, other = workshops(), workshops()
    ada = join(shop, Role.OWNER, name="Ada", totp_secret="sealed", totp_enabled_at="2026-01-01T00:00:00Z")
    bob = join(other, Role.OWNER)

    (shown,) = (await ada.session.get("/api/v1/users")).rows()
    asked = await graphql(ada.session, "query($id: ID!) { user(id: $id) { email } }", id=bob.user)

    assert set(shown) - {"links"} == {
        *("id", "email", "name", "totp_enabled_at", "inserted_at", "updated_at", "deleted_at")
    }
    assert (shown["id"], shown["email"], shown["name"]) == (ada.user, ada.email, "Ada")
    assert (await ada.session.get(f"/api/v1/users/{bob.user}")).problem(404)
    assert asked.json()["data"] == {"user": None}
    assert (await bob.session.get(f"/api/v1/users/{bob.user}")).status == 200


async def test_a_person_who_left_is_seen_no_more(workshops: Workshops) -> None:
    shop = workshops()
    owner, leaving = join(shop, Role.OWNER), join(shop, Role.VIEWER)
    assert (await owner.session.delete(at(leaving.membership))).status == 204
    assert (await owner.session.get(f"/api/v1/users/{leaving.user}")).problem(404)
    assert (await owner.session.get("/api/v1/users?include_deleted=true")).ids() == [owner.user]


async def test_memberships_lead_to_their_users(workshops: Workshops) -> None:
    """S3-224: by include and by edge."""
    shop = workshops()
    ada = join(shop, Role.OWNER)

    document = (await ada.session.get(f"{MEMBERS}?include=user,invitation")).json()
    asked = await graphql(ada.session, "{ memberships { nodes { role user { id } invitation { id } } } }")

    assert [item["id"] for item in document["included"]] == [ada.user]
    assert document["data"][0]["relationships"] == {
        "user": {"type": "user", "id": ada.user},
        "invitation": None,
    }
    nodes = asked.json()["data"]["memberships"]["nodes"]
    assert nodes == [{"role": "OWNER", "user": {"id": ada.user}, "invitation": None}]


# Changing roles


async def test_sessions_follow_a_new_role_from_the_next_request_on(workshops: Workshops) -> None:
    """Every session of that user here, and no other one; with events and audit rows."""
    shop, elsewhere = workshops(), workshops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.ADMIN)
    second = session(shop, ada.user, Role.ADMIN)
    there = join(elsewhere, Role.ADMIN, who=ada.user).session
    assert (await second.post("/api/v1/brands", {"name": "B"})).status == 201

    answer = await owner.session.patch(at(ada.membership), {"role": "viewer"})

    assert answer.data()["role"] == "viewer"
    for client in (ada.session, second):
        assert (await client.post("/api/v1/brands", {"name": "B"})).problem(403)
        assert (await client.get("/api/v1/brands")).status == 200
        row = shop.row(client)
        assert (row["scopes"], row["version"], row["revoked_at"]) == (["all:read"], 2, None)
        assert [each["type"] for each in shop.stored.events(shop.id_of(client))] == ["token.updated"]
    assert (await there.post("/api/v1/brands", {"name": "B"})).status == 201
    (audit,) = shop.stored.audits(ada.membership)
    assert (audit["before"]["role"], audit["after"]["role"]) == ("admin", "viewer")
    assert str(audit["user_id"]) == owner.user


async def test_graphql_changes_roles_alike(workshops: Workshops) -> None:
    shop = workshops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.VIEWER)

    told = (await graphql(owner.session, UPDATE, id=ada.membership, role="MEMBER")).json()["data"]

    assert told["updateMembership"]["membership"] == {"id": ada.membership, "role": "MEMBER"}
    assert (await ada.session.post("/api/v1/brands", {"name": "B"})).status == 201


@pytest.mark.parametrize("how", ["demoted", "removed"])
async def test_no_login_or_refresh_outruns_what_becomes_of_a_member(workshops: Workshops, how: str) -> None:
    """Whatever happens first, no live session may more than the role that is left."""
    shop = workshops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.ADMIN)
    clients = [somewhere(shop.api) for _ in range(6)]
    tokens = [(await login(client, ada.email)).data()["token"] for client in clients[:3]]

    async def fall() -> int:
        await asyncio.sleep(0.03)
        if how == "removed":
            return (await owner.session.delete(at(ada.membership))).status
        return (await owner.session.patch(at(ada.membership), {"role": "viewer"})).status

    fallen, *others = await asyncio.gather(
        fall(),
        *(client.using(token).post(REFRESH, {}) for client, token in zip(clients, tokens, strict=False)),
        *(login(client, ada.email) for client in clients[3:]),
    )

    assert fallen == (204 if how == "removed" else 200)
    assert {answer.status for answer in others} <= {200, 401, 404}  # type: ignore[union-attr]  # The first is no answer.
    live = [row for row in shop.rows() if row["kind"] == "session" and row["revoked_at"] is None]
    left = [row["scopes"] for row in live if str(row["user_id"]) == ada.user]
    assert left == ([] if how == "removed" else [["all:read"]] * len(left))
    assert how == "removed" or left


async def test_the_same_role_once_more_leaves_sessions_alone(workshops: Workshops) -> None:
    shop = workshops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.MEMBER)
    assert (await owner.session.patch(at(ada.membership), {"role": "member"})).status == 200
    assert shop.row(ada.session)["version"] == 1


async def test_a_removed_member_is_out_at_once(workshops: Workshops) -> None:
    """Their sessions here end, those elsewhere do not, and tokens that they made go on."""
    shop, elsewhere = workshops(), workshops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.ADMIN)
    there = join(elsewhere, Role.ADMIN, who=ada.user).session
    bot = shop.holder("all:read", created_by_user_id=ada.user)
    assert (await ada.session.get("/api/v1/brands")).status == 200

    assert (await owner.session.delete(at(ada.membership))).status == 204

    assert (await ada.session.get("/api/v1/brands")).problem(401)
    assert (await graphql(ada.session, "{ brands { nodes { id } } }")).status == 401
    row = shop.row(ada.session)
    assert row["revoked_at"] == row["deleted_at"] is not None
    assert [each["type"] for each in shop.stored.events(shop.id_of(ada.session))] == ["token.revoked"]
    assert (await there.get("/api/v1/brands")).status == 200
    assert (await bot.get("/api/v1/brands")).status == 200
    made = await owner.session.get(f"/api/v1/tokens?filter[created_by_user_id]={ada.user}")
    assert made.ids() == [shop.id_of(bot)]
    assert roles(shop) == {owner.user: "owner"}


# Who may change whom


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_nobody_below_an_owner_makes_an_owner(workshops: Workshops, role: str) -> None:
    """Nor changes or removes one, over either surface; nothing changes."""
    shop = workshops()
    owner, admin = join(shop, Role.OWNER), join(shop, Role.ADMIN)
    other = join(shop, Role(role)) if role == "owner" else join(shop, Role.VIEWER)
    bot = shop.holder(*scopes_of(Role.ADMIN))
    wanted = "admin" if role == "owner" else "owner"
    before = roles(shop)

    with shop.stored.unchanged():
        for client in (admin.session, bot):
            told = (await client.patch(at(other.membership), {"role": wanted})).problem(403)
            asked = await graphql(client, UPDATE, id=other.membership, role=wanted.upper())
            assert told["required_scope"] == "all:write"
            assert asked.json()["errors"][0]["extensions"]["problem"]["required_scope"] == "all:write"
            gone = await client.delete(at(owner.membership))
            assert gone.problem(403)["required_scope"] == "all:write"

    assert roles(shop) == before


async def test_who_may_not_read_all_gives_no_role_that_does(workshops: Workshops) -> None:
    """C-07: the scope to write memberships is not enough, since every role has more."""
    shop = workshops()
    bot, ada = shop.holder("memberships:write"), join(shop, Role.MEMBER)
    with shop.stored.unchanged():
        assert (await bot.patch(at(ada.membership), {"role": "viewer"})).problem(403)
    assert roles(shop) == {ada.user: "member"}


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
async def test_members_and_viewers_manage_nobody(workshops: Workshops, role: Role) -> None:
    shop = workshops()
    own, other = join(shop, role), join(shop, Role.VIEWER)
    with shop.stored.unchanged():
        for membership in (own.membership, other.membership):
            told = (await own.session.patch(at(membership), {"role": "admin"})).problem(403)
            assert told["required_scope"] == "memberships:write"
            told = (await own.session.delete(at(membership))).problem(403)
            assert told["required_scope"] == "memberships:delete"


async def test_nobody_becomes_a_member_but_by_invitation(workshops: Workshops) -> None:
    shop = workshops()
    owner = join(shop, Role.OWNER)
    answer = await owner.session.post(MEMBERS, {"user_id": user(shop), "role": "viewer"})
    assert answer.status == 405
    assert roles(shop) == {owner.user: "owner"}


# The last owner


async def test_the_last_owner_stays_an_owner(workshops: Workshops) -> None:
    """Whoever asks, by whichever way; admins and owners elsewhere do not count, nor one who was disabled."""
    shop, elsewhere = workshops(), workshops()
    ada = join(shop, Role.OWNER)
    join(shop, Role.ADMIN)
    join(shop, Role.OWNER, disabled_at="2026-01-01T00:00:00Z")
    join(elsewhere, Role.OWNER, who=ada.user)
    root = shop.holder("all:write")
    before = roles(shop)

    with shop.stored.unchanged():
        for client in (ada.session, root):
            last_owner(await client.patch(at(ada.membership), {"role": "admin"}))
            last_owner(await client.delete(at(ada.membership)))
            told = (await graphql(client, DELETE, id=ada.membership)).json()["data"]["deleteMembership"]
            assert (told["deletedId"], told["problem"]["status"]) == (None, 409)
        last_owner(await ada.session.post(LEAVE, {}))

    assert roles(shop) == before
    assert (await ada.session.get("/api/v1/brands")).status == 200


async def test_one_of_two_owners_may_go(workshops: Workshops) -> None:
    shop = workshops()
    ada, bob = join(shop, Role.OWNER), join(shop, Role.OWNER)
    assert (await ada.session.patch(at(ada.membership), {"role": "admin"})).status == 200
    last_owner(await bob.session.post(LEAVE, {}))
    assert roles(shop) == {ada.user: "admin", bob.user: "owner"}


@pytest.mark.parametrize("how", ["demoting each other", "demoting oneself", "removing each other", "leaving"])
async def test_of_owners_who_all_go_at_once_exactly_one_stays(workshops: Workshops, how: str) -> None:
    shop = workshops()
    owners = [join(shop, Role.OWNER) for _ in range(8)]
    root = shop.holder("all:write")

    async def go(place: int) -> int:
        own, other = owners[place], owners[(place + 1) % len(owners)]
        match how:
            case "demoting each other":
                return (await root.patch(at(other.membership), {"role": "viewer"})).status
            case "demoting oneself":
                return (await own.session.patch(at(own.membership), {"role": "viewer"})).status
            case "removing each other":
                return (await root.delete(at(other.membership))).status
        return (await own.session.post(LEAVE, {})).status

    statuses = await asyncio.gather(*map(go, range(len(owners))))

    good = 200 if how.startswith("demoting") else 204
    assert sorted(statuses) == sorted([good] * 7 + [409])
    assert list(roles(shop).values()).count("owner") == 1


# Oneself


async def test_anybody_may_leave(workshops: Workshops) -> None:
    """Without any scope to write; the session ends, its cookie goes, and memberships elsewhere stay."""
    shop, elsewhere = workshops(), workshops()
    join(shop, Role.OWNER)
    ada = join(shop, Role.VIEWER)
    there = join(elsewhere, Role.VIEWER, who=ada.user)

    answer = await ada.session.post(LEAVE, {})

    assert (answer.status, answer.body) == (204, b"")
    assert "max-age=0" in (answer.header("set-cookie") or "").lower()
    assert (await ada.session.get("/api/v1/brands")).problem(401)
    assert ada.user not in roles(shop)
    assert (await there.session.get("/api/v1/brands")).status == 200


async def test_a_token_of_nobody_cannot_leave(workshops: Workshops) -> None:
    shop = workshops()
    join(shop, Role.OWNER)
    with shop.stored.unchanged():
        assert (await shop.holder("all:write").post(LEAVE, {})).problem(409)


async def test_a_user_is_told_of_all_workspaces_of_theirs(workshops: Workshops) -> None:
    """C-12: and of no other one; an API token belongs to none."""
    shop, second, left, deleted = (workshops() for _ in range(4))
    ada = join(shop, Role.ADMIN)
    also = join(second, Role.VIEWER, who=ada.user)
    gone = join(left, Role.VIEWER, who=ada.user)
    join(deleted, Role.VIEWER, who=ada.user)
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE memberships SET deleted_at = now() WHERE id = %s", [gone.membership])
        connection.execute("UPDATE workspaces SET deleted_at = now() WHERE id = %s", [deleted.id])

    told = (await ada.session.get("/api/v1/auth/workspaces")).json()["data"]
    asked = await graphql(ada.session, "{ myWorkspaces { slug role membershipId } }")

    assert [(each["workspace_id"], each["role"], each["membership_id"]) for each in told] == [
        (str(shop.id), "admin", ada.membership),
        (str(second.id), "viewer", also.membership),
    ]
    assert [each["slug"] for each in asked.json()["data"]["myWorkspaces"]] == [shop.slug, second.slug]
    assert (await shop.holder("all:write").get("/api/v1/auth/workspaces")).json()["data"] == []


# From one workspace to another


async def test_a_refresh_takes_a_session_to_another_workspace(workshops: Workshops) -> None:
    """C-11: by id or slug, with the role there; the token that was shown ends, the session is the same."""
    shop, there = workshops(), workshops()
    ada = join(shop, Role.OWNER)
    join(there, Role.VIEWER, who=ada.user)
    client = somewhere(shop.api)
    told = (await login(client, ada.email, workspace=shop.slug)).data()
    first = client.using(told["token"])

    moved = (await first.post(REFRESH, {"workspace": there.slug})).data()

    assert (moved["workspace"]["id"], moved["user"]["role"]) == (str(there.id), "viewer")
    assert (moved["session_id"], moved["scopes"]) == (told["session_id"], ["all:read"])
    assert (await first.get("/api/v1/brands")).problem(401)
    second = client.using(moved["token"])
    assert (await second.get("/api/v1/workspaces")).ids() == [str(there.id)]
    query = """mutation($id: String) { refreshSession(input: {workspace: $id}) {
      token workspace { slug } problem { status } } }"""
    back = (await graphql(second, query, id=str(shop.id))).json()["data"]["refreshSession"]
    assert back["workspace"] == {"slug": shop.slug}
    assert (await client.using(back["token"]).post("/api/v1/brands", {"name": "B"})).status == 201


async def test_a_refresh_leads_nowhere_that_its_user_does_not_belong(workshops: Workshops) -> None:
    """C-17: whether there is such a workspace or not; the session goes on where it is."""
    shop, foreign, left = workshops(), workshops(), workshops()
    ada = join(shop, Role.OWNER)
    gone = join(left, Role.OWNER, who=ada.user)
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE memberships SET deleted_at = now() WHERE id = %s", [gone.membership])
    client = somewhere(shop.api)
    session_ = client.using((await login(client, ada.email)).data()["token"])

    problems = [
        (await session_.post(REFRESH, {"workspace": named})).problem(404)["detail"]
        for named in (foreign.slug, str(foreign.id), left.slug, "no-such-workspace")
    ]

    assert len(set(problems)) == 1
    assert (await session_.get("/api/v1/brands")).status == 200


async def test_a_token_that_was_replaced_ends_the_session_wherever_it_went(workshops: Workshops) -> None:
    """RFC 9700: somebody may have stolen it."""
    shop, there = workshops(), workshops()
    ada = join(shop, Role.OWNER)
    join(there, Role.VIEWER, who=ada.user)
    client = somewhere(shop.api)
    first = client.using((await login(client, ada.email, workspace=shop.slug)).data()["token"])
    moved = client.using((await first.post(REFRESH, {"workspace": there.slug})).data()["token"])
    assert (await moved.get("/api/v1/brands")).status == 200

    assert (await first.post(REFRESH, {"workspace": "no-such-workspace"})).problem(401)

    assert (await moved.get("/api/v1/brands")).problem(401)


# Creating workspaces


async def created(shop: Workshop, client: Client, *names: str) -> list[str]:
    answer = await client.post("/api/v1/workspaces/bulk", {"items": [{"name": name} for name in names]})
    return [entry["id"] for entry in answer.json()["data"]]


async def test_who_creates_workspaces_in_a_session_owns_them(workshops: Workshops) -> None:
    """C-12: with event and audit row there, whose reader is the new workspace."""
    shop = workshops()
    ada = join(shop, Role.OWNER)

    for id_ in await created(shop, ada.session, "One", "Two"):
        (membership,) = shop.stored.rows("memberships", id_, "workspace_id")
        assert (str(membership["user_id"]), membership["role"]) == (ada.user, "owner")
        for row in (*shop.stored.events(membership["id"]), *shop.stored.audits(membership["id"])):
            assert str(row["workspace_id"]) == id_
        shop.stored.settled(membership["id"], 1)
    told = (await ada.session.get("/api/v1/auth/workspaces")).json()["data"]
    assert [each["role"] for each in told] == ["owner"] * 3
    assert (await ada.session.get(MEMBERS)).ids() == [ada.membership]


async def test_a_trial_and_an_api_token_make_nobody_an_owner(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    before = shop.stored.count("memberships")

    assert (await ada.session.post("/api/v1/workspaces?dry_run=true", {"name": "One"})).status == 201
    (made,) = await created(shop, shop.holder("all:write"), "Two")

    assert shop.stored.count("memberships") == before
    assert shop.stored.rows("memberships", made, "workspace_id") == []
