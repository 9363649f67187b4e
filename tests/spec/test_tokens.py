"""Tokens: authentication (S3.5), scopes (S3.6) and the immediate end of revoked ones (S3.7)."""

import secrets
import uuid
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from db.driver import Driver
from db.embedded import Embedded
from diptych.edge import Application
from diptych.runtime import precheck_key
from services.catalog import CATALOG
from services.engine import mcp
from services.engine.encoding import short_identifier
from services.engine.procedures import scope_of
from services.tokens import Environment
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.expected import ids
from tests.support.seed import SCOPE_SETS, Seed, add_token, plant, settings

TARGET = "/api/v1/products?per_page=1"


@pytest.fixture
def driver(application: Application) -> Driver:
    return driver_of(application)


async def with_headers(api: Client, *headers: tuple[str, str | bytes], target: str = TARGET) -> Answer:
    return await api.using(None).get(target, headers=headers)


def checked(head: str) -> str:
    """Return a token text whose checksum is right."""
    return head + f"{zlib.crc32(head.encode()):08x}"


# Presenting a token


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_bearer_token_opens_the_door(api: Client, scheme: str) -> None:
    """S3-058, S3-061."""
    answer = await with_headers(api, ("authorization", f"{scheme} {api.token}"))

    assert answer.status == 200


async def test_the_key_header_is_an_alias(api: Client) -> None:
    """C-02: X-API-Key."""
    assert (await with_headers(api, ("x-api-key", api.token or ""))).status == 200


async def test_both_headers_must_carry_the_same_token(api: Client, seed: Seed) -> None:
    """C-02."""
    other = seed.tokens["acme", "writer"]
    bearer = ("authorization", f"Bearer {api.token}")

    assert (await with_headers(api, bearer, ("x-api-key", api.token or ""))).status == 200
    refused = await with_headers(api, bearer, ("x-api-key", other))
    refused.names(400, "Authorization", "X-API-Key")


@pytest.mark.parametrize(
    "path",
    [
        "products",
        "products/x",
        "products/search",
        "nothing",
        "nothing/at/all/here",
        "brands/x/products",
        "graphql",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_everything_below_the_base_path_needs_a_token(api: Client, method: str, path: str) -> None:
    """S3-058, S3-059, Q-16, Q-19: unknown paths too, so that routes cannot be enumerated."""
    answer = await api.using(None).request(method, f"/api/v1/{path}")

    assert answer.problem(401)["code"] == "invalid-token"
    assert (answer.header("www-authenticate") or "").startswith('Bearer realm="api"')


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic dXNlcjpwYXNz",
        "Token {token}",
        "{token}",
        "Bearer {token} x",
        "Bearer  {token}",
        "Bearer {token}0",
        "Bearer {upper}",
        "Bearer {cut}",
        "Bearer " + "a" * 5000,
        "Bearer \x00",
        "Bearer \xe4\xff",
        "Bearer dip_test_" + "g" * 88,
        "Bearer sk_live_abc123def456",
    ],
)
async def test_what_is_no_token_is_refused(api: Client, value: str) -> None:
    """S3-059, S3-256."""
    token = api.token or ""
    sent = value.format(token=token, upper=token.upper(), cut=token[:-1])

    (await with_headers(api, ("authorization", sent))).problem(401)
    if not value.startswith(("Bearer {token} ", "{token}")):
        (await with_headers(api, ("x-api-key", sent))).problem(401)


async def test_two_tokens_in_one_header_are_refused(api: Client) -> None:
    """S3-059: which one counts would be a guess."""
    bearer = ("authorization", f"Bearer {api.token}")

    (await with_headers(api, bearer, bearer)).problem(401)
    (await with_headers(api, ("x-api-key", api.token or ""), ("x-api-key", api.token or ""))).problem(401)


async def test_a_typing_error_is_refused_without_any_io(api: Client, driver: Driver) -> None:
    """C-01, C-02, design 7: the checksum is wrong, so the database is not asked."""
    token = api.token or ""
    statements = driver.statements_sent
    for place in range(9, len(token)):
        other = "0" if token[place] != "0" else "1"

        wrong = token[:place] + other + token[place + 1 :]
        (await with_headers(api, ("authorization", f"Bearer {wrong}"))).problem(401)

    assert driver.statements_sent == statements


@pytest.mark.parametrize("head", ["dip_prod_", "dip_dev_", "crm_test_", "dip_live_"])
async def test_tokens_of_another_environment_or_application_are_refused_without_any_io(
    api: Client, driver: Driver, head: str
) -> None:
    """S3-045, S3-046, C-03."""
    statements = driver.statements_sent
    wrong = checked(head + secrets.token_hex(40))

    (await with_headers(api, ("authorization", f"Bearer {wrong}"))).problem(401)

    assert driver.statements_sent == statements


