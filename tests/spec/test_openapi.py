"""OpenAPI 3.1 document (S3.2): how it is served."""

import gzip

import pytest

from tests.support.client import Client

PATH = "/api/v1/openapi.json"


@pytest.mark.parametrize("path", [PATH, "/openapi.json", "/api/openapi.json"])
async def test_it_needs_no_token(api: Client, path: str) -> None:
    """S3-007, S3-008, C-79."""
    answer = await api.using(None).get(path)

    assert answer.status == 200
    assert answer.header("content-type") == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["paths"].keys() >= {"/orders", "/auth/login", "/openapi.json"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/openapi+json", "application/openapi+json"),
        ("application/openapi+json, */*;q=0.1", "application/openapi+json"),
        ("text/html, application/openapi+json", "application/openapi+json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ],
)
async def test_it_is_openapi_for_whoever_asks_for_that(api: Client, accept: str, kind: str) -> None:
    """C-77."""
    answer = await api.using(None).get(PATH, headers=[("accept", accept)])

    assert answer.header("content-type") == kind
    assert "Accept" in (answer.header("vary") or "")


async def test_it_is_nothing_else(api: Client) -> None:
    (await api.using(None).get(PATH, headers=[("accept", "text/html")])).problem(406)
    (await api.using(None).get(f"{PATH}?a=b")).names(400, "query")


async def test_it_is_compressed_where_that_is_understood(api: Client) -> None:
    plain = await api.get(PATH)
    packed = await api.get(PATH, headers=[("accept-encoding", "br, gzip")])

    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 8
    assert packed.header("etag") != plain.header("etag")
    refused = await api.get(PATH, headers=[("accept-encoding", "gzip;q=0")])
    assert refused.header("content-encoding") is None


async def test_it_is_not_sent_again(api: Client) -> None:
    """RFC 9110, section 13.1.2."""
    tag = (await api.get(PATH)).header("etag") or ""

    again = await api.get(PATH, headers=[("if-none-match", tag)])

    assert (again.status, again.body, again.header("etag")) == (304, b"", tag)


async def test_it_answers_other_methods_as_any_address_does(api: Client) -> None:
    head = await api.request("HEAD", PATH)

    assert head.status == 200
    assert (await api.request("OPTIONS", PATH)).header("allow") == "GET, HEAD, OPTIONS"
    refused = await api.post(PATH, {})
    assert refused.header("allow") == "GET, HEAD, OPTIONS"
    refused.problem(405)


@pytest.mark.parametrize(
    ("module", "tags", "path"),
    [
        ("commerce", ["commerce"], "/orders"),
        ("catalog", ["catalog"], "/brands"),
        ("account", ["account"], "/tokens"),
        ("products", ["catalog"], "/products"),
        ("brands", ["catalog"], "/brands"),
    ],
)
async def test_a_module_has_its_own(api: Client, module: str, tags: list[str], path: str) -> None:
    """C-78."""
    answer = await api.using(None).get(f"/{module}/api/v1/openapi.json")

    found = answer.json()
    assert [tag["name"] for tag in found["tags"]] == tags
    assert path in found["paths"]
    assert len(found["paths"]) < 60


async def test_there_is_none_of_a_module_that_does_not_exist(api: Client) -> None:
    (await api.using(None).get("/nope/api/v1/openapi.json")).problem(404)
