"""Logging in: who gets a session where, and that nobody learns who exists (M1, S1-006 to S1-008)."""

import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from services.passwords import LONGEST
from services.roles import Role, scopes_of
from tests.spec.conftest import Workshops
from tests.support.logins import (
    judging,
    logged_in,
    login,
    login_by_graphql,
    somewhere,
)
from tests.support.people import PASSWORD, join, user
from tests.support.workshop import Workshop

COOKIE = "access_token={}; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax"


def sessions(shop: Workshop) -> int:
    return len([row for row in shop.rows() if row["kind"] == "session"])


async def test_a_login_answers_with_a_token_and_a_cookie_of_the_same_session(workshops: Workshops) -> None:
    """S1-007, S1-008."""
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    visitor = somewhere(shop.api)

    answer = await login(visitor, ada.email)

    told = answer.data()
    assert answer.header("set-cookie") == COOKIE.format(told["token"])
    assert answer.header("cache-control") == "no-store"
    row = shop.stored.rows("tokens", uuid.UUID(told["session_id"]))[0]
    assert (row["kind"], str(row["user_id"]), row["administrative"]) == ("session", ada.user, False)
    assert row["session_id"] == row["id"]
    assert row["scopes"] == told["scopes"] == sorted(scopes_of(Role.MEMBER))
    assert row["expires_at"] - row["session_started_at"] == timedelta(hours=12)
    assert told["workspace"] == {"id": str(shop.id), "slug": shop.slug, "name": "Workshop"}
    assert told["user"] == {
        "id": ada.user,
        "email": ada.email,
        "name": "Somebody",
        "role": "member",
        "is_platform_admin": False,
    }
    by_cookie = [("cookie", f"theme=dark; access_token={told['token']}")]
    for client, headers in ((visitor.using(told["token"]), []), (visitor, by_cookie)):
        found = await client.get("/api/v1/whoami", headers=headers)
        assert found.data()["user"] == told["user"]
        assert found.data()["token"]["id"] == told["session_id"]


async def test_graphql_logs_in_alike(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.ADMIN)
    visitor = somewhere(shop.api)

    answer = await login_by_graphql(visitor, ada.email.upper())

    told = answer.json()["data"]["login"]
    assert told["problem"] is None
    assert answer.header("set-cookie") == COOKIE.format(told["token"])
    assert told["user"]["id"] == ada.user
    asked = "{ viewer { user { id: rowId email name role isPlatformAdmin } token { kind } } }"
    found = await visitor.using(told["token"]).post("/graphql", {"query": asked})
    assert found.json()["data"]["viewer"] == {"user": told["user"], "token": {"kind": "SESSION"}}


