"""The API reference: whole, self-contained, fit for its content security policy, and kept by browsers."""

import gzip
import re
from pathlib import Path

import pytest

from diptych.reference import ASSETS_PATH, CONTENT_SECURITY_POLICY, asset, page
from tests.support.application import running
from tests.support.client import Client

STATIC = Path(__file__).parents[2] / "diptych" / "static"
GZIPPED = [("accept-encoding", "gzip, deflate, br")]


def links() -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page().decode())


def files() -> list[str]:
    return ["/" + link for link in links() if link.startswith(ASSETS_PATH[1:])]


@pytest.mark.parametrize("alias", ["/docs/", "/api/docs", "/api/v1/docs"])
async def test_every_address_leads_to_the_one_page(api: Client, alias: str) -> None:
    """C-79."""
    led = await api.using(None).get(alias)

    assert (led.status, led.header("location")) == (308, "/docs")


async def test_the_page_needs_no_token_and_names_its_policy(api: Client) -> None:
    """C-61."""
    found = await api.using(None).get("/docs")

    assert (found.status, found.body) == (200, page())
    assert found.header("content-type") == "text/html; charset=utf-8"
    assert found.header("content-security-policy") == CONTENT_SECURITY_POLICY
    again = await api.get("/docs", headers=[("if-none-match", found.header("etag") or "")])
    assert (again.status, again.body) == (304, b"")
    assert again.header("content-security-policy") == CONTENT_SECURITY_POLICY


async def test_every_file_of_both_pages_is_kept_for_good_at_the_address_that_names_its_version(
    database: str,
) -> None:
    async with running(database, env="dev") as application:
        client = Client(application, None)
        other = (await client.get("/graphql", headers=[("accept", "text/html")])).body.decode()
        linked = {*files(), *("/" + link for link in re.findall(r'(?:src|href)="(\w+/assets/[^"]+)"', other))}
        assert len(linked) == 12
        for link in linked:
            await assert_kept(client, link)


async def assert_kept(client: Client, link: str) -> None:
    found = await client.get(link)
    assert (found.status, "immutable" in (found.header("cache-control") or "")) == (200, True), link
    plain = await client.get(link.partition("?")[0])
    assert (plain.body, plain.header("cache-control")) == (found.body, "public, no-cache")
    if len(found.body) >= 1_024:
        packed = await client.get(link, headers=GZIPPED)
        assert packed.header("content-encoding") == "gzip"
        assert gzip.decompress(packed.body) == found.body
        assert packed.header("etag") != found.header("etag")


def test_the_page_has_no_inline_code_or_style() -> None:
    html = page().decode()

    assert re.findall(r"<script[^>]*>(?!</script>)", html) == []
    assert "<style" not in html
    assert re.findall(r"\s(?:style|on\w+)=", html) == []


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert [link for link in links() if link.startswith(("http:", "https:", "//"))] == []
    for name in ("swagger-ui.css", "docs.css", "token.css"):
        found = asset(name)
        assert found is not None
        assert set(re.findall(rb"url\(['\"]?([a-z]+:)", found[0])) <= {b"data:"}
        assert b"@import" not in found[0]


def test_the_policy_allows_nothing_inline() -> None:
    directives = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))

    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("name", ["docs.html", "..%2Freference.py", "nothing", "docs.js/x"])
async def test_other_names_are_no_files(api: Client, name: str) -> None:
    (await api.using(None).get(ASSETS_PATH + name)).problem(404)


def test_the_vendored_files_stay_small_and_carry_their_licences() -> None:
    found = asset("LICENSES.txt")

    assert found is not None
    assert b"swagger-ui-dist 5.35.0" in found[0]
    assert b"Apache License" in found[0]
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < 2_000_000
    assert b"sourceMappingURL" not in b"".join(
        (asset(f"swagger-ui{end}") or (b"",))[0] for end in ("-bundle.js", ".css")
    )
