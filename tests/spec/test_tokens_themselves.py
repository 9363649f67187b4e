"""What a token learns of itself, and the other doors to tokens (S3-335 to S3-337, C-07, C-11, C-81)."""

import time
import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest

from diptych.edge import Application
from tests.spec.conftest import Workshops
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.workshop import Workshop, graphql

VIEWER = """{ viewer { workspace { id: rowId slug name } scopes rateLimit { limit remaining resetAt }
  token { id: rowId name tokenPrefix kind expiresAt } } }"""
KEYS = "/api/v1/api-keys"


@pytest.fixture(scope="module")
async def limited(written: Seed) -> AsyncIterator[Application]:
    """The application with limits."""
    async with running(written.database, limits="on") as started:
        yield started


@pytest.fixture
def shop(limited: Application, written: Seed) -> Workshop:
    return Workshop(Client(limited), written.database)


# Itself


async def test_a_token_learns_its_workspace_its_scopes_and_its_budget(shop: Workshop) -> None:
    """S3-336, S3-337: whatever its scopes are."""
    bot = shop.holder("products:read", rate_limit_per_minute=600)

    answer = await bot.get("/api/v1/token")

    data = answer.data()
    assert data["workspace"] == {"id": str(shop.id), "slug": shop.slug}
    assert data["scopes"] == ["products:read"]
    assert (data["rate_limit"]["limit"], data["rate_limit"]["remaining"]) == (600, 600)
    assert abs(data["rate_limit"]["reset_at"] - time.time()) < 3
    assert set(data) == {"workspace", "scopes", "rate_limit"}
    assert answer.header("etag") is None


async def test_asking_costs_nothing_and_tells_what_the_rest_has_cost(shop: Workshop) -> None:
    """S3-335: on either surface."""
    bot = shop.holder("all:read", rate_limit_per_minute=6)

    async def remaining() -> int:
        return int((await bot.get("/api/v1/token")).data()["rate_limit"]["remaining"])

    before = [await remaining() for _ in range(20)]
    for _ in range(20):
        assert (await graphql(bot, VIEWER)).json()["data"]["viewer"]["rateLimit"]["remaining"] == 6
    assert (await bot.get("/api/v1/products")).status == 200

    assert before == [6] * 20
    assert await remaining() == 5


async def test_whoami_is_the_same_and_names_the_token(shop: Workshop) -> None:
    """S0-005, C-81: under both paths, and in GraphQL."""
    bot = shop.holder("all:read", name="bot")
    whole = (await bot.get("/api/v1/token")).data()

    data = (await bot.get("/api/v1/whoami")).data()
    asked = (await graphql(bot, VIEWER)).json()["data"]["viewer"]

    assert (await bot.get("/account/api/v1/whoami")).data()["token"] == data["token"]
    assert data["user"] is None
    assert data["workspace"] == {**whole["workspace"], "name": "Workshop"} == asked["workspace"]
    assert data["scopes"] == whole["scopes"] == asked["scopes"]
    assert data["rate_limit"]["limit"] == 240
    assert data["token"] == {
        "id": shop.id_of(bot),
        "name": "bot",
        "token_prefix": (bot.token or "")[:12],
        "kind": "api",
        "expires_at": None,
    }
    assert asked["token"]["tokenPrefix"] == data["token"]["token_prefix"]


async def test_a_token_is_told_its_present_scopes(shop: Workshop) -> None:
    """S3-337: though the worker remembers others."""
    admin, bot = shop.holder("all:write"), shop.holder("all:read")
    assert (await bot.get("/api/v1/token")).data()["scopes"] == ["all:read"]

    assert (await admin.patch(f"/api/v1/tokens/{shop.id_of(bot)}", {"scopes": []})).status == 200

    assert (await bot.get("/api/v1/token")).data()["scopes"] == []
    assert (await graphql(bot, VIEWER)).json()["data"]["viewer"]["scopes"] == []


@pytest.mark.parametrize("path", ["token", "whoami"])
async def test_only_reading_without_parameters_is_answered(shop: Workshop, path: str) -> None:
    """S3-335, Q-17."""
    bot = shop.holder()

    assert (await bot.request("HEAD", f"/api/v1/{path}")).status == 200
    (await bot.get(f"/api/v1/{path}?fields=scopes")).problem(400)
    (await bot.post(f"/api/v1/{path}", {})).problem(405)
    (await bot.using(None).get(f"/api/v1/{path}")).problem(401)


