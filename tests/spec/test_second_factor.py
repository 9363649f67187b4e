"""The second factor: codes that count once, recovery codes, and doing without (RFC 6238; promise 20)."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pyotp import TOTP

from diptych.edge import Application
from diptych.runtime import deployment
from services.engine.secrets import place_of, vault_of
from services.roles import Role
from tests.spec.conftest import Workshops
from tests.support.application import running
from tests.support.client import Client
from tests.support.logins import logged_in, login, login_by_graphql, somewhere
from tests.support.people import PASSWORD, Person, join
from tests.support.seed import SECRET, Seed, settings
from tests.support.workshop import Workshop

TOTP_PATH = "/api/v1/auth/totp"
RECOVERY = "/api/v1/auth/recovery-codes"


@pytest.fixture(scope="module")
async def other_server(written: Seed) -> AsyncIterator[Application]:
    """A second server of the same database."""
    async with running(written.database) as started:
        yield started


def code_of(secret: str, steps: int = 0) -> str:
    """Return the code of now, or of so many steps later."""
    return TOTP(secret).at(int(time.time()), counter_offset=steps)


async def enrolled(shop: Workshop, **values: Any) -> tuple[Person, Client, str, list[str]]:
    """Return a person with a second factor, their session, the secret and the recovery codes."""
    ada = join(shop, Role.MEMBER, **values)
    client = await logged_in(somewhere(shop.api), ada.email)
    secret = (await client.post(TOTP_PATH, {"password": PASSWORD})).data()["secret"]
    if time.time() % 30 > 28:
        await asyncio.sleep(2)
    # The step before leaves those of now and later to the test.
    told = (await client.post(f"{TOTP_PATH}/confirm", {"totp_code": code_of(secret, -1)})).data()
    return ada, client, secret, told["recovery_codes"]


def codes_left(shop: Workshop, ada: Person) -> int:
    rows = shop.stored.rows("recovery_codes", ada.user, "user_id")
    return len([row for row in rows if row["used_at"] is None])


async def test_a_secret_counts_once_its_first_code_was_shown(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    visitor = somewhere(shop.api)
    client = await logged_in(visitor, ada.email)

    told = (await client.post(TOTP_PATH, {"password": PASSWORD})).data()
    row = shop.stored.row("users", ada.user)
    assert row["totp_enabled_at"] is None
    (await login(visitor, ada.email)).data()
    (await client.post(f"{TOTP_PATH}/confirm", {"totp_code": "000000"})).invalid(totp_code=["exclusion"])
    assert shop.stored.row("users", ada.user) == {
        **row,
        "last_login_at": shop.stored.row("users", ada.user)["last_login_at"],
    }
    confirmed = (await client.post(f"{TOTP_PATH}/confirm", {"totp_code": code_of(told["secret"])})).data()

    assert told["uri"].startswith("otpauth://totp/Diptych:")
    assert f"secret={told['secret']}" in told["uri"]
    assert len(set(confirmed["recovery_codes"])) == 10
    refused = (await login(visitor, ada.email)).problem(401)
    assert (refused["code"], refused["totp_required"]) == ("invalid-credentials", True)


async def test_secrets_and_codes_are_not_stored_as_they_are(workshops: Workshops) -> None:
    """Promise 22: sealed for their own row alone."""
    shop = workshops()
    ada, _, secret, codes = await enrolled(shop)

    row = shop.stored.row("users", ada.user)
    hashes = [each["code_hash"] for each in shop.stored.rows("recovery_codes", ada.user, "user_id")]

    assert secret not in row["totp_secret"]
    vault = vault_of(deployment(settings(shop.database)))
    assert vault.open(row["totp_secret"], place_of("users", "totp_secret", ada.user)) == secret
    assert len(hashes) == 10
    assert not {part for code in codes for part in (code, code.replace("-", ""))} & set(hashes)
    everything = str(shop.stored.rows("audit_logs", shop.id, "workspace_id")) + str(
        shop.stored.rows("events", shop.id, "workspace_id")
    )
    assert not [each for each in (secret, *codes) if each in everything]


@pytest.mark.parametrize("steps", [0, 1])
async def test_a_code_of_a_clock_that_is_a_step_away_opens(workshops: Workshops, steps: int) -> None:
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)

    (await login(somewhere(shop.api), ada.email, totp_code=code_of(secret, steps))).data()


@pytest.mark.parametrize(
    "wrong", ["step before last", "step after next", "letters", "five digits", "wide digits"]
)
async def test_any_other_code_does_not(workshops: Workshops, wrong: str) -> None:
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    codes = {
        "step before last": code_of(secret, -2),
        "step after next": code_of(secret, 3),
        "letters": "abcdef",
        "five digits": code_of(secret)[:5],
        "wide digits": "".join(chr(ord(digit) + 0xFEE0) for digit in code_of(secret)),
    }
    before = shop.stored.row("users", ada.user)

    refused = (await login(somewhere(shop.api), ada.email, totp_code=codes[wrong])).problem(401)

    assert "totp_required" not in refused
    assert shop.stored.row("users", ada.user) == before


async def test_no_code_opens_twice_nor_one_from_before_it(workshops: Workshops) -> None:
    """RFC 6238, section 5.2, on both surfaces."""
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    visitor = somewhere(shop.api)
    later, now = code_of(secret, 1), code_of(secret)
    (await login(visitor, ada.email, totp_code=later)).data()
    before = shop.stored.row("users", ada.user)

    (await login(visitor, ada.email, totp_code=later)).problem(401)
    (await login(visitor, ada.email, totp_code=now)).problem(401)
    over_graphql = await login_by_graphql(visitor, ada.email, code=later)

    assert over_graphql.json()["errors"][0]["extensions"]["code"] == "INVALID_CREDENTIALS"
    assert shop.stored.row("users", ada.user) == before


async def test_of_many_who_show_a_code_at_once_one_comes_in(
    workshops: Workshops, other_server: Application
) -> None:
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    visitor = somewhere(shop.api)
    code = code_of(secret)

    answers = await asyncio.gather(
        *(
            login(at, ada.email, totp_code=code)
            for at in (visitor, replace(visitor, application=other_server))
            for _ in range(2)
        )
    )

    assert sorted(each.status for each in answers) == [200, 401, 401, 401]
    assert len([row for row in shop.rows() if row["kind"] == "session"]) == 3


async def test_guesses_at_codes_are_counted_as_those_at_passwords_are(workshops: Workshops) -> None:
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    visitor = somewhere(shop.api)

    statuses = [(await login(visitor, ada.email, totp_code=f"00000{n}")).status for n in range(5)]
    last = await login(visitor, ada.email, totp_code=code_of(secret))

    assert (statuses, last.status) == ([401] * 5, 429)


async def test_asking_which_code_is_needed_is_no_guess(workshops: Workshops) -> None:
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    visitor = somewhere(shop.api)

    for further in ({}, {"totp_code": ""}, {"totp_code": None, "recovery_code": ""}) * 3:
        assert (await login(visitor, ada.email, **further)).problem(401)["totp_required"] is True

    (await login(visitor, ada.email, totp_code=code_of(secret))).data()


async def test_a_code_alone_opens_nothing(workshops: Workshops) -> None:
    """And a wrong password is told of nothing else."""
    shop = workshops()
    ada, _, secret, codes = await enrolled(shop)
    visitor = somewhere(shop.api)

    for further in ({"totp_code": code_of(secret)}, {"recovery_code": codes[0]}, {}):
        refused = (await login(visitor, ada.email, "wrong password", **further)).problem(401)
        assert "totp_required" not in refused

    assert codes_left(shop, ada) == 10
    (await login(visitor, ada.email, totp_code=code_of(secret))).data()


async def test_an_administrator_shows_a_code_at_the_older_address(workshops: Workshops) -> None:
    """S1-006."""
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop, is_platform_admin=True)
    visitor, path = somewhere(shop.api), "/api/admin/auth/login"
    body = {"username": ada.email, "password": PASSWORD}

    assert (await visitor.post(path, body)).problem(401)["totp_required"] is True
    (await visitor.post(path, {**body, "totp_code": "000000"})).problem(401)
    told = (await visitor.post(path, {**body, "totp_code": code_of(secret)})).data()

    assert told["user"]["is_platform_admin"] is True


# Recovery codes


async def test_a_recovery_code_opens_once_however_it_is_typed(workshops: Workshops) -> None:
    shop = workshops()
    ada, _, _, codes = await enrolled(shop)
    visitor = somewhere(shop.api)

    (await login(visitor, ada.email, recovery_code=codes[0].lower().replace("-", " "))).data()

    assert codes_left(shop, ada) == 9
    (await login(visitor, ada.email, recovery_code=codes[0])).problem(401)
    (await login(visitor, ada.email, recovery_code="AAAAA-AAAAA-AAAAA-AAAAA")).problem(401)
    assert codes_left(shop, ada) == 9


async def test_of_many_who_show_a_recovery_code_at_once_one_comes_in(
    workshops: Workshops, other_server: Application
) -> None:
    shop = workshops()
    ada, _, _, codes = await enrolled(shop)
    visitor = somewhere(shop.api)

    answers = await asyncio.gather(
        *(
            login(at, ada.email, recovery_code=codes[3])
            for at in (visitor, replace(visitor, application=other_server))
            for _ in range(2)
        )
    )

    assert sorted(each.status for each in answers) == [200, 401, 401, 401]
    assert codes_left(shop, ada) == 9


async def test_recovery_codes_of_others_open_nothing(workshops: Workshops) -> None:
    shop = workshops()
    ada, _, _, _ = await enrolled(shop)
    eve, _, _, codes = await enrolled(shop)

    (await login(somewhere(shop.api), ada.email, recovery_code=codes[0])).problem(401)

    assert (codes_left(shop, ada), codes_left(shop, eve)) == (10, 10)


async def test_new_recovery_codes_make_the_old_ones_worthless(workshops: Workshops) -> None:
    shop = workshops()
    ada, client, secret, codes = await enrolled(shop)

    told = await client.post(RECOVERY, {"password": PASSWORD, "totp_code": code_of(secret)})

    fresh = told.data()["recovery_codes"]
    assert (len(set(fresh)), set(fresh) & set(codes), codes_left(shop, ada)) == (10, set(), 10)
    visitor = somewhere(shop.api)
    (await login(visitor, ada.email, recovery_code=codes[0])).problem(401)
    (await login(visitor, ada.email, recovery_code=fresh[0])).data()


# Doing without


@pytest.mark.parametrize("path", [f"{TOTP_PATH}/disable", RECOVERY])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"password": "wrong password", "totp_code": "now"}, 422),
        ({"password": PASSWORD, "totp_code": "000000"}, 422),
        ({"password": PASSWORD}, 422),
        ({"password": PASSWORD, "recovery_code": "AAAAA"}, 422),
    ],
)
async def test_a_session_alone_changes_no_second_factor(
    workshops: Workshops, path: str, body: dict[str, Any], status: int
) -> None:
    shop = workshops()
    ada, client, secret, _ = await enrolled(shop)
    sent = {name: code_of(secret) if value == "now" else value for name, value in body.items()}
    before = shop.stored.row("users", ada.user)

    answer = await client.post(path, sent)

    answer.problem(status)
    assert (shop.stored.row("users", ada.user), codes_left(shop, ada)) == (before, 10)


@pytest.mark.parametrize("with_recovery", [False, True])
async def test_a_second_factor_is_given_up_with_its_last_code(
    workshops: Workshops, with_recovery: bool
) -> None:
    shop = workshops()
    ada, client, secret, codes = await enrolled(shop)
    proof = {"recovery_code": codes[9]} if with_recovery else {"totp_code": code_of(secret)}

    answer = await client.post(f"{TOTP_PATH}/disable", {"password": PASSWORD, **proof})

    assert answer.status == 204
    row = shop.stored.row("users", ada.user)
    assert (row["totp_secret"], row["totp_enabled_at"]) == (None, None)
    assert shop.stored.rows("recovery_codes", ada.user, "user_id") == []
    (await login(somewhere(shop.api), ada.email)).data()
    actions = [each["action"] for each in shop.stored.audits(ada.user)]
    assert actions[-2:] == ["user.totp_disabled", "user.logged_in"]


async def test_a_second_factor_is_not_replaced_unseen(workshops: Workshops) -> None:
    """Whoever has a session and the password must still show a code before the secret changes."""
    shop = workshops()
    ada, client, secret, _ = await enrolled(shop)
    before = shop.stored.row("users", ada.user)

    (await client.post(TOTP_PATH, {"password": PASSWORD})).problem(409)
    (await client.post(f"{TOTP_PATH}/confirm", {"totp_code": code_of(secret)})).problem(409)

    assert shop.stored.row("users", ada.user) == before


async def test_without_a_second_factor_there_is_none_to_give_up(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.MEMBER)
    client = await logged_in(somewhere(shop.api), ada.email)

    (await client.post(f"{TOTP_PATH}/disable", {"password": PASSWORD, "totp_code": "000000"})).problem(409)
    (await client.post(f"{TOTP_PATH}/confirm", {"totp_code": "000000"})).problem(409)

    assert codes_left(shop, ada) == 0


async def test_a_rotated_key_still_opens_the_secret(workshops: Workshops) -> None:
    """docs/guides/security.md: earlier keys are read with until everything is sealed anew."""
    shop = workshops()
    ada, _, secret, _ = await enrolled(shop)
    changed = {"secret_key": "a new key that only tests know, long", "secret_key_previous": [SECRET]}

    async with running(shop.database, **changed) as application:
        answer = await login(somewhere(Client(application)), ada.email, totp_code=code_of(secret))

    answer.data()
