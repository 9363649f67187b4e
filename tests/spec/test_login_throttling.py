"""Guessing at passwords: few guesses are judged at all, however they are sent (promise 17)."""

import asyncio
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from db.embedded import Embedded
from db.sweeping import sweep
from diptych.edge import Application
from services import passwords
from services.roles import Role
from services.throttling import MOST_PER_ACCOUNT, MOST_PER_ADDRESS
from tests.spec.conftest import Workshops
from tests.support.application import driver_of, running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.logins import LOGIN, attempts, judging, login, login_by_graphql, somewhere, wait
from tests.support.people import PASSWORD, Person, join
from tests.support.workshop import Workshop, graphql

WRONG, TOO_MANY = 401, 429


@pytest.fixture
def alone(postgres: Embedded, migrated_template: str) -> str:
    """A database of one test alone, whose guesses it can count."""
    return copied(postgres, migrated_template)


def person_of(application: Application, database: str) -> tuple[Client, Person]:
    """Return a visitor, and a person with a session in a workspace of their own."""
    shop = Workshop(Client(application), database)
    return somewhere(shop.api), join(shop, Role.OWNER)


def codes(answer: Answer) -> list[str]:
    """Return what came of each login of a GraphQL request."""
    found = answer.json()
    return [
        error["extensions"]["code"]
        for each in (found if isinstance(found, list) else [found])
        for error in each.get("errors", [])
    ]


