"""Aliases, fragments and directives shape the response as the GraphQL specification says (section 6.3)."""

import pytest

from tests.schema.asking import Asker
from tests.support.seed import Seed

WAYS = (None, "executor")


@pytest.mark.parametrize("way", WAYS)
async def test_keys_come_in_the_order_of_the_selections(gql: Asker, way: str | None) -> None:
    reply = await gql.ask(
        "{ products(first: 1) {"
        " totalCount __typename nodes { ...B id ...A } pageInfo { endCursor __typename } } }"
        " fragment A on Product { status name } fragment B on Product { slug status }",
        way=way,
    )
    found = reply.data["products"]
    assert list(found) == ["totalCount", "__typename", "nodes", "pageInfo"]
    assert list(found["nodes"][0]) == ["slug", "status", "id", "name"]
    assert found["__typename"] == "ProductConnection"
    assert found["pageInfo"]["__typename"] == "PageInfo"


@pytest.mark.parametrize("way", WAYS)
async def test_equal_response_names_are_merged(gql: Asker, seed: Seed, way: str | None) -> None:
    reply = await gql.ask(
        "query($id: ID!) { product(id: $id) { brand { name } ...F }"
        " product(id: $id) { ... { brand { id } } } }"
        " fragment F on Product { brand { slug } }",
        {"id": str(seed.live("products")[0]["id"])},
        way=way,
    )
    assert list(reply.data) == ["product"]
    assert list(reply.data["product"]["brand"]) == ["name", "slug", "id"]


@pytest.mark.parametrize("way", WAYS)
async def test_one_connection_under_two_aliases_differs_by_arguments(gql: Asker, way: str | None) -> None:
    reply = await gql.ask(
        "{ brands(first: 1, sort: [NAME_ASC]) { nodes {"
        " up: products(sort: [NAME_ASC, ID_ASC]) { nodes { id } }"
        " down: products(sort: [NAME_DESC, ID_DESC]) { edges { n: node { id } } } } } }",
        way=way,
    )
    (brand,) = reply.data["brands"]["nodes"]
    up = [node["id"] for node in brand["up"]["nodes"]]
    assert len(up) > 1
    assert [edge["n"]["id"] for edge in brand["down"]["edges"]] == up[::-1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("skip", "include", "kept"), [(True, True, 0), (False, True, 1), (False, False, 0)])
async def test_skip_and_include_decide_together(
    gql: Asker, way: str | None, skip: bool, include: bool, kept: int
) -> None:
    reply = await gql.ask(
        "query($s: Boolean!, $i: Boolean!) {"
        " brands(first: 1) { nodes { id name @skip(if: $s) @include(if: $i) } } }",
        {"s": skip, "i": include},
        way=way,
    )
    assert len(reply.data["brands"]["nodes"][0]) == 1 + kept


async def test_aliases_that_are_names_in_statements_do_no_harm(gql: Asker, seed: Seed) -> None:
    row = seed.live("products")[0]
    names = ("r", "n", "x", "select", "User", "body", "rn", "t1", "n1", "o1", "a1")
    picked = " ".join(f"{name}: name" for name in names)
    reply = await gql.ask(f'{{ product(id: "{row["id"]}") {{ {picked} brand {{ n2: name o3: id }} }} }}')
    assert reply.way == "compiled"
    assert [reply.data["product"][name] for name in names] == [row["name"]] * len(names)


async def test_a_response_name_too_long_for_a_statement_is_answered_by_the_executor(gql: Asker) -> None:
    name = "a" * 64
    reply = await gql.ask(f"{{ brands(first: 1) {{ {name}: totalCount }} }}")
    assert reply.way == "executor"
    assert list(reply.data["brands"]) == [name]


async def test_introspection_beside_data_is_answered_by_the_executor(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask('{ __type(name: "Brand") { name } brands { totalCount } }')
    assert reply.way == "executor"
    assert reply.data == {"__type": {"name": "Brand"}, "brands": {"totalCount": len(seed.live("brands"))}}


async def test_a_variable_keeps_one_shape_for_all_its_values(gql: Asker, seed: Seed) -> None:
    query = "query Same($n: String!) { brands(filter: {name: {eq: $n}}) { nodes { name } } }"
    for row in seed.live("brands"):
        reply = await gql.ask(query, {"n": row["name"]})
        assert [node["name"] for node in reply.data["brands"]["nodes"]] == [row["name"]]
    operation = gql.graphql._documents._known[query, None]
    assert len(operation._shapes) == 1


async def test_an_operation_is_chosen_by_name(gql: Asker) -> None:
    query = "query A { brands { totalCount } } query B { orders { totalCount } }"
    assert list((await gql.ask(query, operation="B")).data) == ["orders"]
    (await gql.ask(query, operation="C")).refused("BAD_REQUEST", "'C'")
    (await gql.ask(query)).refused("BAD_REQUEST", "operationName")


async def test_only_so_many_documents_are_kept(gql: Asker) -> None:
    documents = gql.graphql._documents
    for number in range(520):
        await gql.ask(f"query Q{number} {{ __typename }}")
    assert len(documents._known) <= 500
    assert documents._characters == sum(len(text) for text, _ in documents._known) <= 250_000
