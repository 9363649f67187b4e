"""Whoever uses what is deprecated is told and counted alike on both surfaces, whichever way they go."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from db.embedded import Embedded
from services.engine.deprecation import Deprecation
from tests.parity.procedures.errands import LOST
from tests.parity.world import World, opened
from tests.support import outdated
from tests.support.client import Answer, Client
from tests.support.databases import copied

TOLD = ("deprecation", "sunset", "link", "warning")
WAYS = (None, "executor")
PARCEL = f"{LOST[:-1]}1"
HOME = "https://x.example"


@pytest.fixture(scope="module")
async def outdated_world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """A world in whose catalogue something of every kind is deprecated."""
    async with opened(copied(postgres, migrated_template), outdated.CATALOG) as made:
        yield made


@dataclass(frozen=True)
class Case:
    """One request over each surface, and the names of what it uses."""

    label: str
    used: str
    request: str
    query: str
    body: Any = None

    def __str__(self) -> str:
        return self.label

    @property
    def told(self) -> dict[str, Deprecation]:
        """Return what is deprecated among what it uses."""
        return {name: outdated.NAMES[name] for name in self.used.split()}

    @property
    def address(self) -> str:
        """Return how REST calls the place."""
        path = self.request.partition("?")[0].replace("{brand}", "{id}").replace("{category}", "{id}")
        return path.replace(" ", " /").replace(PARCEL, "{id}")

    @property
    def root(self) -> str:
        """Return the root field."""
        return self.query.removeprefix("mutation ")[2:].partition("(")[0].partition(" ")[0]


READS = [
    Case("field", "brand.website", "GET brands?fields=website", "{ brands { nodes { website } } }"),
    Case(
        "field of one",
        "brand.website",
        "GET brands/{brand}?fields=website",
        "{ brand(id: $brand) { website } }",
    ),
    Case(
        "filter",
        "brand.slug",
        "GET brands?filter[slug]=x&fields=name",
        '{ brands(filter: {slug: {eq: "x"}}) { nodes { name } } }',
    ),
    Case(
        "sort",
        "product.quantity",
        "GET products?sort=-quantity&fields=name",
        "{ products(sort: [QUANTITY_DESC]) { nodes { name } } }",
    ),
    Case(
        "relation",
        "brand.products",
        "GET brands?include=products&fields=name",
        "{ brands { nodes { products { nodes { name } } } } }",
    ),
    Case(
        "relation to a deprecated resource",
        "category",
        "GET products?include=category&fields=name",
        "{ products { nodes { category { name } } } }",
    ),
    Case(
        "filter through a relation",
        "brand.slug",
        "GET products?filter[brand.slug]=x&fields=name",
        '{ products(filter: {brand: {slug: {eq: "x"}}}) { nodes { name } } }',
    ),
    Case(
        "filter through a deprecated relation",
        "brand.products",
        "GET brands?filter[products.name]=x&fields=name",
        '{ brands(filter: {products: {name: {eq: "x"}}}) { nodes { name } } }',
    ),
    Case(
        "nested list",
        "brand.products",
        "GET brands/{brand}/products",
        "{ brand(id: $brand) { products { nodes { name } } } }",
    ),
    Case(
        "filter by a deprecated resource",
        "category",
        "GET products?filter[category.name]=x&fields=name",
        '{ products(filter: {category: {name: {eq: "x"}}}) { nodes { name } } }',
    ),
    Case("resource", "category", "GET categories?fields=name", "{ categories { nodes { name } } }"),
    Case(
        "one of a deprecated resource",
        "category",
        "GET categories/{category}?fields=name",
        "{ category(id: $category) { name } }",
    ),
    Case(
        "several",
        "brand.slug brand.website",
        "GET brands?filter[slug]=x&fields=website,slug",
        '{ brands(filter: {slug: {eq: "x"}}) { nodes { website slug a: slug } } }',
    ),
    Case(
        "input of a procedure",
        "weigh_parcel.scale",
        f"GET errands/parcels/{PARCEL}/weight?word=a&scale=gram",
        f'{{ weighParcel(id: "{PARCEL}", word: "a", scale: GRAM) {{ amount }} }}',
    ),
]

ROW = {"name": "a", "quantity": 1, "unit_price_cents": 5}
WRITES = [
    Case(
        "field of a new row",
        "brand.website",
        "POST brands",
        f'mutation {{ createBrand(input: {{name: "G", website: "{HOME}"}}) {{ brand {{ name }} }} }}',
        {"name": "R", "website": HOME},
    ),
    Case(
        "field of a change",
        "brand.website",
        "PATCH brands/{brand}",
        f'mutation {{ updateBrand(id: $brand, input: {{website: "{HOME}"}}) {{ brand {{ name }} }} }}',
        {"website": HOME},
    ),
    Case(
        "field of two of many",
        "brand.website",
        "POST brands/bulk",
        f'mutation {{ createBrands(items: [{{name: "G1"}}, {{name: "G2", website: "{HOME}"}},'
        f' {{name: "G3", website: "{HOME}"}}]) {{ summary {{ total }} }} }}',
        {"items": [{"name": "R1"}, {"name": "R2", "website": HOME}, {"name": "R3", "website": HOME}]},
    ),
    Case(
        "action",
        "restore_brand",
        "POST brands/{brand}/restore",
        "mutation { restoreBrand(id: $brand) { brand { name } } }",
        {},
    ),
    Case(
        "field of an embedded row",
        "order_item.product_id",
        "POST orders",
        "mutation { createOrder(input: {currency: EUR, lineItems: [{productId: null,"
        ' name: "a", quantity: 1, unitPriceCents: 5}]}) { order { number } } }',
        {"currency": "EUR", "line_items": [{"product_id": None, **ROW}]},
    ),
    Case(
        "row of a deprecated resource",
        "category",
        "POST categories",
        'mutation { createCategory(input: {name: "G"}) { category { id } } }',
        {"name": "R"},
    ),
    Case(
        "procedure",
        "send_parcel",
        "POST errands/parcels",
        'mutation { sendParcel(input: {label: "x"}) { number } }',
        {"label": "x"},
    ),
]

QUIET = [
    ("brands", "{ brands { nodes { name logoUrl } } }"),
    ("products?fields=name&include=brand", "{ products { nodes { name brand { name } } } }"),
    ("orders?include=items", "{ orders { nodes { items { nodes { name } } } } }"),
    ("token", "{ viewer { __typename } }"),
]
"""Requests that name nothing deprecated, though the whole documents of REST hold it."""

PICKS = [
    ("rotate_token.grace_period_ends_at", 'rotateToken(id: "{token}") {{ gracePeriodEndsAt }}'),
    (
        "rotate_token.grace_period_hours",
        'rotateToken(id: "{token}", input: {{gracePeriodHours: 1}}) {{ token {{ name }} }}',
    ),
    ("send_parcel send_parcel.notes", 'sendParcel(input: {{label: "x"}}) {{ inside {{ notes }} }}'),
    ("brand.slug", 'createBrand(input: {{name: "P{place}"}}) {{ brand {{ slug }} }}'),
    (
        "brand.products",
        'createBrand(input: {{name: "Q{place}"}}) {{ brand {{ products {{ totalCount }} }} }}',
    ),
]
"""What payloads alone can name."""


def filled(text: str, world: World) -> str:
    """Return a request with ids of rows that are there."""
    for name in ("brand", "category"):
        row = world.live(world.catalog[name])[0]["id"]
        text = text.replace(f"{{{name}}}", row).replace(f"${name}", f'"{row}"')
    return text


async def over_rest(client: Client, world: World, case: Case) -> Answer:
    method, _, target = case.request.partition(" ")
    path = filled(f"/api/v1/{target}", world)
    if method == "GET":
        return await client.get(path)
    return await {"POST": client.post, "PATCH": client.patch}[method](path, case.body)


async def over_graphql(client: Client, query: str, way: str | None) -> Answer:
    headers = [] if way is None else [("x-diptych-execute", way)]
    return await client.post("/graphql", {"query": query}, headers=headers)


def told_in(answer: Answer) -> dict[str, str | None]:
    """Return what the headers say, the neighbours of a page left aside."""
    found = {name: answer.header(name) for name in TOLD}
    links = [each for each in (found["link"] or "").split(", ") if "deprecation" in each or "sunset" in each]
    return found | {"link": ", ".join(links) or None}


def members(told: dict[str, Deprecation]) -> list[dict[str, Any]]:
    """Return what GraphQL's extensions are to say."""
    return [
        {
            "name": name,
            "since": each.since.isoformat(),
            "sunset": each.sunset and each.sunset.isoformat(),
            "instead": each.instead,
        }
        for name, each in sorted(told.items())
    ]


