"""Pagination by cursor (S3.18): each row exactly once, in every order, in both directions."""

import base64
import string
import uuid
from collections.abc import AsyncIterator

import orjson
import psycopg
import pytest

from diptych.edge import Application
from services.catalog import CATALOG
from tests.spec.test_pagination_offset import link_header
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.expected import ids, in_order, newest
from tests.support.seed import Seed, insert, plant

SORTS = [
    (resource.plural, f"{sign}{field.name}")
    for resource in CATALOG
    if resource.tenant
    for field in resource.all_fields.values()
    if field.sortable
    for sign in ("", "-")
]


async def walk(api: Client, target: str, link: str) -> list[Answer]:
    """Return the pages from `target` on, following `link`."""
    pages = [await api.get(target)]
    while (following := pages[-1].json()["links"][link]) is not None:
        pages.append(await api.get(following))
        assert len(pages) < 100
    return pages


def flat(pages: list[Answer]) -> list[str]:
    return [id_ for page in pages for id_ in page.ids()]


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize(("plural", "sort"), SORTS)
async def test_a_walk_meets_every_row_once_in_order_and_back(
    api: Client, seed: Seed, plural: str, sort: str
) -> None:
    """S3-178, S3-184, S3-191, C-22: ties and nulls (last) in both directions."""
    expected = ids(in_order(seed.live(plural), sort))

    forth = await walk(api, f"{path(plural)}?cursor=&per_page=3&sort={sort}", "next")
    back = await walk(api, forth[-1].json()["links"]["self"], "prev")

    assert flat(forth) == expected
    assert flat(back[::-1]) == expected
    assert [page.json()["pagination"]["has_more"] for page in forth] == [True] * (len(forth) - 1) + [False]


@pytest.mark.parametrize(
    ("plural", "sort"),
    [
        ("products", "price_cents,-gtin,name"),
        ("products", "-price_cents,gtin,-sku"),
        ("products", "sku,-price_cents,quantity"),
        ("products", "status,-quantity,inserted_at"),
        ("products", "-quantity,id"),
        ("orders", "-placed_at,status,-total_cents"),
        ("orders", "placed_at,-status,number"),
        ("customers", "country,-email,name"),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 500])
async def test_compound_walks_meet_every_row_once_in_order_and_back(
    api: Client, seed: Seed, plural: str, sort: str, size: int
) -> None:
    """S3-185, S3-189, S3-191, C-22."""
    expected = ids(in_order(seed.live(plural), *sort.split(",")))

    forth = await walk(api, f"{path(plural)}?cursor=&per_page={size}&sort={sort}", "next")
    back = await walk(api, forth[-1].json()["links"]["self"], "prev")

    assert flat(forth) == expected
    assert flat(back[::-1]) == expected


async def test_the_first_page_starts_with_an_empty_cursor(api: Client, seed: Seed) -> None:
    """S3-159, S3-176, C-20, C-21."""
    answer = await api.get("/api/v1/products?cursor=&per_page=10")

    cursor = answer.json()["pagination"]["next_cursor"]
    assert answer.ids() == ids(newest(seed.live("products"))[:10])
    assert answer.json()["pagination"] == {
        "per_page": 10,
        "has_more": True,
        "next_cursor": cursor,
        "prev_cursor": None,
    }
    assert answer.json()["links"] == {
        "self": "/api/v1/products?cursor=&per_page=10",
        "first": "/api/v1/products?cursor=&per_page=10",
        "prev": None,
        "next": f"/api/v1/products?cursor={cursor}&per_page=10",
        "last": None,
    }
    assert link_header(answer) == {
        "first": "/api/v1/products?cursor=&per_page=10",
        "next": f"/api/v1/products?cursor={cursor}&per_page=10",
    }


async def test_pagination_cursor_starts_a_walk_too(api: Client) -> None:
    """C-20."""
    named = await api.get("/api/v1/products?pagination=cursor&per_page=10")
    empty = await api.get("/api/v1/products?cursor=&per_page=10")

    assert named.json() == empty.json()
    assert (await api.get("/api/v1/products?pagination=offset")).json() == (
        await api.get("/api/v1/products")
    ).json()


async def test_an_inner_page_leads_both_ways(api: Client, seed: Seed) -> None:
    """S3-176, C-21."""
    first = await api.get("/api/v1/products?cursor=&per_page=10")
    inner = await api.get(first.json()["links"]["next"])

    pagination, links = inner.json()["pagination"], inner.json()["links"]
    assert inner.ids() == ids(newest(seed.live("products"))[10:20])
    assert pagination["has_more"] is True
    assert links["prev"] == (
        f"/api/v1/products?cursor={pagination['prev_cursor']}&per_page=10&direction=prev"
    )
    assert links["next"] == f"/api/v1/products?cursor={pagination['next_cursor']}&per_page=10"
    assert (await api.get(links["prev"])).ids() == first.ids()


