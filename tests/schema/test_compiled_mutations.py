"""Which mutations run without the executor, and that they answer what the executor answers."""

import re
import uuid
from typing import Any

import psycopg
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from schema.build import build
from services.catalog import CATALOG
from tests.schema.asking import Asker, Reply
from tests.schema.operations import Pool, drawn, mutations, pool_of
from tests.support.seed import Seed
from tests.support.stored import Stored

BRAND = 'createBrand(input: {name: "B", slug: "some-b"}, dryRun: true)'
FRAGMENT = "fragment F on CreateBrandPayload { brand { ... on Node { id } } }"
PRODUCT = 'createProduct(input: {name: "P", slug: "some-p"}, dryRun: true)'
INSIDE = PRODUCT.replace('"P"', '"P", metadata: {a: $j, list: [$j, {c: $j}]}')

_MADE_ANEW = re.compile(
    rb'\d{4}-\d\d-\d\dT[0-9:.]+Z|\\"[0-9a-f]{12}\\"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)


@pytest.fixture(scope="module")
async def pool(written: Seed) -> Pool:
    """Values to draw from."""
    return pool_of(build(CATALOG).graphql, written, {})


def _comparable(reply: Reply, sent: str) -> tuple[int, bytes]:
    """A reply without the ids, times and tags that every run makes anew."""

    def masked(found: re.Match[bytes]) -> bytes:
        return found[0] if found[0].decode() in sent else b"#"

    return reply.response.status, _MADE_ANEW.sub(masked, reply.response.body)


@drawn(200)
@given(data=st.data(), scopes=st.sampled_from(("writer", "writer", "writer", "product_writer")))
async def test_both_ways_write_alike(shop: Asker, pool: Pool, data: st.DataObject, scopes: str) -> None:
    """Trials, so that the second finds what the first found."""
    query, variables, sent = data.draw(mutations(pool))
    compiled = await shop.ask(query, variables, scopes=scopes)
    note(f"{compiled.way}: {query}")
    executed = await shop.ask(query, variables, scopes=scopes, way="executor")
    assert executed.way in ("executor", "none")
    assert _comparable(compiled, sent) == _comparable(executed, sent)


@pytest.mark.parametrize(
    ("query", "variables", "way"),
    [
        (f"{BRAND} {{ brand {{ name etag x: __typename }} problem {{ errors }} replayed }}", {}, "compiled"),
        (f"{BRAND} {{ __typename }} __typename", {}, "compiled"),
        (f"{BRAND} {{ ...F }} }} {FRAGMENT[:-1]}", {}, "compiled"),
        (f"{BRAND} {{ brand {{ products @include(if: false) {{ totalCount }} id }} }}", {}, "compiled"),
        (f"{BRAND} {{ brand {{ products @skip(if: $b) {{ totalCount }} id }} }}", {"b": True}, "compiled"),
        (f"{BRAND} {{ brand {{ products @skip(if: $b) {{ totalCount }} id }} }}", {"b": False}, "executor"),
        (f"{PRODUCT} {{ product {{ brand {{ name }} }} }}", {}, "executor"),
        (f"{BRAND} {{ brand {{ {'x' * 70}: name }} }}", {}, "compiled"),
        (f"{INSIDE} {{ product {{ metadata }} }}", {"j": {"b": [1, None, True]}}, "compiled"),
        (f"{INSIDE} {{ product {{ metadata }} }}", {"j": None}, "compiled"),
        (f"{INSIDE} {{ product {{ metadata }} }}", {}, "compiled"),
        ("createProduct(input: {metadata: $j}) { replayed }", {"j": {"a": [1]}}, "compiled"),
        ("createProduct(input: $p) { problem { errors } }", {"p": {"status": "DRAFT"}}, "compiled"),
        ("createProduct(input: $p) { problem { errors } }", {"p": {"nope": 1}}, "none"),
        ("createProduct(input: $p) { problem { errors } }", {"p": {"status": "nope"}}, "none"),
        ("createProduct(input: $p) { problem { errors } }", {}, "none"),
        ("createProducts(items: $l) { results { rowId status product { id } } }", {"l": [{}]}, "compiled"),
        ("createProducts(items: $l) { problem { errors } }", {"l": {"name": None}}, "compiled"),
        ("deleteProducts(ids: $i) { results { rowId } problem { errors } }", {"i": ["x", 7]}, "compiled"),
        ("createOrder(input: {lineItems: [$n]}) { problem { errors } }", {"n": {"quantity": 0}}, "compiled"),
        ("__typename", {}, "executor"),
    ],
)
async def test_what_a_document_holds_needs_no_executor(
    gql: Asker, stored: Stored, shop: Asker, query: str, variables: dict[str, Any], way: str
) -> None:
    types = {"b": "Boolean!", "j": "JSON", "p": "ProductCreateInput!", "l": "[ProductCreateInput!]!"}
    types |= {"i": "[ID!]!", "n": "OrderLineItemInput!"}
    used = [f"${name}: {type_}" for name, type_ in types.items() if f"${name}" in query]
    text = f"mutation{'(' + ', '.join(used) + ')' if used else ''} {{ {query} }}"
    with stored.unchanged():
        reply = await shop.ask(text, variables, scopes="writer")
        forced = await shop.ask(text, variables, scopes="writer", way="executor")
    assert reply.way == (way if way == "none" else shop.way or way)
    assert _comparable(reply, "") == _comparable(forced, "")


async def test_numbers_in_json_keep_their_digits(shop: Asker, written: Seed) -> None:
    id_ = str(written.live("products")[2]["id"])
    stored = '{"a": 1.10, "b": 123456789012345678901234567890, "c": [0.1000000000000000055, 1e3], "d": {}}'
    with psycopg.connect(written.database) as connection:
        connection.execute("UPDATE products SET metadata = %s WHERE id = %s", [stored, id_])
    query = (
        f'mutation {{ updateProduct(id: "{id_}", input: {{quantity: 1}}, dryRun: true)'
        " { product { m: metadata } } }"
    )
    reply = await shop.ask(query, scopes="writer")
    kept = b'{"a":1.10,"b":123456789012345678901234567890,"c":[0.1000000000000000055,1000],"d":{}}'
    assert reply.response.body == b'{"data":{"updateProduct":{"product":{"m":' + kept + b"}}}}"


async def test_an_input_of_any_size_is_one_shape(shop: Asker) -> None:
    query = (
        "mutation($l: [BrandCreateInput!]!) { createBrands(items: $l, dryRun: true) { summary { failed } } }"
    )
    for count in (1, 2, 100):
        items = [{"name": "B", "slug": uuid.uuid4().hex, "description": None} for _ in range(count)]
        found = await shop.mutate(query, {"l": items})
        assert found == {"summary": {"failed": 0}}
    (operation,) = [each for (text, _), each in shop.graphql._documents._known.items() if text == query]
    assert len(operation._shapes) == (0 if shop.way else 1)