async def anew(world: World) -> None:
    """Forget the uses of other tests."""
    await outdated.uses(world.application, world.database)
    outdated.forget(world.database)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", [*READS, *WRITES], ids=str)
async def test_a_use_is_told_and_counted_alike(outdated_world: World, case: Case, way: str | None) -> None:
    """S3-097, S3-099: declared once; the same headers and the same uses, however many rows name it."""
    world = outdated_world
    client = Client(world.application, world.fresh_token(["all:write", "errands:write", "errands:read"]))
    await anew(world)

    rest = await over_rest(client, world, case)
    graphql = await over_graphql(client, filled(case.query, world), way)

    assert rest.status in (200, 201), rest.body
    assert "errors" not in graphql.json(), graphql.body
    assert told_in(rest) == told_in(graphql)
    assert rest.header("deprecation") == "true"
    assert graphql.json()["extensions"]["deprecations"] == members(case.told)
    assert await outdated.uses(world.application, world.database) == {
        *((name, "rest", case.address, 1) for name in case.told),
        *((name, "graphql", case.root, 1) for name in case.told),
    }


@pytest.mark.parametrize(("target", "query"), QUIET)
async def test_what_is_only_received_is_no_use(outdated_world: World, target: str, query: str) -> None:
    """Nobody is warned of what they did not ask for by name."""
    world, client = outdated_world, await outdated_world.client("all:read")
    await anew(world)

    answers = [await client.get(f"/api/v1/{target}")]
    answers += [await over_graphql(client, query, way) for way in WAYS]

    for answer in answers:
        assert answer.status == 200, answer.body
        assert set(told_in(answer).values()) == {None}
        assert "deprecations" not in answer.json().get("extensions", {})
    assert await outdated.uses(world.application, world.database) == set()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("used", "field"), PICKS)
