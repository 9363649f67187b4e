"""Versioning and deprecation (S3-090 to S3-099): headers, documents, and who still uses what."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, build_schema

from db.driver import DatabaseError
from db.embedded import Embedded
from diptych.app import create_app
from schema.build import sdl
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.noticing import declared
from tests.support import outdated
from tests.support.application import driver_of, running
from tests.support.client import Answer, Application, Client
from tests.support.databases import copied
from tests.support.described import Described
from tests.support.seed import Seed, plant, settings
from tests.support.workshop import Workshop, graphql

BRANDS = "/api/v1/brands"
WEBSITES = f"{BRANDS}?fields=website"
USAGE = "/api/v1/deprecations/usage"
QUERY = """query($token: UUID, $name: String, $surface: SurfaceName, $limit: Int, $offset: Int) {
  deprecationUsage(tokenId: $token, name: $name, surface: $surface, limit: $limit, offset: $offset) {
    tokenId tokenName tokenPrefix name surface operation count firstUsedAt lastUsedAt sunset } }"""
MARCH = "Wed, 01 Mar 2028 00:00:00 GMT"


@pytest.fixture(scope="module")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    """Seeded rows of a database that only these tests use."""
    return plant(copied(postgres, migrated_template))


@pytest.fixture(scope="module")
async def application(seed: Seed) -> AsyncIterator[Application]:
    """The application with a catalogue in which something of every kind is deprecated."""
    async with running(seed.database, outdated.CATALOG) as started:
        yield started


@pytest.fixture
def shop(application: Application, seed: Seed) -> Workshop:
    """A workspace of one test alone."""
    return Workshop(Client(application), seed.database)


async def usage(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Return the uses once they are written down."""
    await outdated.meter(client.application).write()
    return (await client.get(f"{USAGE}{query}")).rows()


# Headers


async def test_headers_tell_since_when_until_when_and_what_instead(shop: Workshop) -> None:
    """S3-097, S3-099, C-64, RFC 8594: the weekday is the one that the day has."""
    answer = await shop.holder("all:read").get(WEBSITES)

    assert answer.header("deprecation") == "true"
    assert answer.header("sunset") == MARCH
    assert answer.header("warning") == (
        '299 - "brand.website is deprecated. Migrate to brand.logo_url by 2028-03-01."'
    )
    page = "<https://docs.example/pages>"
    assert (answer.header("link") or "").endswith(f'{page}; rel="deprecation", {page}; rel="sunset"')
    assert (answer.header("link") or "").startswith("<")


async def test_what_has_no_end_and_no_page_leads_to_the_timeline(shop: Workshop) -> None:
    """S3-098: a page of its own is not needed, and nothing is said of a sunset that nobody planned."""
    answer = await shop.holder("all:read").search("brands", {"fields": ["slug"], "per_page": 1})

    assert answer.header("deprecation") == "true"
    assert answer.header("sunset") is None
    assert '</api/v1/agents>; rel="deprecation"' in (answer.header("link") or "")
    assert 'rel="sunset"' not in (answer.header("link") or "")
    assert answer.header("warning") == '299 - "brand.slug is deprecated. Migrate to brand.name."'


async def test_the_earliest_days_count_for_several(shop: Workshop) -> None:
    """RFC 8594: whoever uses two things has to be done with one of them first."""
    holder = shop.holder("all:read")

    answer = await graphql(holder, "{ brands { nodes { website } } products { nodes { quantity } } }")

    assert answer.header("sunset") == MARCH
    assert (answer.header("warning") or "").split(", ")[1].startswith('299 - "product.quantity')


async def test_head_and_a_copy_that_is_current_say_the_same(shop: Workshop) -> None:
    """RFC 9110, section 9.3.2: HEAD has the headers of GET."""
    holder = shop.holder("all:write")
    row = (await holder.post(BRANDS, {"name": "A"})).data(201)
    target = f"{BRANDS}/{row['id']}?fields=website"
    first = await holder.get(target)

    head = await holder.request("HEAD", target)
    kept = await holder.get(target, headers=[("if-none-match", first.header("etag") or "")])

    assert (head.status, kept.status) == (200, 304)
    assert head.header("sunset") == kept.header("sunset") == MARCH


