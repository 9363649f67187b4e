"""What programs find at first: catalogue, metadata, index, texts, icon (S0-002 to S0-006)."""

import re
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import build_schema

from services.catalog import CATALOG
from tests.support.application import running
from tests.support.client import Client
from tests.support.described import Described
from tests.support.seed import Seed
from tests.support.workshop import graphql

HERE = "http://api.example.com"
CATALOGUE = "/.well-known/api-catalog"
METADATA = "/.well-known/oauth-protected-resource"
SURFACES = ("/api/v1", "/graphql", "/mcp")
PUBLIC = [
    CATALOGUE,
    METADATA,
    "/llms.txt",
    "/robots.txt",
    "/favicon.ico",
    "/problems",
    "/problems/not-found",
    "/api/v1",
    "/api/v1/agents",
    "/api/v1/schema.graphql",
]


@pytest.fixture(scope="module")
async def known(seed: Seed) -> AsyncIterator[Client]:
    """A client of a server that knows its own address."""
    async with running(seed.database, public_url="https://shop.example") as application:
        yield Client(application)


@pytest.fixture(scope="module")
async def catalogue(api: Client) -> list[dict[str, Any]]:
    """The entries of the catalogue."""
    found = (await api.using(None).get(CATALOGUE)).json()
    assert set(found) == {"linkset"}
    entries = found["linkset"]
    assert isinstance(entries, list)
    return entries


# What all of them have in common


@pytest.mark.parametrize("path", PUBLIC)
async def test_it_needs_no_token_and_is_not_sent_twice(api: Client, path: str) -> None:
    """RFC 9110, section 13.1.2."""
    answer = await api.using(None).get(path)

    assert answer.status == 200
    assert answer.body
    assert (answer.header("cache-control") or "").startswith("public, max-age=")
    again = await api.using(None).get(path, headers=[("if-none-match", answer.header("etag") or "")])
    assert (again.status, again.body) == (304, b"")
    head = await api.using(None).request("HEAD", path)
    assert (head.status, head.header("etag")) == (200, answer.header("etag"))
    assert head.header("content-type") == answer.header("content-type")


@pytest.mark.parametrize("path", PUBLIC)
async def test_it_comes_as_no_type_that_it_is_not(api: Client, path: str) -> None:
    found = (await api.using(None).get(path)).header("content-type") or ""

    refused = await api.using(None).get(path, headers=[("accept", "video/mp4")])

    refused.names(406, found.partition(";")[0])


@pytest.mark.parametrize("path", PUBLIC)
async def test_an_address_asks_only_so_often(seed: Seed, path: str) -> None:
    """S3-252."""
    async with running(seed.database, limits="on", address_limit=1) as application:
        client = Client(application)
        assert (await client.get(path)).status == 200
        assert (await client.get(path)).problem(429)["code"] == "rate-limit-exceeded"


@pytest.mark.parametrize("path", [CATALOGUE, METADATA, "/llms.txt", "/problems/not-found"])
async def test_an_unknown_host_is_not_believed(api: Client, path: str) -> None:
    """What no host can be called is never written into an answer."""
    answer = await api.using(None).get(path, headers=[("host", 'evil"><script>')])

    assert b"script>" not in answer.body.replace(b"</script>", b"")
    assert answer.status == 200


# The catalogue of APIs


async def test_the_catalogue_is_a_linkset(api: Client) -> None:
    """S0-002, RFC 9727, section 4."""
    answer = await api.using(None).get(CATALOGUE)

    assert answer.header("content-type") == (
        'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
    )
    as_json = await api.using(None).get(CATALOGUE, headers=[("accept", "application/json")])
    assert as_json.header("content-type") == "application/json"
    assert as_json.body == answer.body


async def test_the_catalogue_s_head_names_it_and_its_items(api: Client) -> None:
    """RFC 9727, section 2."""
    link = (await api.using(None).request("HEAD", CATALOGUE)).header("link") or ""

    assert link.startswith(f'<{CATALOGUE}>; rel="api-catalog"')
    for path in ("/api/v1/", "/commerce/api/v1/", "/graphql", "/mcp"):
        assert f'<{path}>; rel="item"' in link


async def test_the_catalogue_has_every_module_and_surface(catalogue: list[dict[str, Any]]) -> None:
    """S0-002, S0-003: generated from the modules that are declared."""
    assert [entry["anchor"] for entry in catalogue] == [
        f"{HERE}/api/v1/",
        *(f"{HERE}/{module.name}/api/v1/" for module in CATALOG.modules),
        f"{HERE}/graphql",
        f"{HERE}/mcp",
    ]
    for entry in catalogue[:-2]:
        assert entry["service-desc"][0]["href"] == f"{entry['anchor']}openapi.json"
        assert entry["service-desc"][0]["type"] == "application/openapi+json"
    assert catalogue[-2]["service-desc"][0]["href"] == f"{HERE}/api/v1/schema.graphql"


