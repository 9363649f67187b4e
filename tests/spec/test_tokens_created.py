"""Tokens made, read and changed through the API (S3.4, S3.6, S2 API keys)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from schema.names import camel
from services import tokens
from tests.spec.conftest import Workshops
from tests.support.client import Client
from tests.support.workshop import graphql

TOKENS = "/api/v1/tokens"
CREATE = """mutation($input: TokenCreateInput!, $key: String, $dry: Boolean! = false) {
  createToken(input: $input, idempotencyKey: $key, dryRun: $dry) {
    token { id name kind tokenPrefix scopes rateLimitTier createdByTokenId } rawToken replayed
    problem { status code errors extensions } } }"""


async def works(client: Client) -> int:
    return (await client.get("/api/v1/token")).status


# Making


async def test_the_raw_token_is_in_the_answer_to_its_creation_and_nowhere_else(workshops: Workshops) -> None:
    """S3-044 to S3-047, S3-051 to S3-054, S3-070, C-01, C-02: it opens the door at once."""
    shop = workshops()
    admin = shop.holder("all:write")

    answer = await admin.post(TOKENS, {"name": "research-bot", "scopes": ["products:read", "orders:write"]})

    made = answer.data(201)
    raw = made["token"]
    assert tokens.lookup_key(raw, tokens.Environment.TEST)
    assert answer.header("cache-control") == "no-store"
    assert (made["name"], made["kind"], made["rate_limit_tier"]) == ("research-bot", "api", "standard")
    assert (made["token_prefix"], made["scopes"]) == (raw[:12], ["orders:write", "products:read"])
    assert made["created_by_token_id"] == shop.id_of(admin)
    assert await works(admin.using(raw)) == 200
    row = shop.stored.row("tokens", made["id"])
    assert row["token_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert bytes(row["precheck"]) != bytes(4)
    shop.stored.settled(made["id"], 1)
    for read in (await admin.get(f"{TOKENS}/{made['id']}"), await admin.get(TOKENS)):
        assert raw[12:] not in read.body.decode()
        assert "token" not in (
            read.json()["data"] if isinstance(read.json()["data"], dict) else read.rows()[0]
        )
    with psycopg.connect(shop.database) as connection:
        for table in ("tokens", "events", "audit_logs", "idempotency_records"):
            found = connection.execute(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{raw[12:]}%"]
            )
            assert found.fetchone() == (0,)


async def test_both_surfaces_make_the_same(workshops: Workshops) -> None:
    """S3-054, design 3: one declaration; GraphQL calls the raw text rawToken, beside the token itself."""
    shop = workshops()
    admin = shop.holder("all:write")

    answer = await graphql(admin, CREATE, input={"name": "bot", "scopes": ["read"]})

    told = answer.json()["data"]["createToken"]
    assert told["problem"] is None
    assert told["token"]["scopes"] == ["all:read"]
    assert told["rawToken"][:12] == told["token"]["tokenPrefix"]
    assert await works(admin.using(told["rawToken"])) == 200
    assert "no-store" in (answer.header("cache-control") or "")


async def test_a_repetition_tells_everything_but_the_secret(workshops: Workshops) -> None:
    """C-51: on the same surface and on the other."""
    shop = workshops()
    admin = shop.holder("all:write")
    body, key = {"name": "bot", "scopes": []}, [("idempotency-key", "make-1")]

    first = (await admin.post(TOKENS, body, headers=key)).data(201)
    again = await admin.post(TOKENS, body, headers=key)
    over_there = (await graphql(admin, CREATE, input=body, key="make-1")).json()["data"]["createToken"]

    assert again.header("idempotency-replayed") == "true"
    assert again.data(201) == {**first, "token": None}
    assert (over_there["rawToken"], over_there["replayed"]) == (None, True)
    assert over_there["token"]["id"] == first["id"]
    assert len(shop.rows()) == 2


async def test_a_dry_run_makes_nothing_and_shows_no_secret(workshops: Workshops) -> None:
    """S3-112: what it would show opens nothing."""
    shop = workshops()
    admin = shop.holder("all:write")

    tried = (await admin.post(f"{TOKENS}?dry_run=true", {"name": "bot", "scopes": ["read"]})).data(201)

    assert tried["token"] is None
    assert tried["scopes"] == ["all:read"]
    assert len(shop.rows()) == 1


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([], []),
        (["read"], ["all:read"]),
        (["write", "all:write"], ["all:write"]),
        (["order-items:read", "order_items:read"], ["order_items:read"]),
        (["api-keys:write", "api_keys:read"], ["tokens:read", "tokens:write"]),
        ([" brands:delete "], ["brands:delete"]),
    ],
)
async def test_scopes_are_stored_in_one_spelling(
    workshops: Workshops, sent: list[str], kept: list[str]
) -> None:
    """C-05, C-06, S3-063, S3-071."""
    admin = workshops().holder("all:write")

    assert (await admin.post(TOKENS, {"name": "bot", "scopes": sent})).data(201)["scopes"] == kept


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"name": "bot"}, {"scopes": ["cant_be_blank"]}),
        ({"name": "bot", "scopes": None}, {"scopes": ["cant_be_blank"]}),
        ({"scopes": []}, {"name": ["cant_be_blank"]}),
        ({"name": "", "scopes": ["nothing:read"]}, {"name": ["cant_be_blank"], "scopes": ["inclusion"]}),
        ({"name": "bot", "scopes": ["products:admin"]}, {"scopes": ["inclusion"]}),
        ({"name": "bot", "scopes": ["products"]}, {"scopes": ["inclusion"]}),
        ({"name": "bot", "scopes": ["*"]}, {"scopes": ["inclusion"]}),
        ({"name": "bot", "scopes": [1]}, {"scopes": ["invalid_format"]}),
        ({"name": "bot", "scopes": "all:read"}, {"scopes": ["invalid_format"]}),
        ({"name": "x" * 256, "scopes": []}, {"name": ["too_long"]}),
        ({"name": "bot", "scopes": [], "rate_limit_tier": "gold"}, {"rate_limit_tier": ["inclusion"]}),
        ({"name": "bot", "scopes": [], "burst": 0}, {"burst": ["greater_than"]}),
        (
            {"name": "bot", "scopes": [], "expires_at": "2020-01-01T00:00:00Z"},
            {"expires_at": ["greater_than"]},
        ),
        ({"name": "bot", "scopes": [], "token_hash": "x"}, {"token_hash": ["unknown_field"]}),
        ({"name": "bot", "scopes": [], "token_key": "x"}, {"token_key": ["unknown_field"]}),
        ({"name": "bot", "scopes": [], "precheck": "x"}, {"precheck": ["unknown_field"]}),
        ({"name": "bot", "scopes": [], "workspace_id": "x"}, {"workspace_id": ["unknown_field"]}),
    ],
)
async def test_what_cannot_be_made_is_refused_field_by_field(
    workshops: Workshops, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    """S3-080, C-06, C-07, S2-020: and nothing is written."""
    shop = workshops()
    admin = shop.holder("all:write")

    with shop.stored.unchanged():
        (await admin.post(TOKENS, body)).invalid_at(errors)
    assert len(shop.rows()) == 1


async def test_what_only_the_server_knows_is_ignored(workshops: Workshops) -> None:
    """Q-02, attack 12: a token cannot be given a secret, an id or a maker."""
    shop = workshops()
    admin = shop.holder("all:write")
    forged = {"token": "dip_test_x", "kind": "session", "created_by_token_id": None, "last_used_at": None}

    made = (await admin.post(TOKENS, {"name": "bot", "scopes": [], **forged})).data(201)

    assert made["token"] != "dip_test_x"
    assert (made["kind"], made["created_by_token_id"]) == ("api", shop.id_of(admin))


# Granting

ESCALATIONS = [
    (("tokens:write",), ["all:write"], "all:write"),
    (("tokens:write",), ["all:read"], "all:read"),
    (("tokens:write",), ["products:read"], "products:read"),
    (("tokens:write", "products:read"), ["products:read", "products:write"], "products:write"),
    (("tokens:write", "products:read"), ["products:delete"], "products:delete"),
    (("tokens:write", "products:delete"), ["products:read"], "products:read"),
    (("tokens:write", "all:read"), ["orders:write"], "orders:write"),
    (("tokens:write", "all:read"), ["orders:delete"], "orders:delete"),
]
GRANTS = [
    (("tokens:write",), ["tokens:read", "tokens:write", "tokens:delete"]),
    (("tokens:write", "products:write"), ["products:read", "products:delete", "products:write"]),
    (("tokens:write", "all:read"), ["orders:read", "all:read"]),
    (("all:write",), ["all:write", "all:read", "brands:delete"]),
]


@pytest.mark.parametrize(("held", "asked", "lacking"), ESCALATIONS)
async def test_nobody_grants_what_they_do_not_hold(
    workshops: Workshops, held: tuple[str, ...], asked: list[str], lacking: str
) -> None:
    """C-07, attack 24: neither to a new token nor to one that is there, on either surface."""
    shop = workshops()
    admin, caller = shop.holder("all:write"), shop.holder(*held)
    meek = shop.holder()
    target = f"{TOKENS}/{shop.id_of(meek)}"
    before = shop.rows()

    for answer in (
        await caller.post(TOKENS, {"name": "bot", "scopes": asked}),
        await caller.post("/api/v1/api-keys", {"name": "bot", "scopes": asked}),
        await caller.post(f"/ui/workspaces/{shop.slug}/tokens", {"name": "bot", "scopes": asked}),
        await caller.patch(target, {"scopes": asked}),
        await caller.put(target, {"name": "bot", "scopes": asked}, headers=[("if-match", "*")]),
    ):
        problem = answer.problem(403)
        assert problem["code"] == "insufficient-scope"
        assert problem["required_scope"] == lacking
        assert problem["token_scopes"] == sorted(held)
    error = (await graphql(caller, CREATE, input={"name": "bot", "scopes": asked})).json()["errors"][0]
    assert error["extensions"]["problem"]["required_scope"] == lacking
    assert shop.rows() == before
    assert await works(admin) == 200


@pytest.mark.parametrize(("held", "asked"), GRANTS)
async def test_what_one_holds_one_may_grant(
    workshops: Workshops, held: tuple[str, ...], asked: list[str]
) -> None:
    """C-07, S3-069: write is more than read and delete, and all is more than any."""
    caller = workshops().holder(*held)

    made = (await caller.post(TOKENS, {"name": "bot", "scopes": asked})).data(201)

    assert made["scopes"] == sorted(asked)


@pytest.mark.parametrize(
    "limit", [{"rate_limit_tier": "enterprise"}, {"rate_limit_per_minute": 100_000}, {"burst": 1000}]
)
async def test_only_admins_set_limits(workshops: Workshops, limit: dict[str, Any]) -> None:
    """C-13, attack 12: a token could otherwise spend more than it was given."""
    shop = workshops()
    admin, caller = shop.holder("all:write"), shop.holder("tokens:write")
    body = {"name": "bot", "scopes": [], **limit}

    assert (await caller.post(TOKENS, body)).problem(403)["required_scope"] == "all:write"
    own = f"{TOKENS}/{shop.id_of(caller)}"
    assert (await caller.patch(own, limit)).problem(403)["required_scope"] == "all:write"
    assert (await admin.post(TOKENS, body)).data(201).items() >= limit.items()
    assert (await admin.patch(own, limit)).data().items() >= limit.items()
    # A change of something else leaves the limits alone, and no tier is the standard one.
    plain = f"{TOKENS}/{shop.id_of(shop.holder())}"
    assert (await caller.patch(plain, {"rate_limit_tier": None})).data()["rate_limit_tier"] is None
    assert (await caller.patch(own, {"name": "renamed"})).data()["name"] == "renamed"


# Reading


async def test_revoked_tokens_are_hidden_unless_they_are_asked_for(workshops: Workshops) -> None:
    """C-85."""
    shop = workshops()
    admin, gone = shop.holder("all:write"), shop.holder("all:read")
    live, dead = shop.id_of(admin), shop.id_of(gone)
    assert (await admin.delete(f"{TOKENS}/{dead}")).status == 204

    async def found(query: str) -> set[str]:
        return set((await admin.get(f"{TOKENS}?{query}")).ids())

    assert await found("") == {live}
    assert await found("filter[revoked_at][null]=false") == {dead}
    assert await found("filter[revoked_at][null]=true") == {live}
    assert await found("include_deleted=true") == {live, dead}
    assert (await admin.search("tokens", {"filter": {"revoked_at": {"null": False}}})).ids() == [dead]
    query = "{ tokens(filter: {revokedAt: {null: false}}) { nodes { id } } live: tokens { totalCount } }"
    told = (await graphql(admin, query)).json()["data"]
    assert ([node["id"] for node in told["tokens"]["nodes"]], told["live"]["totalCount"]) == ([dead], 1)
    (await admin.get(f"{TOKENS}/{dead}")).problem(404)
    shown = (await admin.get(f"{TOKENS}/{dead}?include_deleted=true")).data()
    assert shown["revoked_at"] is not None


@pytest.mark.parametrize("hidden", ["token_hash", "token_key", "precheck", "token"])
async def test_what_is_stored_of_the_secret_has_no_name(workshops: Workshops, hidden: str) -> None:
    """Attacks 5 to 8: it cannot be shown, filtered, sorted or searched by, as if it did not exist."""
    admin = workshops().holder("all:write")

    for query in (f"fields={hidden}", f"filter[{hidden}][like]=a", f"filter[{hidden}]=a", f"sort={hidden}"):
        (await admin.get(f"{TOKENS}?{query}")).names(400, hidden)
    (await admin.search("tokens", {"filter": {hidden: {"gte": "a"}}})).names(400, hidden)
    assert "data" not in (await graphql(admin, f"{{ tokens {{ nodes {{ {camel(hidden)} }} }} }}")).json()


# Changing


async def test_a_change_of_scopes_holds_from_the_next_request_on(workshops: Workshops) -> None:
    """S3-050, S3-078: the worker has the token in its cache, and asks anew because of the version."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("products:read")
    target = f"{TOKENS}/{shop.id_of(bot)}"
    assert (await bot.get("/api/v1/products")).status == 200

    changed = await admin.patch(target, {"scopes": ["orders:read"]})

    assert changed.data()["scopes"] == ["orders:read"]
    (await bot.get("/api/v1/products")).problem(403)
    assert (await bot.get("/api/v1/orders")).status == 200
    shop.stored.settled(shop.id_of(bot), 1)
    (audit,) = shop.stored.audits(shop.id_of(bot))
    assert (audit["action"], audit["before"]["scopes"]) == ("token.updated", ["products:read"])
    assert audit["after"]["scopes"] == ["orders:read"]


