"""POST /{resource}/search (S3.21): the same query in a body."""

from typing import Any

import orjson
import pytest

from db.driver import Driver
from diptych.edge import Application
from tests.support.application import driver_of
from tests.support.client import Client
from tests.support.expected import document, ids, in_order, newest
from tests.support.seed import Seed


@pytest.fixture
def driver(application: Application) -> Driver:
    return driver_of(application)


PAIRS: list[tuple[str, Any, str]] = [
    ("products", {}, ""),
    ("products", {"q": "sweet tea"}, "q=sweet tea"),
    ("products", {"q": "  "}, "q=%20"),
    ("products", {"search": "oats"}, "q=oats"),
    ("products", {"filter": {"status": {"eq": "active"}}}, "filter[status]=active"),
    ("products", {"filter": {"status": "active"}}, "filter[status]=active"),
    ("products", {"filter": {"status": {"in": ["active", "draft"]}}}, "filter[status][in]=active,draft"),
    (
        "products",
        {"filter": {"quantity": {"gte": 2, "lt": 5}}},
        "filter[quantity][gte]=2&filter[quantity][lt]=5",
    ),
    ("products", {"filter": {"price_cents": {"null": True}}}, "filter[price_cents][null]=true"),
    ("products", {"filter": {"price_cents": {"null": "false"}}}, "filter[price_cents][null]=false"),
    ("products", {"filter": {"name": {"like": "rye"}}}, "filter[name][like]=rye"),
    ("products", {"filter": {"metadata.source": {"eq": "import"}}}, "filter[metadata.source]=import"),
    ("products", {"filter": {"metadata": {"source": "import"}}}, "filter[metadata.source]=import"),
    (
        "products",
        {"filter": {"price": {"gt": 1}, "created_at": {"lte": "2026-01-01T00:05:00Z"}}},
        "filter[price_cents][gt]=1&filter[inserted_at][lte]=2026-01-01T00:05:00Z",
    ),
    ("orders", {"filter": {"customer.country": "Germany"}}, "filter[customer.country]=Germany"),
    ("orders", {"filter": {"customer": {"country": {"eq": "Germany"}}}}, "filter[customer.country]=Germany"),
    ("products", {"sort": ["-price_cents", "name"]}, "sort=-price_cents,name"),
    ("products", {"sort": "-price_cents,name"}, "sort=-price_cents,name"),
    ("products", {"page": 2, "per_page": 5}, "page=2&per_page=5"),
    ("products", {"page": "2", "per_page": "5"}, "page=2&per_page=5"),
    ("products", {"offset": 7, "limit": 3}, "offset=7&limit=3"),
    ("products", {"page": 0, "per_page": 9999}, "page=0&per_page=9999"),
    ("products", {"with_count": False}, "with_count=false"),
    ("products", {"cursor": "", "per_page": 5}, "cursor=&per_page=5"),
    ("products", {"pagination": "cursor", "per_page": 5}, "cursor=&per_page=5"),
    ("products", {"fields": ["name", "products.sku"]}, "fields=name,products.sku"),
    ("products", {"fields": "name,sku"}, "fields=name,sku"),
    ("products", {"include": ["brand", "category.parent"]}, "include=brand,category.parent"),
    ("products", {"include": "brand"}, "include=brand"),
    ("products", {"include_deleted": True}, "include_deleted=true"),
    ("products", {"filter": {"deleted_at": {"null": False}}}, "filter[deleted_at][null]=false"),
    ("products", {"filter": {"status": "deleted"}}, "filter[status]=deleted"),
    (
        "order-items",
        {"filter": {"product_id": {"null": True}}, "sort": ["position"]},
        "filter[product_id][null]=true&sort=position",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "body", "query"), PAIRS)
async def test_a_search_answers_like_the_equal_get(api: Client, resource: str, body: Any, query: str) -> None:
    """S3-200, S3-201, S3-203: the same rows, counts, cursors and included resources."""
    searched = (await api.search(resource, body)).json()
    listed = (await api.get(f"/api/v1/{resource}?{query}")).json()

    assert set(searched) == set(listed)
    assert searched["data"] == listed["data"]
    assert searched["pagination"] == listed["pagination"]
    assert searched.get("included") == listed.get("included")