async def test_every_link_of_the_catalogue_leads_somewhere(
    api: Client, catalogue: list[dict[str, Any]]
) -> None:
    """Each is there without a token, and of the type that is told."""
    followed = set()
    for entry in catalogue:
        for relation in ("service-desc", "service-doc", "service-meta", "status"):
            for link in entry.get(relation, ()):
                path = link["href"].removeprefix(HERE)
                answer = await api.using(None).get(path, headers=[("accept", link["type"])])
                assert answer.status == 200, link
                assert (answer.header("content-type") or "").partition(";")[0] == link["type"]
                followed.add(path)
    assert len(followed) >= 10


async def test_every_base_in_the_catalogue_is_one(api: Client, catalogue: list[dict[str, Any]]) -> None:
    """C-78: what a module's document describes is also there below the module's own base."""
    for entry in catalogue[1:-2]:
        base = entry["anchor"].removeprefix(HERE)
        assert (await api.using(None).get(base)).status == 200
        paths = (await api.using(None).get(f"{base}openapi.json")).json()["paths"]
        listed = [path for path, item in paths.items() if "get" in item and "{" not in path]
        assert listed
        for path in listed:
            below = await api.get(f"{base}{path[1:]}")
            assert below.status == (await api.get(f"/api/v1{path}")).status, path
            assert below.status != 404


async def test_what_is_of_another_module_is_not_below_a_base(api: Client) -> None:
    """C-78."""
    (await api.get("/commerce/api/v1/products")).problem(404)
    (await api.get("/nothing/api/v1/")).problem(404)


async def test_addresses_are_those_that_the_server_was_told(known: Client) -> None:
    for path in (CATALOGUE, METADATA, "/llms.txt", "/problems/not-found"):
        asked = [("accept", "application/json, text/plain;q=0.5"), ("host", "other.example")]
        text = (await known.get(path, headers=asked)).body.decode()
        assert "https://shop.example/" in text
        assert "other.example" not in text


# Protected resources


@pytest.mark.parametrize("path", ["", *SURFACES])
async def test_a_resource_tells_how_it_is_protected(api: Client, path: str) -> None:
    """RFC 9728, sections 2 and 3.1; no authorization server is named, since there is none."""
    answer = await api.using(None).get(f"{METADATA}{path}")

    found = answer.json()
    assert answer.header("content-type") == "application/json"
    assert found["resource"] == f"{HERE}{path}"
    assert found["bearer_methods_supported"] == ["header"]
    assert found["scopes_supported"] == list(CATALOG.scopes)
    assert "authorization_servers" not in found
    page = found["resource_documentation"].removeprefix(HERE)
    assert (await api.using(None).get(page)).status == 200


async def test_there_is_no_metadata_of_what_is_no_resource(api: Client) -> None:
    for path in ("/nothing", "/api/v1/orders", "/graphql/", "/"):
        (await api.using(None).get(f"{METADATA}{path}")).problem(404)


@pytest.mark.parametrize(
    ("method", "path", "resource"),
    [
        ("GET", "/api/v1/orders", "/api/v1"),
        ("DELETE", "/api/v1/orders/x", "/api/v1"),
        ("POST", "/graphql", "/graphql"),
        ("POST", "/mcp", "/mcp"),
    ],
)
async def test_a_challenge_leads_to_the_metadata(
    api: Client, known: Client, method: str, path: str, resource: str
) -> None:
    """RFC 9728, section 5.1: on every surface, and the metadata is that of the surface."""
    for client, origin in ((api.using(None), HERE), (known, "https://shop.example")):
        asked = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")]
        answer = await client.request(method, path, headers=asked, body=b'{"query": "{viewer{id}}"}')
        assert answer.status == 401
        challenge = answer.header("www-authenticate") or ""
        assert challenge == (
            f'Bearer realm="api", error="invalid_token", resource_metadata="{origin}{METADATA}{resource}"'
        )
        found = re.findall('resource_metadata="([^"]*)"', challenge)[0].removeprefix(origin)
        told = (await client.get(found)).json()
        assert told["resource"] == f"{origin}{resource}"
        assert path.startswith(resource)


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
)
async def test_no_provider_is_pretended(api: Client, path: str) -> None:
    """S0-004: as long as there is none, its absence tells how to authenticate."""
    (await api.using(None).get(path)).names(404, METADATA, "login")