async def test_the_standard_form_of_the_header_can_be_had(seed: Seed) -> None:
    """C-64, RFC 9745: the day as a date of structured fields, the earliest one."""
    async with running(
        seed.database, outdated.CATALOG, deprecation_style="rfc9745", public_url="https://api.example"
    ) as application:
        client = Workshop(Client(application), seed.database).holder("all:read")
        answer = await client.get(f"{BRANDS}?fields=website,slug")

    day = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp())
    assert answer.header("deprecation") == f"@{day}"
    assert '<https://api.example/api/v1/agents>; rel="deprecation"' in (answer.header("link") or "")


async def test_browsers_may_read_the_headers(seed: Seed) -> None:
    """S3-127, with the Warning that it leaves out (C-63)."""
    async with running(seed.database, outdated.CATALOG, cors_origins=["https://app.example"]) as application:
        client = Workshop(Client(application), seed.database).holder("all:read")
        answer = await client.get(WEBSITES, headers=[("origin", "https://app.example")])

    exposed = (answer.header("access-control-expose-headers") or "").lower().split(", ")
    assert {"deprecation", "sunset", "link", "warning"} <= set(exposed)


# The version


@pytest.fixture(scope="module")
async def after(seed: Seed) -> AsyncIterator[Application]:
    """The application once the next version of the API is there."""
    async with running(seed.database, outdated.NEXT) as started:
        yield started


async def test_a_deprecated_version_says_so_everywhere_and_works_as_before(
    after: Application, seed: Seed
) -> None:
    """S3-093, S3-094, S3-097, S3-099: the whole version, in the very words of the law."""
    holder = Workshop(Client(after), seed.database).holder("all:read")
    answers = [
        await holder.get(BRANDS),
        await holder.get("/api/v1/token"),
        await holder.get("/api/v1/nowhere"),
        await holder.using(None).get(BRANDS),
        await holder.using(None).get("/api/v1/openapi.json"),
    ]

    assert [answer.status for answer in answers] == [200, 200, 404, 401, 200]
    for answer in answers:
        assert answer.header("deprecation") == "true"
        assert answer.header("sunset") == MARCH
        assert answer.header("warning") == '299 - "API v1 is deprecated. Migrate to v2 by 2028-03-01."'


async def test_the_deprecated_version_is_that_of_rest_alone(after: Application, seed: Seed) -> None:
    """S3-095: a version is part of an address, and GraphQL's addresses have none."""
    holder = Workshop(Client(after), seed.database).holder("all:read")

    answer = await graphql(holder, "{ brands { nodes { name } } }")
    await holder.get(BRANDS)

    assert answer.header("deprecation") is None
    assert [(row["name"], row["operation"]) for row in await usage(holder)] == [("API v1", "GET /brands")]


# Documents


def test_the_openapi_document_marks_what_is_deprecated() -> None:
    """S3-098: operations, parameters and members, with the day after which they may be gone."""
    described = Described(outdated.CATALOG)
    operations = {made["operationId"]: made for _, _, made in described.operations()}
    schemas, parameters = (described.document["components"][each] for each in ("schemas", "parameters"))

    marked = {name for name, made in operations.items() if made.get("deprecated")}
    assert {"restoreBrand", "sendParcel", "knock", "listBrandProducts", "listCategories"} <= marked
    assert not marked & {"listBrands", "createBrand", "weighParcel", "listProducts"}
    assert operations["restoreBrand"]["x-sunset"] == "2028-03-01"
    assert "Migrate to brand.logo_url." in operations["restoreBrand"]["description"]
    for name in ("Brand", "BrandCreate", "BrandReplace", "BrandUpdate", "BrandBulkUpdate"):
        website = schemas[name]["properties"]["website"]
        assert (website["deprecated"], website["x-sunset"]) == (True, "2028-03-01"), name
        assert "deprecated" not in schemas[name]["properties"]["name"]
    assert parameters["ProductFilterQuantityGte"]["deprecated"] is True
    assert "`quantity`: Deprecated since 2026-06-01" in parameters["ProductSort"]["description"]
    assert "`website`: Deprecated since 2026-03-01" in parameters["BrandFields"]["description"]
    assert "`products`: Deprecated since 2026-01-15." in parameters["BrandInclude"]["description"]
    (scale,) = [each for each in operations["weighParcel"]["parameters"] if each.get("name") == "scale"]
    assert scale["deprecated"] is True
    assert schemas["WeighParcelAnswer"]["properties"]["share"]["deprecated"] is True
    assert schemas["RotateTokenRequest"]["properties"]["grace_period_hours"]["deprecated"] is True


