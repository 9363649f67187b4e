"""`node` and `nodes` find anything by any form of its id, and nothing that REST would not show."""

import pytest

from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.procedures import Method
from tests.schema.asking import Asker, global_id
from tests.support.seed import Seed

WAYS = (None, "executor")


def _rows(seed: Seed) -> dict[str, dict]:
    found = {each.name: seed.live(each.plural)[0] for each in CATALOG if each.name != "workspace"}
    return found | {"workspace": seed.workspaces["acme"]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("resource", [each.name for each in CATALOG])
async def test_every_resource_is_a_node(gql: Asker, seed: Seed, resource: str, way: str | None) -> None:
    id_, type_ = str(_rows(seed)[resource]["id"]), pascal(resource)
    for spelled in (id_, id_.upper(), global_id(type_, id_)):
        reply = await gql.ask(
            f"query($id: ID!) {{ node(id: $id) {{ __typename id ... on {type_} {{ etag }} }} }}",
            {"id": spelled},
            way=way,
        )
        assert reply.data["node"]["__typename"] == type_
        assert reply.data["node"]["id"] == id_
        assert set(reply.data["node"]) == {"__typename", "id", "etag"}


async def test_a_node_takes_one_statement_with_all_that_hangs_on_it(gql: Asker, seed: Seed) -> None:
    order = next(row for row in seed.live("orders") if int(row["number"]) % 5 == 4)
    reply = await gql.ask(
        "query($id: ID!) { node(id: $id) { ... on Order { items { nodes { product { name } } } } } }",
        {"id": str(order["id"])},
    )
    assert (reply.way, reply.statements, reply.round_trips) == ("compiled", 1, 1)
    lines = [line for line in seed.live("order_items") if line["order_id"] == order["id"]]
    assert len(reply.data["node"]["items"]["nodes"]) == len(lines) > 0


@pytest.mark.parametrize("way", WAYS)
async def test_a_node_of_another_type_than_its_conditions_is_empty(
    gql: Asker, seed: Seed, way: str | None
) -> None:
    brand = seed.live("brands")[0]["id"]
    reply = await gql.ask(f'{{ node(id: "{brand}") {{ ... on Product {{ name }} }} }}', way=way)
    assert reply.data == {"node": {}}


@pytest.mark.parametrize("way", WAYS)
async def test_nodes_come_in_the_order_of_their_ids_with_null_for_the_missing(
    gql: Asker, seed: Seed, way: str | None
) -> None:
    product, brand = seed.live("products")[0]["id"], seed.live("brands")[0]["id"]
    foreign, deleted = seed.live("products", "globex")[0]["id"], seed.deleted("products")[0]["id"]
    ids = [brand, "nonsense", product, foreign, global_id("Brand", product), deleted, brand]
    reply = await gql.ask(
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", {"ids": list(map(str, ids))}, way=way
    )
    ours = [{"__typename": "Brand", "id": str(brand)}, {"__typename": "Product", "id": str(product)}]
    assert reply.json["data"]["nodes"] == [ours[0], None, ours[1], None, None, None, ours[0]]
    assert [error["path"] for error in reply.errors] == [["nodes", place] for place in (1, 3, 4, 5)]
    assert {error["extensions"]["code"] for error in reply.errors} == {"NOT_FOUND"}
    if way is None:
        assert (reply.statements, reply.round_trips) == (1, 1)


async def test_no_ids_are_no_nodes_and_too_many_are_refused(gql: Asker) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await gql.ask(query, {"ids": []})).data == {"nodes": []}
    (await gql.ask(query, {"ids": ["x"] * 101})).refused("BAD_REQUEST", "100", "101")


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_scopes_hide_is_not_found_unless_its_type_is_named(
    gql: Asker, seed: Seed, way: str | None
) -> None:
    product = str(seed.live("products")[0]["id"])
    for id_ in (product, global_id("Product", product)):
        plain = await gql.ask(f'{{ node(id: "{id_}") {{ id }} }}', scopes="orders", way=way)
        plain.refused("NOT_FOUND")
        named = await gql.ask(
            f'{{ node(id: "{id_}") {{ id ... on Product {{ name }} }} }}', scopes="orders", way=way
        )
        problem = named.refused("INSUFFICIENT_SCOPE")["extensions"]["problem"]
        assert problem["required_scope"] == "products:read"


@pytest.mark.parametrize("way", WAYS)
async def test_a_token_without_scopes_finds_nothing(gql: Asker, seed: Seed, way: str | None) -> None:
    id_ = seed.live("products")[0]["id"]
    reply = await gql.ask(f'{{ node(id: "{id_}") {{ id }} }}', scopes="nothing", way=way)
    assert reply.refused("NOT_FOUND")["path"] == ["node"]


def test_every_root_field_has_a_resource_or_is_relays(gql: Asker) -> None:
    fields = set(gql.graphql._built.graphql.query_type.fields)
    expected = {name for each in CATALOG for name in (camel(each.name), camel(each.plural))}
    asked = {camel(each.name) for each in CATALOG.procedures if each.method is Method.GET}
    assert fields == expected | asked | {"node", "nodes", "viewer"}