async def test_a_thousand_guesses_at_once_are_five(alone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over REST, one GraphQL document of many aliases, and batches of them, from many addresses."""
    async with running(alone) as application:
        visitor, ada = person_of(application, alone)
        one = f'login(input: {{email: "{ada.email}", password: "wrong password"}}) {{ sessionId }}'
        many = {"query": f"mutation {{ {' '.join(f'a{n}: {one}' for n in range(10))} }}"}
        sent: list[Any] = []
        for n in range(25):
            at = somewhere(visitor)
            sent += [login(at, ada.email, f"wrong password {n} {m}") for m in range(20)]
            sent += [
                at.post("/graphql", many),
                # Batches are for those alone who have a token.
                at.using(ada.session.token).post("/graphql", [{"query": f"mutation {{ {one} }}"}] * 10),
            ]

        with judging(monkeypatch) as judged:
            answers = await asyncio.gather(*sent)

    assert judged.count == MOST_PER_ACCOUNT
    rest = [
        each.status for each in answers if each.status in (WRONG, TOO_MANY) and b"errors" not in each.body
    ]
    refused = [code for each in answers if b'"errors"' in each.body for code in codes(each)]
    wrong = rest.count(WRONG) + refused.count("INVALID_CREDENTIALS")
    assert wrong == MOST_PER_ACCOUNT
    # The first refusal ends a document or a batch, whose other guesses are not even counted.
    told = 25 * (20 + 1 + 1)
    assert rest.count(TOO_MANY) + refused.count("RATE_LIMIT_EXCEEDED") == told - MOST_PER_ACCOUNT
    assert MOST_PER_ACCOUNT in attempts(alone)


async def test_an_account_waits_until_its_guesses_are_old(
    workshops: Workshops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even the right password is not judged meanwhile, and then everything begins anew."""
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    statuses = [(await login(visitor, ada.email, "wrong password")).status for _ in range(5)]

    with judging(monkeypatch) as judged:
        waiting = await login(visitor, ada.email)
        over_graphql = await login_by_graphql(visitor, ada.email)

    assert (statuses, judged.count) == ([WRONG] * 5, 0)
    assert 0 < int(waiting.header("retry-after") or 0) <= 900
    assert waiting.problem(TOO_MANY)["retry_after"] == int(waiting.header("retry-after") or 0)
    assert codes(over_graphql) == ["RATE_LIMIT_EXCEEDED"]
    wait(shop.database, 14)
    assert (await login(visitor, ada.email)).status == TOO_MANY
    wait(shop.database, 1)
    (await login(visitor, ada.email)).data()
    statuses = [(await login(visitor, ada.email, "wrong password")).status for _ in range(6)]
    assert statuses == [WRONG] * 5 + [TOO_MANY]


async def test_who_logs_in_is_forgiven_earlier_guesses(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)

    for _ in range(3):
        for _ in range(4):
            (await login(visitor, ada.email, "wrong password")).problem(WRONG)
        (await login(visitor, ada.email)).data()


@pytest.mark.parametrize("headers", [("x-forwarded-for", "10.9.8.{}"), ("forwarded", "for=10.9.8.{}")])
async def test_another_spelling_is_no_other_account(
    workshops: Workshops, monkeypatch: pytest.MonkeyPatch, headers: tuple[str, str]
) -> None:
    """The case of the address, white space, and what a client says of its own address help nobody."""
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    email = ada.email
    spellings = [
        email.upper(),
        f" {email}",
        email.title(),
        f"{email}\t",
        email.swapcase(),
        email,
        email.capitalize(),
    ]

    with judging(monkeypatch) as judged:
        for n, spelling in enumerate(spellings):
            body = {"email": spelling, "password": "wrong password"}
            await visitor.post(LOGIN, body, headers=[(headers[0], headers[1].format(n))])

    assert judged.count == MOST_PER_ACCOUNT


async def test_accounts_that_do_not_exist_wait_as_others_do(workshops: Workshops) -> None:
    """Otherwise the wait would tell which exist."""
    visitor = somewhere(workshops().api)

    statuses = [(await login(visitor, "nobody@throttled.example")).status for _ in range(7)]

    assert statuses == [WRONG] * 5 + [TOO_MANY] * 2


async def test_the_older_address_counts_the_same_guesses(workshops: Workshops) -> None:
    """S1-006."""
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    body = {"username": ada.email.upper(), "password": "wrong password"}

    for _ in range(3):
        (await visitor.post("/api/admin/auth/login", body)).problem(WRONG)
        await login(visitor, ada.email, "wrong password")

    (await visitor.post("/api/admin/auth/login", body)).problem(TOO_MANY)


async def test_an_address_guesses_at_many_accounts_only_so_often(
    alone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all addresses of one IPv6 network are one."""
    async with running(alone) as application:
        visitor, ada = person_of(application, alone)
        hosts = [replace(visitor, peer=f"2001:db8:0:1::{n:x}") for n in range(1, MOST_PER_ADDRESS + 4)]

        with judging(monkeypatch) as judged:
            answers = await asyncio.gather(
                *(login(at, f"person{n}@many.example") for n, at in enumerate(hosts))
            )
            blocked = await login(hosts[0], ada.email)
            neighbour = await login(replace(visitor, peer="2001:db8:0:2::1"), ada.email)

    statuses = [each.status for each in answers]
    assert (statuses.count(WRONG), statuses.count(TOO_MANY)) == (MOST_PER_ADDRESS, 3)
    blocked.problem(TOO_MANY)
    neighbour.data()
    assert judged.count == MOST_PER_ADDRESS + 1
    # Nobody was locked out by guesses that were not judged.
    assert attempts(alone).count(1) == MOST_PER_ADDRESS


async def test_two_servers_count_together(alone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(alone) as one, running(alone) as other:
        visitor, ada = person_of(one, alone)
        twin = replace(visitor, application=other)

        with judging(monkeypatch) as judged:
            await asyncio.gather(
                *(login(at, ada.email, f"wrong {n}") for n in range(10) for at in (visitor, twin))
            )

    assert judged.count == MOST_PER_ACCOUNT


async def test_where_nothing_can_be_counted_nothing_is_judged(
    alone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Login fails closed."""
    async with running(alone) as application:
        visitor, ada = person_of(application, alone)
        with psycopg.connect(alone) as connection:
            connection.execute("ALTER TABLE login_attempts RENAME TO login_attempts_gone")

        with judging(monkeypatch) as judged:
            answer = await login(visitor, ada.email)

    assert (answer.status, judged.count) == (500, 0)
    assert answer.header("set-cookie") is None


async def test_what_nobody_had_time_to_judge_is_no_guess(alone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB, so that those who come when too many wait are sent away."""
    async with running(alone) as application:
        visitor, ada = person_of(application, alone)
        with judging(monkeypatch) as judged, monkeypatch.context() as within:
            within.setattr(passwords, "_MOST_WAITING", 0)
            statuses = [(await login(visitor, ada.email)).status for _ in range(MOST_PER_ACCOUNT + 1)]

        assert (statuses, judged.count) == ([503] * (MOST_PER_ACCOUNT + 1), 0)
        assert attempts(alone) == [0, 0]
        (await login(visitor, ada.email)).data()


async def test_guesses_that_count_no_more_are_swept_away(alone: str) -> None:
    async with running(alone) as application:
        visitor, ada = person_of(application, alone)
        for _ in range(2):
            await login(visitor, ada.email, "wrong password")
        driver = driver_of(application)

        assert await sweep(driver) == 0
        assert attempts(alone) == [2, 2]
        wait(alone)
        assert await sweep(driver) == 2

    assert attempts(alone) == []


async def test_no_address_and_no_account_can_be_read_in_what_is_counted(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    await login(visitor, ada.email, "wrong password")

    with psycopg.connect(shop.database) as connection:
        keys = [row[0] for row in connection.execute("SELECT key FROM login_attempts")]

    assert keys
    assert all(len(key.partition(":")[2]) == 64 for key in keys)
    assert not [key for key in keys if visitor.peer in key or "people.example" in key]


async def test_whoever_has_a_session_cannot_guess_either(
    workshops: Workshops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stolen session is no way to find the password out."""
    shop = workshops()
    ada = join(shop, Role.OWNER)
    stolen = replace(ada.session, peer=somewhere(shop.api).peer)
    before = shop.stored.row("users", ada.user)

    with judging(monkeypatch) as judged:
        found = [
            await stolen.post(path, {"password": "twelve or more", **more})
            for path, more in [
                ("/api/v1/auth/password", {"current_password": "wrong password"}),
                ("/api/v1/auth/totp", {}),
                ("/api/v1/auth/totp/disable", {}),
                ("/api/v1/auth/recovery-codes", {}),
                ("/api/v1/auth/totp", {}),
                ("/api/v1/auth/totp", {}),
                ("/api/v1/auth/password", {"current_password": PASSWORD}),
            ]
        ]

    assert [each.status for each in found] == [422] * 5 + [TOO_MANY] * 2
    assert judged.count == MOST_PER_ACCOUNT
    assert shop.stored.row("users", ada.user) == before


async def test_a_query_is_answered_while_logins_wait(workshops: Workshops) -> None:
    shop = workshops()
    ada = join(shop, Role.OWNER)
    visitor = somewhere(shop.api)
    for _ in range(5):
        await login(visitor, ada.email, "wrong password")

    found = await graphql(replace(ada.session, peer=visitor.peer), "{ viewer { user { rowId } } }")

    assert found.json()["data"]["viewer"]["user"]["rowId"] == ada.user