def test_the_openapi_document_tells_the_timeline() -> None:
    """S3-098: all of it at one place; and the shipped catalogue deprecates nothing."""
    told = Described(outdated.NEXT).document["x-deprecations"]

    assert {each["name"] for each in told} == {"API v1", *outdated.NAMES}
    assert told[0] == {
        "name": "API v1",
        "since": "2027-03-01",
        "sunset": "2028-03-01",
        "instead": "v2",
        "link": None,
    }
    assert Described(CATALOG).document["x-deprecations"] == []
    assert declared(CATALOG) == ()


async def test_answers_that_tell_of_it_are_as_described(shop: Workshop) -> None:
    """Every header that is sent is described where something is deprecated."""
    described, holder = Described(outdated.CATALOG), shop.holder("all:write")
    row = (await holder.post(BRANDS, {"name": "D", "website": "https://x.example"})).data(201)
    for method, target, body in (
        ("GET", WEBSITES, None),
        ("POST", f"{BRANDS}/{row['id']}/restore", {}),
        ("POST", BRANDS, {"name": "", "website": "https://x.example"}),
    ):
        answer = await (holder.get(target) if body is None else holder.post(target, body))
        assert answer.header("deprecation") == "true"
        told = described.resolved(described.operation(method, target)["responses"][str(answer.status)])
        assert {"Deprecation", "Sunset", "Warning", "Link"} <= set(told["headers"])
        assert described.faults_of_answer(method, target, answer) == []


def test_the_schema_marks_what_is_deprecated() -> None:
    """Fields, arguments, input fields, values and mutations, as GraphQL's own tools read them."""
    schema = build_schema(sdl(outdated.CATALOG))

    def reason(type_name: str, name: str) -> str | None:
        found: Any = schema.type_map[type_name]
        members = found.values if isinstance(found, GraphQLEnumType) else found.fields
        told: str | None = members[name].deprecation_reason
        return told

    soon, open_, later = (each.reason for each in (outdated.SOON, outdated.OPEN, outdated.LATER))
    assert soon == "Deprecated since 2026-03-01, may be gone after 2028-03-01. Migrate to brand.logo_url."
    for type_name in ("Brand", "BrandCreateInput", "BrandUpdateInput", "BrandBulkUpdateInput"):
        assert reason(type_name, "website") == soon
    for type_name, name, told in (
        ("Brand", "name", None),
        ("Brand", "slug", open_),
        ("BrandFilter", "slug", open_),
        ("BrandFilter", "products", open_),
        ("Brand", "products", open_),
        ("ProductSort", "QUANTITY_ASC", later),
        ("ProductSort", "QUANTITY_DESC", later),
        ("ProductSort", "NAME_ASC", None),
        ("Product", "category", open_),
        ("Product", "brand", None),
        ("Query", "categories", open_),
        ("Query", "category", open_),
        ("Query", "brands", None),
        ("Mutation", "createCategories", open_),
        ("Mutation", "restoreBrand", soon),
        ("Mutation", "deleteBrand", None),
        ("Mutation", "sendParcel", soon),
        ("Mutation", "knock", open_),
        ("RotateTokenInput", "gracePeriodHours", open_),
        ("RotateTokenPayload", "gracePeriodEndsAt", soon),
        ("OrderLineItemInput", "productId", open_),
        ("WeighParcelResult", "share", open_),
        ("WeighParcelAbout", "made", open_),
        ("SendParcelInside", "notes", open_),
    ):
        assert reason(type_name, name) == told, (type_name, name)
    query = schema.query_type
    assert isinstance(query, GraphQLObjectType)
    assert query.fields["weighParcel"].args["scale"].deprecation_reason == soon
    assert query.fields["weighParcel"].args["word"].deprecation_reason is None
    # A resource of each surface shares its declarations with no other.
    assert "@deprecated" not in sdl(CATALOG)


# Who uses it