async def test_a_bare_cursor_knows_its_own_direction(api: Client) -> None:
    """C-21: prev_cursor works without direction=prev."""
    first = await api.get("/api/v1/products?cursor=&per_page=10")
    inner = await api.get(first.json()["links"]["next"])

    cursor = inner.json()["pagination"]["prev_cursor"]
    back = await api.get(f"/api/v1/products?cursor={cursor}&per_page=10")

    assert back.ids() == first.ids()


async def test_a_direction_turns_a_cursor_round(api: Client, seed: Seed) -> None:
    """C-21: direction=next|prev is accepted beside any cursor."""
    rows = ids(newest(seed.live("products")))
    first = await api.get("/api/v1/products?cursor=&per_page=10")
    cursor = first.json()["pagination"]["next_cursor"]

    before = await api.get(f"/api/v1/products?cursor={cursor}&per_page=4&direction=prev")
    last = await api.get("/api/v1/products?cursor=&per_page=4&direction=prev")

    assert before.ids() == rows[5:9]
    assert last.ids() == rows[-4:]
    assert last.json()["pagination"]["has_more"] is False


async def test_an_empty_collection_has_no_cursors(api: Client) -> None:
    """S3-173, S3-179."""
    answer = await api.get("/api/v1/products?cursor=&filter[name]=nobody")

    assert answer.json()["data"] == []
    assert answer.json()["pagination"] == {
        "per_page": 100,
        "has_more": False,
        "next_cursor": None,
        "prev_cursor": None,
    }


async def test_the_size_may_change_during_a_walk(api: Client, seed: Seed) -> None:
    """S3-175."""
    first = await api.get("/api/v1/products?cursor=&per_page=3")
    cursor = first.json()["pagination"]["next_cursor"]

    rest = await api.get(f"/api/v1/products?cursor={cursor}&per_page=9999")

    assert rest.json()["pagination"]["per_page"] == 500
    assert first.ids() + rest.ids() == ids(newest(seed.live("products")))


async def test_fields_and_include_may_change_during_a_walk(api: Client, seed: Seed) -> None:
    """S3-177, C-22: the cursor is bound to filter, search and sort, not to the output."""
    first = await api.get("/api/v1/products?cursor=&per_page=3")
    cursor = first.json()["pagination"]["next_cursor"]

    answer = await api.get(f"/api/v1/products?cursor={cursor}&per_page=3&fields=name&include=brand")

    assert answer.ids() == ids(newest(seed.live("products"))[3:6])


async def test_a_walk_keeps_filters_and_search(api: Client, seed: Seed) -> None:
    """S3-190, S3-219."""
    expected = [
        row
        for row in seed.live("products")
        if row["status"] != "archived" and (row["price_cents"] or 0) >= 149
    ]

    narrowed = "filter[status][neq]=archived&filter[price_cents][gte]=149"
    pages = await walk(api, f"/api/v1/products?cursor=&per_page=4&sort=name&{narrowed}", "next")
    assert flat(pages) == ids(in_order(expected, "name"))


CURSOR_OF = "/api/v1/products?per_page=3&sort=name&filter[status]=active&cursor="


@pytest.mark.parametrize(
    "other",
    [
        "/api/v1/products?per_page=3&sort=name&cursor=",
        "/api/v1/products?per_page=3&sort=name&filter[status]=draft&cursor=",
        "/api/v1/products?per_page=3&sort=name&filter[status][neq]=active&cursor=",
        "/api/v1/products?per_page=3&sort=-name&filter[status]=active&cursor=",
        "/api/v1/products?per_page=3&sort=sku&filter[status]=active&cursor=",
        "/api/v1/products?per_page=3&sort=name,sku&filter[status]=active&cursor=",
        "/api/v1/products?per_page=3&filter[status]=active&cursor=",
        "/api/v1/products?per_page=3&sort=name&filter[status]=active&q=tea&cursor=",
        "/api/v1/products?per_page=3&sort=name&filter[status]=active&filter[quantity][gt]=0&cursor=",
        "/api/v1/products?per_page=3&sort=name&filter[status]=active&include_deleted=true&cursor=",
        "/api/v1/brands?per_page=3&sort=name&cursor=",
        "/api/v1/customers?per_page=3&sort=name&cursor=",
    ],
)
async def test_a_cursor_of_another_query_is_refused(api: Client, other: str) -> None:
    """S3-180, C-22: sort, filter, search and resource must be those of the cursor."""
    cursor = (await api.get(CURSOR_OF)).json()["pagination"]["next_cursor"]

    assert (await api.get(CURSOR_OF + cursor)).status == 200
    (await api.get(other + cursor)).names(400, "cursor belongs to another query")


