"""People under attack: guessing, replaying and stealing what they log in with, and acting by their cookie."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pyotp
import pytest

from diptych.edge import Application
from services import passwords
from services.roles import Role
from services.throttling import MOST_PER_ACCOUNT, MOST_PER_ADDRESS
from tests.attacks.arena import Arena, graphql, refusals
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.logins import LOGIN, judging, logged_in, login, login_by_graphql, somewhere, wait
from tests.support.people import PASSWORD, Person, join
from tests.support.seed import Seed
from tests.support.workshop import Workshop

WRONG = "not the password of anybody"
ORIGIN = "https://app.example"
PROXY = "10.0.0.7"
Shops = Callable[[], Workshop]


@pytest.fixture
def shops(besieged: Application, ground: Seed) -> Shops:
    """What makes workspaces that one test has to itself."""
    return lambda: Workshop(Client(besieged), ground.database)


@pytest.fixture(scope="module")
async def allowing(ground: Seed) -> AsyncIterator[Client]:
    """A server that another origin may call, behind one proxy."""
    changes = {"cors_origins": [ORIGIN], "trusted_proxies": [PROXY], "public_url": "https://api.example"}
    async with running(ground.database, **changes) as application:
        yield Client(application)


def status(answer: Answer) -> int:
    """Return the status of an answer, that of the problem where GraphQL tells it."""
    rest = answer.header("content-type") == "application/problem+json"
    if not rest and (b'"errors":[' in answer.body or b'"problem":{' in answer.body):
        return int(refusals(answer)[0]["status"])
    return answer.status


# Guessing


async def test_varying_what_is_around_a_guess_makes_it_no_other(shops: Shops) -> None:
    """Attack 39: neither case, addresses, headers, members of the body nor the surface."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    guesses = [
        (login, ada.email, {}, []),
        (login, ada.email.upper(), {"workspace": "x"}, [("x-forwarded-for", "1.2.3.4")]),
        (login, ada.email.title(), {"totp_code": "123456"}, [("forwarded", "for=1.2.3.5")]),
        (login_by_graphql, ada.email.upper(), {}, [("x-real-ip", "1.2.3.6")]),
        (login_by_graphql, ada.email, {}, [("x-client-ip", "1.2.3.7")]),
        (login, ada.email, {}, [("x-forwarded-for", "1.2.3.8"), ("x-request-id", "other")]),
        (login_by_graphql, ada.email, {}, []),
        (login, ada.email, {"recovery_code": "x"}, []),
    ]
    told = []
    for ask, email, further, headers in guesses:
        # Each comes from an address of its own, as from a net of hired machines.
        client = somewhere(shop.api)
        if ask is login:
            body = {"email": email, "password": WRONG, **further}
            told.append(status(await client.post(LOGIN, body, headers=headers)))
        else:
            told.append(status(await login_by_graphql(client, email, WRONG)))

    assert told == [401] * MOST_PER_ACCOUNT + [429] * (len(guesses) - MOST_PER_ACCOUNT)
    # The owner waits too, and then comes in.
    assert status(await login(somewhere(shop.api), ada.email)) == 429
    wait(shop.database)
    assert status(await login(somewhere(shop.api), ada.email)) == 200


async def test_an_administrators_door_is_no_second_budget(shops: Shops) -> None:
    """Attacks 21 and 39: the same account by every door, procedure and name."""
    shop = shops()
    ada = join(shop, Role.OWNER, is_platform_admin=True)
    client = somewhere(shop.api)
    for path, name in (
        ("/api/v1/auth/login", "email"),
        ("/api/auth/login", "email"),
        ("/api/v1/admin/auth/login", "username"),
        ("/api/admin/auth/login", "username"),
    ):
        assert (await client.post(path, {name: ada.email, "password": WRONG})).status == 401
    change = {"current_password": WRONG, "password": PASSWORD + "!"}
    assert (await ada.session.post("/api/v1/auth/password", change)).status == 422
    for answer in (
        await client.post("/api/v1/auth/login", {"email": ada.email, "password": PASSWORD}),
        await ada.session.post("/api/v1/auth/password", change),
        await ada.session.post("/api/v1/auth/totp", {"password": PASSWORD}),
    ):
        assert int(answer.problem(429)["retry_after"]) > 1
        assert answer.header("retry-after") is not None


