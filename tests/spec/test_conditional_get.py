"""Entity tags and conditional GET (S3.14), as far as reading goes."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from diptych.edge import Application
from tests.support.application import running
from tests.support.client import Answer, Client
from tests.support.seed import Seed, plant

TENANT = ("brands", "categories", "products", "customers", "orders", "order_items")


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


def product(seed: Seed) -> str:
    return f"/api/v1/products/{seed.live('products')[0]['id']}"


async def conditional(api: Client, target: str, tag: str, method: str = "GET") -> Answer:
    return await api.request(method, target, headers=[("if-none-match", tag)])


@pytest.mark.parametrize("plural", TENANT)
async def test_every_single_resource_has_a_strong_tag(api: Client, seed: Seed, plural: str) -> None:
    """S3-135, S3-136, S3-141, C-54: quoted, opaque, twelve hex digits of id and version."""
    tags = set()
    for row in seed.live(plural):
        tag = (await api.get(f"{path(plural)}/{row['id']}")).header("etag") or ""
        assert tag[0] == tag[-1] == '"'
        assert len(tag) == 14
        assert int(tag.strip('"'), 16) >= 0
        tags.add(tag)

    assert len(tags) == len(seed.live(plural))


@pytest.mark.parametrize("target", ["products", "products?cursor=", "workspaces", "orders?include=items"])
async def test_collections_have_no_tag(api: Client, target: str) -> None:
    """S3-144."""
    answer = await api.get(f"/api/v1/{target}")

    assert answer.header("etag") is None
    assert (await conditional(api, f"/api/v1/{target}", "*")).status == 200


async def test_refusals_have_no_tag(api: Client, seed: Seed) -> None:
    """S3-135."""
    answer = await api.request("GET", f"{product(seed)}0", headers=[("if-none-match", "*")])

    answer.problem(404)
    assert answer.header("etag") is None


@pytest.mark.parametrize(
    "query", ["", "?fields=name", "?include=brand,category", "?include=brand&fields=name"]
)
async def test_a_known_tag_is_answered_with_an_empty_304(api: Client, seed: Seed, query: str) -> None:
    """S3-138, RFC 9110 section 15.4.5: the headers of the 200, and no content."""
    full = await api.get(product(seed) + query)
    tag = full.header("etag") or ""

    answer = await conditional(api, product(seed) + query, tag)

    assert answer.status == 304
    assert answer.body == b""
    assert answer.header("etag") == tag
    for name in ("cache-control", "vary"):
        assert answer.header(name) == full.header(name)
    assert answer.header("content-type") is None
    assert answer.header("content-length") is None


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("{tag}", True),
        ("W/{tag}", True),
        ('"other", {tag}', True),
        ('{tag},"other"', True),
        ('W/"x" ,  W/{tag}  , "y"', True),
        ("*", True),
        ('"other"', False),
        ("", False),
        ('""', False),
        ("{bare}", False),
        ('"{bare}', False),
        ('"{upper}"', False),
        ("w/{tag}", False),
        (", ,", False),
        ("W/", False),
        ("\xe4", False),
        (",".join(['"x"'] * 500), False),
    ],
)
async def test_lists_weak_tags_and_the_star_are_understood(
    api: Client, seed: Seed, sent: str, known: bool
) -> None:
    """S3-138, C-54, RFC 9110 section 13.1.2: weak comparison; what is malformed is not known."""
    tag = (await api.get(product(seed))).header("etag") or ""
    bare = tag.strip('"')
    header = sent.format(tag=tag, bare=bare, upper=bare.upper() + "X")

    answer = await conditional(api, product(seed), header)

    assert answer.status == (304 if known else 200)


async def test_repeated_headers_are_one_list(api: Client, seed: Seed) -> None:
    """RFC 9110 section 5.3."""
    tag = (await api.get(product(seed))).header("etag") or ""

    for pair in ((tag, '"other"'), ('"other"', tag)):
        answer = await api.get(product(seed), headers=[("if-none-match", value) for value in pair])
        assert answer.status == 304


async def test_each_representation_has_its_own_tag(api: Client, seed: Seed) -> None:
    """C-54: the base alone for the whole resource, base and eight digits of the body otherwise."""
    plain = ((await api.get(product(seed))).header("etag") or "").strip('"')
    queries = (
        "?fields=name",
        "?fields=sku",
        "?include=brand",
        "?include=category",
        "?fields=name&include=brand",
    )

    tags = [((await api.get(product(seed) + query)).header("etag") or "").strip('"') for query in queries]

    assert len({plain, *tags}) == 6
    for tag in tags:
        base, _, suffix = tag.partition("-")
        assert base == plain
        assert len(suffix) == 8
        assert (await conditional(api, product(seed), f'"{tag}"')).status == 200


async def test_head_is_conditional_too(api: Client, seed: Seed) -> None:
    """S3-138, Q-18."""
    tag = (await api.request("HEAD", product(seed))).header("etag") or ""

    assert (await conditional(api, product(seed), tag, "HEAD")).status == 304


async def test_private_answers_say_so(api: Client, seed: Seed) -> None:
    """C-54: Vary: Authorization, and no cache may share them."""
    answer = await api.get(product(seed))

    assert answer.header("vary") == "Authorization"
    assert answer.header("cache-control") == "private, no-cache"


@pytest.mark.parametrize("query", ["", "?cursor="])
async def test_lists_are_private_too(api: Client, query: str) -> None:
    """C-54: a cache in between must not hand one workspace's list to another's X-API-Key."""
    listed = await api.get(f"/api/v1/products{query}")
    searched = await api.search("products", {})

    for answer in (listed, searched):
        assert answer.header("vary") == "Authorization"
        assert answer.header("cache-control") == "private, no-cache"


async def test_the_same_row_has_the_same_tag_in_every_process(seed: Seed, api: Client) -> None:
    """S3-141: a tag outlives the process that made it."""
    async with running(seed.database) as other:
        again = await Client(other, seed.tokens["acme", "reader"]).get(product(seed))

    assert again.header("etag") == (await api.get(product(seed))).header("etag")


# Rows that change.


@pytest.fixture
async def changing(database: str) -> AsyncIterator[tuple[Client, Seed]]:
    planted = plant(database, ("reader",))
    async with running(database) as application:
        yield Client(application, planted.tokens["acme", "reader"]), planted


async def test_every_new_version_has_a_new_tag(changing: tuple[Client, Seed]) -> None:
    """S3-143, C-54: also where nothing else changed."""
    api, planted = changing
    before = await api.get(product(planted))
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute(
            "UPDATE products SET version = version + 1 WHERE id = %s", [planted.live("products")[0]["id"]]
        )
    after = await api.get(product(planted))

    assert after.body == before.body
    assert after.header("etag") != before.header("etag")
    assert (await conditional(api, product(planted), before.header("etag") or "")).status == 200


async def test_a_change_in_an_included_row_changes_the_tag(changing: tuple[Client, Seed]) -> None:
    """C-54: otherwise 304 would hide it."""
    api, planted = changing
    row = next(row for row in planted.live("products") if row["brand_id"] == planted.live("brands")[0]["id"])
    target = f"/api/v1/products/{row['id']}"
    plain, with_brand = await api.get(target), await api.get(f"{target}?include=brand")
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute(
            "UPDATE brands SET name = 'Renamed', version = version + 1 WHERE id = %s", [row["brand_id"]]
        )

    assert (await conditional(api, target, plain.header("etag") or "")).status == 304
    changed = await conditional(api, f"{target}?include=brand", with_brand.header("etag") or "")
    assert changed.status == 200
    assert changed.json()["included"][0]["name"] == "Renamed"


async def test_a_new_version_of_an_included_row_changes_the_tag(changing: tuple[Client, Seed]) -> None:
    """C-54: the representation part covers what is shown, so an invisible version bump may stay a 304."""
    api, planted = changing
    row = next(row for row in planted.live("products") if row["brand_id"] == planted.live("brands")[0]["id"])
    target = f"/api/v1/products/{row['id']}?include=brand"
    before = await api.get(target)
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute("UPDATE brands SET updated_at = now() WHERE id = %s", [row["brand_id"]])

    assert (await conditional(api, target, before.header("etag") or "")).status == 200


async def test_a_revoked_token_gets_no_304(changing: tuple[Client, Seed]) -> None:
    """S3-060, S3-087: authentication comes before conditions."""
    api, planted = changing
    tag = (await api.get(product(planted))).header("etag") or ""
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute("UPDATE tokens SET revoked_at = now()")

    (await conditional(api, product(planted), tag)).problem(401)


async def test_concurrent_readers_get_their_own_answers(api: Client, seed: Seed) -> None:
    """S3-135: pipelined answers are never mixed up."""
    rows = seed.live("products") * 4
    answers = await asyncio.gather(*(api.get(f"/api/v1/products/{row['id']}") for row in rows))

    assert [answer.json()["data"]["id"] for answer in answers] == [str(row["id"]) for row in rows]


async def test_the_other_workspace_never_sees_the_tag(
    api: Client, application: Application, seed: Seed
) -> None:
    """S3-258."""
    tag = (await api.get(product(seed))).header("etag") or ""
    foreign = api.using(seed.tokens["globex", "reader"])

    (await conditional(foreign, product(seed), tag)).problem(404)