async def test_links_of_a_search_page_lead_on_with_the_same_body(api: Client, seed: Seed) -> None:
    """S3-201, S3-203: following a link means posting the same body to it."""
    body = {"filter": {"status": {"neq": "draft"}}, "sort": ["name"]}
    found: list[str] = []
    target: str | None = "/api/v1/products/search?per_page=4"
    while target is not None:
        answer = await api.post(target, body)
        found += answer.ids()
        target = answer.json()["links"]["next"]

    expected = [row for row in seed.live("products") if row["status"] != "draft"]
    assert found == ids(in_order(expected, "name"))


async def test_cursors_of_a_search_lead_on_and_are_those_of_get(api: Client, seed: Seed) -> None:
    """S3-203, C-20, C-22."""
    body = {"filter": {"status": {"neq": "draft"}}, "sort": ["-price_cents"]}
    listed = await api.get("/api/v1/products?filter[status][neq]=draft&sort=-price_cents&cursor=&per_page=4")
    found: list[str] = listed.ids()
    cursor = listed.json()["pagination"]["next_cursor"]
    while cursor is not None:
        answer = await api.search("products", {**body, "cursor": cursor, "per_page": 4})
        found += answer.ids()
        cursor = answer.json()["pagination"]["next_cursor"]

    expected = [row for row in seed.live("products") if row["status"] != "draft"]
    assert found == ids(in_order(expected, "-price_cents"))


async def test_a_cursor_link_of_a_search_can_be_posted_to(api: Client, seed: Seed) -> None:
    """S3-201, C-21."""
    body = {"sort": ["sku"]}
    first = await api.search("products", body, "cursor=&per_page=20")
    second = await api.post(first.json()["links"]["next"], body)
    back = await api.post(second.json()["links"]["prev"], body)

    assert first.ids() + second.ids() == ids(in_order(seed.live("products"), "sku"))
    assert back.ids() == first.ids()


@pytest.mark.parametrize(
    ("filter_", "keep"),
    [
        ({"or": [{"status": "draft"}, {"quantity": {"gt": 5}}]},
         lambda r: r["status"] == "draft" or r["quantity"] > 5),
        ({"not": {"status": "draft"}}, lambda r: r["status"] != "draft"),
        ({"not": {"price_cents": {"gt": 100}}},
         lambda r: r["price_cents"] is None or r["price_cents"] <= 100),
        ({"and": [{"status": "draft"}, {"or": [{"quantity": 1}, {"quantity": 2}]}]},
         lambda r: r["status"] == "draft" and r["quantity"] in (1, 2)),
        ({"status": "draft", "not": {"or": [{"quantity": 1}, {"sku": {"null": True}}]}},
         lambda r: r["status"] == "draft" and r["quantity"] != 1 and r["sku"] is not None),
        ({"or": [{"status": "draft", "quantity": 3}, {"name": "RYE BREAD"}]},
         lambda r: (r["status"] == "draft" and r["quantity"] == 3) or r["name"] == "RYE BREAD"),
    ],
)  # fmt: skip
async def test_bodies_take_and_or_and_not(api: Client, seed: Seed, filter_: Any, keep: Any) -> None:
    """Design 4: /search takes the junctions that GraphQL filters have."""
    answer = await api.search("products", {"filter": filter_, "per_page": 500})

    assert answer.ids() == ids(newest(row for row in seed.live("products") if keep(row)))
    assert answer.rows()


async def test_reading_is_enough_to_search(api: Client, seed: Seed) -> None:
    """S3-202, C-04: a search is safe, so it needs only the read scope."""
    reader = api.using(seed.tokens["acme", "products"])

    assert (await reader.search("products", {})).status == 200
    refused = (await reader.search("orders", {})).problem(403)
    assert refused["required_scope"] == "orders:read"


async def test_searching_changes_nothing_and_needs_no_key(api: Client) -> None:
    """S3-202, S3-204, C-50: an Idempotency-Key is ignored."""
    headers = [("idempotency-key", "k1")]
    first = await api.post("/api/v1/products/search", {"filter": {"status": "draft"}}, headers=headers)
    second = await api.post("/api/v1/products/search", {"filter": {"status": "active"}}, headers=headers)

    assert {row["status"] for row in first.rows()} == {"draft"}
    assert {row["status"] for row in second.rows()} == {"active"}
    assert second.header("idempotency-replayed") is None