async def test_an_end_that_comes_closer_ends_the_token_then(workshops: Workshops) -> None:
    """S3-060."""
    shop = workshops()
    admin, bot = shop.holder("all:write"), shop.holder("all:read")
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    assert await works(bot) == 200

    (await admin.patch(f"{TOKENS}/{shop.id_of(bot)}", {"expires_at": soon})).data()

    await asyncio.sleep(1.2)
    assert await works(bot) == 401


async def test_a_replacement_resets_what_it_leaves_out(workshops: Workshops) -> None:
    """S3-105: limits and end, but never the secret."""
    shop = workshops()
    admin = shop.holder("all:write")
    bot = shop.holder("all:read", burst=7, rate_limit_tier="pro", expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    target = f"{TOKENS}/{shop.id_of(bot)}"

    (await admin.put(target, {"name": "new", "scopes": ["all:read"]})).problem(428)
    made = (
        await admin.put(target, {"name": "new", "scopes": ["all:read"]}, headers=[("if-match", "*")])
    ).data()

    assert (made["burst"], made["rate_limit_tier"], made["expires_at"]) == (None, "standard", None)
    assert await works(bot) == 200


async def test_a_session_cannot_make_itself_last(workshops: Workshops) -> None:
    """S3-060, attack 24: it may end sooner, but not later, and so may not what takes its place."""
    shop = workshops()
    ends = datetime.now(UTC) + timedelta(hours=1)
    session = shop.holder("all:write", kind="session", expires_at=ends)
    target = f"{TOKENS}/{shop.id_of(session)}"

    for later in (None, "2999-01-01T00:00:00Z"):
        (await session.patch(target, {"expires_at": later})).invalid(expires_at=["exclusion"])
    assert shop.row(session)["expires_at"] == ends
    sooner = (ends - timedelta(minutes=30)).isoformat().replace("+00:00", "Z")
    assert (await session.patch(target, {"expires_at": sooner})).status == 200
    turned = (await session.post(f"{target}/rotate", {})).data()
    assert (turned["kind"], turned["expires_at"]) == ("session", sooner)


async def test_admin_tokens_are_changed_by_admins_and_by_themselves_alone(workshops: Workshops) -> None:
    """C-08: a manager of tokens is no admin."""
    shop = workshops()
    admin, manager = shop.holder("all:write"), shop.holder("tokens:write", "tokens:delete")
    target = f"{TOKENS}/{shop.id_of(admin)}"
    before = shop.rows()

    for answer in (
        await manager.patch(target, {"name": "mine"}),
        await manager.patch(target, {"scopes": []}),
        await manager.put(target, {"name": "mine", "scopes": []}, headers=[("if-match", "*")]),
        await manager.delete(target),
        await manager.post(f"{target}/rotate", {}),
    ):
        assert answer.problem(403)["required_scope"] == "all:write"
    assert shop.rows() == before
    assert (await admin.patch(target, {"name": "chief"})).data()["name"] == "chief"


async def test_tokens_are_written_one_by_one(workshops: Workshops) -> None:
    """A hundred hashes at once would take seconds: neither surface offers it."""
    shop = workshops()
    admin, meek = shop.holder("all:write"), shop.holder()

    (await admin.post(f"{TOKENS}/bulk", {"items": [{"name": "a", "scopes": []}]})).problem(405)
    (await admin.patch(f"{TOKENS}/bulk", {"items": []})).problem(404)
    (await admin.post(f"{TOKENS}/bulk-delete", {"ids": [shop.id_of(meek)]})).problem(405)
    refused = await graphql(admin, "mutation { deleteTokens(ids: []) { problem { code } } }")
    assert "data" not in refused.json()
    assert await works(meek) == 200


async def test_other_workspaces_see_and_touch_nothing(workshops: Workshops) -> None:
    """S3-061, S3-077, C-17."""
    ours, theirs = workshops(), workshops()
    stranger, own = theirs.holder("all:write"), ours.holder("all:write")
    target = f"{TOKENS}/{ours.id_of(own)}"
    before = ours.rows()

    for answer in (
        await stranger.get(target),
        await stranger.patch(target, {"name": "mine"}),
        await stranger.delete(target),
        await stranger.post(f"{target}/rotate", {}),
    ):
        answer.problem(404)
    assert ours.rows() == before
    assert (await stranger.get(TOKENS)).ids() == [theirs.id_of(stranger)]


async def test_a_scope_that_nothing_needs_is_not_granted_but_stays_where_it_is(workshops: Workshops) -> None:
    """S3-083: tokens made when it was offered keep it, and may be changed beside it."""
    shop = workshops()
    admin = shop.holder("all:write")
    old = shop.holder("audit_logs:write", "products:read")

    refused = await admin.post(TOKENS, {"name": "new", "scopes": ["audit_logs:write"]})

    assert refused.problem(422)["errors"] == {"scopes": ["inclusion"]}
    assert (await old.get("/api/v1/audit-logs")).status == 200
    path = f"{TOKENS}/{shop.id_of(old)}"
    for scopes in (["audit_logs:write", "orders:read"], ["audit_logs:write"], ["orders:read"]):
        assert (await admin.patch(path, {"scopes": scopes})).data()["scopes"] == scopes
    assert (await admin.patch(path, {"scopes": ["audit_logs:write"]})).status == 422
