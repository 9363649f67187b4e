"""Pagination by page (S3.18)."""

import re
from typing import Any

import pytest

from tests.support.client import Answer, Client
from tests.support.expected import ids, in_order, newest
from tests.support.seed import Seed

NEWEST = 37
"""Live products in the seed."""


def link_header(answer: Answer) -> dict[str, str]:
    """Return the targets of a Link header by relation (RFC 8288)."""
    found = re.findall(r'<([^>]*)>; rel="([a-z]+)"', answer.header("link") or "")
    return {relation: target for target, relation in found}


@pytest.mark.parametrize(
    ("query", "page", "per_page"),
    [
        ("", 1, 100),
        ("page=2&per_page=10", 2, 10),
        ("page=0&per_page=10", 1, 10),
        ("page=-5&per_page=10", 1, 10),
        ("per_page=501", 1, 500),
        ("per_page=99999999", 1, 500),
        ("per_page=0", 1, 1),
        ("per_page=-1", 1, 1),
        ("per_page=500", 1, 500),
    ],
)
async def test_page_and_size_are_clamped(
    api: Client, seed: Seed, query: str, page: int, per_page: int
) -> None:
    """S3-168, S3-170, S3-171, C-23."""
    answer = await api.get(f"/api/v1/products?{query}")

    assert answer.json()["pagination"] == {
        "page": page,
        "per_page": per_page,
        "total_count": NEWEST,
        "total_pages": -(-NEWEST // per_page),
    }
    begin = (page - 1) * per_page
    assert answer.ids() == ids(newest(seed.live("products"))[begin : begin + per_page])


async def test_pages_cover_the_collection_once_and_in_order(api: Client, seed: Seed) -> None:
    """S3-157, S3-167."""
    found: list[str] = []
    target: str | None = "/api/v1/products?per_page=7&sort=quantity,-name"
    while target is not None:
        answer = await api.get(target)
        found += answer.ids()
        target = answer.json()["links"]["next"]

    assert found == ids(in_order(seed.live("products"), "quantity", "-name"))


@pytest.mark.parametrize(
    ("page", "first", "prev", "next_", "last"),
    [(1, 1, None, 2, 4), (2, 1, 1, 3, 4), (4, 1, 3, None, 4), (5, 1, 4, None, 4), (1000, 1, 4, None, 4)],
)
async def test_links_lead_to_the_neighbours(
    api: Client, page: int, first: int, prev: int | None, next_: int | None, last: int
) -> None:
    """S3-157, S3-158, S3-161, S3-238, S3-240, S3-241, Q-11."""

    def link(number: int | None) -> str | None:
        return None if number is None else f"/api/v1/products?page={number}&per_page=10"

    answer = await api.get(f"/api/v1/products?page={page}&per_page=10")

    wanted = {"first": link(first), "prev": link(prev), "next": link(next_), "last": link(last)}
    assert answer.json()["links"] == {"self": link(page), **wanted}
    assert link_header(answer) == {name: target for name, target in wanted.items() if target}


async def test_a_page_beyond_the_end_is_empty(api: Client) -> None:
    """Q-11."""
    document = (await api.get("/api/v1/products?page=9&per_page=10")).json()

    assert document["data"] == []
    assert document["pagination"] == {"page": 9, "per_page": 10, "total_count": NEWEST, "total_pages": 4}


async def test_an_empty_set_has_no_pages_but_a_last_link(api: Client) -> None:
    """S3-173, Q-12."""
    document = (await api.get("/api/v1/brands?filter[name]=nobody")).json()

    assert document["pagination"] == {"page": 1, "per_page": 100, "total_count": 0, "total_pages": 0}
    assert document["links"]["last"] == "/api/v1/brands?filter[name]=nobody&page=1&per_page=100"
    assert document["links"]["prev"] is None
    assert document["links"]["next"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("filter[status]=active", 12),
        ("q=sweet", 8),
        ("filter[status]=active&q=sweet", 2),
        ("include_deleted=true", 40),
    ],
)
async def test_the_count_is_that_of_the_narrowed_collection(api: Client, query: str, count: int) -> None:
    """S3-172, S3-195."""
    document = (await api.get(f"/api/v1/products?per_page=2&{query}")).json()

    assert document["pagination"]["total_count"] == count
    assert document["pagination"]["total_pages"] == -(-count // 2)
    assert len(document["data"]) == 2


@pytest.mark.parametrize(("page", "rows", "more"), [(1, 30, True), (2, 7, False), (3, 0, False)])
async def test_counting_can_be_switched_off(api: Client, page: int, rows: int, more: bool) -> None:
    """S3-169, Q-13."""
    document = (await api.get(f"/api/v1/products?with_count=false&per_page=30&page={page}")).json()

    assert len(document["data"]) == rows
    assert document["pagination"] == {
        "page": page,
        "per_page": 30,
        "total_count": None,
        "total_pages": None,
    }
    assert (document["links"]["next"] is not None) is more
    assert document["links"]["last"] is None


async def test_a_full_last_page_without_a_count_has_no_next(api: Client) -> None:
    """Q-13."""
    document = (await api.get("/api/v1/brands?with_count=false&per_page=5")).json()

    assert len(document["data"]) == 5
    assert document["links"]["next"] is None


async def test_counting_can_be_estimated(api: Client) -> None:
    """Design 4: the planner's figure, marked as such."""
    answer = await api.get("/api/v1/products?with_count=estimated&per_page=10&page=2")
    pagination = answer.json()["pagination"]

    assert pagination["total_precision"] == "estimated"
    assert isinstance(pagination["total_count"], int)
    assert pagination["total_pages"] == -(-pagination["total_count"] // 10)
    assert answer.json()["links"]["next"] == "/api/v1/products?with_count=estimated&page=3&per_page=10"
    assert answer.json()["links"]["last"] is None
    assert len(answer.rows()) == 10


@pytest.mark.parametrize("name", ["page", "per_page", "limit", "offset"])
@pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", " 1", "0x10", "٣", "+1", "--1", "true"])
async def test_numbers_that_are_none_are_refused(api: Client, name: str, value: str) -> None:
    """C-23."""
    answer = await api.get(f"/api/v1/products?{name}={value.replace('+', '%2B')}")

    answer.names(400, {"per_page": "page size", "limit": "page size"}.get(name, name))


@pytest.mark.parametrize("name", ["page", "per_page", "offset"])
@pytest.mark.parametrize("digits", [20, 21, 400, 5000])
async def test_huge_numbers_are_refused(api: Client, name: str, digits: int) -> None:
    """C-23, issue: huge numbers."""
    answer = await api.get(f"/api/v1/products?{name}={'9' * digits}")

    answer.names(400, {"per_page": "page size"}.get(name, name))


async def test_the_farthest_page_is_empty_and_not_an_error(api: Client) -> None:
    """S3-168: page has no maximum."""
    document = (await api.get(f"/api/v1/products?page={2**62}&per_page=500")).json()

    assert document["data"] == []
    assert document["pagination"]["page"] == 2**62


@pytest.mark.parametrize(
    "query", ["page=1&page=2", "per_page=1&limit=2", "page=2&offset=0", "with_count=true&with_count=false"]
)
async def test_a_parameter_given_twice_is_refused(api: Client, query: str) -> None:
    """C-18, Q-09."""
    answer = await api.get(f"/api/v1/products?{query}")

    answer.names(400, query.partition("=")[0])


@pytest.mark.parametrize("query", ["cursor=", "pagination=cursor", "offset=3", "pagination=offset"])
async def test_the_first_page_goes_with_everything(api: Client, query: str) -> None:
    """S3-026: 1 is what is meant without a page, and clients that are made of the document send it always."""
    told, untold = [await api.get(f"/api/v1/products?{query}&per_page=2{page}") for page in ("&page=1", "")]

    assert told.json() == untold.json()


async def test_links_carry_every_other_parameter_unchanged(api: Client) -> None:
    """S3-157, S3-219."""
    kept = "filter[status][in]=active,draft&sort=-name&q=o&fields=name,brand_id&with_count=true"

    answer = await api.get(f"/api/v1/products?{kept}&page=2&per_page=3")
    followed = await api.get(answer.json()["links"]["self"])

    assert answer.json()["links"]["next"] == f"/api/v1/products?{kept}&page=3&per_page=3"
    assert followed.json() == answer.json()


async def test_the_link_header_is_a_valid_one_for_any_query(api: Client) -> None:
    """S3-161, RFC 8288: targets are URI references."""
    answer = await api.get("/api/v1/products?filter[name][like]=%C3%A4%3E%22<>&per_page=1&fields=name")

    for target in link_header(answer).values():
        assert re.fullmatch(r"[A-Za-z0-9/?&=%,:;@!$'()*+~._-]+", target)
        assert (await api.get(target)).status == 200


@pytest.mark.parametrize("offset", [0, 3, 7, 10, 36, 37, 1000])
async def test_offset_skips_rows_exactly(api: Client, seed: Seed, offset: int) -> None:
    """C-18."""
    answer = await api.get(f"/api/v1/products?offset={offset}&limit=5")

    assert answer.ids() == ids(newest(seed.live("products"))[offset : offset + 5])
    assert answer.json()["pagination"]["page"] == offset // 5 + 1
    assert answer.json()["pagination"]["per_page"] == 5


async def test_a_negative_offset_starts_at_the_beginning(api: Client, seed: Seed) -> None:
    """C-18, C-23."""
    answer = await api.get("/api/v1/products?offset=-3&limit=5")

    assert answer.ids() == ids(newest(seed.live("products"))[:5])


async def test_pages_of_every_collection_hold_what_is_asked(api: Client, seed: Seed) -> None:
    """S3-167: all collection endpoints are paginated."""
    plurals: list[Any] = ["brands", "categories", "customers", "orders", "order_items"]
    for plural in plurals:
        answer = await api.get(f"/api/v1/{plural.replace('_', '-')}?per_page=2&page=2")
        rows = seed.live(plural)

        assert answer.ids() == ids(newest(rows)[2:4])
        assert answer.json()["pagination"]["total_count"] == len(rows)


@pytest.mark.parametrize("page", ["%D9%A1", "1e3", "1_0", "", "%201"])
async def test_a_page_that_is_no_integer_is_called_so(api: Client, page: str) -> None:
    """C-23, Q-08: digits of other scripts are none here, however small their number."""
    answer = await api.get(f"/api/v1/products?page={page}")

    answer.names(400, "integer")