async def test_a_search_holds_whole_rows(api: Client, seed: Seed) -> None:
    """S3-201."""
    answer = await api.search("brands", {"sort": ["name"]})

    assert answer.rows() == [document("brands", row) for row in in_order(seed.live("brands"), "name")]
    assert answer.json()["links"]["self"] == "/api/v1/brands/search?page=1&per_page=100"


async def test_a_search_may_be_longer_than_a_url(api: Client, seed: Seed) -> None:
    """S3-199."""
    wanted = [str(row["id"]) for row in seed.live("products")] * 13

    assert len((await api.search("products", {"filter": {"id": {"in": wanted[:500]}}})).rows()) == 37


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
async def test_json_content_types_are_read(api: Client, content_type: str) -> None:
    """S3-101."""
    answer = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", content_type)], body=b"{}"
    )

    assert answer.status == 200


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", '"utf-32"'])
async def test_json_in_other_charsets_is_refused(api: Client, charset: str) -> None:
    """Q-04: read as UTF-8 it would be something else than was meant."""
    content_type = f"application/json; charset={charset}"
    answer = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", content_type)], body=b"{}"
    )

    answer.problem(415)


async def test_no_body_means_no_conditions(api: Client) -> None:
    """S3-200: every member is optional."""
    answer = await api.request("POST", "/api/v1/products/search")

    assert len(answer.rows()) == 37


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"x"', "object"),
        (b"1", "object"),
        (b"\xff\xfe", "JSON"),
        (b'{"q": "\xff"}', "JSON"),
        (b'{"q": "\\ud800"}', "JSON"),
        (b"{'q': 1}", "JSON"),
        (b'{"q": NaN}', "JSON"),
        (b'{"q": 1} x', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"filter":' * 10_000 + b"1" + b"}" * 10_000, "JSON"),
        (b'{"filter":' * 900 + b"1" + b"}" * 900, "nested"),
    ],
    ids=range(14),
)
async def test_what_is_no_json_object_is_refused(api: Client, body: bytes, named: str) -> None:
    """S3-255, Q-03, issue: malformed, deep and invalid JSON."""
    answer = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", "application/json")], body=body
    )

    answer.names(400, named)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"filters": {}}, "filters"),
        ({"Q": "x"}, "Q"),
        ({"__proto__": 1}, "__proto__"),
        ({"q": 1}, "q"),
        ({"q": ["x"]}, "q"),
        ({"q": {}}, "q"),
        ({"q": "a\u0000b"}, "q"),
        ({"q": "a", "search": "b"}, "search"),
        ({"per_page": 1, "limit": 2}, "limit"),
        ({"page": 1.5}, "page"),
        ({"page": True}, "page"),
        ({"page": [1]}, "page"),
        ({"page": 10**30}, "page"),
        ({"page": "x"}, "page"),
        ({"per_page": {}}, "page size"),
        ({"per_page": 1e300}, "per_page"),
        ({"offset": "x"}, "offset"),
        ({"offset": -(10**30)}, "offset"),
        ({"page": 1, "offset": 1}, "page"),
        ({"page": 1, "cursor": ""}, "page"),
        ({"offset": 1, "pagination": "cursor"}, "offset"),
        ({"cursor": 1}, "cursor"),
        ({"cursor": "forged"}, "cursor"),
        ({"cursor": ["x"]}, "cursor"),
        ({"cursor": None}, "cursor"),
        ({"pagination": "keyset"}, "pagination"),
        ({"pagination": 1}, "pagination"),
        ({"direction": "up", "cursor": ""}, "direction"),
        ({"direction": "next"}, "direction"),
        ({"with_count": 1}, "with_count"),
        ({"with_count": "true"}, "with_count"),
        ({"with_count": "exact"}, "with_count"),
        ({"include_deleted": "yes"}, "include_deleted"),
        ({"include_deleted": 0}, "include_deleted"),
        ({"sort": "nope"}, "nope"),
        ({"sort": ["nope"]}, "nope"),
        ({"sort": [1]}, "sort"),
        ({"sort": {}}, "sort"),
        ({"sort": [""]}, "sort"),
        ({"sort": ["name,sku,gtin", "status"]}, "3"),
        ({"fields": ["nope"]}, "nope"),
        ({"fields": []}, "fields"),
        ({"fields": {"products": ["name"]}}, "fields"),
        ({"fields": [None]}, "fields"),
        ({"include": ["nope"]}, "nope"),
        ({"include": ["brand", 1]}, "include"),
        ({"include": 1}, "include"),
        ({"filter": []}, "filter"),
        ({"filter": "x"}, "filter"),
        ({"filter": {"nope": 1}}, "nope"),
        ({"filter": {"name": {"nope": 1}}}, "name.nope"),
        ({"filter": {"name": {}}}, "name"),
        ({"filter": {"name": None}}, "name"),
        ({"filter": {"name": {"eq": None}}}, "name"),
        ({"filter": {"name": {"eq": 1}}}, "name"),
        ({"filter": {"name": {"eq": {"a": 1}}}}, "name"),
        ({"filter": {"name": {"eq": ["a"]}}}, "name"),
        ({"filter": {"name": ["a"]}}, "name"),
        ({"filter": {"name": {"in": "a"}}}, "name"),
        ({"filter": {"name": {"in": [1]}}}, "name"),
        ({"filter": {"name": {"in": [None]}}}, "name"),
        ({"filter": {"name": {"in": [["a"]]}}}, "name"),
        ({"filter": {"name": {"null": 1}}}, "name"),
        ({"filter": {"name": {"null": None}}}, "name"),
        ({"filter": {"name": {"eq": "a\u0000"}}}, "name"),
        ({"filter": {"name": {"like": 5}}}, "name"),
        ({"filter": {"quantity": {"eq": 1.5}}}, "quantity"),
        ({"filter": {"quantity": {"eq": True}}}, "quantity"),
        ({"filter": {"quantity": {"eq": 2**31}}}, "quantity"),
        ({"filter": {"price_cents": {"eq": 10**40}}}, "price_cents"),
        ({"filter": {"quantity": {"in": list(range(501))}}}, "quantity"),
        ({"filter": {"status": {"eq": "nope"}}}, "status"),
        ({"filter": {"status": {"eq": 1}}}, "status"),
        ({"filter": {"status": {"gt": "draft"}}}, "status"),
        ({"filter": {"inserted_at": {"gt": 1}}}, "inserted_at"),
        ({"filter": {"metadata": {"a": {"eq": {"b": 1}}}}}, "metadata.a"),
        ({"filter": {"metadata": "x"}}, "metadata"),
        ({"filter": {"metadata.a": {"gt": None}}}, "metadata.a"),
        ({"filter": {"metadata.a": {"in": [{}]}}}, "metadata.a"),
        ({"filter": {"metadata.a": {"eq": "\u0000"}}}, "metadata.a"),
        ({"filter": {"or": {}}}, "or"),
        ({"filter": {"or": []}}, "or"),
        ({"filter": {"and": [{}]}}, "and"),
        ({"filter": {"not": []}}, "not"),
        ({"filter": {"not": {}}}, "not"),
        ({"filter": {"or": [1]}}, "filter"),
        ({"filter": {"or": [{"nope": 1}]}}, "nope"),
        ({"filter": {"": 1}}, "''"),
        ({"filter": {"name.x": 1}}, "name.x"),
    ],
    ids=str,
)
async def test_wrong_members_are_refused_by_name(api: Client, body: Any, named: str) -> None:
    """S3-209, S3-221, S3-233, S3-255, Q-08: as strict as the query string."""
    (await api.search("products", body)).names(400, named)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"q": "a", "q": "b"}', "q"),
        (b'{"filter": {"name": "a", "name": "b"}}', "name"),
        (b'{"filter": {"name": {"eq": "a", "eq": "b"}}}', "eq"),
    ],
    ids=["member", "filter", "operator"],
)
async def test_members_given_twice_are_refused(api: Client, body: bytes, named: str) -> None:
    """Q-09: the last one would win silently."""
    answer = await api.request(
        "POST", "/api/v1/products/search", headers=[("content-type", "application/json")], body=body
    )

    answer.names(400, repr(named), "twice")


