"""Sessions: refreshed, listed and ended, on every server at once (promises 18 to 21)."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from diptych.edge import Application
from services.roles import Role
from tests.spec.conftest import Workshops
from tests.support.application import running
from tests.support.client import Client
from tests.support.logins import logged_in, login, somewhere
from tests.support.people import PASSWORD, join
from tests.support.seed import Seed
from tests.support.workshop import graphql

REFRESH, LOGOUT = "/api/v1/auth/refresh", "/api/v1/auth/logout"
SESSIONS, NEW_PASSWORD = "/api/v1/auth/sessions", "/api/v1/auth/password"
FRESH = "another password altogether"
WHOAMI = "/api/v1/whoami"


@pytest.fixture(scope="module")
async def other_server(written: Seed) -> AsyncIterator[Application]:
    """A second server of the same database."""
    async with running(written.database) as started:
        yield started


def there(client: Client, server: Application) -> Client:
    return Client(server, client.token, peer=client.peer)


async def alive(*clients: Client) -> list[bool]:
    """Tell which of the clients are let in, by either surface alike."""
    found = []
    for client in clients:
        answer = await client.get(WHOAMI)
        over_graphql = await graphql(client, "{ viewer { scopes } }")
        assert {answer.status, over_graphql.status} in ({200}, {401})
        found.append(answer.status == 200)
    return found


def age(shop: Any, session: str, **interval: int) -> None:
    """Let a session have begun and end so much earlier."""
    text = (
        "UPDATE tokens SET session_started_at = session_started_at - %(by)s, expires_at = expires_at - %(by)s"
        " WHERE session_id = %(session)s"
    )
    with psycopg.connect(shop.database) as connection:
        connection.execute(text, {"by": timedelta(**interval), "session": session})


# Refreshing


async def test_a_refresh_puts_a_new_token_in_the_place_of_the_old_one_everywhere(
    workshops: Workshops, other_server: Application
) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)
    assert await alive(client, there(client, other_server)) == [True, True]

    answer = await client.post(REFRESH, {})

    told = answer.data()
    fresh = client.using(told["token"])
    assert told["token"] != client.token
    assert str(answer.header("set-cookie")).startswith(f"access_token={told['token']}; Max-Age=43200;")
    assert await alive(client, there(client, other_server)) == [False, False]
    assert await alive(fresh, there(fresh, other_server)) == [True, True]
    first, second = [row for row in shop.rows() if str(row["session_id"]) == told["session_id"]]
    if second["rotated_from_id"] is None:
        first, second = second, first
    assert second["rotated_from_id"] == first["id"] == uuid.UUID(told["session_id"])
    assert second["session_started_at"] == first["session_started_at"]


async def test_a_cookie_is_refreshed_as_well_and_graphql_does_it_alike(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)
    headers = [("cookie", f"access_token={client.token}"), ("origin", "http://api.example.com")]

    told = (await client.using(None).post(REFRESH, {}, headers=headers)).data()
    again = await graphql(client.using(told["token"]), "mutation { refreshSession { token sessionId } }")

    last = again.json()["data"]["refreshSession"]
    assert last["sessionId"] == told["session_id"]
    assert len({client.token, told["token"], last["token"]}) == 3
    assert await alive(client, client.using(told["token"]), client.using(last["token"])) == [
        False,
        False,
        True,
    ]


async def test_showing_a_token_that_was_replaced_ends_the_session(workshops: Workshops) -> None:
    """RFC 9700, section 4.14.2: either of the two who have it may be the thief."""
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    stolen = await logged_in(somewhere(shop.api), ada.email)
    bystander = await logged_in(somewhere(shop.api), ada.email)
    fresh = stolen.using((await stolen.post(REFRESH, {})).data()["token"])
    assert await alive(fresh) == [True]

    (await stolen.post(REFRESH, {})).problem(401)

    assert await alive(stolen, fresh, bystander) == [False, False, True]
    (entry,) = [
        each
        for each in shop.stored.rows("audit_logs", shop.id, "workspace_id")
        if each["action"] == "session.ended"
    ]
    assert (str(entry["user_id"]), entry["after"]["reason"]) == (ada.user, "a token that had ended was shown")


async def test_of_two_who_refresh_at_once_one_is_told_and_then_nobody_stays(
    workshops: Workshops, other_server: Application
) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)

    answers = await asyncio.gather(client.post(REFRESH, {}), there(client, other_server).post(REFRESH, {}))

    assert sorted(each.status for each in answers) == [200, 401]
    (won,) = [each for each in answers if each.status == 200]
    assert await alive(client, client.using(won.data()["token"])) == [False, False]


async def test_a_session_ends_when_nobody_refreshes_it(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)
    session = (await client.get(WHOAMI)).data()["token"]["id"]
    age(shop, session, hours=11, minutes=59)
    assert await alive(client) == [True]

    age(shop, session, minutes=2)

    assert await alive(client) == [False]
    (await client.post(REFRESH, {})).problem(401)
    assert len([row for row in shop.rows() if str(row["session_id"]) == session]) == 1


async def test_no_refresh_makes_a_session_live_for_ever(workshops: Workshops) -> None:
    """Thirty days after the login it ends, however often it was refreshed."""
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)
    session = (await client.get(WHOAMI)).data()["token"]["id"]
    with psycopg.connect(shop.database) as connection:
        late = datetime.now(UTC) - timedelta(days=29, hours=23)
        connection.execute("UPDATE tokens SET session_started_at = %s WHERE session_id = %s", [late, session])

    answer = await client.post(REFRESH, {})

    last = client.using(answer.data()["token"])
    assert 3_500 < int(str(answer.header("set-cookie")).partition("Max-Age=")[2].partition(";")[0]) <= 3_600
    with psycopg.connect(shop.database) as connection:
        connection.execute(
            "UPDATE tokens SET session_started_at = now() - interval '31 days' WHERE session_id = %s",
            [session],
        )
    (await last.post(REFRESH, {})).problem(401)
    assert await alive(last) == [False]


@pytest.mark.parametrize("kind", ["api", "forged", "none"])
async def test_nothing_but_a_session_can_be_refreshed(workshops: Workshops, kind: str) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)
    raw = str(client.token)
    other = {"api": shop.holder("all:read").token, "forged": f"{raw[:30]}{'0' * 57}{raw[87:]}", "none": None}
    before = shop.rows()

    (await client.using(other[kind]).post(REFRESH, {})).problem(401)

    assert [{**row, "last_used_at": None} for row in shop.rows()] == [
        {**row, "last_used_at": None} for row in before
    ]


async def test_a_refresh_follows_the_role_and_the_account(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    client = await logged_in(somewhere(shop.api), ada.email)
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE memberships SET role = 'viewer' WHERE id = %s", [ada.membership])
    told = (await client.post(REFRESH, {})).data()
    assert (told["user"]["role"], told["scopes"]) == ("viewer", ["all:read"])
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE users SET disabled_at = now() WHERE id = %s", [ada.user])

    (await client.using(told["token"]).post(REFRESH, {})).problem(401)

    assert await alive(client.using(told["token"])) == [False]


async def test_nobody_gives_a_session_more_than_its_role(workshops: Workshops) -> None:
    """Nor takes it over by putting a token of their own in its place."""
    shop = workshops()
    ada = join(shop, Role.VIEWER)
    client, admin = await logged_in(somewhere(shop.api), ada.email), shop.holder("all:write")
    target = f"/api/v1/tokens/{(await client.get(WHOAMI)).data()['token']['id']}"
    before = [row["scopes"] for row in shop.rows()]

    (await admin.patch(target, {"scopes": ["all:write"]})).invalid(scopes=["exclusion"])
    (await admin.post(f"{target}/rotate", {})).problem(409)

    assert [row["scopes"] for row in shop.rows()] == before
    assert await alive(client) == [True]


# Ending


async def test_logging_out_ends_the_session_on_every_server(
    workshops: Workshops, other_server: Application
) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client, twin = [await logged_in(somewhere(shop.api), ada.email) for _ in range(2)]
    assert await alive(there(client, other_server)) == [True]

    answer = await client.post(LOGOUT, {})

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("set-cookie") == "access_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert await alive(client, there(client, other_server), twin) == [False, False, True]
    (await client.post(LOGOUT, {})).problem(401)


async def test_a_user_sees_their_sessions_in_all_workspaces_and_nobody_elses(workshops: Workshops) -> None:
    first, second = workshops(), workshops()
    ada, eve = join(first, Role.MEMBER), join(first, Role.OWNER)
    join(second, Role.OWNER, who=ada.user)
    for each in (first, second):
        with psycopg.connect(each.database) as connection:
            connection.execute("UPDATE tokens SET revoked_at = now() WHERE workspace_id = %s", [each.id])
    visitor = somewhere(first.api)
    agent = [("user-agent", "Mozilla/5.0 \x00(test)")]
    body = {"email": ada.email, "password": PASSWORD}
    here = visitor.using((await visitor.post("/api/v1/auth/login", body, headers=agent)).data()["token"])
    await logged_in(visitor, ada.email, workspace=second.slug)
    await logged_in(visitor, eve.email)

    rows = (await here.get(SESSIONS)).rows()

    assert [(row["workspace"]["slug"], row["current"]) for row in rows] == [
        (second.slug, False),
        (first.slug, True),
    ]
    assert [row["name"] for row in rows] == ["Session", "Mozilla/5.0 (test)"]
    query = "{ sessions { id: rowId current workspace { id: rowId } startedAt expiresAt } }"
    over_graphql = await graphql(here, query)
    assert [each["id"] for each in over_graphql.json()["data"]["sessions"]] == [row["id"] for row in rows]


@pytest.mark.parametrize("surface", ["rest", "graphql"])
async def test_a_user_ends_a_session_in_another_workspace(
    workshops: Workshops, other_server: Application, surface: str
) -> None:
    first, second = workshops(), workshops()
    ada = join(first, Role.VIEWER)
    join(second, Role.OWNER, who=ada.user)
    visitor = somewhere(first.api)
    here, away = (
        await logged_in(visitor, ada.email),
        await logged_in(visitor, ada.email, workspace=second.slug),
    )
    (found,) = [
        row
        for row in (await here.get(SESSIONS)).rows()
        if row["workspace"]["id"] == str(second.id)
        and row["name"]
        and row["id"] == (await away.get(WHOAMI)).data()["token"]["id"]
    ]
    assert await alive(there(away, other_server)) == [True]

    if surface == "rest":
        answer = await here.delete(f"{SESSIONS}/{found['id']}")
        assert (answer.status, answer.header("set-cookie")) == (204, None)
    else:
        ending = f'mutation {{ endSession(id: "{found["id"]}") {{ problem {{ status }} }} }}'
        assert (await graphql(here, ending)).json()["data"]["endSession"]["problem"] is None

    assert await alive(here, away, there(away, other_server)) == [True, False, False]
    (entry,) = [each for each in second.stored.audits(found["id"]) if each["action"] == "token.revoked"]
    assert (str(entry["user_id"]), entry["workspace_id"]) == (ada.user, second.id)
    (await here.delete(f"{SESSIONS}/{found['id']}")).problem(404)


async def test_nobody_ends_sessions_of_others(workshops: Workshops) -> None:
    shop = workshops()
    ada, eve = join(shop, Role.VIEWER), join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    hers, other = await logged_in(visitor, ada.email), await logged_in(visitor, eve.email)
    id_ = (await hers.get(WHOAMI)).data()["token"]["id"]

    (await other.delete(f"{SESSIONS}/{id_}")).problem(404)

    assert await alive(hers, other) == [True, True]


async def test_an_api_token_has_no_account(workshops: Workshops) -> None:
    shop = workshops()
    token = shop.holder("all:write")
    before = shop.stored.content()

    for method, path, body in (
        ("GET", SESSIONS, None),
        ("POST", LOGOUT, {}),
        ("POST", NEW_PASSWORD, {"current_password": PASSWORD, "password": FRESH}),
        ("POST", "/api/v1/auth/totp", {"password": PASSWORD}),
    ):
        answer = await (token.get(path) if method == "GET" else token.post(path, body))
        assert "no session of a user" in answer.problem(409)["detail"]

    assert shop.stored.content() == before


# Passwords


async def test_a_new_password_ends_every_other_session_in_every_workspace(
    workshops: Workshops, other_server: Application
) -> None:
    first, second = workshops(), workshops()
    ada, eve = join(first, Role.VIEWER), join(first, Role.OWNER)
    join(second, Role.OWNER, who=ada.user)
    visitor = somewhere(first.api)
    here = await logged_in(visitor, ada.email)
    others = [await logged_in(visitor, ada.email, workspace=each.slug) for each in (first, second, second)]
    foreign = await logged_in(visitor, eve.email)
    key = first.holder("all:read")
    seen = [there(each, other_server) for each in others]
    assert await alive(*seen) == [True] * 3
    planted = 2

    answer = await here.post(NEW_PASSWORD, {"current_password": PASSWORD, "password": FRESH})

    assert answer.data() == {"sessions_ended": 3 + planted}
    assert await alive(*others, *seen) == [False] * 6
    assert await alive(here, foreign, key) == [True] * 3
    (await login(visitor, ada.email)).problem(401)
    (await login(visitor, ada.email, FRESH)).data()
    (entry,) = [each for each in first.stored.audits(ada.user) if each["action"] == "user.password_changed"]
    assert (str(entry["user_id"]), entry["after"]) == (ada.user, {"sessions_ended": 5})


@pytest.mark.parametrize(
    ("body", "invalid"),
    [
        ({"current_password": "wrong password", "password": FRESH}, {"current_password": ["exclusion"]}),
        ({"current_password": PASSWORD, "password": "elevenchars"}, {"password": ["too_short"]}),
        ({"current_password": PASSWORD, "password": "x" * 1_025}, {"password": ["too_long"]}),
        ({"current_password": PASSWORD}, {"password": ["cant_be_blank"]}),
        ({"password": FRESH}, {"current_password": ["cant_be_blank"]}),
    ],
)
async def test_a_password_that_is_refused_changes_nothing(
    workshops: Workshops, body: dict[str, str], invalid: dict[str, list[str]]
) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    visitor = somewhere(shop.api)
    here, other = await logged_in(visitor, ada.email), await logged_in(visitor, ada.email)
    before = shop.stored.row("users", ada.user)

    (await here.post(NEW_PASSWORD, body)).invalid_at(invalid)

    assert shop.stored.row("users", ada.user) == before
    assert await alive(here, other) == [True, True]


async def test_no_login_with_the_old_password_outlives_the_change(
    workshops: Workshops, other_server: Application
) -> None:
    """Logins that were under way end with the others, or never begin."""
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    visitor = somewhere(shop.api)
    here = await logged_in(visitor, ada.email)
    change = {"current_password": PASSWORD, "password": FRESH}

    changed, *logins = await asyncio.gather(
        here.post(NEW_PASSWORD, change),
        *(login(at, ada.email) for at in (visitor, there(visitor, other_server)) for _ in range(2)),
    )

    assert changed.status == 200
    assert {each.status for each in logins} <= {200, 401}
    began = [visitor.using(each.data()["token"]) for each in logins if each.status == 200]
    assert await alive(*began) == [False] * len(began)
    assert await alive(here) == [True]