async def test_forged_secrets_and_unknown_keys_cost_one_look_up(api: Client, driver: Driver) -> None:
    """S3-057, C-01: a known key with another secret, and a key nobody has."""
    token = api.token or ""
    known = checked(token[:25] + secrets.token_hex(32))
    unknown = checked("dip_test_" + secrets.token_hex(40))
    for forged in (known, unknown):
        statements, trips = driver.statements_sent, driver.round_trips

        (await with_headers(api, ("authorization", f"Bearer {forged}"))).problem(401)

        assert (driver.statements_sent - statements, driver.round_trips - trips) == (1, 1)


async def test_the_first_use_of_a_token_costs_one_look_up_more(seed: Seed) -> None:
    """Issue: 1 statement and 1 round trip per read, the token check included; 2 on first use."""
    async with running(seed.database) as application:
        api, driver = Client(application, seed.tokens["acme", "reader"]), driver_of(application)
        spent = []
        for _ in range(3):
            statements, trips = driver.statements_sent, driver.round_trips
            assert (await api.get(TARGET)).status == 200
            spent.append((driver.statements_sent - statements, driver.round_trips - trips))

    assert spent == [(2, 2), (1, 1), (1, 1)]


# The workspace of a token


async def test_the_token_decides_the_workspace(api: Client, seed: Seed) -> None:
    """S3-061, S3-077, S3-258: for lists, singles, nested lists and searches of every resource."""
    foreign = api.using(seed.tokens["globex", "reader"])
    for resource in CATALOG:
        if not resource.tenant:
            continue
        mine = {str(row["id"]) for row in seed.all(resource.plural)}
        theirs = {str(row["id"]) for row in seed.all(resource.plural, "globex")}
        listed = await foreign.get(f"/api/v1/{resource.path}?include_deleted=true&per_page=500")
        assert set(listed.ids()) == theirs
        searched = await foreign.search(
            resource.path, {"filter": {"id": {"in": sorted(mine | theirs)[:500]}}}
        )
        assert set(searched.ids()) == set(ids(seed.live(resource.plural, "globex")))
        for id_ in sorted(mine)[:3]:
            (await foreign.get(f"/api/v1/{resource.path}/{id_}?include_deleted=true")).problem(404)


async def test_no_relation_leads_out_of_the_workspace(api: Client, seed: Seed) -> None:
    """S3-061: filters through relations and includes see the own workspace alone."""
    foreign = api.using(seed.tokens["globex", "reader"])
    theirs = {str(row["id"]) for plural in seed.rows["globex"] for row in seed.all(plural, "globex")}
    target = "/api/v1/orders?include=items.product.brand,customer&filter[customer.name][like]=customer"

    answer = await foreign.get(target)

    assert answer.rows()
    assert {row["id"] for row in answer.json()["included"]} <= theirs


@pytest.mark.parametrize(
    "spelled",
    [str, lambda id_: str(id_).upper(), lambda id_: id_.hex, lambda id_: short_identifier(str(id_))],
)
async def test_a_workspace_header_must_name_the_own_one(api: Client, seed: Seed, spelled: Any) -> None:
    """C-11."""
    own, other = seed.workspaces["acme"]["id"], seed.workspaces["globex"]["id"]

    assert (await api.get(TARGET, headers=[("x-workspace-id", spelled(own))])).status == 200
    (await api.get(TARGET, headers=[("x-workspace-id", spelled(other))])).problem(404)


async def test_a_workspace_header_may_be_the_slug(api: Client) -> None:
    """C-11."""
    assert (await api.get(TARGET, headers=[("X-Workspace-ID", "acme")])).status == 200
    for wrong in ("globex", "labs", "ACME", "", "acme,globex", "x" * 100, "\xe4"):
        (await api.get(TARGET, headers=[("x-workspace-id", wrong)])).problem(404)


async def test_a_foreign_workspace_is_refused_by_what_named_it(api: Client) -> None:
    """C-11: the other door of the tokens names the workspace in its address, where no header was sent."""
    said = "The workspace that the address or X-Workspace-ID names is not that of the token."

    for target, headers in ((TARGET, [("x-workspace-id", "globex")]), ("/ui/workspaces/globex/tokens", [])):
        assert (await api.get(target, headers=headers)).problem(404)["detail"] == said


# Scopes


def readable(scopes: tuple[str, ...], plural: str) -> bool:
    granting = {"all:read", "all:write", f"{plural}:read", f"{plural}:write"}
    return bool(granting & set(scopes))