# The index, and texts


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/", "/commerce/api/v1/"])
async def test_the_base_path_tells_where_everything_is(api: Client, path: str) -> None:
    answer = await api.using(None).get(path)

    found = answer.data()
    assert found["resources"] == {each.plural: f"/api/v1/{each.path}" for each in CATALOG}
    assert found["links"].items() >= {"graphql": "/graphql", "mcp": "/mcp", "self": "/api/v1"}.items()
    assert f'<{CATALOGUE}>; rel="api-catalog"' in (answer.header("link") or "")
    for place in (*found["links"].values(), *found["resources"].values()):
        assert (await api.get(place)).status not in (404, 500), place


async def test_the_base_path_takes_nothing_else(api: Client) -> None:
    (await api.using(None).get("/api/v1?a=b")).names(400, "query")
    (await api.using(None).request("POST", "/api/v1")).problem(401)
    (await api.post("/api/v1", {})).problem(405)
    assert (await api.using(None).request("OPTIONS", "/api/v1")).header("allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/agents", "/api/v1/enums", "/api/v1/schema.graphql"])
async def test_what_is_below_the_base_path_is_as_openapi_says(api: Client, path: str) -> None:
    """S3-011, S3-016: every status, header and body."""
    described = Described(CATALOG)
    whole = await api.get(path)
    tag = ("if-none-match", whole.header("etag") or "")

    for answer, status in (
        (whole, 200),
        (await api.get(path, headers=[tag]), 304),
        (await api.get(f"{path}?a=b"), 400),
        (await api.get(path, headers=[("accept", "video/mp4")]), 406),
    ):
        assert answer.status == status
        assert described.faults_of_answer("GET", path, answer) == []


async def test_the_graphql_schema_is_what_a_token_could_ask_for(api: Client) -> None:
    """As the OpenAPI document it holds declarations alone, so it needs no token as introspection does."""
    answer = await api.using(None).get("/api/v1/schema.graphql")
    asked = await graphql(api, "{ __schema { types { name } } }")

    assert answer.header("content-type") == "text/plain; charset=utf-8"
    types = build_schema(answer.body.decode()).type_map
    assert set(types) == {each["name"] for each in asked.json()["data"]["__schema"]["types"]}
    named = await api.using(None).get("/api/v1/schema.graphql", headers=[("accept", "application/graphql")])
    assert named.header("content-type") == "application/graphql; charset=utf-8"
    assert (await graphql(api.using(None), "{ __schema { types { name } } }")).status == 401


async def test_llms_txt_has_the_form_of_llmstxt_org(api: Client) -> None:
    """C-76: a title, a quotation, and sections of links, each of which leads somewhere."""
    answer = await api.using(None).get("/llms.txt")

    text = answer.body.decode()
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    lines = [line for line in text.splitlines() if line]
    assert lines[0].startswith("# ")
    assert lines[1].startswith("> ")
    assert [line[3:] for line in lines if line.startswith("## ")] == ["Docs", "Machine-readable", "Optional"]
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): .+\.$", text, re.M)
    assert len(links) == text.count("\n- ") >= 9
    for link in links:
        assert link.startswith(f"{HERE}/")
        assert (await api.get(link.removeprefix(HERE))).status == 200, link


async def test_robots_may_read_descriptions_alone(api: Client) -> None:
    text = (await api.using(None).get("/robots.txt")).body.decode()

    assert text.startswith("User-agent: *\n")
    assert "Allow: /api/v1/agents\n" in text
    for path in ("/api/", "/graphql", "/mcp"):
        assert f"Disallow: {path}\n" in text


async def test_the_icon_is_an_image(api: Client) -> None:
    """An ICO file of one PNG, whose checksums are right."""
    answer = await api.using(None).get("/favicon.ico")

    assert answer.header("content-type") == "image/x-icon"
    assert answer.header("cache-control") == "public, max-age=86400"
    kind, count, width, height, size, place = struct.unpack("<2xHHBB6xII", answer.body[:22])
    assert (kind, count, width, height, place, len(answer.body)) == (1, 1, 32, 32, 22, 22 + size)
    png = answer.body[place:]
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + data)
        chunks[name], at = data, at + 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (32, 32)
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert len(pixels) == 32 * (32 * 4 + 1)
    assert (
        len({pixels[place : place + 4] for y in range(32) for place in range(y * 129 + 1, y * 129 + 129, 4)})
        == 3
    )
