"""Compiled execution and the executor on DataLoaders answer every operation alike."""

from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from schema.build import build
from services.catalog import CATALOG
from tests.schema.asking import Asker, Reply
from tests.schema.operations import Pool, drawn, operations, pool_of
from tests.support.seed import Seed

_COLLECTIONS = {
    "Product": "products",
    "Brand": "brands",
    "Category": "categories",
    "Customer": "customers",
    "Order": "orders",
    "OrderItem": "orderItems",
}


@pytest.fixture(scope="session")
async def pool(gql: Asker, seed: Seed) -> Pool:
    """Values to draw from, cursors of each unfiltered collection among them."""
    cursors = {}
    for type_, name in _COLLECTIONS.items():
        reply = await gql.ask(f"{{ {name}(first: 4) {{ edges {{ cursor }} }} }}")
        cursors[type_] = tuple(edge["cursor"] for edge in reply.data[name]["edges"])
    return pool_of(build(CATALOG).graphql, seed, cursors)


def _comparable(reply: Reply) -> tuple[int, Any, Any]:
    found = reply.json
    errors = sorted(found.get("errors", []), key=lambda error: repr(error.get("path")))
    return reply.response.status, found.get("data"), errors


@drawn(150)
@given(data=st.data(), scopes=st.sampled_from(("reader", "reader", "reader", "order_lines")))
async def test_both_ways_answer_alike(gql: Asker, pool: Pool, data: st.DataObject, scopes: str) -> None:
    query, variables = data.draw(operations(pool))
    compiled = await gql.ask(query, variables, scopes=scopes)
    note(f"{compiled.way}: {query}")
    executed = await gql.ask(query, variables, scopes=scopes, way="executor")
    assert executed.way in ("executor", "none")
    assert _comparable(compiled) == _comparable(executed)