async def test_it_is_told_which_token_uses_what_where_and_how_often(shop: Workshop) -> None:
    """Issue 5: `GET /api/v1/deprecations/usage`, and the same over GraphQL."""
    till, office = shop.holder("all:read", name="till 3"), shop.holder("all:write", name="office")
    began = datetime.now(UTC)
    for _ in range(3):
        await till.get(WEBSITES)
    await graphql(till, "{ brands { nodes { slug } } }")
    await office.post(BRANDS, {"name": "U", "website": "https://x.example"})

    rows = await usage(office)

    assert {
        (row["token_name"], row["name"], row["surface"], row["operation"], row["count"]) for row in rows
    } == {
        ("till 3", "brand.website", "rest", "GET /brands", 3),
        ("till 3", "brand.slug", "graphql", "brands", 1),
        ("office", "brand.website", "rest", "POST /brands", 1),
    }
    (website,) = [row for row in rows if row["count"] == 3]
    assert website["token_id"] == shop.id_of(till)
    assert website["token_prefix"] == shop.row(till)["token_prefix"]
    assert website["sunset"] == "2028-03-01"
    first, last = (datetime.fromisoformat(website[f"{name}_used_at"]) for name in ("first", "last"))
    assert began - timedelta(seconds=1) <= first < last <= datetime.now(UTC)
    assert [row["sunset"] for row in rows if row["name"] == "brand.slug"] == [None]
    assert [row["last_used_at"] for row in rows] == sorted(
        (row["last_used_at"] for row in rows), reverse=True
    )


async def test_both_surfaces_tell_the_same_uses(shop: Workshop) -> None:
    """By token, by name, by surface, and page by page."""
    till, office = shop.holder("all:read", name="till"), shop.holder("all:read", name="office")
    for client in (till, office):
        await client.get(f"{BRANDS}?fields=website,slug")
        await graphql(client, "{ brands { nodes { slug } } }")
    whole = await usage(office)
    assert len(whole) == 6

    for query, given, kept in (
        ("", {}, whole),
        (
            f"?token_id={shop.id_of(till)}",
            {"token": shop.id_of(till)},
            [r for r in whole if r["token_name"] == "till"],
        ),
        ("?name=brand.slug", {"name": "brand.slug"}, [r for r in whole if r["name"] == "brand.slug"]),
        ("?surface=graphql", {"surface": "GRAPHQL"}, [r for r in whole if r["surface"] == "graphql"]),
        ("?limit=2&offset=1", {"limit": 2, "offset": 1}, whole[1:3]),
        ("?name=brand.name", {"name": "brand.name"}, []),
    ):
        rest = (await office.get(f"{USAGE}{query}")).rows()
        told = (await graphql(office, QUERY, **given)).json()["data"]["deprecationUsage"]
        assert rest == kept, query
        assert [list(row.values()) for row in told] == [
            [*(row[name] for name in list(row)[:4]), row["surface"].upper(), *list(row.values())[5:]]
            for row in rest
        ]


async def test_only_the_workspace_itself_is_told(
    shop: Workshop, application: Application, seed: Seed
) -> None:
    """Design 7: the uses of a workspace are nobody else's, and they need their scope."""
    other = Workshop(Client(application), seed.database)
    await shop.holder("all:read").get(WEBSITES)

    assert await usage(other.holder("all:read")) == []
    assert len(await usage(shop.holder("deprecations:read"))) == 1
    refused = (await shop.holder("brands:read").get(USAGE)).problem(403)
    assert refused["required_scope"] == "deprecations:read"


async def test_every_use_is_counted_and_none_twice(shop: Workshop) -> None:
    """Exactly as many as were asked, also while they are being written down."""
    holder = shop.holder("all:read")
    await holder.get("/api/v1/token")
    meter = outdated.meter(holder.application)

    async def ask() -> None:
        for _ in range(20):
            assert (await holder.get(WEBSITES)).status == 200

    async def write() -> None:
        for _ in range(10):
            await meter.write()

    await asyncio.gather(*(ask() for _ in range(5)), write())

    assert [row["count"] for row in await usage(holder)] == [100]


async def test_what_was_not_let_through_is_no_use(seed: Seed) -> None:
    """S3-247: a request beyond the budget did nothing."""
    async with running(seed.database, outdated.CATALOG, limits="on") as application:
        shop = Workshop(Client(application), seed.database)
        holder = shop.holder("all:write", rate_limit_per_minute=1, burst=1)
        bodies = [{"name": name, "website": "https://x.example"} for name in ("first", "second")]
        statuses = [(await holder.post(BRANDS, body)).status for body in bodies]
        await outdated.meter(application).write()

    assert statuses == [201, 429]
    assert [row["uses"] for row in shop.stored.rows("deprecation_uses", shop.id, "workspace_id")] == [1]


