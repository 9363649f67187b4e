"""Methods and media types: HEAD, OPTIONS, 405, 406, 413, 415 (S3.16, Q-04, Q-15, Q-17, Q-18)."""

import uuid

import pytest

from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed

VARYING = {"x-request-id"}


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/products",
        "/api/v1/products?cursor=&per_page=2",
        "/api/v1/products/{product}",
        "/api/v1/products/{product}?include=brand",
        "/api/v1/brands/{brand}/products",
        "/api/v1/products?nope=1",
        "/api/v1/products/x",
        "/api/v1/nothing",
        "/health/live",
        "/health",
        "/nothing",
    ],
)
async def test_head_is_get_without_its_body(api: Client, seed: Seed, target: str) -> None:
    """Q-18, RFC 9110 section 9.3.2: the same status and headers, content-length included."""
    target = target.format(product=seed.live("products")[0]["id"], brand=seed.live("brands")[0]["id"])
    got = await api.get(target)

    answer = await api.request("HEAD", target)

    def steady(headers: list[tuple[str, str]], length: bool) -> list[tuple[str, str]]:
        return sorted(
            (name, value)
            for name, value in headers
            if name not in VARYING and (length or name != "content-length")
        )

    # Problems name the request, so their length is that of an id of the same kind.
    assert answer.status == got.status
    assert answer.body == b""
    assert steady(answer.headers, True) == steady(got.headers, True)


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("products", "GET, HEAD, POST, OPTIONS"),
        ("products/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("products/search", "POST, OPTIONS"),
        ("products/bulk", "POST, PATCH, DELETE, OPTIONS"),
        ("products/bulk-delete", "POST, OPTIONS"),
        ("products/x/restore", "POST, OPTIONS"),
        ("orders/x/confirm", "POST, OPTIONS"),
        ("orders/x/items", "GET, HEAD, OPTIONS"),
        ("audit-logs", "GET, HEAD, OPTIONS"),
        ("audit-logs/x", "GET, HEAD, OPTIONS"),
        ("audit-logs/bulk", "GET, HEAD, OPTIONS"),
    ],
)
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"]
)
async def test_other_methods_are_refused_with_the_allowed_ones(
    api: Client, target: str, allowed: str, method: str
) -> None:
    """Q-17, RFC 9110 section 15.5.6."""
    if method in allowed.split(", "):
        return
    answer = await api.request(method, f"/api/v1/{target}")

    assert answer.status == 405
    assert answer.header("allow") == allowed
    if method != "HEAD":
        assert method in answer.problem(405)["detail"]


async def test_an_unknown_path_is_404_whatever_the_method(api: Client) -> None:
    """Q-22: route before method."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        (await api.request(method, "/api/v1/nothing")).problem(404)


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/*",
        "*/*",
        "text/html, application/json",
        "application/json;q=0.5, text/html",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/problem+json",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "",
    ],
)
async def test_json_is_served_to_whoever_accepts_it(api: Client, accept: str) -> None:
    """S3-101."""
    answer = await api.get("/api/v1/brands", headers=[("accept", accept)])

    assert answer.status == 200
    assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "text/*", "application/json;q=0", "image/png, text/css"]
)
async def test_whoever_does_not_accept_json_is_told(api: Client, accept: str) -> None:
    """C-47: 406."""
    answer = await api.get("/api/v1/brands", headers=[("accept", accept)])

    assert answer.problem(406)["code"] == "not-acceptable"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "json",
        "application/merge-patch+json",
    ],
)
async def test_other_media_types_are_refused(api: Client, content_type: str) -> None:
    """Q-04."""
    answer = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", content_type)], body=b"{}"
    )

    answer.problem(415)


async def test_a_body_without_a_type_is_refused(api: Client) -> None:
    """Q-04."""
    (await api.request("POST", "/api/v1/products/search", body=b"{}")).problem(415)


async def test_a_body_beyond_the_limit_is_refused(api: Client) -> None:
    """Q-15: 1 MiB, announced or not."""
    json = [("content-type", "application/json")]
    padding = b" " * (1_048_576 - 2)

    fits = await api.request("POST", "/api/v1/products/search", headers=json, body=b"{}" + padding)
    announced = await api.request("POST", "/api/v1/products/search", headers=json, body=b"{} " + padding)
    hidden = await api.request(
        "POST", "/api/v1/products/search", headers=[*json, ("content-length", "3")], body=b"{} " + padding
    )

    assert fits.status == 200
    announced.problem(413)
    hidden.problem(413)


async def test_the_limit_is_a_setting(seed: Seed) -> None:
    """Q-15."""
    async with running(seed.database, body_limit=2048) as application:
        api = Client(application, seed.tokens["acme", "reader"])

        (await api.search("products", {"q": "x" * 2048})).names(413, "2048")
        assert (await api.search("products", {"q": "x" * 100})).status == 200


async def test_refusals_come_in_the_order_of_the_law(api: Client, seed: Seed) -> None:
    """Q-22: 401, then 404 and 405, then 403, then 413 and 415 and 400, then 404 of the row."""
    anonymous, nobody = api.using(None), api.using(seed.tokens["acme", "nothing"])
    absent = f"/api/v1/products/{uuid.uuid4()}"

    (await anonymous.request("PUT", "/api/v1/nothing")).problem(401)
    (await nobody.get("/api/v1/nothing")).problem(404)
    (await nobody.request("PUT", "/api/v1/products")).problem(405)
    (await nobody.request("PUT", "/api/v1/products/x", body=b"{")).problem(403)
    (await nobody.get(absent)).problem(403)
    (await nobody.get("/api/v1/products")).problem(403)
    (await api.get(f"{absent}?nope=1")).problem(400)
    (await api.get(absent)).problem(404)