# Other doors


async def test_api_keys_are_the_tokens_under_another_path(shop: Workshop) -> None:
    """S2-017 to S2-024, C-02, C-06: and `api-keys:*` the same scopes."""
    admin = shop.holder("all:write")
    sent = {"name": "key", "scopes": ["api-keys:read", "api-keys:write"], "rate_limit_tier": "pro"}

    made = (await admin.post(KEYS, sent)).data(201)

    assert made["rate_limit_tier"] == "pro"
    manager = admin.using(made["token"])
    assert made["id"] in (await manager.get(KEYS)).ids()
    assert (await manager.get(f"{KEYS}/{made['id']}")).data() == (
        await manager.get(f"/api/v1/tokens/{made['id']}")
    ).data()
    turned = (await manager.post(f"{KEYS}/{made['id']}/rotate", {"grace_period_hours": 1})).data()
    assert turned["rotated_from_id"] == made["id"]
    assert (await manager.delete(f"{KEYS}/{made['id']}")).status == 204
    assert (await manager.patch(f"/api/{KEYS[8:]}/{turned['id']}", {"name": "x"})).status == 401


@pytest.mark.parametrize("held", [("tokens:write",), ("all:write",), ("tokens:write", "products:read")])
async def test_a_key_without_scopes_is_given_those_of_its_maker(
    shop: Workshop, held: tuple[str, ...]
) -> None:
    """C-07, S2-020: there alone."""
    maker = shop.holder(*held)

    assert (await maker.post(KEYS, {"name": "key"})).data(201)["scopes"] == sorted(held)
    assert (await maker.post(KEYS, {"name": "key", "scopes": []})).data(201)["scopes"] == []
    (await maker.post(KEYS, {"name": "key", "scopes": None})).invalid(scopes=["cant_be_blank"])
    (await maker.post("/api/v1/tokens", {"name": "key"})).invalid(scopes=["cant_be_blank"])


async def test_the_door_of_the_interface_names_the_workspace(shop: Workshop, workshops: Workshops) -> None:
    """S3-081, C-08, C-11: which must be the token's own."""
    admin, other = shop.holder("all:write"), workshops()
    door = f"/ui/workspaces/{shop.slug}/tokens"

    made = (await admin.post(door, {"name": "research-bot", "scopes": ["products:read"]})).data(201)

    assert made["id"] in (await admin.get(door)).ids()
    assert (await admin.get(f"{door}/{made['id']}")).data()["name"] == "research-bot"
    (await admin.post(f"/ui/workspaces/{other.slug}/tokens", {"name": "x", "scopes": []})).problem(404)
    (await admin.get(f"/ui/workspaces/{other.slug}/tokens")).problem(404)
    (await admin.get(door, headers=[("x-workspace-id", other.slug)])).problem(404)
    (await admin.using(None).post(door, {"name": "x", "scopes": []})).problem(401)
    assert (await admin.get(door, headers=[("x-workspace-id", shop.slug)])).status == 200
    assert other.rows() == []


async def test_a_token_may_come_in_another_header(shop: Workshop) -> None:
    """C-02: X-API-Key makes tokens too."""
    admin = shop.holder("all:write")
    sent = [("x-api-key", admin.token or "")]

    answer = await Client(admin.application).post(KEYS, {"name": "key"}, headers=sent)

    assert answer.data(201)["scopes"] == ["all:write"]


async def test_a_session_is_refreshed_and_not_rotated(workshops: Workshops) -> None:
    """What took its place would outlast a logout."""
    shop, user = workshops(), uuid.uuid4()
    with psycopg.connect(shop.database) as connection:
        connection.execute(
            "INSERT INTO users (id, email, name) VALUES (%s, %s, 'U')", [user, f"{user}@x.org"]
        )
    admin, session = shop.holder("all:write"), shop.holder("all:read", kind="session", user_id=user)

    answer = await admin.post(f"/api/v1/tokens/{shop.id_of(session)}/rotate", {})

    told = "This is the session of a user, who refreshes it instead."
    assert answer.problem(409)["detail"] == told
    assert len(shop.rows()) == 2
