"""Cookies as credentials: which token counts, and whose pages may act with it (C-02, promise 23)."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from db.embedded import Embedded
from services.roles import Role
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.databases import copied
from tests.support.logins import login, somewhere
from tests.support.people import PASSWORD, Person, join
from tests.support.workshop import Workshop

ALLOWED, PUBLIC, OWN = "https://app.example.com", "https://public.example", "http://api.example.com"
BRANDS = "/api/v1/brands"
CREATE = 'mutation { createBrand(input: {name: "B"}) { brand { id } problem { status } } }'


@dataclass(frozen=True, slots=True)
class Browser:
    """A visitor whose only credential is a cookie."""

    shop: Workshop
    ada: Person
    visitor: Client
    token: str

    def cookie(self, name: str = "access_token", value: str = "") -> tuple[str, str]:
        return ("cookie", f"theme=dark; {name}={value or self.token}; lang=en")

    async def create(self, surface: str, *headers: tuple[str, str]) -> Answer:
        """Make a brand over REST or GraphQL."""
        if surface == "rest":
            return await self.visitor.post(BRANDS, {"name": "B"}, headers=headers)
        return await self.visitor.post("/graphql", {"query": CREATE}, headers=headers)

    def brands(self) -> int:
        return len(self.shop.stored.rows("brands", self.shop.id, "workspace_id"))


@pytest.fixture(scope="module")
async def browser(postgres: Embedded, migrated_template: str) -> AsyncIterator[Browser]:
    database = copied(postgres, migrated_template)
    async with running(database, cors_origins=[ALLOWED], public_url=f"{PUBLIC}/base") as application:
        shop = Workshop(Client(application), database)
        ada = join(shop, Role.OWNER)
        visitor = somewhere(shop.api)
        yield Browser(shop, ada, visitor, (await login(visitor, ada.email)).data()["token"])


def refused(answer: Answer) -> bool:
    """Tell whether an answer is the refusal of an origin, in the shape of its surface."""
    found = answer.json()
    problem = found["errors"][0]["extensions"]["problem"] if "errors" in found else found
    return answer.status == 403 and problem["code"] == "origin-refused"


@pytest.mark.parametrize("surface", ["rest", "graphql"])
@pytest.mark.parametrize(
    "told",
    [
        [("origin", OWN)],
        [("origin", ALLOWED)],
        [("origin", PUBLIC)],
        [("sec-fetch-site", "same-origin")],
        [("origin", OWN), ("sec-fetch-site", "same-origin")],
    ],
)
async def test_pages_of_our_own_and_allowed_origins_may_write(
    browser: Browser, surface: str, told: list[tuple[str, str]]
) -> None:
    before = browser.brands()

    answer = await browser.create(surface, browser.cookie(), *told)

    assert answer.status in (200, 201)
    assert browser.brands() == before + 1


@pytest.mark.parametrize("surface", ["rest", "graphql"])
@pytest.mark.parametrize(
    "told",
    [
        [],
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", "https://api.example.com")],
        [("origin", "http://api.example.com.evil.example")],
        [("origin", "http://api.example.com:8080")],
        [("origin", "")],
        [("origin", f"{OWN}, https://evil.example")],
        [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        [("sec-fetch-site", "same-site")],
        [("sec-fetch-site", "none")],
        [("referer", f"{OWN}/page")],
        [("x-forwarded-host", "evil.example"), ("origin", "http://evil.example")],
        [("origin", "://")],
    ],
)
async def test_pages_of_anybody_else_may_not(
    browser: Browser, surface: str, told: list[tuple[str, str]]
) -> None:
    before = browser.shop.stored.content()

    answer = await browser.create(surface, browser.cookie(), *told)

    assert refused(answer)
    assert browser.shop.stored.content() == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_that_may_write_is_guarded(browser: Browser, method: str) -> None:
    headers = [browser.cookie(), ("origin", "https://evil.example"), ("content-type", "application/json")]

    answer = await browser.visitor.request(
        method, f"{BRANDS}/{uuid.uuid4()}", headers=headers, body=b'{"name": "B"}'
    )

    assert refused(answer)


async def test_reading_needs_no_origin(browser: Browser) -> None:
    """Other pages may cause it, and yet not see what comes of it."""
    for headers in ([browser.cookie()], [browser.cookie(), ("origin", "https://evil.example")]):
        answer = await browser.visitor.get(BRANDS, headers=headers)
        over_graphql = await browser.visitor.get("/graphql?query={viewer{scopes}}", headers=headers)

        assert (answer.status, over_graphql.status) == (200, 200)
        assert answer.header("access-control-allow-origin") is None


async def test_a_header_with_the_same_token_needs_no_origin(browser: Browser) -> None:
    """No page can make a browser send it."""
    for name, value in (("authorization", f"Bearer {browser.token}"), ("x-api-key", browser.token)):
        answer = await browser.create("rest", browser.cookie(), (name, value))

        assert answer.status == 201


async def test_two_tokens_are_one_too_many(browser: Browser) -> None:
    """C-02."""
    other = browser.shop.holder("all:write").token or ""
    before = browser.brands()

    for headers in (
        [browser.cookie(), ("authorization", f"Bearer {other}")],
        [browser.cookie(), ("x-api-key", other)],
        [browser.cookie(), ("cookie", f"access_token={other}"), ("origin", OWN)],
    ):
        answer = await browser.visitor.post(BRANDS, {"name": "B"}, headers=headers)
        assert "another token" in answer.problem(400)["detail"]

    assert browser.brands() == before


async def test_the_older_name_of_the_cookie_is_read_too(browser: Browser) -> None:
    answer = await browser.visitor.get("/api/v1/whoami", headers=[browser.cookie("sessionid")])

    assert answer.data()["user"]["id"] == browser.ada.user


async def test_cookies_of_other_applications_are_nobodys_business(browser: Browser) -> None:
    """Neither do they stand in the way of a token, nor are they one."""
    foreign = ("cookie", "sessionid=abc123; access_token=eyJhbGciOi.J9.x")

    alone = await browser.visitor.get("/api/v1/whoami", headers=[foreign])
    beside = await browser.visitor.using(browser.token).get("/api/v1/whoami", headers=[foreign])
    both = await browser.visitor.get(
        "/api/v1/whoami", headers=[("cookie", f"sessionid=abc; access_token={browser.token}")]
    )

    assert (alone.status, beside.status, both.status) == (401, 200, 200)


async def test_a_cookie_goes_over_tls_alone_where_it_came_by_tls(browser: Browser) -> None:
    secure = replace(browser.visitor, scheme="https")

    answer = await login(secure, browser.ada.email)

    token = answer.data()["token"]
    assert answer.header("set-cookie") == (
        f"access_token={token}; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax; Secure"
    )


async def test_nobody_is_logged_out_or_refreshed_by_another_page(browser: Browser) -> None:
    told = await login(browser.visitor, browser.ada.email)
    cookie = browser.cookie(value=told.data()["token"])

    for path in ("/api/v1/auth/logout", "/api/v1/auth/refresh", "/api/v1/auth/login"):
        body = {"email": browser.ada.email, "password": PASSWORD} if path.endswith("login") else {}
        answer = await browser.visitor.post(path, body, headers=[cookie, ("origin", "https://evil.example")])
        assert refused(answer)

    assert (await browser.visitor.get("/api/v1/whoami", headers=[cookie])).status == 200


async def test_a_login_takes_json_alone_so_that_no_form_can_send_it(browser: Browser) -> None:
    body = f'{{"email": "{browser.ada.email}", "password": "{PASSWORD}"}}'.encode()

    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await browser.visitor.request(
            "POST", "/api/v1/auth/login", headers=[("content-type", kind)], body=body
        )
        answer.problem(415)
        assert answer.header("set-cookie") is None


async def test_a_stale_cookie_does_not_keep_anybody_from_logging_in(browser: Browser) -> None:
    told = await login(browser.visitor, browser.ada.email)
    stale = browser.visitor.using(told.data()["token"])
    await stale.post("/api/v1/auth/logout", {})
    headers = [browser.cookie(value=str(stale.token)), ("origin", OWN)]
    body = {"email": browser.ada.email, "password": PASSWORD}

    answer = await browser.visitor.post("/api/v1/auth/login", body, headers=headers)
    mutation = (
        f'mutation {{ login(input: {{email: "{browser.ada.email}", password: "{PASSWORD}"}}) {{ token }} }}'
    )
    over_graphql = await browser.visitor.post("/graphql", {"query": mutation}, headers=headers)

    answer.data()
    assert over_graphql.json()["data"]["login"]["token"]


async def test_an_api_token_in_a_cookie_is_a_token_like_others(browser: Browser) -> None:
    raw = browser.shop.holder("brands:write").token or ""

    allowed = await browser.create("rest", browser.cookie(value=raw), ("origin", OWN))
    guarded = await browser.create("rest", browser.cookie(value=raw))

    assert (allowed.status, refused(guarded)) == (201, True)
