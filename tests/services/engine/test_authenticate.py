"""Authentication: when hashing runs, what is remembered, and when it is forgotten."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import psycopg
import pytest

from db.driver import Driver
from services import tokens
from services.engine.authenticate import Authenticator
from services.engine.errors import Problem, Slug
from services.tokens import Environment
from tests.support.seed import SCOPE_SETS, Seed, add_token, plant

KEY = b"a precheck key of these tests...."


class Counted:
    """The real verification, counting how often argon2id ran."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, raw: str, stored: str) -> bool:
        self.runs += 1
        return tokens.verify(raw, stored)


@pytest.fixture
async def desk(database: str) -> AsyncIterator[tuple[Authenticator, Counted, Driver, Seed]]:
    planted = plant(database, ())
    driver, verify = Driver(database), Counted()
    yield (
        Authenticator(
            driver,
            lookup_key=lambda raw: tokens.lookup_key(raw, Environment.TEST),
            precheck=lambda raw: tokens.precheck(raw, KEY),
            verify=verify,
        ),
        verify,
        driver,
        planted,
    )
    await driver.close()


def fresh(planted: Seed, scopes: tuple[str, ...] = SCOPE_SETS["reader"]) -> str:
    with psycopg.connect(planted.database) as connection:
        return add_token(connection, planted.workspaces["acme"]["id"], scopes, KEY)


async def test_a_token_is_hashed_once_and_then_remembered(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """C-01, S3-061, S3-070."""
    authenticator, verify, driver, planted = desk
    raw = fresh(planted)

    first, digest = await authenticator.authenticate(raw)
    second, same = await authenticator.authenticate(raw)

    assert (first, digest) == (second, same)
    assert first.workspace_id == str(planted.workspaces["acme"]["id"])
    assert first.scopes == frozenset({"all:read"})
    assert (verify.runs, driver.statements_sent) == (1, 1)
    assert raw.encode() not in digest


async def test_a_forged_secret_never_reaches_argon2(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """Design 7: the keyed precheck refuses it first."""
    authenticator, verify, driver, planted = desk
    raw = fresh(planted)
    head = raw[:-8][:-1] + ("0" if raw[-9] != "0" else "1")

    with pytest.raises(Problem) as refusal:
        await authenticator.authenticate(head + tokens._checksum(head))

    assert refusal.value.slug is Slug.INVALID_TOKEN
    assert (verify.runs, driver.statements_sent) == (0, 1)


async def test_a_wrong_hash_is_refused_though_the_precheck_fits(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """S3-053, S3-057: the hash has the last word."""
    authenticator, verify, _, planted = desk
    raw, other = fresh(planted), fresh(planted)
    with psycopg.connect(planted.database) as connection:
        connection.execute(
            "UPDATE tokens SET token_hash = (SELECT token_hash FROM tokens WHERE token_key = %s)"
            " WHERE token_key = %s",
            [tokens.lookup_key(other, Environment.TEST), tokens.lookup_key(raw, Environment.TEST)],
        )

    with pytest.raises(Problem):
        await authenticator.authenticate(raw)
    assert verify.runs == 1


async def test_a_dead_token_is_forgotten(desk: tuple[Authenticator, Counted, Driver, Seed]) -> None:
    """S3-087."""
    authenticator, verify, _, planted = desk
    raw = fresh(planted)
    principal, digest = await authenticator.authenticate(raw)

    with pytest.raises(Problem):
        await authenticator.renew(principal, digest, None)
    await authenticator.authenticate(raw)

    assert verify.runs == 2


async def test_a_newer_version_brings_the_new_scopes_without_hashing(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """S3-070."""
    authenticator, verify, _, planted = desk
    principal, digest = await authenticator.authenticate(fresh(planted))
    with psycopg.connect(planted.database) as connection:
        connection.execute("UPDATE tokens SET scopes = '[\"brands:read\"]', version = 2")

    assert await authenticator.renew(principal, digest, b"1") is principal
    renewed = await authenticator.renew(principal, digest, b"2")

    assert (renewed.scopes, renewed.version) == (frozenset({"brands:read"}), 2)
    assert verify.runs == 1


async def test_many_first_uses_at_once_all_succeed(desk: tuple[Authenticator, Counted, Driver, Seed]) -> None:
    """C-01: hashing runs beside the loop, a few at a time."""
    authenticator, _, _, planted = desk
    raws = [fresh(planted) for _ in range(4)]

    found = await asyncio.gather(*(authenticator.authenticate(raw) for raw in raws * 2))

    assert len({principal.token_id for principal, _ in found}) == 4


async def test_a_crowd_with_one_new_token_hashes_once(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """C-01: a worker that has just begun is not slowed down by its first clients."""
    authenticator, verify, driver, planted = desk
    raw = fresh(planted)

    found = await asyncio.gather(*(authenticator.authenticate(raw) for _ in range(50)))

    assert len(set(found)) == 1
    assert (verify.runs, driver.statements_sent) == (1, 1)


async def test_a_crowd_with_one_wrong_token_is_refused_alike(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """S3-059: nobody waits for ever, and the next one is judged anew."""
    authenticator, _, driver, _ = desk
    (raw,) = forged("dip_test_" + secrets.token_hex(8), 1)

    found = await asyncio.gather(*(authenticator.authenticate(raw) for _ in range(5)), return_exceptions=True)
    with pytest.raises(Problem):
        await authenticator.authenticate(raw)

    assert all(isinstance(each, Problem) and each.slug is Slug.INVALID_TOKEN for each in found)
    assert driver.statements_sent == 2


async def test_of_a_thousand_forged_tokens_none_is_hashed(
    desk: tuple[Authenticator, Counted, Driver, Seed],
) -> None:
    """Promise 19, attack 40: whether the lookup key is somebody's or nobody's, and one question each."""
    authenticator, verify, driver, planted = desk
    raw = fresh(planted)

    for head in (raw[:25], "dip_test_" + secrets.token_hex(8)):
        for wrong in forged(head, 500):
            with pytest.raises(Problem) as refusal:
                await authenticator.authenticate(wrong)
            assert refusal.value.slug is Slug.INVALID_TOKEN

    assert (verify.runs, driver.statements_sent) == (0, 1_000)


async def test_a_wrong_checksum_costs_no_question(desk: tuple[Authenticator, Counted, Driver, Seed]) -> None:
    """Promise 19, C-02."""
    authenticator, verify, driver, planted = desk
    raw = fresh(planted)

    for wrong in forged(raw[:25], 200):
        with pytest.raises(Problem):
            await authenticator.authenticate(wrong[:-1] + ("0" if wrong[-1] != "0" else "1"))

    assert (verify.runs, driver.statements_sent) == (0, 0)


def forged(head: str, count: int) -> list[str]:
    """Return tokens with a right checksum and a secret of nobody's."""
    made = (head + secrets.token_hex(32) for _ in range(count))
    return [each + tokens._checksum(each) for each in made]
