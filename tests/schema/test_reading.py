"""One resource, collections and relations, each in one statement and one round trip."""

from decimal import Decimal

import pytest

from schema.names import camel
from services.catalog import CATALOG
from services.engine.resource import Shown
from tests.schema.asking import Asker, Reply
from tests.support.expected import rendered
from tests.support.seed import LARGEST_SAFE_INTEGER, Seed


def _once(reply: Reply) -> None:
    assert (reply.way, reply.statements, reply.round_trips) == ("compiled", 1, 1)


def _shown(resource: str, row: dict) -> dict:
    """The row as GraphQL shows it: names in camel case, enums in capitals."""
    found = {}
    for field in CATALOG[resource].shown_fields:
        value = rendered(row[field.name])
        found[camel(field.name)] = value.upper() if field.enum and value is not None else value
    return found


@pytest.mark.parametrize("resource", [each.name for each in CATALOG])
async def test_every_field_of_a_resource_is_what_was_stored(gql: Asker, seed: Seed, resource: str) -> None:
    found = CATALOG[resource]
    row = seed.workspaces["acme"] if resource == "workspace" else seed.live(found.plural)[0]
    fields = " ".join(camel(field.name) for field in found.shown_fields)
    query = f"query One($id: ID!) {{ {camel(resource)}(id: $id) {{ {fields} }} }}"
    reply = await gql.ask(query, {"id": str(row["id"])})
    assert reply.data[camel(resource)] == _shown(resource, row)
    _once(reply)


def test_no_hidden_field_is_in_the_schema(gql: Asker) -> None:
    types = gql.graphql._built.graphql.type_map
    for resource in CATALOG:
        names = set(types[gql.graphql._built.surface.type_name(resource)].fields)
        hidden = {camel(f.name) for f in resource.all_fields.values() if f.shown is not Shown.ALWAYS}
        assert not names & {*hidden, "workspaceId", "version", "search"}


async def test_short_ids_are_accepted(gql: Asker, seed: Seed) -> None:
    from services.engine.encoding import short_identifier

    row = seed.live("products")[0]
    reply = await gql.ask(f'{{ product(id: "{short_identifier(str(row["id"]))}") {{ id }} }}')
    assert reply.data["product"]["id"] == str(row["id"])


async def test_relations_of_any_depth_take_one_statement(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask(
        "{ orders(first: 500, sort: [NUMBER_ASC]) { nodes {"
        " number customer { name orders { nodes { number } } }"
        " items { nodes { position product { name category { name parent { name } } } } } } } }"
    )
    _once(reply)
    customers = {row["id"]: row for row in seed.live("customers")}
    products = {row["id"]: row for row in seed.live("products")}
    orders = sorted(seed.live("orders"), key=lambda row: row["number"])
    nodes = reply.data["orders"]["nodes"]
    assert [node["number"] for node in nodes] == [row["number"] for row in orders]
    for node, row in zip(nodes, orders, strict=True):
        customer = customers.get(row["customer_id"])
        assert (node["customer"] and node["customer"]["name"]) == (customer and customer["name"])
        lines = [line for line in seed.live("order_items") if line["order_id"] == row["id"]]
        lines.sort(key=lambda line: line["position"])
        assert [item["position"] for item in node["items"]["nodes"]] == [line["position"] for line in lines]
        for item, line in zip(node["items"]["nodes"], lines, strict=True):
            product = products.get(line["product_id"])
            assert (item["product"] and item["product"]["name"]) == (product and product["name"])


async def test_nested_connections_have_their_own_filter_sort_page_and_count(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask(
        "query($f: ProductFilter) { brands(sort: [NAME_ASC]) { nodes { id products(filter: $f,"
        " sort: [NAME_DESC, ID_ASC], first: 2) { totalCount pageInfo { hasNextPage } nodes { name } } } } }",
        {"f": {"status": {"eq": "ACTIVE"}}},
    )
    _once(reply)
    for node in reply.data["brands"]["nodes"]:
        mine = [
            row
            for row in seed.live("products")
            if str(row["brand_id"]) == node["id"] and row["status"] == "active"
        ]
        assert node["products"]["totalCount"] == len(mine)
        assert node["products"]["pageInfo"]["hasNextPage"] == (len(mine) > 2)
        names = sorted((row["name"] for row in mine), reverse=True)
        assert sorted(each["name"] for each in node["products"]["nodes"]) == sorted(names[:2])


async def test_several_root_fields_take_one_round_trip(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask(
        "{ products(first: 1) { totalCount } b: brands { totalCount } c: orders { totalCount } }"
    )
    assert (reply.way, reply.statements, reply.round_trips) == ("compiled", 3, 1)
    counts = [found["totalCount"] for found in reply.data.values()]
    assert counts == [len(seed.live(name)) for name in ("products", "brands", "orders")]
    assert list(reply.data) == ["products", "b", "c"]


async def test_numbers_keep_every_digit(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask(
        "query($p: BigInt) { products(filter: {priceCents: {eq: $p}}) { nodes { priceCents metadata } }"
        " orders(sort: [NUMBER_ASC]) { nodes { number taxRate } } }",
        {"p": str(LARGEST_SAFE_INTEGER)},
    )
    assert [node["priceCents"] for node in reply.data["products"]["nodes"]] == [LARGEST_SAFE_INTEGER]
    rates = {row["number"]: row["tax_rate"] for row in seed.live("orders")}
    for node in reply.data["orders"]["nodes"]:
        assert isinstance(node["taxRate"], str)
        assert Decimal(node["taxRate"]) == rates[node["number"]]


async def test_the_etag_is_the_one_of_rest(gql: Asker, seed: Seed, api) -> None:
    id_ = seed.live("products")[0]["id"]
    reply = await gql.ask(f'{{ product(id: "{id_}") {{ etag }} }}')
    answer = await api.get(f"/api/v1/products/{id_}")
    assert reply.data["product"]["etag"] == answer.header("etag")


async def test_deleted_rows_are_shown_only_when_asked_for(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask(
        "{ live: products { totalCount } every: products(includeDeleted: true) { totalCount }"
        " gone: products(filter: {deletedAt: {null: false}}) { totalCount } }"
    )
    counts = {name: found["totalCount"] for name, found in reply.data.items()}
    live, gone = len(seed.live("products")), len(seed.deleted("products"))
    assert counts == {"live": live, "every": live + gone, "gone": gone}


async def test_a_foreign_a_deleted_and_an_impossible_id_are_all_not_found(gql: Asker, seed: Seed) -> None:
    foreign, deleted = seed.live("products", "globex")[0]["id"], seed.deleted("products")[0]["id"]
    messages = set()
    for id_ in (foreign, deleted, "nonsense", ""):
        reply = await gql.ask("query($id: ID!) { product(id: $id) { id } }", {"id": str(id_)})
        assert reply.json["data"] == {"product": None}
        assert reply.response.status == 200
        error = reply.refused("NOT_FOUND")
        assert error["path"] == ["product"]
        messages.add(error["message"])
    assert len(messages) == 1


async def test_a_tenant_never_sees_another(gql: Asker, seed: Seed) -> None:
    ours = await gql.ask("{ products(first: 500) { nodes { id } } }")
    theirs = await gql.ask("{ products(first: 500) { nodes { id } } }", workspace="globex")
    sets = [{node["id"] for node in reply.data["products"]["nodes"]} for reply in (ours, theirs)]
    assert sets[0] == {str(row["id"]) for row in seed.live("products")}
    assert sets[1] == {str(row["id"]) for row in seed.live("products", "globex")}
