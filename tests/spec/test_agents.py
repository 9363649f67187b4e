"""Agents endpoint (S3.35): one text from which a language model can use everything, served and true."""

import gzip
import json
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.catalog import Catalog
from tests.contracts.code import ROOT
from tests.docs.reading import shows
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed
from tests.support.workshop import Workshop, graphql

PATH = "/api/v1/agents"
TEXT = (ROOT / "docs" / "API.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)\n```", re.S)
BODY = re.compile(r"^#### (\w+)$.*?(?=^#### |\Z)", re.M | re.S)
CREATING = re.compile(r"^To create: `(.*)`$", re.M)


async def test_it_is_the_committed_text_and_needs_no_token(api: Client) -> None:
    """S3-329 to S3-331, S3-252."""
    answer = await api.using(None).get(PATH)

    assert answer.status == 200
    assert answer.header("content-type") == "text/markdown; charset=utf-8"
    assert answer.body.decode() == TEXT
    assert TEXT.startswith("# Diptych API\n")
    assert "## Authentication" in TEXT
    assert "## Endpoints" in TEXT


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/markdown", "text/markdown; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/*", "text/markdown; charset=utf-8"),
        ("text/plain, text/markdown;q=0.5", "text/plain; charset=utf-8"),
        ("application/json;q=0.9, */*;q=0.1", "text/markdown; charset=utf-8"),
    ],
)
async def test_it_is_plain_text_for_whoever_asks_for_that(api: Client, accept: str, kind: str) -> None:
    answer = await api.using(None).get(PATH, headers=[("accept", accept)])

    assert answer.header("content-type") == kind
    assert answer.body.decode() == TEXT


async def test_it_is_nothing_else(api: Client) -> None:
    (await api.using(None).get(PATH, headers=[("accept", "application/json")])).names(406, "text/markdown")
    (await api.using(None).get(f"{PATH}?module=commerce")).names(400, "query")
    (await api.using(None).get(f"{PATH}/commerce/orders")).problem(401)
    assert (await api.using(None).request("OPTIONS", PATH)).header("allow") == "GET, HEAD, OPTIONS"
    (await api.post(PATH, {})).problem(405)


async def test_it_is_compressed_and_not_sent_again(api: Client) -> None:
    packed = await api.using(None).get(PATH, headers=[("accept-encoding", "gzip")])
    plain = await api.using(None).get(PATH)

    assert gzip.decompress(packed.body).decode() == TEXT
    assert len(packed.body) < len(plain.body) / 3
    for known in (packed, plain):
        asked = [("if-none-match", known.header("etag") or "")]
        if known is packed:
            asked.append(("accept-encoding", "gzip"))
        again = await api.using(None).get(PATH, headers=asked)
        assert (again.status, again.body, again.header("etag")) == (304, b"", known.header("etag"))
    head = await api.using(None).request("HEAD", PATH)
    assert (head.status, head.header("etag")) == (200, plain.header("etag"))