async def test_null_members_count_as_absent(api: Client) -> None:
    """S3-200: every member is optional."""
    names = (
        "q",
        "filter",
        "sort",
        "page",
        "per_page",
        "offset",
        "fields",
        "include",
        "with_count",
        "direction",
    )

    answer = await api.search("products", dict.fromkeys((*names, "include_deleted", "pagination")))

    assert answer.json()["data"] == (await api.get("/api/v1/products")).json()["data"]


async def test_paging_in_the_url_replaces_that_in_the_body(api: Client, seed: Seed) -> None:
    """S3-201: so that links can be followed with the same body, however it began."""
    rows = ids(newest(seed.live("products")))
    for body in ({"offset": 5, "limit": 5}, {"page": 1, "per_page": 3}, {"cursor": "", "per_page": 3}):
        assert (await api.search("products", body, "page=2&per_page=4")).ids() == rows[4:8]
    for body in ({"offset": 5, "limit": 5}, {"page": 2, "per_page": 3}):
        assert (await api.search("products", body, "cursor=&per_page=4")).ids() == rows[:4]
    assert (await api.search("products", {"page": 2, "per_page": 9}, "per_page=4")).ids() == rows[4:8]
    assert (await api.search("products", {"page": 2, "limit": 9}, "limit=4")).ids() == rows[4:8]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"page": "x"}, "page"),
        ({"per_page": 1.5}, "page size"),
        ({"offset": True}, "offset"),
        ({"cursor": "", "direction": "sideways"}, "direction"),
        ({"pagination": "pages"}, "pagination"),
    ],
)
async def test_paging_in_the_body_must_be_right_even_where_the_url_replaces_it(
    api: Client, body: Any, named: str
) -> None:
    (await api.search("products", body, "page=1&per_page=2")).names(400, named)