async def test_what_a_payload_selects_is_used(
    outdated_world: World, used: str, field: str, way: str | None
) -> None:
    """REST shows a written row whole, so only GraphQL can name its parts."""
    world = outdated_world
    client = Client(world.application, world.fresh_token(["all:write", "errands:write"]))
    other = Client(world.application, world.fresh_token(["brands:read"]))
    token = (await other.get("/api/v1/whoami")).json()["data"]["token"]["id"]
    await anew(world)

    text = "mutation { " + field.format(token=token, place=f"{way}") + " }"
    # The second time the permission is remembered.
    answers = [await over_graphql(client, text.replace(token, token), way) for _ in range(2)]

    told = {name: outdated.NAMES[name] for name in used.split()}
    root = field.partition("(")[0]
    for answer in answers:
        assert answer.json()["extensions"]["deprecations"] == members(told), answer.body
    assert await outdated.uses(world.application, world.database) == {
        (name, "graphql", root, 2) for name in told
    }


@pytest.mark.parametrize("way", WAYS)
async def test_each_root_field_is_told_apart(outdated_world: World, way: str | None) -> None:
    """One operation is one use of each place that it uses something at."""
    world, client = outdated_world, await outdated_world.client("all:read")
    await anew(world)
    query = (
        "{ a: brands { nodes { website } } b: brands { nodes { website } } products { nodes { quantity } } }"
    )

    answer = await over_graphql(client, query, way)

    assert [each["name"] for each in answer.json()["extensions"]["deprecations"]] == [
        "brand.website",
        "product.quantity",
    ]
    assert await outdated.uses(world.application, world.database) == {
        ("brand.website", "graphql", "brands", 1),
        ("product.quantity", "graphql", "products", 1),
    }


@pytest.mark.parametrize("way", WAYS)
async def test_a_selection_that_is_left_out_is_no_use(outdated_world: World, way: str | None) -> None:
    """`@include` and `@skip` decide what an operation asks for."""
    client = await outdated_world.client("all:read")
    query = "query($yes: Boolean!) { brands { nodes { name website @include(if: $yes) } } }"
    headers = [] if way is None else [("x-diptych-execute", way)]

    told = [
        (await client.post("/graphql", {"query": query, "variables": {"yes": yes}}, headers=headers)).json()
        for yes in (True, False)
    ]

    assert [len(each.get("extensions", {}).get("deprecations", ())) for each in told] == [1, 0]


