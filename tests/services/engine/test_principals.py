"""Principals: what is known of a live token, and how every change of it is found out."""

import asyncio
import gc
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from db.driver import Driver
from db.embedded import Embedded
from services import tokens
from services.engine import authenticate
from services.engine.access import Principal
from services.engine.authenticate import Authenticator
from services.engine.context import Caller, Identity, Person
from services.engine.errors import Problem, Slug
from services.engine.limits import STANDARD, TIERS, policy
from services.engine.uses import Uses
from services.tokens import Environment
from tests.support.databases import copied
from tests.support.seed import Seed, add_token, plant

KEY, EARLIER = b"a precheck key of these tests....", b"the precheck key before that one."

Change = Callable[..., Any]


class Desk:
    """An authenticator, the database behind it, and what it was told."""

    def __init__(self, planted: Seed, driver: Driver) -> None:
        self.planted, self.hashed, self.looked = planted, 0, 0
        self.uses = Uses()
        self.authenticator = Authenticator(
            driver,
            lookup_key=self._lookup_key,
            precheck=lambda raw: tokens.precheck(raw, KEY),
            verify=self._verify,
            uses=self.uses,
            earlier=lambda raw: [tokens.precheck(raw, EARLIER)],
        )

    def _lookup_key(self, raw: str) -> str | None:
        self.looked += 1
        return tokens.lookup_key(raw, Environment.TEST)

    def _verify(self, raw: str, stored: str) -> bool:
        self.hashed += 1
        return tokens.verify(raw, stored)

    def sql(self, text: str, *parameters: Any) -> Any:
        with psycopg.connect(self.planted.database) as connection:
            found = connection.execute(text, parameters)
            return found.fetchone() if found.description else None

    def token(self, *scopes: str, key: bytes = KEY, workspace: str = "acme", **columns: Any) -> str:
        with psycopg.connect(self.planted.database) as connection:
            own = self.planted.workspaces[workspace]["id"]
            return add_token(connection, own, scopes or ("all:read",), key, **columns)

    def change(self, raw: str, what: str, *parameters: Any) -> None:
        """Change the row of a token, and with it its version."""
        key = raw.split("_")[2][:16]
        self.sql(f"UPDATE tokens SET {what}, version = version + 1 WHERE token_key = %s", *parameters, key)

    async def caller(self, raw: str) -> Caller:
        principal, digest = await self.authenticator.authenticate(raw)
        return Caller(principal, digest, "r", "/", 0.0)

    async def principal(self, raw: str) -> Principal:
        return (await self.authenticator.authenticate(raw))[0]


@pytest.fixture(scope="module")
def planted(postgres: Embedded, migrated_template: str) -> Seed:
    return plant(copied(postgres, migrated_template), ())


@pytest.fixture
async def desk(planted: Seed) -> AsyncIterator[Desk]:
    driver = Driver(planted.database)
    yield Desk(planted, driver)
    await driver.close()


async def dead(asked: Any) -> None:
    with pytest.raises(Problem) as found:
        await asked
    assert found.value.slug is Slug.INVALID_TOKEN


# What is known


async def test_a_principal_is_what_is_stored_of_its_token(desk: Desk) -> None:
    raw = desk.token("products:read", "orders:write")
    desk.change(raw, "name = 'n'")

    found = await desk.principal(raw)

    id_, version = desk.sql("SELECT id, version FROM tokens WHERE token_key = %s", raw.split("_")[2][:16])
    scopes = frozenset({"products:read", "orders:write"})
    assert (found.token_id, found.version, found.scopes) == (str(id_), version, scopes)
    assert found.workspace_id == str(desk.planted.workspaces["acme"]["id"])
    assert (found.user_id, found.administrative, found.tier) == (None, False, "pro")
    assert found.policy is STANDARD


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"rate_limit_tier": None}, STANDARD),
        ({"rate_limit_tier": "agency"}, TIERS["agency"]),
        ({"rate_limit_per_minute": 7}, policy(7)),
        ({"rate_limit_per_minute": 700, "burst": 3, "rate_limit_per_day": 9}, policy(700, 3, 9)),
        ({"rate_limit_tier": "free", "burst": 5}, policy(60, 5)),
        ({"rate_limit_tier": "free", "rate_limit_per_day": 5}, policy(60, None, 5)),
    ],
)
async def test_a_token_is_held_to_its_own_limits(desk: Desk, columns: dict[str, Any], expected: Any) -> None:
    """S3-245, C-13."""
    found = (await desk.principal(desk.token(**columns))).policy

    assert (found.limit, found.burst, found.per_day) == (expected.limit, expected.burst, expected.per_day)
    assert found.rates == expected.rates