async def test_a_cursor_of_another_nesting_is_refused(api: Client, seed: Seed) -> None:
    """S3-180, C-22, S3-341."""
    brand, category = seed.live("brands")[0]["id"], seed.live("categories")[0]["id"]
    page = await api.get(f"/api/v1/brands/{brand}/products?cursor=&per_page=2")
    cursor = page.json()["pagination"]["next_cursor"]

    assert (await api.get(f"/api/v1/brands/{brand}/products?cursor={cursor}")).status == 200
    for other in ("products", f"categories/{category}/products"):
        (await api.get(f"/api/v1/{other}?cursor={cursor}")).names(400, "cursor")


async def test_a_cursor_of_a_sibling_parent_meets_only_that_parents_rows(api: Client, seed: Seed) -> None:
    """S3-184: a cursor is a place in an order, so it never carries rows of the parent it came from."""
    first, second = (row["id"] for row in seed.live("brands")[:2])
    page = await api.get(f"/api/v1/brands/{first}/products?cursor=&per_page=2")
    cursor = page.json()["pagination"]["next_cursor"]

    answer = await api.get(f"/api/v1/brands/{second}/products?cursor={cursor}")

    assert answer.rows()
    assert {row["brand_id"] for row in answer.rows()} == {str(second)}


async def test_equal_filters_written_otherwise_share_cursors(api: Client) -> None:
    """C-22: what counts is the query, not its spelling."""
    spelled = "/api/v1/products?per_page=3&filter[status]=active&filter[quantity][gt]=1&cursor="
    other = "/api/v1/products?per_page=3&filter[quantity][gt]=1&filter[status][eq]=active&cursor="
    cursor = (await api.get(spelled)).json()["pagination"]["next_cursor"]

    assert (await api.get(other + cursor)).json()["data"] == (await api.get(spelled + cursor)).json()["data"]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "null",
        "!!!!",
        "====",
        "eyJpZCI6InV1aWQtMTAwIn0",
        base64.b64encode(b'{"inserted_at":"2026-03-15T10:00:00Z","id":"uuid"}').decode(),
        "a" * 4096,
        "a" * 5000,
        "%00",
        "%C3%A4",
        "' OR 1=1 --",
    ],
)
async def test_forged_cursors_are_refused(api: Client, cursor: str) -> None:
    """S3-177, S3-180."""
    answer = await api.get(f"/api/v1/products?cursor={cursor}")

    answer.names(400, "cursor")


async def test_every_changed_character_of_a_cursor_is_noticed(api: Client) -> None:
    """S3-177, S3-180: cursors are authenticated."""
    good = (await api.get("/api/v1/products?cursor=&per_page=3")).json()["pagination"]["next_cursor"]
    alphabet = string.ascii_letters + string.digits + "-_"

    for place in range(0, len(good) - 1, 3):
        other = alphabet[(alphabet.index(good[place]) + 1) % 64]
        forged = good[:place] + other + good[place + 1 :]
        (await api.get(f"/api/v1/products?cursor={forged}")).names(400, "cursor")


@pytest.mark.parametrize("length", [1, 4, 10, 17, 50, 100])
async def test_truncated_cursors_are_refused(api: Client, length: int) -> None:
    """S3-180."""
    good = (await api.get("/api/v1/products?cursor=&per_page=3")).json()["pagination"]["next_cursor"]

    (await api.get(f"/api/v1/products?cursor={good[:-length]}")).names(400, "cursor")
    (await api.get(f"/api/v1/products?cursor={good}{'A' * length}")).names(400, "cursor")


async def test_cursors_of_another_workspace_lead_nowhere_foreign(
    api: Client, application: Application, seed: Seed
) -> None:
    """S3-061, S3-258: a cursor carries no rights."""
    foreign = api.using(seed.tokens["globex", "reader"])
    cursor = (await foreign.get("/api/v1/products?cursor=&per_page=3")).json()["pagination"]["next_cursor"]

    answer = await api.get(f"/api/v1/products?cursor={cursor}")

    assert answer.status in (200, 400)
    if answer.status == 200:
        assert set(answer.ids()) <= set(ids(seed.live("products")))