async def test_processes_add_up_and_keep_the_first_and_the_last_time(shop: Workshop, seed: Seed) -> None:
    """Any number of processes write down what each has counted."""
    holder = shop.holder("all:read")
    await holder.get(WEBSITES)
    (before,) = await usage(holder)
    async with running(seed.database, outdated.CATALOG) as second:
        twin = replace(holder, application=second)
        await twin.get(WEBSITES)
        await twin.get(WEBSITES)
        (after,) = await usage(twin)

    assert (before["count"], after["count"]) == (1, 3)
    assert after["first_used_at"] == before["first_used_at"] == before["last_used_at"] < after["last_used_at"]


async def test_uses_that_cannot_be_written_are_kept(shop: Workshop, seed: Seed) -> None:
    """A database that refuses for a while loses nothing."""
    holder = shop.holder("all:read")
    await holder.get(WEBSITES)
    with psycopg.connect(seed.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE deprecation_uses RENAME TO elsewhere")
        with pytest.raises(DatabaseError):
            await outdated.meter(holder.application).write()
        connection.execute("ALTER TABLE elsewhere RENAME TO deprecation_uses")
    await holder.get(WEBSITES)

    assert [row["count"] for row in await usage(holder)] == [2]


async def test_a_token_that_is_gone_holds_no_others_back(shop: Workshop, seed: Seed) -> None:
    """What it used is forgotten with it."""
    gone, holder = shop.holder("all:read"), shop.holder("all:read")
    await gone.get(WEBSITES)
    await holder.get(WEBSITES)
    with psycopg.connect(seed.database) as connection:
        connection.execute("DELETE FROM tokens WHERE id = %s", [shop.id_of(gone)])

    assert [row["token_id"] for row in await usage(holder)] == [shop.id_of(holder)]


async def test_what_is_counted_is_written_at_the_latest_when_the_server_ends(seed: Seed) -> None:
    """The last batch is not lost by a restart."""
    async with running(seed.database, outdated.CATALOG, usage_seconds=3_600) as application:
        shop = Workshop(Client(application), seed.database)
        holder = shop.holder("all:read")
        await holder.get(WEBSITES)
        assert shop.stored.rows("deprecation_uses", shop.id, "workspace_id") == []

    (row,) = shop.stored.rows("deprecation_uses", shop.id, "workspace_id")
    assert (row["name"], row["uses"]) == ("brand.website", 1)


async def test_a_use_takes_no_round_trip_of_its_request(shop: Workshop) -> None:
    """The write of a batch is beside the requests, one statement for all the uses of a workspace."""
    holder = shop.holder("all:read")
    driver = driver_of(holder.application)

    async def trips(target: str) -> tuple[int, int]:
        await holder.get(target)
        before = driver.statements_sent, driver.round_trips
        await holder.get(target)
        return driver.statements_sent - before[0], driver.round_trips - before[1]

    assert await trips(WEBSITES) == await trips(f"{BRANDS}?fields=name") == (1, 1)
    await holder.get(f"{BRANDS}?fields=slug&sort=name")
    before = driver.round_trips
    await outdated.meter(holder.application).write()
    assert driver.round_trips - before == 1


# Past the sunset


async def test_a_server_says_at_its_start_what_is_past_its_sunset(
    seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    """S3-093: nothing stops by itself; removing it is a release."""
    past = replace(outdated.SOON, since=date(2020, 1, 1), sunset=date(2021, 1, 1))
    brand = next(each for each in outdated.RESOURCES if each.name == "brand")
    field = replace(next(each for each in brand.fields if each.name == "website"), deprecated=past)
    fields = tuple(field if each.name == "website" else each for each in brand.fields)
    resources = tuple(replace(brand, fields=fields) if each is brand else each for each in outdated.RESOURCES)
    catalog = Catalog(resources, outdated.PROCEDURES)

    with caplog.at_level(logging.WARNING, "diptych"):
        create_app(settings(seed.database), catalog)
    assert [record.getMessage() for record in caplog.records] == [
        "brand.website is past its sunset of 2021-01-01; a release may remove it."
    ]
    async with running(seed.database, catalog) as application:
        answer: Answer = await Workshop(Client(application), seed.database).holder("all:read").get(WEBSITES)
    assert answer.status == 200
    assert answer.header("sunset") == "Fri, 01 Jan 2021 00:00:00 GMT"