async def test_a_session_has_the_user_whose_it_is(desk: Desk) -> None:
    user = desk.planted.live("users")[0]["id"]
    for administrative in (False, True):
        raw = desk.token(kind="session", user_id=user, administrative=administrative)
        found = await desk.principal(raw)
        assert (found.user_id, found.administrative) == (str(user), administrative)


async def test_a_token_is_looked_up_and_hashed_once(desk: Desk) -> None:
    raw = desk.token()
    first = await desk.authenticator.authenticate(raw)
    second = await desk.authenticator.authenticate(raw)

    assert second[0] is first[0]
    assert second[1] == first[1]
    assert (desk.looked, desk.hashed) == (1, 1)


async def test_digests_are_of_one_token_in_one_process(desk: Desk) -> None:
    raws = [desk.token(), desk.token()]
    digests = {(await desk.authenticator.authenticate(raw))[1] for raw in raws * 2}
    assert len(digests) == 2
    assert all(len(digest) == 16 for digest in digests)

    driver = Driver(desk.planted.database)
    other = Desk(desk.planted, driver)
    assert (await other.authenticator.authenticate(raws[0]))[1] not in digests
    await driver.close()


async def test_the_tokens_remembered_longest_are_forgotten_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticate, "_MOST_CACHED", 2)
    raws = [desk.token() for _ in range(3)]
    for raw in raws:
        await desk.principal(raw)
    assert desk.hashed == 3

    await desk.principal(raws[2])
    await desk.principal(raws[1])
    assert desk.hashed == 3
    await desk.principal(raws[0])
    assert desk.hashed == 4


async def test_every_use_is_noted(desk: Desk) -> None:
    raw = desk.token()
    found = await desk.principal(raw)
    assert desk.uses._used == {found.token_id: found.workspace_id}
    desk.uses._used.clear()

    await desk.principal(raw)

    assert desk.uses._used == {found.token_id: found.workspace_id}
    assert desk.uses._outdated == {}


async def test_a_token_of_an_earlier_key_passes_and_is_to_be_renewed(desk: Desk) -> None:
    raw = desk.token(key=EARLIER)

    found = await desk.principal(raw)

    present = tokens.precheck(raw, KEY).hex().encode()
    assert desk.uses._outdated == {found.token_id: (found.workspace_id, present)}


async def test_a_token_of_an_unknown_key_is_never_hashed(desk: Desk) -> None:
    await dead(desk.principal(desk.token(key=b"a key that nobody has ever known.")))
    await dead(desk.principal("no token"))
    await dead(desk.principal(tokens.generate(Environment.TEST, KEY).raw))
    assert desk.hashed == 0
    assert desk.uses._used == {}


async def test_a_refusal_that_nobody_waits_for_is_no_error(desk: Desk) -> None:
    loop, found = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _, context: found.append(context))
    try:
        task = asyncio.create_task(desk.principal(tokens.generate(Environment.TEST, KEY).raw))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            while desk.authenticator._under_way:  # noqa: ASYNC110  # Nobody is told when it ends.
                await asyncio.sleep(0.01)
        del task
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert found == []


# What has changed


async def test_a_token_that_is_the_same_is_confirmed_as_it_is(desk: Desk) -> None:
    caller = await desk.caller(desk.token())
    before = caller.principal

    assert await desk.authenticator.confirm(before, caller.credential) is before
    assert await desk.authenticator.renewed(caller) is False
    assert await desk.authenticator.is_current(caller, b"%d" % before.version) is True
    assert await desk.authenticator.is_current(caller, b"%d" % before.version, b"pro") is True
    assert caller.principal is before
    assert await desk.authenticator.renew(before, caller.credential, b"%d" % before.version) is before


Asked = Callable[[Authenticator, Caller], Any]

ASKED: dict[str, Asked] = {
    "confirm": lambda desk, caller: desk.confirm(caller.principal, caller.credential),
    "renewed": lambda desk, caller: desk.renewed(caller),
    "slug": lambda desk, caller: desk.workspace_slug(caller.principal, caller.credential),
    "identify": lambda desk, caller: desk.identify(caller),
    "is_current": lambda desk, caller: desk.is_current(caller, None),
    "renew": lambda desk, caller: desk.renew(caller.principal, caller.credential, None),
}


@pytest.mark.parametrize("way", ASKED)
async def test_a_dead_token_is_refused_and_forgotten(desk: Desk, way: str) -> None:
    raw = desk.token()
    caller = await desk.caller(raw)
    desk.change(raw, "revoked_at = now()")

    await dead(ASKED[way](desk.authenticator, caller))

    await dead(desk.principal(raw))
    assert desk.hashed == 1