@pytest.mark.parametrize("way", WAYS)
async def test_what_is_found_by_its_id_alone_is_used_where_it_is_named(
    outdated_world: World, way: str | None
) -> None:
    """`node` looks among all resources, of which nobody has named the deprecated one."""
    world, client = outdated_world, await outdated_world.client("all:read")
    await anew(world)
    id_ = world.live(world.catalog["category"])[0]["id"]

    plain = await over_graphql(client, f'{{ node(id: "{id_}") {{ id }} }}', way)
    named = await over_graphql(client, f'{{ node(id: "{id_}") {{ ... on Category {{ name }} }} }}', way)

    assert plain.json()["data"]["node"] == {"id": id_}
    assert plain.header("deprecation") is None
    assert named.json()["extensions"]["deprecations"] == members({"category": outdated.OPEN})
    assert await outdated.uses(world.application, world.database) == {("category", "graphql", "node", 1)}


async def test_every_request_of_a_batch_is_told_its_own(outdated_world: World) -> None:
    """The headers tell of all of them, and a batch is one request."""
    world, client = outdated_world, await outdated_world.client("all:read")
    await anew(world)
    texts = (
        "{ brands { nodes { website } } }",
        "{ brands { nodes { name } } }",
        "{ brands { nodes { slug website } } }",
    )

    answer = await client.post("/graphql", [{"query": text} for text in texts])

    found = [each.get("extensions", {}).get("deprecations", []) for each in answer.json()]
    assert [[told["name"] for told in each] for each in found] == [
        ["brand.website"],
        [],
        ["brand.slug", "brand.website"],
    ]
    assert (answer.header("warning") or "").count("299") == 2
    assert await outdated.uses(world.application, world.database) == {
        ("brand.slug", "graphql", "brands", 1),
        ("brand.website", "graphql", "brands", 1),
    }


async def test_whoever_may_not_do_it_does_not_use_it(outdated_world: World) -> None:
    """Both surfaces: no scope, no use; and a dead token is told of nothing but itself."""
    world, client = outdated_world, await outdated_world.client("customers:read")
    await anew(world)

    for case in (READS[0], WRITES[3]):
        for answer in (
            await over_rest(client, world, case),
            await over_graphql(client, filled(case.query, world), None),
        ):
            assert set(told_in(answer).values()) == {None}, answer

    assert await outdated.uses(world.application, world.database) == set()


async def test_a_refused_write_used_it_all_the_same(outdated_world: World) -> None:
    """What was allowed and understood is a use, whatever came of it."""
    world, client = outdated_world, await outdated_world.client("all:write")
    await anew(world)

    rest = await client.post("/api/v1/brands", {"name": "", "website": HOME})
    text = f'mutation {{ createBrand(input: {{name: "", website: "{HOME}"}}) {{ problem {{ status }} }} }}'
    graphql = await over_graphql(client, text, None)

    assert rest.problem(422)["errors"] == {"name": ["cant_be_blank"]}
    assert told_in(rest) == told_in(graphql)
    assert await outdated.uses(world.application, world.database) == {
        ("brand.website", "rest", "POST /brands", 1),
        ("brand.website", "graphql", "createBrand", 1),
    }


async def test_what_needs_no_token_is_told_and_not_counted(outdated_world: World) -> None:
    """Nobody can be named who uses it."""
    world, client = outdated_world, Client(outdated_world.application, None)
    await anew(world)

    rest = await client.post("/api/v1/errands/doors", {"house": "acme", "password": "open the door"})
    text = 'mutation { knock(input: {house: "acme", password: "open the door"}) { house } }'
    graphql = await over_graphql(client, text, None)

    assert rest.status == 200
    assert graphql.json()["data"] == {"knock": {"house": "acme"}}
    assert told_in(rest) == told_in(graphql)
    assert graphql.json()["extensions"]["deprecations"] == members({"knock": outdated.OPEN})
    assert await outdated.uses(world.application, world.database) == set()
