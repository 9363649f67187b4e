"""Scopes hold for every node of a selection, as they hold for every include of REST."""

import pytest

from tests.schema.asking import Asker
from tests.support.seed import Seed

WAYS = (None, "executor")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("query", "scopes", "required"),
    [
        ("{ products { nodes { id } } }", "orders", "products:read"),
        ("{ orders { nodes { id items { nodes { id } } } } }", "orders", "order_items:read"),
        ("{ orders { nodes { items { nodes { product { name } } } } } }", "order_lines", "products:read"),
        ("{ orders { totalCount nodes { customer { __typename } } } }", "orders", "customers:read"),
        ('{ orders(filter: {customer: {name: {eq: "x"}}}) { totalCount } }', "orders", "customers:read"),
        ("{ products { totalCount } }", "product_deleter", "products:read"),
        ("{ products { totalCount } }", "nothing", "products:read"),
    ],
)
async def test_an_unreadable_resource_anywhere_refuses_its_root_field(
    gql: Asker, query: str, scopes: str, required: str, way: str | None
) -> None:
    reply = await gql.ask(query, scopes=scopes, way=way)
    (name,) = reply.json["data"]
    assert reply.json["data"] == {name: None}
    error = reply.refused("INSUFFICIENT_SCOPE")
    assert error["path"] == [name]
    assert error["extensions"]["problem"]["required_scope"] == required
    assert error["extensions"]["problem"]["status"] == 403


@pytest.mark.parametrize("way", WAYS)
async def test_the_other_root_fields_still_answer(gql: Asker, seed: Seed, way: str | None) -> None:
    reply = await gql.ask("{ products { totalCount } orders { totalCount } }", scopes="orders", way=way)
    assert reply.json["data"] == {"products": None, "orders": {"totalCount": len(seed.live("orders"))}}
    assert reply.refused("INSUFFICIENT_SCOPE")["path"] == ["products"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_skipped_selection_needs_no_scope(gql: Asker, way: str | None) -> None:
    query = "query($no: Boolean!) { orders { totalCount nodes { id customer @include(if: $no) { name } } } }"
    assert (await gql.ask(query, {"no": False}, scopes="orders", way=way)).data["orders"]["totalCount"]
    (await gql.ask(query, {"no": True}, scopes="orders", way=way)).refused("INSUFFICIENT_SCOPE")


async def test_writing_includes_reading(gql: Asker, seed: Seed) -> None:
    reply = await gql.ask("{ products { totalCount } }", scopes="product_writer")
    assert reply.data["products"]["totalCount"] == len(seed.live("products"))


async def test_one_shape_is_judged_anew_for_other_scopes(gql: Asker) -> None:
    query = "query Shared { products { totalCount } }"
    assert (await gql.ask(query)).data
    (await gql.ask(query, scopes="orders")).refused("INSUFFICIENT_SCOPE")
    assert (await gql.ask(query)).data
