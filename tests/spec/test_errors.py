"""Errors (S3.27): every refusal is a problem document of the catalogue (RFC 9457)."""

import uuid
from typing import Any

import pytest

from services.engine.errors import CATALOGUE, Slug
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed

MEMBERS = ["type", "title", "status", "detail", "instance", "code", "request_id"]

SEARCH = "/api/v1/products/search"

REFUSALS: list[tuple[str, str, list[tuple[str, str]], bytes, int, str, str]] = [
    ("GET", "/api/v1/products?nope=1", [], b"", 400, "bad-request", "Bad Request"),
    ("GET", "/api/v1/products?filter[nope]=1", [], b"", 400, "bad-request", "Bad Request"),
    ("GET", f"/api/v1/products/{uuid.UUID(int=1)}", [], b"", 404, "not-found", "Not Found"),
    ("GET", "/api/v1/nothing", [], b"", 404, "not-found", "Not Found"),
    ("GET", "/api/v1/products/x/y/z", [], b"", 404, "not-found", "Not Found"),
    ("POST", SEARCH, [("content-type", "application/json")], b"{", 400, "bad-request", "Bad Request"),
    ("PUT", "/api/v1/products/search", [], b"", 405, "method-not-allowed", "Method Not Allowed"),
    ("GET", "/api/v1/products", [("accept", "text/html")], b"", 406, "not-acceptable", "Not Acceptable"),
    ("POST", SEARCH, [("content-length", "2000000")], b"", 413, "payload-too-large", "Payload Too Large"),
    (
        "POST", SEARCH, [("content-type", "text/plain")], b"{}",
        415, "unsupported-media-type", "Unsupported Media Type",
    ),
    ("GET", "/nothing", [], b"", 404, "not-found", "Not Found"),
    ("DELETE", "/health/live", [], b"", 405, "method-not-allowed", "Method Not Allowed"),
]  # fmt: skip


async def test_the_instance_is_a_uri_reference_whatever_was_asked_for(api: Client) -> None:
    """RFC 9457, section 3.1.5: what no URI holds stands there as it does in one."""
    answer = await api.get("/api/v1/products/a%20%23%7B%C3%A4")

    assert answer.problem(404)["instance"] == "/api/v1/products/a%20%23%7B%C3%A4"


async def refused(api: Client, refusal: tuple[Any, ...]) -> Answer:
    method, target, headers, body, *_ = refusal
    return await api.request(method, target, headers=headers, body=body)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda item: f"{item[0]} {item[1]}")
async def test_a_refusal_is_a_problem_document(api: Client, refusal: tuple[Any, ...]) -> None:
    """S3-253, S3-254, S3-255, S3-258, C-47, design 6."""
    _, target, _, _, status, slug, title = refusal

    answer = await refused(api, refusal)

    found = answer.problem(status)
    assert list(found)[:7] == MEMBERS
    assert found["type"] == f"/problems/{slug}"
    assert found["title"] == title
    assert found["code"] == slug
    assert found["instance"] == target.partition("?")[0]
    assert isinstance(found["detail"], str)
    assert found["detail"].endswith(".")
    assert "errors" not in found


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda item: f"{item[0]} {item[1]}")
async def test_a_type_leads_to_its_description(api: Client, refusal: tuple[Any, ...]) -> None:
    """S3-254: a stable address that can be followed."""
    page = await api.using(None).get((await refused(api, refusal)).json()["type"])

    assert page.status == 200
    assert refusal[6].encode() in page.body


async def test_missing_scopes_are_named(api: Client, seed: Seed) -> None:
    """S3-079, S3-257."""
    narrow = api.using(seed.tokens["acme", "orders_and_customers"])

    found = (await narrow.get("/api/v1/products")).problem(403)

    assert found["type"] == "/problems/insufficient-scope"
    assert found["title"] == "Insufficient Scope"
    assert found["detail"] == "Token does not have the required scope."
    assert found["required_scope"] == "products:read"
    assert found["token_scopes"] == ["customers:read", "orders:read"]


async def test_missing_tokens_are_told_how_to_come(api: Client) -> None:
    """S3-059, S3-256, Q-16."""
    answer = await api.using(None).get("/api/v1/products")

    found = answer.problem(401)
    assert found["type"] == "/problems/invalid-token"
    assert found["title"] == "Invalid Token"
    assert (answer.header("www-authenticate") or "").startswith('Bearer realm="api"')