@pytest.mark.parametrize("name", list(SCOPE_SETS))
async def test_every_scope_set_reads_what_it_names_and_nothing_else(
    api: Client, seed: Seed, name: str
) -> None:
    """S3-062 to S3-071, S3-077 to S3-079, C-05: write implies read, delete does not; [] is nothing."""
    client = api.using(seed.tokens["acme", name])
    for resource in CATALOG:
        row_id = uuid.uuid4() if not resource.tenant else seed.live(resource.plural)[0]["id"]
        answers = [
            await client.get(f"/api/v1/{resource.path}"),
            await client.request("HEAD", f"/api/v1/{resource.path}"),
            await client.search(resource.path, {}),
            await client.get(f"/api/v1/{resource.path}/{row_id}"),
            await client.get(f"/api/v1/{resource.path}/{uuid.uuid4()}"),
        ]
        if readable(SCOPE_SETS[name], resource.plural):
            found = 200 if resource.tenant else 404
            assert [answer.status for answer in answers] == [200, 200, 200, found, 404]
        else:
            assert [answer.status for answer in answers] == [403] * 5
            refused = answers[0].problem(403)
            assert refused["required_scope"] == f"{resource.plural}:read"
            assert refused["token_scopes"] == sorted(SCOPE_SETS[name])


def test_scopes_are_derived_from_the_resources() -> None:
    """S3-063, S3-066, S3-067, S3-082, S3-083, C-05."""
    assert CATALOG.scopes[:2] == ("all:read", "all:write")
    written = {resource.plural for resource in CATALOG if resource.actions}
    assert {"audit_logs", "users"}.isdisjoint(written)
    of_procedures = {scope for scope in map(scope_of, CATALOG.procedures) if scope is not None}
    assert set(CATALOG.scopes[2:]) - of_procedures - {*mcp.SCOPES} == {
        f"{resource.plural}:{action}"
        for resource in CATALOG
        for action in ("read", "write", "delete")
        if action == "read" or resource.plural in written
    }


# Tokens that change


@pytest.fixture
async def changing(database: str) -> AsyncIterator[tuple[Client, Seed, psycopg.Connection[Any], Driver]]:
    planted = plant(database, ("reader",))
    with psycopg.connect(database, autocommit=True) as connection:
        async with running(database) as application:
            api = Client(application, planted.tokens["acme", "reader"])
            assert (await api.get(TARGET)).status == 200
            yield api, planted, connection, driver_of(application)


ENDS = {
    "revoked": ("UPDATE tokens SET revoked_at = now()", "UPDATE tokens SET revoked_at = NULL"),
    "expired": ("UPDATE tokens SET expires_at = now()", "UPDATE tokens SET expires_at = NULL"),
    "deleted": ("UPDATE tokens SET deleted_at = now()", "UPDATE tokens SET deleted_at = NULL"),
    "orphaned": ("UPDATE workspaces SET deleted_at = now()", "UPDATE workspaces SET deleted_at = NULL"),
    "gone": ("DELETE FROM tokens", "INSERT INTO tokens SELECT * FROM kept"),
}


