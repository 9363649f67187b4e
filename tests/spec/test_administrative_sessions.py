"""Administrators of the platform at work: they log in anywhere, are watched there, and are out at once."""

from typing import Any

import psycopg

from db import administering
from tests.spec.conftest import Workshops
from tests.support.client import Answer, Client
from tests.support.logins import login, login_by_graphql, somewhere
from tests.support.people import user
from tests.support.workshop import Workshop


def trail(shop: Workshop, answer: Answer) -> list[dict[str, Any]]:
    """Return the audit rows of one request, in whichever workspace."""
    return shop.stored.rows("audit_logs", answer.header("x-request-id"), "request_id")


def named(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row["workspace_id"]), str(row["user_id"]), row["address"]


async def test_an_administrator_logs_in_to_any_workspace_and_is_watched_there(workshops: Workshops) -> None:
    """Issue items 2 and 7: by id or slug, over both surfaces; refreshed, the session stays what it is."""
    shop, client = workshops(), somewhere(workshops().api)
    root = user(shop, is_platform_admin=True)
    email = shop.stored.row("users", root)["email"]
    for begin, place in ((login, shop.slug), (login_by_graphql, str(shop.id))):
        further = {"workspace": place} if begin is login else {"in": place}
        begun = await begin(client, email, **further)
        found = begun.json()["data"]
        session = found["login"] if begin is login_by_graphql else found
        assert session["scopes"] == ["all:write"]
        told = trail(shop, begun)
        assert [row["action"] for row in told if row["resource"] == "user"] == ["user.logged_in"]
        assert {named(row) for row in told} == {(str(shop.id), root, client.peer)}
        inside = client.using(session["token"])
        read = await inside.get("/api/v1/brands")
        assert read.rows() == []
        (row,) = trail(shop, read)
        assert (row["action"], named(row)) == ("administrative.read", (str(shop.id), root, client.peer))
        refreshed = await inside.post("/api/v1/auth/refresh", {})
        told = trail(shop, refreshed)
        assert {row["action"] for row in told} == {"session.refreshed", "token.created", "token.revoked"}
        assert {named(row) for row in told} == {(str(shop.id), root, client.peer)}
        inside = client.using(refreshed.data()["token"])
        (row,) = trail(shop, await inside.get("/api/v1/brands"))
        assert row["action"] == "administrative.read"


async def test_a_session_goes_on_in_any_workspace_and_is_watched_where_it_is(workshops: Workshops) -> None:
    """Issue item 2: by a refresh that names it; the audit row is in the workspace that was read."""
    shop, other = workshops(), workshops()
    client = somewhere(shop.api)
    email = shop.stored.row("users", user(shop, is_platform_admin=True))["email"]
    inside = client.using((await login(client, email, workspace=shop.slug)).data()["token"])

    turned = (await inside.post("/api/v1/auth/refresh", {"workspace": other.slug})).data()

    assert turned["workspace"]["id"] == str(other.id)
    (row,) = trail(shop, await client.using(turned["token"]).get("/api/v1/brands"))
    assert (row["action"], str(row["workspace_id"])) == ("administrative.read", str(other.id))
    (await inside.get("/api/v1/brands")).problem(401)


async def test_nobody_else_logs_in_where_they_do_not_belong(workshops: Workshops) -> None:
    shop, client = workshops(), somewhere(workshops().api)
    email = shop.stored.row("users", user(shop))["email"]

    refused = await login(client, email, workspace=shop.slug)

    assert refused.status in (401, 404)
    assert trail(shop, refused) == []


async def test_a_disabled_or_demoted_administrator_is_out_at_once(workshops: Workshops) -> None:
    shop, client = workshops(), somewhere(workshops().api)
    root = user(shop, is_platform_admin=True)
    email = shop.stored.row("users", root)["email"]
    raw = (await login(client, email, workspace=shop.slug)).data()["token"]
    inside = client.using(raw)
    assert (await inside.get("/api/v1/brands")).status == 200

    assert administering.decide(shop.database, email, administers=False)

    (await inside.get("/api/v1/brands")).problem(401)
    (await inside.post("/api/v1/auth/refresh", {})).problem(401)
    assert (await login(client, email, workspace=shop.slug)).status in (401, 404)


async def test_a_flag_taken_away_in_the_database_ends_a_session_at_its_refresh(workshops: Workshops) -> None:
    """Even where nobody ended the session, it does not go on."""
    shop, client = workshops(), somewhere(workshops().api)
    root = user(shop, is_platform_admin=True)
    email = shop.stored.row("users", root)["email"]
    inside: Client = client.using((await login(client, email, workspace=shop.slug)).data()["token"])
    with psycopg.connect(shop.database) as connection:
        connection.execute("UPDATE users SET is_platform_admin = false WHERE id = %s", [root])

    assert (await inside.post("/api/v1/auth/refresh", {})).status in (401, 404)
