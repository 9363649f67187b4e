"""Where the type of a problem leads: a page for people, and the same as data and as text."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from rest.discovery.pages import IN_PAYLOADS
from schema import payloads
from services.catalog import CATALOG
from services.engine.errors import CATALOGUE, ProblemType
from services.engine.validate import ERROR_CODES
from tests.support.client import Answer, Client
from tests.support.described import Described

every_kind = pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: str(kind.slug))


class _Page(HTMLParser):
    """What a browser would make of a page: its tags in their order, what they lead to, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that opens, and its attributes."""
        if tag not in ("meta", "link"):
            self.open.append(tag)
        self.attributes += [(tag, *each) for each in attrs]

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the words."""
        self.words.append(data)


async def page(api: Client, path: str, accept: str) -> Answer:
    """Return a page in the form that is asked for."""
    answer = await api.using(None).get(path, headers=[("accept", accept)])
    assert answer.status == 200
    assert (answer.header("content-type") or "").startswith(accept)
    return answer


@every_kind
async def test_a_page_tells_people_what_it_means_and_what_to_do(api: Client, kind: ProblemType) -> None:
    """RFC 9457, section 3.1.1."""
    found = _Page((await page(api, f"/problems/{kind.slug}", "text/html")).body.decode())

    words = "".join(found.words)
    for told in (kind.title, kind.slug, str(kind.status), kind.meaning, kind.remedy, kind.code):
        assert told.replace("`", "") in words
    assert found.open == []


@every_kind
async def test_a_page_loads_nothing_but_its_icon(api: Client, kind: ProblemType) -> None:
    answer = await page(api, f"/problems/{kind.slug}", "text/html")

    text = answer.body.decode()
    policy = answer.header("content-security-policy") or ""
    style = re.findall(r"<style>(.*?)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1
    assert policy.startswith("default-src 'none'; frame-ancestors 'none';")
    assert policy.endswith(f"style-src 'sha256-{digest}'")
    found = _Page(text)
    assert "script" not in [tag for tag, *_ in found.attributes]
    places = {value for _, name, value in found.attributes if name in ("href", "src")}
    assert places == {"/favicon.ico", "/problems"}
    assert not {name for _, name, _ in found.attributes} & {"style", "onclick", "onload"}


@every_kind
async def test_a_page_is_data_for_programs(api: Client, kind: ProblemType, described: Described) -> None:
    """Its example is a problem as the surface describes it."""
    found = (await page(api, f"/problems/{kind.slug}", "application/json")).data()

    told = {name: found[name] for name in ("code", "title", "status", "meaning", "remedy")}
    assert told == {
        "code": kind.slug,
        "title": kind.title,
        "status": kind.status,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
    }
    assert found["example"]["type"] == found["type"] == f"http://api.example.com/problems/{kind.slug}"
    assert described.faults({"$ref": "#/components/schemas/ErrorResponse"}, _plain(found["example"])) == []
    assert found["surfaces"]["rest"] == {"status": kind.status}
    assert found["surfaces"]["graphql"]["code"] == kind.code


@every_kind
async def test_a_page_is_text_for_models(api: Client, kind: ProblemType) -> None:
    text = (await page(api, f"/problems/{kind.slug}", "text/markdown")).body.decode()

    assert text.startswith(f"# {kind.title}\n")
    assert f"## What to do\n\n{kind.remedy}\n" in text


async def test_the_codes_of_fields_stand_with_the_problem_that_has_them(api: Client) -> None:
    """S3-268 to S3-270."""
    found = (await page(api, "/problems/validation-failed", "application/json")).data()

    assert found["codes"] == ERROR_CODES
    text = (await page(api, "/problems/validation-failed", "text/html")).body.decode()
    assert all(f"<td><code>{code}</code></td>" in text for code in ERROR_CODES)
    assert "codes" not in (await page(api, "/problems/conflict", "application/json")).data()


async def test_all_of_them_are_listed(api: Client) -> None:
    found = (await page(api, "/problems", "application/json")).json()["data"]
    text = (await page(api, "/problems", "text/html")).body.decode()

    assert [each["code"] for each in found] == [str(slug) for slug in CATALOGUE]
    assert all(f'<a href="/problems/{slug}">{slug}</a>' in text for slug in CATALOGUE)


async def test_there_is_no_page_of_what_is_no_problem(api: Client) -> None:
    for path in ("/problems/nothing", "/problems/Not-Found", "/problems/not-found/x"):
        (await api.using(None).get(path)).problem(404)


def test_the_pages_know_what_graphql_tells_in_payloads() -> None:
    assert set(IN_PAYLOADS) == set(payloads.IN_PAYLOADS)


@pytest.fixture(scope="module")
def described() -> Described:
    return Described(CATALOG)


def _plain(example: dict[str, object]) -> dict[str, object]:
    """Return a problem without the members that are only in some of them."""
    return {name: value for name, value in example.items() if name not in ("limit", "remaining", "reset_at")}