async def test_what_happens_is_written_down_with_the_name_of_the_user(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    visitor = somewhere(shop.api)

    client = await logged_in(visitor, ada.email)
    brand = (await client.post("/api/v1/brands", {"name": "B"})).data(201)

    (entry,) = [each for each in shop.stored.audits(ada.user) if each["action"] == "user.logged_in"]
    assert (str(entry["user_id"]), entry["address"]) == (ada.user, visitor.peer)
    assert entry["workspace_id"] == shop.id
    (made,) = shop.stored.audits(brand["id"])
    assert (str(made["user_id"]), made["address"]) == (ada.user, visitor.peer)
    assert shop.stored.row("users", ada.user)["last_login_at"] > datetime.now(UTC) - timedelta(minutes=1)


async def test_nobody_learns_whether_an_account_exists(
    workshops: Workshops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 16: the same words, the same work, and nothing stored, on both surfaces."""
    shop = workshops()
    ada, gone = join(shop, Role.OWNER), join(shop, Role.MEMBER, disabled_at=datetime.now(UTC))
    invited, deleted = user(shop, password_hash=None), user(shop, deleted_at=datetime.now(UTC))
    cases = [
        ("nobody@people.example", PASSWORD),
        ("no address at all", PASSWORD),
        (ada.email, "another password"),
        (gone.email, PASSWORD),
        (shop.stored.row("users", invited)["email"], PASSWORD),
        (shop.stored.row("users", deleted)["email"], PASSWORD),
    ]
    before = sessions(shop)

    for surface in (login, login_by_graphql):
        told, work = set(), set()
        for email, password in cases:
            with judging(monkeypatch) as judged:
                answer = await surface(somewhere(shop.api), email, password)
            found = answer.json()
            problem = found if surface is login else found["errors"][0]["extensions"]
            assert problem["code"].lower().replace("_", "-") == "invalid-credentials"
            told.add((answer.status, answer.header("set-cookie"), len(answer.body)))
            work.add(judged.count)
        assert (len(told), work) == (1, {1})
    assert sessions(shop) == before
    assert shop.stored.row("users", gone.user)["last_login_at"] is None


async def test_a_password_is_as_long_as_people_are_patient(
    workshops: Workshops, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)

    with judging(monkeypatch) as judged:
        refused = await login(visitor, ada.email, "ü" * (LONGEST + 1))
        longest = await login(visitor, ada.email, "ü" * LONGEST)

    refused.invalid(password=["too_long"])
    longest.problem(401)
    assert judged.count == 1


async def test_a_password_is_the_same_however_its_letters_are_put_together(workshops: Workshops) -> None:
    """Unicode's form NFC (RFC 8265)."""
    from services.passwords import hash_now

    shop = workshops()
    ada = join(shop, Role.OWNER, password_hash=hash_now("Zoë träumt von Äpfeln"))

    answer = await login(somewhere(shop.api), ada.email, "Zoe\u0308 tra\u0308umt von A\u0308pfeln")

    answer.data()


# Where


async def test_a_session_is_in_the_workspace_that_one_names(workshops: Workshops) -> None:
    first, second = workshops(), workshops()
    ada = join(first, Role.VIEWER)
    join(second, Role.OWNER, who=ada.user)
    visitor = somewhere(first.api)

    for named, shop in ((None, first), (second.slug, second), (str(second.id), second)):
        further = {} if named is None else {"workspace": named}
        told = (await login(visitor, ada.email, **further)).data()
        assert told["workspace"]["id"] == str(shop.id)


async def test_a_workspace_that_one_does_not_belong_to_is_not_found(workshops: Workshops) -> None:
    """C-17: and it counts as no guess, since the password was right."""
    shop, foreign = workshops(), workshops()
    ada, alone = join(shop, Role.OWNER), user(shop)
    visitor = somewhere(shop.api)
    before = (sessions(shop), sessions(foreign))

    told = set()
    for _ in range(3):
        for named in (foreign.slug, str(foreign.id), "nowhere", str(uuid.uuid4())):
            told.add((await login(visitor, ada.email, workspace=named)).problem(404)["detail"])
    email = shop.stored.row("users", alone)["email"]
    told.add((await login(visitor, email)).problem(404)["detail"])

    assert told == {"You are a member of no such workspace."}
    assert (sessions(shop), sessions(foreign)) == before
    (await login(visitor, ada.email)).data()


async def test_a_membership_that_ended_opens_nothing(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE memberships SET deleted_at = now() WHERE id = %s", [ada.membership])

    (await login(somewhere(shop.api), ada.email)).problem(404)


# Administrators of the platform


@pytest.mark.parametrize("path", ["/api/admin/auth/login", "/api/v1/admin/auth/login"])
async def test_an_administrator_logs_in_at_the_older_address(workshops: Workshops, path: str) -> None:
    """S1-006 to S1-008: by cookie and by header, into any workspace at first the oldest."""
    shop = workshops()
    root = user(shop, is_platform_admin=True)
    email = shop.stored.row("users", root)["email"]
    visitor = somewhere(shop.api)

    answer = await visitor.post(path, {"username": email, "password": PASSWORD})

    told = answer.data()
    assert answer.header("set-cookie") == COOKIE.format(told["token"])
    assert told["user"]["is_platform_admin"] is True
    assert (told["user"]["role"], told["scopes"]) == (None, ["all:write"])
    for client, headers in (
        (visitor.using(told["token"]), []),
        (visitor, [("cookie", f"access_token={told['token']}")]),
    ):
        assert (await client.get("/api/v1/products", headers=headers)).status == 200
    assert shop.stored.rows("tokens", uuid.UUID(told["session_id"]))[0]["administrative"] is True


async def test_an_administrator_may_name_any_workspace(workshops: Workshops) -> None:
    shop = workshops()
    root = user(shop, is_platform_admin=True)
    email = shop.stored.row("users", root)["email"]

    told = (await login(somewhere(shop.api), email, workspace=shop.slug)).data()

    assert told["workspace"]["id"] == str(shop.id)
    assert shop.stored.rows("tokens", uuid.UUID(told["session_id"]))[0]["administrative"] is True


async def test_where_an_administrator_is_a_member_they_are_no_more_than_that(workshops: Workshops) -> None:
    shop = workshops()
    root = join(shop, Role.VIEWER, is_platform_admin=True)

    told = (await login(somewhere(shop.api), root.email, workspace=shop.slug)).data()

    assert (told["user"]["role"], told["scopes"]) == ("viewer", ["all:read"])
    assert shop.stored.rows("tokens", uuid.UUID(told["session_id"]))[0]["administrative"] is False


async def test_nobody_else_is_let_in_as_an_administrator(workshops: Workshops) -> None:
    """And nobody learns who is one: the refusal is that of a wrong password."""
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)

    told = {
        (await visitor.post("/api/admin/auth/login", {"username": email, "password": word})).problem(401)[
            "detail"
        ]
        for email, word in (
            (ada.email, PASSWORD),
            (ada.email, "wrong password"),
            ("nobody@x.example", PASSWORD),
        )
    }

    assert len(told) == 1
    assert sessions(shop) == 1