async def test_problem_types_can_be_absolute(seed: Seed) -> None:
    """S3-079, S3-254: the setting gives the address that types begin with."""
    async with running(seed.database, public_url="https://api.example.com") as application:
        api = Client(application, seed.tokens["acme", "reader"])

        inner = (await api.get("/api/v1/products?nope=1")).problem(400)
        unauthenticated = (await api.using(None).get("/api/v1/products")).problem(401)
        outer = (await api.get("/nothing")).problem(404)

    assert inner["type"] == "https://api.example.com/problems/bad-request"
    assert unauthenticated["type"] == "https://api.example.com/problems/invalid-token"
    assert outer["type"] == "https://api.example.com/problems/not-found"


def test_the_catalogue_holds_the_laws_problems_under_their_titles() -> None:
    """S3-255 to S3-266, C-47, C-49."""
    law = {
        "bad-request": (400, "Bad Request"),
        "invalid-token": (401, "Invalid Token"),
        "insufficient-scope": (403, "Insufficient Scope"),
        "not-found": (404, "Not Found"),
        "conflict": (409, "Conflict"),
        "precondition-failed": (412, "Precondition Failed"),
        "validation-failed": (422, "Validation Failed"),
        "invalid-params": (422, "Invalid Parameters"),
        "upload-failed": (422, "Upload Failed"),
        "idempotency-key-mismatch": (422, "Idempotency Key Mismatch"),
        "precondition-required": (428, "Precondition Required"),
        "rate-limit-exceeded": (429, "Rate Limit Exceeded"),
        "internal-error": (500, "Internal Error"),
        "feature-limit-reached": (403, "Feature Limit Reached"),
        "invalid-credentials": (401, "Invalid Credentials"),
        "payment-required": (402, "Payment Required"),
        "method-not-allowed": (405, "Method Not Allowed"),
        "not-acceptable": (406, "Not Acceptable"),
        "payload-too-large": (413, "Payload Too Large"),
        "unsupported-media-type": (415, "Unsupported Media Type"),
        "https-required": (403, "HTTPS Required"),
        "origin-refused": (403, "Origin Refused"),
        "request-headers-too-large": (431, "Request Header Fields Too Large"),
        "service-unavailable": (503, "Service Unavailable"),
    }

    found = {str(slug): (kind.status, kind.title) for slug, kind in CATALOGUE.items()}
    assert {slug: found.get(slug) for slug in law} == law
    assert set(CATALOGUE) == set(Slug)


async def test_problems_are_never_stored_by_caches(api: Client) -> None:
    """S3-254: a refusal of today may be an answer tomorrow."""
    assert (await api.get("/api/v1/products?nope=1")).header("cache-control") == "no-store"


@pytest.mark.parametrize(
    "query",
    [
        "filter[name]='; SELECT pg_sleep(1); --",
        "filter[metadata.a'b]=1",
        "sort=name; DROP TABLE products",
        "fields=(select 1)",
        "include=../../etc/passwd",
        "cursor=eyJ2IjoxfQ",
        "filter[id]=x",
        "filter[metadata.score][gt]=1e999999",
    ],
)
async def test_details_never_show_the_inside(api: Client, query: str) -> None:
    """S3-271: neither statements, nor classes, nor files."""
    answer = await api.get(f"/api/v1/products?{query}")

    assert answer.status in (200, 400)
    for inside in (
        b"Traceback",
        b"psycopg",
        b"sqlalchemy",
        b"SELECT t",
        b"FROM ",
        b".py",
        b"sqlstate",
        b"22P02",
    ):
        assert inside not in answer.body


async def test_a_missing_and_a_foreign_row_cannot_be_told_apart(api: Client, seed: Seed) -> None:
    """S3-077, S3-258, C-17."""
    foreign = seed.live("products", "globex")[0]["id"]
    absent = uuid.uuid4()

    answers = [(await api.get(f"/api/v1/products/{id_}")).problem(404) for id_ in (foreign, absent)]

    for answer in answers:
        del answer["request_id"], answer["instance"]
    assert answers[0] == answers[1]