async def test_an_address_may_read_it_so_often_a_minute(seed: Seed) -> None:
    """S3-252, S3-329: the address pays, and only its own requests count."""
    async with running(seed.database, limits="on", address_limit=3) as application:
        client = Client(application, peer="198.51.100.7")
        answers = [await client.get(PATH) for _ in range(4)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[0].header("ratelimit-policy") == "3;w=60"
        assert answers[3].problem(429)["code"] == "rate-limit-exceeded"
        assert (await Client(application, peer="198.51.100.8").get(PATH)).status == 200


async def test_its_examples_work_one_after_the_other(workshops: Callable[[], Workshop]) -> None:
    """S3-332: every command and every document, as they stand there."""
    client = workshops().holder("all:write")
    known = {"API": "", "TOKEN": client.token or ""}
    run = {"sh": 0, "graphql": 0, "json": 0}
    answer = None
    for language, text in BLOCK.findall(TEXT):
        run[language] += 1
        if language == "graphql":
            await _ask(client, text, known)
            continue
        if language == "json":
            assert answer is not None
            assert shows(json.loads(text), answer.json()), answer.body
            continue
        for line in text.splitlines():
            answer, path = await _curl(client, line, known)
            assert str(answer.status) == (re.findall(r"# (\d{3})", line) or ["200"])[0], (line, answer.body)
            _keep(known, answer, path)

    assert run["sh"] >= 6
    assert run["graphql"] == 3
    assert run["json"] == 2
    assert known.keys() >= {"CUSTOMER", "PRODUCT", "ETAG", "ORDER"}


async def test_its_bodies_make_rows(workshops: Callable[[], Workshop]) -> None:
    """S3-332: the body that stands with each resource is enough."""
    client = workshops().holder("all:write")
    order = (await client.post("/api/v1/orders", {"currency": "EUR"})).data(201)["id"]
    made = []
    for plural, body in _bodies():
        if "order_id" in body:
            body["order_id"] = order
        answer = await client.post(f"/api/v1/{plural.replace('_', '-')}", body)
        assert answer.status == 201, (plural, answer.body)
        made.append(plural)

    assert {"brands", "categories", "customers", "order_items", "orders", "products", "tokens"} <= set(made)


def _bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    for section in BODY.finditer(TEXT):
        for body in CREATING.findall(section[0]):
            yield section[1], json.loads(body)


async def test_a_module_has_a_text_of_its_own(api: Client) -> None:
    """C-76, C-78."""
    answer = await api.using(None).get("/commerce/api/v1/agents")

    text = answer.body.decode()
    assert answer.header("content-type") == "text/markdown; charset=utf-8"
    assert text.partition("## Endpoints")[0] == TEXT.partition("## Endpoints")[0]
    told = re.findall(r"^#### (\w+)$", text, re.M)
    assert told == ["customers", "orders", "order_items"]
    for plural in told:
        assert BODY.findall(text)
        assert f"#### {plural}\n" in TEXT
    assert len(text) < len(TEXT)
    assert (await api.using(None).get(f"{PATH}/commerce")).body == answer.body
    (await api.using(None).get("/nothing/api/v1/agents")).problem(404)
    (await api.using(None).get(f"{PATH}/nothing")).problem(404)


async def _curl(client: Client, line: str, known: dict[str, str]) -> tuple[Answer, str]:
    """Do what a command says, and return the answer and the path."""
    words = [_filled(word, known) for word in shlex.split(line, comments=True)]
    assert words.pop(0) == "curl"
    method, target, body, headers = "", "", None, []
    while words:
        match word := words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers.append((name.lower(), value))
            case "-d":
                body = words.pop(0).encode()
            case "-s" | "-gs":
                pass
            case _:
                target = word
    assert ("authorization", f"Bearer {known['TOKEN']}") in headers
    headers = [each for each in headers if each[0] != "authorization"]
    method = method or ("GET" if body is None else "POST")
    return await client.request(method, target, headers=headers, body=body or b""), target


def _filled(word: str, known: dict[str, str]) -> str:
    return re.sub(r"\$([A-Z]+)", lambda found: known[found[1]], word)


def _keep(known: dict[str, str], answer: Answer, path: str) -> None:
    name = path.rpartition("/")[2].removesuffix("s").upper()
    if answer.status == 201 and name.isalpha():
        known[name] = answer.data(201)["id"]
        if name == "PRODUCT":
            known["ETAG"] = answer.header("etag") or ""


async def _ask(client: Client, text: str, known: dict[str, str]) -> None:
    names = re.findall(r"\$(\w+):", text)
    answer = await graphql(client, text, **{name: known.get(name.upper()) for name in names})
    found = answer.json()
    assert "errors" not in found, found
    for payload in found["data"].values():
        assert payload.get("problem") is None, payload
        assert "nodes" not in payload or payload["nodes"], "There is no order to show."


async def test_the_text_of_another_catalogue_is_another(seed: Seed) -> None:
    """S3-331: what is declared is told, without anybody writing it down."""
    sold = next(module for module in CATALOG.modules if module.name == "catalog")
    async with running(seed.database, Catalog.of(sold)) as application:
        text = (await Client(application).get(PATH)).body.decode()

    assert "#### brands" in text
    assert "#### orders" not in text