@pytest.mark.parametrize(
    ("plain", "with_a_fraction"),
    [
        ({"per_page": 2, "page": 2}, {"per_page": 2.0, "page": 2.0}),
        ({"filter": {"quantity": {"lte": 10}}}, {"filter": {"quantity": {"lte": 10.0}}}),
        ({"filter": {"quantity": {"in": [1, 10]}}}, {"filter": {"quantity": {"in": [1.0, 10.0]}}}),
    ],
)
async def test_an_integer_may_be_written_with_a_fraction_of_zero(
    api: Client, plain: Any, with_a_fraction: Any
) -> None:
    """JSON Schema, which describes these bodies, takes 2.0 for an integer."""
    expected, answer = await api.search("products", plain), await api.search("products", with_a_fraction)

    assert answer.status == 200
    assert expected.ids()
    assert answer.json() == expected.json()


async def test_deep_filters_are_refused(api: Client) -> None:
    """Issue: deep JSON."""
    node: Any = {"status": "draft"}
    for depth in range(200):
        node = {"not": node}
        if depth in (40, 199):
            (await api.search("products", {"filter": node})).names(400, "filter" if depth == 40 else "nested")


async def test_many_conditions_are_refused(api: Client) -> None:
    """Issue: bad input."""
    parts = [{"name": str(n)} for n in range(51)]

    (await api.search("products", {"filter": {"or": parts}})).names(400, "50")


@pytest.mark.parametrize("query", ["q=x", "filter[name]=x", "sort=name", "fields=name", "nope=1"])
async def test_only_paging_may_stand_in_the_url_of_a_search(api: Client, query: str) -> None:
    """S3-255: nothing is silently ignored."""
    (await api.search("products", {}, query)).names(400, query.partition("=")[0])


async def test_paging_given_twice_in_the_url_is_refused(api: Client) -> None:
    """Q-09."""
    answer = await api.search("products", {"page": 1}, "page=2&page=3")

    answer.names(400, "page")


async def test_a_search_is_one_statement_in_one_round_trip(api: Client, driver: Driver, seed: Seed) -> None:
    """Issue: exactly one data statement per read, the token check in the same round trip."""
    body = {"filter": {"customer.country": "Germany"}, "include": ["items.product.brand", "customer"]}
    await api.search("orders", body)
    statements, trips = driver.statements_sent, driver.round_trips

    answer = await api.search("orders", body)

    assert answer.json()["included"]
    assert (driver.statements_sent - statements, driver.round_trips - trips) == (1, 1)


async def test_bodies_are_read_however_they_are_cut(api: Client) -> None:
    """S3-101: chunks are no boundaries."""
    body = orjson.dumps({"filter": {"name": "Käse, jung"}})
    answer = await api.request(
        "POST",
        "/api/v1/products/search",
        headers=[("content-type", "application/json")],
        body=body,
        chunk=1,
    )

    assert len(answer.rows()) == 1