async def test_cursors_expire(seed: Seed, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3-180, C-22: after the days of the setting."""
    now = 1_800_000_000.0
    async with running(seed.database, cursor_days=2) as application:
        api = Client(application, seed.tokens["acme", "reader"])
        monkeypatch.setattr("diptych.edge.time.time", lambda: now)
        page = (await api.get("/api/v1/products?cursor=&per_page=3")).json()
        target = page["links"]["next"]

        now += 2 * 86_400
        assert (await api.get(target)).status == 200
        now += 86_400
        (await api.get(target)).names(400, "expired")


@pytest.mark.parametrize("name", ["page", "offset"])
async def test_page_and_offset_do_not_go_with_a_cursor(api: Client, name: str) -> None:
    """S3-181, C-18, C-22."""
    (await api.get(f"/api/v1/products?cursor=&{name}=2")).names(400, name, "cursor")
    (await api.get(f"/api/v1/products?pagination=cursor&{name}=2")).names(400, name, "cursor")


async def test_with_count_is_ignored_beside_a_cursor(api: Client) -> None:
    """S3-181, C-22."""
    answer = await api.get("/api/v1/products?cursor=&with_count=true&per_page=2")

    assert list(answer.json()["pagination"]) == ["per_page", "has_more", "next_cursor", "prev_cursor"]


@pytest.mark.parametrize(
    "query", ["cursor=&direction=up", "cursor=&direction=", "direction=next", "pagination=keyset"]
)
async def test_wrong_directions_are_refused(api: Client, query: str) -> None:
    """C-20, C-21."""
    (await api.get(f"/api/v1/products?{query}")).names(400, query.rpartition("&")[2].partition("=")[0])


async def test_a_cursor_reveals_only_its_own_sort_values(api: Client, seed: Seed) -> None:
    """S3-178, C-22: version, query, day, direction and keys; the id comes last."""
    page = await api.get("/api/v1/products?cursor=&per_page=3&sort=-price_cents")
    raw = base64.urlsafe_b64decode(page.json()["pagination"]["next_cursor"] + "==")

    payload = orjson.loads(raw[:-12])
    last = in_order(seed.live("products"), "-price_cents")[2]
    assert set(payload) == {"v", "q", "t", "d", "k"}
    assert payload["k"] == [str(last["price_cents"]), str(last["id"])]


# Rows that come and go during a walk.


@pytest.fixture
async def changing(database: str) -> AsyncIterator[tuple[Client, Seed]]:
    """A database of its own, which the test changes."""
    planted = plant(database, ("reader",))
    async with running(database) as application:
        yield Client(application, planted.tokens["acme", "reader"]), planted


@pytest.mark.parametrize("sort", ["-inserted_at", "name", "price_cents", "-price_cents"])
async def test_walks_stay_exact_while_rows_are_inserted_and_deleted(
    changing: tuple[Client, Seed], sort: str
) -> None:
    """S3-178, S3-182: a row that stays is met once, one that was not there before at most once."""
    api, planted = changing
    before = set(ids(planted.live("products")))
    found: list[str] = []
    removed: set[str] = set()
    target: str | None = f"/api/v1/products?cursor=&per_page=5&sort={sort}"
    with psycopg.connect(planted.database, autocommit=True) as connection:
        while target is not None:
            answer = await api.get(target)
            found += answer.ids()
            target = answer.json()["links"]["next"]
            step = len(found)
            template = planted.live("products")[step % 30]
            fresh = {**template, "id": uuid.uuid4(), "slug": f"new-{step}", "gtin": None}
            insert(connection, "products", [fresh])
            unseen = sorted(before - set(found) - removed)[:1]
            connection.execute("UPDATE products SET deleted_at = now() WHERE id = ANY(%s::uuid[])", [unseen])
            removed |= set(unseen)

    assert len(found) == len(set(found))
    assert before - removed <= set(found)
    assert not removed & set(found)
    assert found


async def test_a_walk_survives_the_deletion_of_the_row_it_stands_on(changing: tuple[Client, Seed]) -> None:
    """S3-178: the cursor holds values, not a row."""
    api, planted = changing
    rows = ids(newest(planted.live("products")))
    first = await api.get("/api/v1/products?cursor=&per_page=5")
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute("UPDATE products SET deleted_at = now() WHERE id = %s", [rows[4]])

    second = await api.get(first.json()["links"]["next"])

    assert second.ids() == rows[5:10]


async def test_texts_of_every_kind_survive_in_cursors(changing: tuple[Client, Seed]) -> None:
    """S3-178: quotes, backslashes, control characters and astral letters are sort values too."""
    api, planted = changing
    names = ['"', "\\", "a\nb", "\t", "🍺" * 100, "\u2028", "'", "%", "x" * 500, "é", "e\u0301", "\u007f"]
    with psycopg.connect(planted.database, autocommit=True) as connection:
        template = planted.live("brands")[0]
        fresh = [
            {**template, "id": uuid.uuid4(), "slug": f"odd-{n}", "name": name[:255]}
            for n, name in enumerate(names)
        ]
        insert(connection, "brands", fresh)
    expected = ids(in_order([*planted.live("brands"), *fresh], "name"))

    forth = await walk(api, "/api/v1/brands?cursor=&per_page=1&sort=name", "next")
    back = await walk(api, forth[-1].json()["links"]["self"], "prev")

    assert flat(forth) == expected
    assert flat(back[::-1]) == expected