async def test_an_address_tries_many_accounts_so_often_and_no_oftener(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 39: one guess at each of very many accounts is a guess all the same."""
    shop = shops()
    client = somewhere(shop.api)
    with judging(monkeypatch) as judged:
        told = [
            status(await login(client, f"{uuid.uuid4().hex}@people.example", WRONG))
            for _ in range(MOST_PER_ADDRESS + 3)
        ]

    assert told == [401] * MOST_PER_ADDRESS + [429] * 3
    assert judged.count == MOST_PER_ADDRESS


async def test_a_network_of_addresses_is_one_address(shops: Shops) -> None:
    """Attack 39: whoever has an IPv6 address has 2**64 of them."""
    shop = shops()
    told = []
    for n in range(MOST_PER_ADDRESS + 1):
        client = replace(shop.api.using(None), peer=f"2001:db8:aa:bb::{n:x}")
        told.append(status(await login(client, f"{uuid.uuid4().hex}@people.example", WRONG)))

    assert told[-1] == 429
    assert told.count(401) == MOST_PER_ADDRESS


async def test_what_a_client_writes_of_its_address_is_believed_of_no_proxy(
    allowing: Client, shops: Shops
) -> None:
    """Attack 39: not behind the trusted proxy either, whose own word stands last."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    behind = replace(allowing, peer=PROXY)
    told = []
    for n in range(MOST_PER_ACCOUNT + 2):
        headers = [("x-forwarded-for", f"198.51.100.{n}, 203.0.113.77")]
        told.append(
            status(await behind.post(LOGIN, {"email": ada.email, "password": WRONG}, headers=headers))
        )

    assert told == [401] * MOST_PER_ACCOUNT + [429] * 2


async def test_guesses_sent_together_are_counted_one_by_one(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks 21 and 39: as aliases, as a batch and at the same moment."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    client = somewhere(shop.api)
    fields = " ".join(
        f'a{n}: login(input: {{email: "{ada.email}", password: "{WRONG} {n}"}}) {{ problem {{ status }} }}'
        for n in range(12)
    )
    with judging(monkeypatch) as judged:
        await graphql(client, f"mutation {{ {fields} }}")
        batch = [{"query": f"mutation {{ {fields} }}"}] * 3
        await client.post("/graphql", batch)
        await asyncio.gather(*(login(somewhere(shop.api), ada.email, WRONG) for _ in range(20)))

    assert judged.count == MOST_PER_ACCOUNT


# Passwords


@pytest.mark.parametrize("surface", ["REST", "GraphQL"])
async def test_a_megabyte_of_password_is_never_hashed(
    shops: Shops, surface: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 42: 422 before anything is computed; what people can remember is welcome."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    ask = login if surface == "REST" else login_by_graphql
    with judging(monkeypatch) as judged:
        for size in (passwords.LONGEST + 1, 100_000, 1_000_000):
            # Who has no token may send less, so that GraphQL does not even read the largest.
            assert status(await ask(somewhere(shop.api), ada.email, "x" * size)) in (401, 422)
        assert judged.count == 0
        assert status(await ask(somewhere(shop.api), ada.email, "x" * passwords.LONGEST)) == 401
        assert judged.count == 1


async def test_sixty_four_characters_and_more_make_a_password(shops: Shops) -> None:
    """Attack 42."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    for fresh in ("p" * 64, "\U0001f510 " * 100, "x" * passwords.LONGEST):
        session = await logged_in(somewhere(shop.api), ada.email)
        changed = await session.post(
            "/api/v1/auth/password", {"current_password": PASSWORD, "password": fresh}
        )
        assert changed.status == 200
        back = await logged_in(somewhere(shop.api), ada.email, fresh)
        again = {"current_password": fresh, "password": PASSWORD}
        assert (await back.post("/api/v1/auth/password", again)).status == 200


# The second factor


async def enrolled(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Put a second factor in force, and return it with its recovery codes."""
    told = (await person.session.post("/api/v1/auth/totp", {"password": PASSWORD})).data()
    totp = pyotp.TOTP(told["secret"])
    code = totp.at(time.time() - 30)
    found = (await person.session.post("/api/v1/auth/totp/confirm", {"totp_code": code})).data()
    return totp, found["recovery_codes"]


async def test_a_code_opens_once_however_it_is_sent_again(shops: Shops) -> None:
    """Attack 43: one after the other, at the same moment, on the other surface and for another purpose."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    totp, _ = await enrolled(ada)
    code = totp.now()

    first = await asyncio.gather(
        *(login(somewhere(shop.api), ada.email, totp_code=code) for _ in range(4)),
    )
    assert sorted(map(status, first)) == [200, 401, 401, 401]
    wait(shop.database)
    session = shop.api.using(next(each for each in first if each.status == 200).data()["token"])
    assert status(await login_by_graphql(somewhere(shop.api), ada.email, code=code)) == 401
    disable = {"password": PASSWORD, "totp_code": code}
    assert (await session.post("/api/v1/auth/totp/disable", disable)).status == 422
    assert (await session.post("/api/v1/auth/recovery-codes", disable)).status == 422
    # Neither does the code of the step before, once a later one was used.
    assert status(await login(somewhere(shop.api), ada.email, totp_code=totp.at(time.time() - 30))) == 401


async def test_a_recovery_code_opens_once(shops: Shops) -> None:
    """Attack 43."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    _, codes = await enrolled(ada)

    found = await asyncio.gather(
        *(login(somewhere(shop.api), ada.email, recovery_code=codes[0]) for _ in range(4))
    )

    assert sorted(map(status, found)) == [200, 401, 401, 401]


@pytest.mark.parametrize(
    "code",
    [
        "",
        " ",
        "000000 ",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "0000000",
        "-00000",
        "1e5",
        "null",
        "' OR 1=1",
        "x" * 65,
    ],
)
async def test_what_is_no_code_is_wrong_and_no_failure(shops: Shops, code: str) -> None:
    """Attack 43: digits of other scripts, signs and exponents are none."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    await enrolled(ada)

    found = status(await login(somewhere(shop.api), ada.email, totp_code=code))

    assert found in (401, 422)


async def test_guesses_at_codes_are_guesses_at_the_account(shops: Shops) -> None:
    """Attacks 21 and 43: knowing the password gives no more tries."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    totp, _ = await enrolled(ada)
    wrong = "000000" if totp.now() != "000000" else "000001"
    told = [
        status(await login(somewhere(shop.api), ada.email, totp_code=wrong))
        for _ in range(MOST_PER_ACCOUNT + 1)
    ]
    # Nor is the count undone by asking without a code, or for a workspace that is none's.
    await login(somewhere(shop.api), ada.email)
    told.append(status(await login(somewhere(shop.api), ada.email, totp_code=totp.now())))

    assert told == [401] * MOST_PER_ACCOUNT + [429, 429]


# Sessions


async def test_another_password_ends_what_was_stolen(shops: Shops) -> None:
    """Attacks 22 and 27, promise 22: all other sessions, and what was made of them to outlast them."""
    shop = shops()
    ada = join(shop, Role.OWNER)
    mine, stolen = (
        await logged_in(somewhere(shop.api), ada.email),
        await logged_in(somewhere(shop.api), ada.email),
    )
    own = (await stolen.get("/api/v1/whoami")).data()["token"]["id"]
    shop.holder("all:write")

    turned = await stolen.post(f"/api/v1/tokens/{own}/rotate", {})
    by_graphql = f'mutation {{ rotateToken(id: "{own}") {{ rawToken problem {{ status }} }} }}'
    turned_too = await graphql(stolen, by_graphql)
    refreshed = stolen.using((await stolen.post("/api/v1/auth/refresh", {})).data()["token"])
    change = {"current_password": PASSWORD, "password": PASSWORD + " and more"}
    assert (await mine.post("/api/v1/auth/password", change)).data()["sessions_ended"] >= 1

    assert turned.problem(409)["code"] == "conflict"
    assert status(turned_too) == 409
    for each in (stolen, refreshed):
        assert (await each.get("/api/v1/brands")).status == 401
        assert (await graphql(each, "{ viewer { __typename } }")).status == 401
        assert (await each.post("/api/v1/auth/refresh", {})).status == 401
    assert (await mine.get("/api/v1/brands")).status == 200


async def test_nobody_turns_the_session_of_another_into_their_own(shops: Shops) -> None:
    """Attack 24: rotation answers with a token, and a session belongs to its user."""
    shop = shops()
    owner, ada = join(shop, Role.OWNER), join(shop, Role.MEMBER)
    shop.holder("all:write")
    own = shop.id_of(ada.session)

    answer = await owner.session.post(f"/api/v1/tokens/{own}/rotate", {})

    assert answer.problem(409)["code"] == "conflict"
    assert (await ada.session.get("/api/v1/whoami")).data()["user"]["id"] == ada.user


async def test_a_refreshed_token_shown_again_ends_the_session(shops: Shops) -> None:
    """RFC 9700, section 4.14.2: thief and owner alike have to log in anew."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    first = await logged_in(somewhere(shop.api), ada.email)
    second = first.using((await first.post("/api/v1/auth/refresh", {})).data()["token"])
    assert (await first.get("/api/v1/brands")).status == 401

    assert (await first.post("/api/v1/auth/refresh", {})).status == 401

    assert (await second.get("/api/v1/brands")).status == 401


async def test_a_kept_answer_is_not_told_to_another_user(shops: Shops) -> None:
    """Attack 18: what a procedure allows depends on who asks, so its replay does as well."""
    shop = shops()
    boss, ada = join(shop, Role.OWNER, is_platform_admin=True), join(shop, Role.OWNER)
    promoted = join(shop, Role.MEMBER)
    key = [("idempotency-key", uuid.uuid4().hex)]
    body = {"email": promoted.email}
    first = await boss.session.post("/api/v1/admin/administrators", body, headers=key)

    answer = await ada.session.post("/api/v1/admin/administrators", body, headers=key)

    assert first.status == 200
    assert answer.status in (403, 422)
    assert promoted.user not in answer.body.decode()


# Cookies


def cookie(client: Client, *, name: str = "access_token") -> tuple[str, str]:
    return "cookie", f"theme=dark; {name}={client.token}"


FOREIGN = [
    None,
    "null",
    "https://evil.example",
    "https://api.example.com.evil.example",
    "http://api.example.com:81",
    "https://xapi.example.com",
    "",
    "http://api.example.com, https://evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("site", [None, "cross-site", "same-site", "none"])
async def test_no_foreign_page_acts_with_a_cookie(shops: Shops, origin: str | None, site: str | None) -> None:
    """Cross-site request forgery, S1-008: on both surfaces, by every method that writes; nothing changes."""
    shop = shops()
    ada = join(shop, Role.OWNER)
    anonymous = shop.api.using(None)
    headers: list[tuple[str, str | bytes]] = [cookie(ada.session)]
    headers += [("origin", origin)] if origin is not None else []
    headers += [("sec-fetch-site", site)] if site is not None else []
    document = {"query": 'mutation { createBrand(input: {name: "X"}) { replayed } }'}
    with shop.stored.unchanged():
        for answer in (
            await anonymous.post("/api/v1/brands", {"name": "X"}, headers=headers),
            await anonymous.put(f"/api/v1/brands/{uuid.uuid4()}", {}, headers=headers),
            await anonymous.delete(f"/api/v1/brands/{uuid.uuid4()}", headers=headers),
            await anonymous.post("/api/v1/auth/logout", {}, headers=headers),
            await anonymous.post("/api/v1/auth/refresh", {}, headers=headers),
            await anonymous.post("/graphql", document, headers=headers),
            await anonymous.post(
                "/graphql", {"query": "mutation { logout { problem { status } } }"}, headers=headers
            ),
        ):
            assert answer.status == 403, answer.body
            assert answer.header("set-cookie") is None
    assert (await ada.session.get("/api/v1/brands")).status == 200


async def test_one_s_own_page_acts_with_a_cookie(shops: Shops) -> None:
    shop = shops()
    ada = join(shop, Role.OWNER)
    anonymous = shop.api.using(None)
    for further in ([("origin", "http://api.example.com")], [("sec-fetch-site", "same-origin")]):
        for name in ("access_token", "sessionid"):
            sent = [cookie(ada.session, name=name), *further]
            made = await anonymous.post("/api/v1/brands", {"name": f"B {uuid.uuid4()}"}, headers=sent)
            assert made.status == 201, made.body


async def test_a_page_in_the_clear_does_not_act_on_an_encrypted_server(
    allowing: Client, shops: Shops
) -> None:
    """A network that forges http://api.example has no way to https://api.example."""
    shop = shops()
    ada = join(shop, Role.OWNER)
    over_tls = replace(allowing, scheme="https")
    body = {"name": f"B {uuid.uuid4()}"}
    for origin, expected in ((ORIGIN, 201), ("http://api.example.com", 403), ("http://api.example", 403)):
        sent = [cookie(ada.session), ("origin", origin)]
        assert (await over_tls.post("/api/v1/brands", body, headers=sent)).status == expected, origin


async def test_a_cookie_of_another_token_is_no_token(shops: Shops) -> None:
    """Attack 41: a cookie planted beside a token, or beside another cookie, decides nothing."""
    shop = shops()
    ada, eve = join(shop, Role.OWNER), join(shop, Role.MEMBER)
    own = [("origin", "http://api.example.com")]
    both = ("cookie", f"access_token={eve.session.token}; access_token={ada.session.token}")
    with shop.stored.unchanged():
        beside = await ada.session.post("/api/v1/brands", {"name": "X"}, headers=[cookie(eve.session), *own])
        double = await shop.api.using(None).post("/api/v1/brands", {"name": "X"}, headers=[both, *own])

    assert (beside.status, double.status) == (400, 400)


async def test_a_browser_is_told_to_keep_the_cookie_to_itself(allowing: Client, shops: Shops) -> None:
    """S1-008: no script reads it, no other site sends it, and it never travels in the clear."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    for scheme in ("https", "http"):
        client = replace(somewhere(allowing), scheme=scheme)
        told = (await login(client, ada.email)).header("set-cookie") or ""
        assert "; HttpOnly" in told
        assert "; SameSite=Lax" in told
        assert "Domain" not in told
        assert ("; Secure" in told) == (scheme == "https")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_no_form_of_another_site_logs_anybody_in(shops: Shops, content_type: str) -> None:
    """Attack 46: what a page may send unasked is no login, so nobody is put into another's session."""
    shop = shops()
    ada = join(shop, Role.MEMBER)
    body = f'{{"email":"{ada.email}","password":"{PASSWORD}"}}'.encode()
    headers = [("content-type", content_type), ("origin", "https://evil.example")]
    for target in (LOGIN, "/api/admin/auth/login", "/graphql"):
        answer = await somewhere(shop.api).request("POST", target, headers=headers, body=body)
        assert answer.status in (401, 415), target
        assert answer.header("set-cookie") is None


# Without a token


async def test_a_visitor_s_document_runs_nothing_but_what_is_public(arena: Arena) -> None:
    """Attack 28: a public field in a document opens none of the others."""
    public = 'login(input: {email: "a@b.example", password: "x"}) { problem { status } }'
    client = somewhere(arena.anybody)
    for document in (
        f'mutation {{ {public} createBrand(input: {{name: "X"}}) {{ replayed }} }}',
        f'mutation {{ createBrand(input: {{name: "X"}}) {{ replayed }} {public} }}',
        f"mutation {{ ...F }} fragment F on Mutation {{ {public} logout {{ problem {{ status }} }} }}",
        f"mutation {{ __schema {{ types {{ name }} }} {public} }}",
        f"query {{ __schema {{ types {{ name }} }} }} mutation M {{ {public} }}",
    ):
        with arena.untouched():
            answer = await graphql(client, document)
        assert answer.status == 401, (document, answer.body)
        assert b"Brand" not in answer.body


async def test_whether_an_account_exists_is_told_by_no_code_and_no_word(shops: Shops) -> None:
    """Attacks 21 and 25: a known address, an unknown one, a disabled one and one without a password."""
    from datetime import UTC, datetime

    shop = shops()
    people: dict[str, dict[str, Any]] = {
        "known": {},
        "disabled": {"disabled_at": datetime.now(UTC)},
        "without": {"password_hash": None},
        "deleted": {"deleted_at": datetime.now(UTC)},
    }
    emails = [join(shop, Role.MEMBER, **values).email for values in people.values()]
    told = set()
    for email in (*emails, f"{uuid.uuid4().hex}@people.example", "no address at all"):
        problem = (await login(somewhere(shop.api), email, WRONG)).problem(401)
        told.add(str({**problem, "request_id": ""}))
    assert len(told) == 1