@pytest.fixture(scope="module")
async def mortal(
    postgres: Embedded, migrated_template: str
) -> AsyncIterator[tuple[Client, Seed, psycopg.Connection[Any]]]:
    """A client whose token the tests end and bring back."""
    planted = plant(copied(postgres, migrated_template), ("reader",))
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT * FROM tokens")
        async with running(planted.database) as application:
            yield Client(application, planted.tokens["acme", "reader"]), planted, connection


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize(
    ("method", "target", "headers", "body"),
    [
        ("GET", TARGET, [], b""),
        ("GET", "/api/v1/products?cursor=", [], b""),
        ("GET", "/api/v1/products?with_count=estimated", [], b""),
        ("GET", "/api/v1/products/{product}", [], b""),
        ("HEAD", "/api/v1/products/{product}", [], b""),
        ("GET", "/api/v1/products/{product}?include=brand", [], b""),
        ("GET", "/api/v1/products/00000000-0000-4000-8000-000000000000", [], b""),
        ("GET", "/api/v1/products/malformed", [], b""),
        ("GET", "/api/v1/brands/{brand}/products", [], b""),
        ("GET", "/api/v1/brands/malformed/products", [], b""),
        ("POST", "/api/v1/products/search", [("content-type", "application/json")], b"{}"),
        ("POST", "/api/v1/products/search", [("content-type", "application/json")], b"{"),
        ("POST", "/api/v1/products/search", [("content-type", "text/plain")], b"{}"),
        ("POST", "/api/v1/products/search", [("content-length", "9999999")], b""),
        ("PUT", "/api/v1/products", [], b""),
        ("GET", "/api/v1/nothing", [], b""),
        ("GET", "/api/v1/products?nope=1", [], b""),
        ("GET", "/api/v1/products?filter[quantity]=x", [], b""),
        ("GET", "/api/v1/products", [("accept", "text/html")], b""),
        ("GET", "/api/v1/products", [("x-workspace-id", "globex")], b""),
        ("GET", "/api/v1/products", [("x-workspace-id", "acme")], b""),
    ],
)
async def test_a_dead_token_hears_of_nothing_else(
    mortal: tuple[Client, Seed, psycopg.Connection[Any]],
    end: str,
    method: str,
    target: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    """S3-060, S3-087, Q-22, design 7: at once, whatever is wrong with the request besides."""
    api, planted, connection = mortal
    named = {"product": planted.live("products")[0]["id"], "brand": planted.live("brands")[0]["id"]}
    assert (await api.get(TARGET)).status == 200
    connection.execute(ENDS[end][0])
    try:
        answer = await api.request(method, target.format(**named), headers=headers, body=body)
    finally:
        connection.execute(ENDS[end][1])

    assert answer.status == 401
    if method != "HEAD":
        answer.problem(401)
    assert answer.header("etag") is None


async def test_liveness_costs_no_statement_of_its_own(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-087, issue: revocation is found by the very statement that would have read."""
    api, _, connection, driver = changing
    connection.execute("UPDATE tokens SET revoked_at = now()")
    statements, trips = driver.statements_sent, driver.round_trips

    (await api.get(TARGET)).problem(401)

    assert (driver.statements_sent - statements, driver.round_trips - trips) == (1, 1)


async def test_a_token_lives_until_the_moment_it_expires(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-060."""
    api, _, connection, _ = changing
    connection.execute("UPDATE tokens SET expires_at = %s", [datetime.now(UTC) + timedelta(hours=1)])
    assert (await api.get(TARGET)).status == 200

    connection.execute("UPDATE tokens SET expires_at = %s", [datetime.now(UTC) - timedelta(microseconds=1)])
    (await api.get(TARGET)).problem(401)


async def test_tokens_that_were_dead_before_their_first_use_are_refused(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-060."""
    api, planted, connection, _ = changing
    key = precheck_key(settings(planted.database))
    workspace, past = planted.workspaces["acme"]["id"], datetime.now(UTC) - timedelta(days=1)
    for values in ({"revoked_at": past}, {"expires_at": past}, {"deleted_at": past}):
        raw = add_token(connection, workspace, ["all:read"], key, **values)
        (await api.using(raw).get(TARGET)).problem(401)
    other = add_token(connection, workspace, ["all:read"], key, Environment.PROD)
    (await api.using(other).get(TARGET)).problem(401)
    assert (await api.get(TARGET)).status == 200


async def test_new_scopes_count_from_the_next_request_on(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-070, S3-071: both ways, on a token that is remembered; the new scopes take one look-up."""
    api, _, connection, driver = changing
    change = "UPDATE tokens SET scopes = %s::jsonb, version = version + 1"

    connection.execute(change, ['["brands:read"]'])
    refused = (await api.get(TARGET)).problem(403)
    allowed = await api.get("/api/v1/brands")
    statements = driver.statements_sent
    again = await api.get("/api/v1/brands")
    spent = driver.statements_sent - statements
    connection.execute(change, ['["products:read"]'])
    back = await api.get(TARGET)
    gone = (await api.get("/api/v1/brands")).problem(403)

    assert refused["token_scopes"] == ["brands:read"]
    assert (allowed.status, again.status, back.status) == (200, 200, 200)
    assert spent == 1
    assert gone["token_scopes"] == ["products:read"]


async def test_every_process_sees_a_revocation_at_once(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-087: no cache stands between a token and its end."""
    api, planted, connection, _ = changing
    async with running(planted.database) as second:
        other = Client(second, api.token)
        assert (await other.get(TARGET)).status == 200
        connection.execute("UPDATE tokens SET revoked_at = now()")

        (await other.get(TARGET)).problem(401)
        (await api.get(TARGET)).problem(401)


async def test_a_restored_workspace_is_open_again(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-061: nothing dead is remembered as dead."""
    api, _, connection, _ = changing
    connection.execute("UPDATE workspaces SET deleted_at = now()")
    (await api.get(TARGET)).problem(401)

    connection.execute("UPDATE workspaces SET deleted_at = NULL")
    assert (await api.get(TARGET)).status == 200


async def test_raw_tokens_are_stored_nowhere(
    changing: tuple[Client, Seed, psycopg.Connection[Any], Driver],
) -> None:
    """S3-051, S3-053, S3-056, C-01."""
    api, _, connection, _ = changing
    token = api.token or ""

    rows = connection.execute(
        "SELECT row_to_json(t)::text, token_prefix, token_hash FROM tokens t"
    ).fetchall()

    mine = next(row for row in rows if row[1] == token[:12])
    assert all(token not in row[0] and token[25:89] not in row[0] for row in rows)
    assert mine[2].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
