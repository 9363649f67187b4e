"""Invitations: made, rotated, revoked and accepted, without telling who has an account (DOMAIN.md M1)."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pyotp import TOTP

from services import second_factor
from services.engine.deployment import Deployment
from services.roles import Role, scopes_of
from tests.spec.conftest import Workshops
from tests.support.client import Answer, Client
from tests.support.logins import somewhere
from tests.support.people import PASSWORD, join, roles, user
from tests.support.seed import SECRET
from tests.support.workshop import Workshop, graphql

INVITATIONS = "/api/v1/invitations"
ACCEPT = "/api/v1/auth/invitations/accept"
OTHER_PASSWORD = "another one that is long enough"
CREATE = """mutation($input: InvitationCreateInput!, $key: String) {
  createInvitation(input: $input, idempotencyKey: $key) {
    invitation { id email role expiresAt } token replayed problem { status code errors extensions } } }"""


def address() -> str:
    return f"{uuid.uuid4().hex}@guests.example"


async def invite(client: Client, email: str, role: Role = Role.MEMBER) -> dict[str, Any]:
    return (await client.post(INVITATIONS, {"email": email, "role": role})).data(201)


async def accept(shop: Workshop, token: str, password: str = PASSWORD, **more: Any) -> Answer:
    body = {"token": token, "name": "Ada Lovelace", "password": password, **more}
    return await somewhere(shop.api).post(ACCEPT, body)


def users(shop: Workshop, email: str) -> list[dict[str, Any]]:
    return shop.stored.rows("users", email, "email")


def nothing(answer: Answer) -> None:
    """Fail the test unless this is what everybody hears whom nothing lets in."""
    told = answer.problem(404)
    assert told["detail"].startswith("No open invitation is accepted by this.")


def without_request(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "request_id"}


# Making them


async def test_the_token_is_shown_once_and_stored_as_a_hash(workshops: Workshops) -> None:
    """Neither row, event, audit row nor idempotency record holds it; a repetition tells the rest."""
    shop = workshops()
    owner, email, key = join(shop, Role.OWNER), address(), uuid.uuid4().hex
    body = {"email": email.upper(), "role": "member"}

    first = await owner.session.post(INVITATIONS, body, headers=[("Idempotency-Key", key)])
    again = await owner.session.post(INVITATIONS, body, headers=[("Idempotency-Key", key)])

    made = first.data(201)
    raw = made["token"]
    assert raw.startswith("dipinvite_test_")
    assert first.header("cache-control") == "no-store"
    assert again.data(201) == {**made, "token": None}
    assert (made["email"], made["role"], made["accepted_at"]) == (email, "member", None)
    assert (made["invited_by_user_id"], made["invited_by_token_id"]) == (
        owner.user,
        shop.id_of(owner.session),
    )
    (listed,) = (await owner.session.get(INVITATIONS)).rows()
    assert not {"token", "token_hash", "token_key"} & set(listed)
    held = [shop.stored.row("invitations", made["id"]), *shop.stored.events(made["id"])]
    held += [*shop.stored.audits(made["id"]), *shop.stored.kept(key)]
    assert len(held) == 4
    assert not any(secret in str(row) for row in held for secret in (raw, raw[-72:-8]))


async def test_an_invitation_lasts_seven_days(workshops: Workshops) -> None:
    shop = workshops()
    before = datetime.now(UTC)
    made = await invite(join(shop, Role.OWNER).session, address())
    ends = datetime.fromisoformat(made["expires_at"])
    assert before < ends - timedelta(days=7) < datetime.now(UTC)


async def test_graphql_invites_alike(workshops: Workshops) -> None:
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    given = {"email": email, "role": "VIEWER"}

    told = (await graphql(owner.session, CREATE, input=given)).json()["data"]["createInvitation"]

    assert (told["problem"], told["invitation"]["role"]) == (None, "VIEWER")
    assert (await accept(shop, told["token"])).status == 201
    assert set(roles(shop).values()) == {"owner", "viewer"}


async def test_there_is_one_open_invitation_for_an_address(workshops: Workshops) -> None:
    """However many ask at once; those of other workspaces do not count."""
    shop, other = workshops(), workshops()
    owner, email = join(shop, Role.OWNER), address()
    body = {"email": email, "role": "member"}

    answers = await asyncio.gather(*(owner.session.post(INVITATIONS, body) for _ in range(10)))

    assert sorted(answer.status for answer in answers) == [201] + [422] * 9
    for answer in answers:
        if answer.status != 201:
            answer.invalid(email=["already_taken"])
    assert len(shop.stored.rows("invitations", email, "email")) == 1
    await invite(join(other, Role.OWNER).session, email)


async def test_an_overdue_invitation_makes_room_for_a_new_one(workshops: Workshops) -> None:
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    old = await invite(owner.session, email)
    overdue(shop, old["id"])

    new = await invite(owner.session, email)

    assert (await owner.session.get(INVITATIONS)).ids() == [new["id"]]
    assert shop.stored.row("invitations", old["id"])["deleted_at"] is not None
    nothing(await accept(shop, old["token"]))


def overdue(shop: Workshop, id_: str) -> None:
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE invitations SET expires_at = now() WHERE id = %s", [id_])


@pytest.mark.parametrize(
    ("scopes", "role", "lacking"),
    [
        (scopes_of(Role.ADMIN), Role.OWNER, "all:write"),
        (scopes_of(Role.MEMBER), Role.VIEWER, "invitations:write"),
        (("invitations:write",), Role.VIEWER, "all:read"),
        (("invitations:write", "all:read"), Role.MEMBER, "brands:write"),
    ],
)
async def test_nobody_invites_to_more_than_they_hold(
    workshops: Workshops, scopes: tuple[str, ...], role: Role, lacking: str
) -> None:
    """C-07: over both surfaces; nothing is made."""
    shop = workshops()
    bot, email = shop.holder(*scopes), address()
    with shop.stored.unchanged():
        told = (await bot.post(INVITATIONS, {"email": email, "role": role})).problem(403)
        asked = await graphql(bot, CREATE, input={"email": email, "role": role.upper()})
    assert told["required_scope"] == lacking
    assert asked.json()["errors"][0]["extensions"]["problem"]["required_scope"] == lacking


async def test_inviting_tells_nothing_of_who_has_an_account(workshops: Workshops) -> None:
    shop, other = workshops(), workshops()
    owner, known = join(shop, Role.OWNER), join(other, Role.OWNER)
    answers = [await invite(owner.session, email) for email in (known.email, address())]
    hidden = {"id", "email", "token", "expires_at", "inserted_at", "updated_at", "links"}
    first, second = ({name: made[name] for name in made if name not in hidden} for made in answers)
    assert first == second


# Changing them


async def test_a_rotated_invitation_has_another_token(workshops: Workshops) -> None:
    """The old one opens nothing any more, and the seven days begin anew."""
    shop = workshops()
    owner = join(shop, Role.OWNER)
    made = await invite(owner.session, address())
    overdue(shop, made["id"])

    told = (await owner.session.post(f"{INVITATIONS}/{made['id']}/rotate", {})).data()

    assert (told["id"], told["token"] != made["token"]) == (made["id"], True)
    assert datetime.fromisoformat(told["expires_at"]) > datetime.now(UTC) + timedelta(days=6)
    nothing(await accept(shop, made["token"]))
    assert (await accept(shop, told["token"])).status == 201


async def test_a_revoked_invitation_lets_nobody_in(workshops: Workshops) -> None:
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    made = await invite(owner.session, email)

    assert (await owner.session.delete(f"{INVITATIONS}/{made['id']}")).status == 204

    nothing(await accept(shop, made["token"]))
    assert (users(shop, email), list(roles(shop))) == ([], [owner.user])


async def test_an_admin_leaves_invitations_of_owners_alone(workshops: Workshops) -> None:
    shop = workshops()
    owner, admin = join(shop, Role.OWNER), join(shop, Role.ADMIN)
    target = f"{INVITATIONS}/{(await invite(owner.session, address(), Role.OWNER))['id']}"
    with shop.stored.unchanged():
        assert (await admin.session.delete(target)).problem(403)["required_scope"] == "all:write"
        assert (await admin.session.post(f"{target}/rotate", {})).problem(403)


async def test_what_was_accepted_is_history(workshops: Workshops) -> None:
    """It stays, and the address may be invited anew once its member has left."""
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    made = await invite(owner.session, email)
    joined = (await accept(shop, made["token"])).data(201)
    target = f"{INVITATIONS}/{made['id']}"
    with shop.stored.unchanged():
        assert (await owner.session.delete(target)).problem(409)
        assert (await owner.session.post(f"{target}/rotate", {})).problem(409)

    shown = await owner.session.get(f"/api/v1/memberships/{joined['membership_id']}?include=invitation")
    assert shown.json()["included"][0]["id"] == made["id"]
    assert (await owner.session.delete(f"/api/v1/memberships/{joined['membership_id']}")).status == 204
    again = await invite(owner.session, email)
    assert (await accept(shop, again["token"])).data(201)["user_id"] == joined["user_id"]


# Accepting them


async def test_whoever_is_new_gets_an_account_and_a_membership(workshops: Workshops) -> None:
    """All at once, with events and audit rows of whoever accepted, and logs in with it."""
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    made = await invite(owner.session, email, Role.ADMIN)

    told = (await accept(shop, made["token"])).data(201)

    (person,) = users(shop, email)
    assert told == {
        "workspace_id": str(shop.id),
        "email": email,
        "role": "admin",
        "user_id": str(person["id"]),
        "membership_id": told["membership_id"],
    }
    assert (person["name"], person["is_platform_admin"]) == ("Ada Lovelace", False)
    assert person["password_hash"].startswith("$argon2id$")
    assert roles(shop) == {owner.user: "owner", told["user_id"]: "admin"}
    row = shop.stored.row("invitations", made["id"])
    assert (str(row["accepted_by_user_id"]), row["accepted_at"] is None) == (told["user_id"], False)
    assert [each["type"] for each in shop.stored.events(made["id"])] == [
        "invitation.created",
        "invitation.accepted",
    ]
    assert [each["action"] for each in shop.stored.audits(told["user_id"])] == ["user.created"]
    shop.stored.settled(told["membership_id"], 1)
    (audit,) = shop.stored.audits(told["membership_id"])
    assert (audit["token_id"], str(audit["user_id"])) == (None, told["user_id"])
    login = await shop.api.post("/api/v1/auth/login", {"email": email, "password": PASSWORD})
    assert login.data()["user"]["role"] == "admin"


async def test_graphql_accepts_alike(workshops: Workshops) -> None:
    shop = workshops()
    made = await invite(join(shop, Role.OWNER).session, address())
    query = """mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
      role userId problem { status code } } }"""
    given = {"token": made["token"], "name": "Ada", "password": PASSWORD}

    first = (await graphql(shop.api, query, input=given)).json()["data"]["acceptInvitation"]
    second = (await graphql(shop.api, query, input=given)).json()["data"]["acceptInvitation"]

    assert (first["role"], first["userId"] in roles(shop)) == ("MEMBER", True)
    assert second == {"role": None, "userId": None, "problem": {"status": 404, "code": "not-found"}}


async def test_an_invitation_is_accepted_once_however_many_try(workshops: Workshops) -> None:
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    made = await invite(owner.session, email)

    answers = await asyncio.gather(*(accept(shop, made["token"]) for _ in range(5)))

    assert sorted(answer.status for answer in answers) == [201] + [404] * 4
    for answer in answers:
        if answer.status != 201:
            nothing(answer)
    assert (len(users(shop, email)), len(roles(shop))) == (1, 2)


async def test_two_invitations_of_one_new_person_make_one_account(workshops: Workshops) -> None:
    """Accepted at the same time in two workspaces; whoever comes too late proves the account, later."""
    first, second = workshops(), workshops()
    email = address()
    made = [await invite(join(shop, Role.OWNER).session, email) for shop in (first, second)]

    answers = await asyncio.gather(*(accept(first, each["token"]) for each in made))
    for answer, each in zip(answers, made, strict=True):
        if answer.status != 201:
            nothing(answer)
            assert (await accept(first, each["token"])).status == 201

    (person,) = users(first, email)
    assert str(person["id"]) in roles(first)
    assert str(person["id"]) in roles(second)


async def test_whoever_has_an_account_proves_it(workshops: Workshops) -> None:
    """By its password, which stays as it is, like its name; else the answer is that of a bogus token."""
    shop, other = workshops(), workshops()
    owner, known = join(shop, Role.OWNER), join(other, Role.VIEWER)
    made = await invite(owner.session, known.email)
    before = shop.stored.row("users", known.user)
    bogus = made["token"][:-9] + "0" * 9

    with shop.stored.unchanged():
        wrong = (await accept(shop, made["token"], OTHER_PASSWORD)).problem(404)
        unknown = (await accept(shop, bogus)).problem(404)
    assert without_request(wrong) == without_request(unknown)
    told = (await accept(shop, made["token"])).data(201)

    assert (told["user_id"], told["role"]) == (known.user, "member")
    assert shop.stored.row("users", known.user) == before
    assert roles(other) == {known.user: "viewer"}


async def test_a_second_factor_is_asked_for_too_and_counts_once(workshops: Workshops) -> None:
    shop, second = workshops(), workshops()
    deployment, person = Deployment("test", SECRET.encode()), user(shop)
    secret, sealed = second_factor.new_secret(deployment, person)
    with psycopg.connect(shop.database) as connection:
        text = "UPDATE users SET totp_secret = %s, totp_enabled_at = now() WHERE id = %s"
        connection.execute(text, [sealed, person])
    email = shop.stored.row("users", person)["email"]
    made = [await invite(join(each, Role.OWNER).session, email) for each in (shop, second)]
    code = TOTP(secret).now()

    nothing(await accept(shop, made[0]["token"]))
    nothing(await accept(shop, made[0]["token"], totp_code="000000" if code != "000000" else "111111"))
    assert (await accept(shop, made[0]["token"], totp_code=code)).status == 201
    nothing(await accept(shop, made[1]["token"], totp_code=code))

    assert (person in roles(shop), person in roles(second)) == (True, False)


async def test_a_disabled_account_is_let_in_nowhere(workshops: Workshops) -> None:
    shop = workshops()
    owner, email = join(shop, Role.OWNER), address()
    user(shop, email, disabled_at="2026-01-01T00:00:00Z")
    made = await invite(owner.session, email)
    nothing(await accept(shop, made["token"]))
    assert list(roles(shop)) == [owner.user]


async def test_a_member_is_not_made_one_twice(workshops: Workshops) -> None:
    """The role stays as it is."""
    shop = workshops()
    owner, viewer = join(shop, Role.OWNER), join(shop, Role.VIEWER)
    made = await invite(owner.session, viewer.email, Role.ADMIN)
    with shop.stored.unchanged():
        assert "already" in (await accept(shop, made["token"])).problem(409)["detail"]
    assert roles(shop)[viewer.user] == "viewer"


async def test_passwords_are_guessed_five_times_and_no_more(workshops: Workshops) -> None:
    """An invitation is no way around the throttling of logins, which it shares."""
    shop = workshops()
    known = user(shop)
    email = shop.stored.row("users", known)["email"]
    made = await invite(join(shop, Role.OWNER).session, email)

    statuses = [(await accept(shop, made["token"], OTHER_PASSWORD)).status for _ in range(7)]

    assert statuses == [404] * 5 + [429] * 2
    assert (await accept(shop, made["token"])).problem(429)
    login = await shop.api.post("/api/v1/auth/login", {"email": email, "password": PASSWORD})
    assert login.problem(429)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"password": "short"}, {"password": ["too_short"]}),
        ({"name": " "}, {"name": ["cant_be_blank"]}),
        ({"name": "x" * 256}, {"name": ["too_long"]}),
    ],
)
async def test_what_is_wrong_is_told_before_the_invitation_is_looked_for(
    workshops: Workshops, given: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    """Alike for who has an account and who has none."""
    shop, other = workshops(), workshops()
    owner, known = join(shop, Role.OWNER), join(other, Role.VIEWER)
    tokens = [(await invite(owner.session, email))["token"] for email in (known.email, address())]
    with shop.stored.unchanged():
        for token in (*tokens, "no token at all"):
            body = {"token": token, "name": "Ada", "password": PASSWORD, **given}
            (await shop.api.post(ACCEPT, body)).invalid_at(errors)


@pytest.mark.parametrize("kind", ["an API token", "nothing", "another environment's"])
async def test_only_tokens_of_invitations_are_accepted(workshops: Workshops, kind: str) -> None:
    shop = workshops()
    owner = join(shop, Role.OWNER)
    made = await invite(owner.session, address())
    token = {
        "an API token": owner.session.token or "",
        "nothing": "x",
        "another environment's": made["token"].replace("_test_", "_prod_"),
    }[kind]
    with shop.stored.unchanged():
        nothing(await accept(shop, token))
    assert (await shop.api.using(made["token"]).get("/api/v1/brands")).problem(401)


async def test_an_invitation_to_a_deleted_workspace_leads_nowhere(workshops: Workshops) -> None:
    shop = workshops()
    made = await invite(join(shop, Role.OWNER).session, address())
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE workspaces SET deleted_at = now() WHERE id = %s", [shop.id])
    nothing(await accept(shop, made["token"]))