@pytest.mark.parametrize("way", ["confirm", "renewed", "slug", "identify"])
async def test_new_scopes_are_found_out_without_hashing(desk: Desk, way: str) -> None:
    raw = desk.token("products:read")
    caller = await desk.caller(raw)
    before = caller.principal
    desk.change(raw, "scopes = '[\"orders:read\"]'")

    answer = await ASKED[way](desk.authenticator, caller)

    now = await desk.principal(raw)
    assert (now.scopes, now.version) == ({"orders:read"}, before.version + 1)
    assert desk.hashed == 1
    if way == "confirm":
        assert answer == now
    elif way in ("renewed", "identify"):
        assert caller.principal == now
    assert way != "renewed" or answer is True


async def test_a_version_read_elsewhere_renews_the_caller(desk: Desk) -> None:
    raw = desk.token("products:read")
    caller = await desk.caller(raw)
    desk.change(raw, "scopes = '[\"orders:read\"]'")

    assert await desk.authenticator.is_current(caller, b"%d" % (caller.principal.version + 1)) is False

    assert caller.principal == await desk.principal(raw)
    assert caller.principal.scopes == {"orders:read"}


async def test_a_principal_that_was_forgotten_must_present_its_token_again(desk: Desk) -> None:
    caller = await desk.caller(desk.token())
    await dead(desk.authenticator.renew(caller.principal, b"another digest", b"77"))


async def test_a_workspace_that_moves_to_another_tier_takes_its_tokens_along(desk: Desk) -> None:
    raw = desk.token(workspace="globex")
    caller = await desk.caller(raw)
    version, before = b"%d" % caller.principal.version, caller.principal
    assert before.tier == "free"

    assert await desk.authenticator.is_current(caller, version, b"pro") is False

    assert (caller.principal.tier, caller.principal.scopes) == ("pro", before.scopes)
    assert await desk.principal(raw) is caller.principal
    assert await desk.authenticator.is_current(caller, version, b"pro") is True
    # What the database says now is what a question to it finds.
    assert (await desk.authenticator.confirm(caller.principal, caller.credential)).tier == "free"
    forgotten = Caller(before, b"another digest", "r", "/", 0.0)
    assert await desk.authenticator.is_current(forgotten, version, b"pro") is False
    assert forgotten.principal.tier == "pro"


async def test_a_slug_is_that_of_the_own_workspace(desk: Desk) -> None:
    for slug in ("acme", "globex"):
        caller = await desk.caller(desk.token(workspace=slug))
        assert await desk.authenticator.workspace_slug(caller.principal, caller.credential) == slug


async def test_a_token_is_told_who_it_is(desk: Desk) -> None:
    """S3-335."""
    raw = desk.token("products:read", "orders:read", name="Scanner", expires_at="2100-01-02 03:04:05+00")
    caller = await desk.caller(raw)

    found = await desk.authenticator.identify(caller)

    assert found == Identity(
        workspace_id=caller.principal.workspace_id,
        workspace_slug="acme",
        workspace_name="Acme",
        token_id=caller.principal.token_id,
        token_name="Scanner",
        token_prefix=raw[:12],
        kind="api",
        expires_at="2100-01-02T03:04:05Z",
        scopes=("orders:read", "products:read"),
        user=None,
    )
    assert (await desk.authenticator.identify(await desk.caller(desk.token()))).expires_at is None


async def test_a_session_is_told_whose_it_is(desk: Desk) -> None:
    id_, workspace = uuid.uuid4(), desk.planted.workspaces["acme"]["id"]
    email = f"{id_}@example.com"
    desk.sql("INSERT INTO users (id, email, name) VALUES (%s, %s, 'Ada')", id_, email)
    caller = await desk.caller(desk.token(kind="session", user_id=id_))

    async def user() -> Person | None:
        return (await desk.authenticator.identify(caller)).user

    assert await user() == Person(str(id_), email, "Ada", None, False)
    desk.sql(
        "INSERT INTO memberships (workspace_id, user_id, role) VALUES (%s, %s, 'viewer')", workspace, id_
    )
    assert await user() == Person(str(id_), email, "Ada", "viewer", False)
    desk.sql("UPDATE users SET is_platform_admin = true WHERE id = %s", id_)
    desk.sql("UPDATE memberships SET deleted_at = now() WHERE user_id = %s", id_)
    assert await user() == Person(str(id_), email, "Ada", None, True)
