"""Bad input of every kind: always a 4xx problem that names the offending thing, never a 500, never ignored.

The cases are data: what is sent, and what the problem must name.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from db.driver import Driver
from diptych.edge import Application
from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.support.application import driver_of
from tests.support.client import Client
from tests.support.seed import Seed

SEARCH = "/api/v1/products/search"
HUGE = "9" * 400
DEEP = "[" * 900


def collection_cases() -> Iterator[tuple[str, str]]:
    """Yield query strings that no collection accepts, and what their problem names."""
    yield "nope=1", "nope"
    yield "NOPE=1", "NOPE"
    yield "=1", "''"
    yield "nope", "nope"
    yield "%00=1", ""
    yield "q%00=1", ""
    yield "page[number]=1", "page[number]"
    yield "sort[]=name", "sort[]"
    yield "Page=1", "Page"
    yield "per-page=1", "per-page"
    yield "first=1", "first"
    yield "after=x", "after"
    yield "filter[nope]=1", "nope"
    yield "filter[nope][eq]=1", "nope"
    yield "filter[id][nope]=1", "nope"
    yield "filter[id][like]=x", "like"
    yield "filter[id][eq]=nope", "id"
    yield f"filter[id][eq]={HUGE}", "id"
    yield "filter[id][in]=nope", "id"
    yield "filter[id][null]=nope", "id"
    yield "filter[inserted_at][gt]=nope", "inserted_at"
    yield "filter[inserted_at][gt]=99999-01-01T00:00:00Z", "inserted_at"
    yield "filter[inserted_at][gt]=0000-01-01T00:00:00Z", "inserted_at"
    yield "filter[]=1", "filter[]"
    yield "filter=1", "filter"
    yield "filter[id=1", "filter[id"
    yield f"filter[{'a' * 5000}]=1", "a"
    yield f"filter[{'a.' * 500}a]=1", "a"
    yield "sort=nope", "nope"
    yield "sort=id,nope", "nope"
    yield "sort=%00", ""
    yield f"sort={'id,' * 500}id", "sort"
    yield "fields=nope", "nope"
    yield f"fields={'x' * 5000}", "x"
    yield "include=nope", "nope"
    yield "include=a.b.c.d", "a.b.c.d"
    yield f"include={'a.' * 1000}a", "a"
    yield "cursor=nope", "cursor"
    yield f"cursor={HUGE}", "cursor"
    yield "cursor=&page=2", "page"
    yield "direction=next", "direction"
    yield "pagination=nope", "pagination"
    yield "page=nope", "page"
    yield f"page={HUGE}", "page"
    yield "per_page=nope", "page size"
    yield f"per_page=-{HUGE}", "page size"
    yield f"offset={HUGE}", "offset"
    yield "with_count=nope", "with_count"
    yield "include_deleted=nope", "include_deleted"
    yield "page=1&page=1", "page"
    yield "page=2&offset=1", "page"
    yield "q=%ff", "UTF-8"
    yield "q=%c3%28", "UTF-8"
    yield "%ff=1", "UTF-8"
    yield "q=%ed%a0%80", "UTF-8"
    yield "filter[id]=%ff", "UTF-8"
    yield "&".join(f"a{n}=1" for n in range(101)), "100"
    yield "q=" + "a" * 17_000, "too long"


@pytest.mark.parametrize("resource", list(CATALOG), ids=lambda item: item.plural)
@pytest.mark.parametrize(("query", "named"), list(collection_cases()), ids=lambda value: value[:40])
async def test_no_collection_accepts_it(api: Client, resource: Resource, query: str, named: str) -> None:
    """S3-187, S3-209, S3-221, S3-233, S3-255, Q-08, issue: bad input."""
    (await api.get(f"/api/v1/{resource.path}?{query}")).names(400, named)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("nope=1", "nope"),
        ("page=1", "page"),
        ("per_page=1", "per_page"),
        ("q=x", "q"),
        ("sort=id", "sort"),
        ("filter[id]=x", "filter[id]"),
        ("cursor=", "cursor"),
        ("with_count=false", "with_count"),
        ("fields=nope", "nope"),
        ("include=nope", "nope"),
        ("include_deleted=1", "include_deleted"),
        ("include_deleted=true&include_deleted=true", "include_deleted"),
        ("fields=%ff", "UTF-8"),
        ("limit=1", "limit"),
        ("status=active", "status"),
    ],
)
@pytest.mark.parametrize("plural", ["products", "orders"])
async def test_no_single_resource_accepts_it(
    api: Client, seed: Seed, plural: str, query: str, named: str
) -> None:
    """S3-255: also where the same parameter is fine on a collection."""
    (await api.get(f"/api/v1/{plural}/{seed.live(plural)[0]['id']}?{query}")).names(400, named)


FIELD_CASES: dict[str, list[str]] = {
    "uuid": ["x", "1", "", "null", "00000000-0000-0000-0000-00000000000g", HUGE, "%00"],
    "string": ["%00", "a%00b", "a" * 2001],
    "integer": [
        "x",
        "",
        "1.5",
        "1e3",
        "2147483648",
        "-2147483649",
        HUGE,
        "NaN",
        "0x10",
        "1_000",
        "%D9%A1",
        "%00",
    ],
    "big_integer": [
        "x",
        "",
        "1.5",
        "1e3",
        "9223372036854775808",
        "-9223372036854775809",
        HUGE,
        "Infinity",
        "%00",
    ],
    "datetime": [
        "x",
        "",
        "2026",
        "2026-02-30",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00%2B02:00",
        HUGE,
        "%00",
    ],
}


def field_cases() -> Iterator[tuple[str, str, str]]:
    for resource in CATALOG:
        for field in resource.all_fields.values():
            kind = str(resource.facts[field.name].kind)
            if field.filterable and kind != "json":
                values = ["nope", "", "%00", HUGE] if field.enum else FIELD_CASES[kind]
                for value in values:
                    yield resource.path, field.name, value


async def test_no_field_accepts_values_of_another_type(api: Client) -> None:
    """S3-220, Q-08: every filterable field of every resource, with every operator that takes a value."""
    tried = 0
    for path, name, value in field_cases():
        for op in ("eq", "neq", "in", "nin"):
            answer = await api.get(f"/api/v1/{path}?filter[{name}][{op}]={value}")
            tried += 1

            assert name in answer.problem(400)["detail"], (path, name, op, value)
    assert tried > 1000


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", SEARCH, DEEP.encode(), 400),
        ("POST", SEARCH, b"\x00", 400),
        ("POST", SEARCH, b"\xef\xbb\xbf{}", 400),
        ("POST", SEARCH, '{"q":"x"}'.encode("utf-16"), 400),
        ("POST", SEARCH, b'{"q":"\x00"}', 400),
        ("POST", SEARCH, b'{"page":' + HUGE.encode() * 100 + b"}", 400),
        ("POST", SEARCH, b'{"per_page":1e400}', 400),
        ("POST", SEARCH, b'{"' + b"a" * 100_000 + b'":1}', 400),
        (
            "POST",
            "/api/v1/products/search",
            b"{" + b",".join(b'"a%d":1' % n for n in range(20_000)) + b"}",
            400,
        ),
        ("POST", SEARCH, b'{"filter":{"metadata.a":{"gt":1e999999}}}', 400),
        ("POST", "/api/v1/products", b"{}", 403),
        ("PUT", "/api/v1/products/search", b"{}", 405),
        ("GET", "/api/v1/products/" + "a" * 10_000, b"", 404),
        ("GET", "/api/v1/" + "a/" * 1_000, b"", 404),
        ("GET", "/api/v1/products/%2e%2e/orders", b"", 404),
        ("GET", "/api/v1/products/%FF", b"", 404),
        ("GET", "/api/v1/products%2f", b"", 404),
        ("GET", "/api/v1/Products", b"", 404),
        ("GET", "/api/v1/order_items", b"", 404),
        ("GET", "/api/v1/%00", b"", 404),
    ],
    ids=range(20),
)
async def test_no_address_or_body_makes_it_stumble(
    api: Client, method: str, target: str, body: bytes, status: int
) -> None:
    """Issue: malformed, deep, huge and oddly encoded."""
    answer = await api.request(method, target, headers=[("content-type", "application/json")], body=body)

    answer.problem(status)


@pytest.mark.parametrize(
    "value", ["1e999999", "-1e999999", "1e-999999", "1e308", "9" * 1000, "0." + "1" * 1000]
)
@pytest.mark.parametrize("op", ["eq", "neq", "gt", "lt", "in"])
async def test_extreme_numbers_in_json_filters_are_answered_or_named(
    api: Client, op: str, value: str
) -> None:
    """Issue: huge numbers."""
    answer = await api.get(f"/api/v1/products?filter[metadata.score][{op}]={value}")

    if answer.status != 200:
        answer.names(400, "metadata.score")


async def test_refusals_of_known_shapes_need_no_data_statement(api: Client, application: Application) -> None:
    """Issue: what is wrong is found before any row is read, for the token check alone."""
    driver: Driver = driver_of(application)
    for target in (
        "/api/v1/products?nope=1",
        "/api/v1/products?filter[quantity]=x",
        "/api/v1/products?cursor=x",
        "/api/v1/nothing",
    ):
        statements = driver.statements_sent
        assert (await api.get(target)).status in (400, 404)

        assert driver.statements_sent - statements == 1


async def test_details_stay_short_whatever_was_sent(api: Client) -> None:
    """S3-271: an echo of kilobytes helps nobody."""
    for query in (
        f"{'a' * 9000}=1",
        f"filter[{'a' * 9000}]=1",
        f"filter[name][{'a' * 9000}]=1",
        f"sort={'a' * 9000}",
        f"fields={'a' * 9000}",
        f"include={'a' * 9000}",
        f"filter[quantity]={'a' * 9000}",
        f"with_count={'a' * 9000}",
    ):
        problem: dict[str, Any] = (await api.get(f"/api/v1/products?{query}")).problem(400)

        assert len(problem["detail"]) < 500, query[:30]
