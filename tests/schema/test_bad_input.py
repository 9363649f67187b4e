"""Whatever is sent, the answer is a problem that names the offending thing, and never a server error."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.schema.asking import Asker, Reply
from tests.support.seed import Seed

WAYS = (None, "executor")
_DEEP = b"[" * 5000 + b"]" * 5000


def _request_refused(reply: Reply, *named: str) -> None:
    """Nothing ran: no data, and problems that name the offending thing."""
    assert "data" not in reply.json
    assert all(error["extensions"]["code"] == "BAD_REQUEST" for error in reply.errors)
    messages = " ".join(error["message"] for error in reply.errors)
    for name in named:
        assert name in messages, messages


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("{ products { nodes { nope } } }", "nope"),
        ("{ nope }", "nope"),
        ("{ products(nope: 1) { totalCount } }", "nope"),
        ("{ products(filter: {nope: {eq: 1}}) { totalCount } }", "nope"),
        ('{ products(filter: {name: {nope: "x"}}) { totalCount } }', "nope"),
        ("{ products(filter: {name: {eq: 1}}) { totalCount } }", "String"),
        ("{ products(filter: {status: {eq: NOPE}}) { totalCount } }", "NOPE"),
        ('{ products(filter: {status: {eq: "ACTIVE"}}) { totalCount } }', "ACTIVE"),
        ("{ products(filter: {status: {like: ACTIVE}}) { totalCount } }", "like"),
        ("{ products(sort: [NOPE_ASC]) { totalCount } }", "NOPE_ASC"),
        ("{ products(sort: [DESCRIPTION_ASC]) { totalCount } }", "DESCRIPTION_ASC"),
        ("{ products(first: 99999999999) { totalCount } }", "99999999999"),
        ('{ products(first: "2") { totalCount } }', "Int"),
        ("{ products(first: 2.5) { totalCount } }", "2.5"),
        ("{ products }", "products"),
        ("{ products { totalCount { x } } }", "totalCount"),
        ("{ product { id } }", "id"),
        ("{ products { nodes { name name: slug } } }", "name"),
        ("{ products { ...Nope } }", "Nope"),
        ("{ products { totalCount @nope } }", "nope"),
        ("query($x: Nope) { products { totalCount } }", "Nope"),
        ("query($x: Int) { products { totalCount } }", "$x"),
        ("{ products(first: $x) { totalCount } }", "$x"),
        ("query($x: String) { products(first: $x) { totalCount } }", "$x"),
        ("mutation { x }", "Mutation"),
        ("subscription { x }", "subscription"),
        ("{ products { totalCount }", "Syntax Error"),
        ("", "Syntax Error"),
        ("type Product { id: ID }", "types"),
        ('{ products(filter: {priceCents: {eq: "abc"}}) { totalCount } }', "BigInt"),
        ("{ products(filter: {priceCents: {eq: 1e400}}) { totalCount } }", "inf"),
        ("{ products(filter: {id: {eq: true}}) { totalCount } }", "true"),
    ],
)
async def test_what_the_schema_does_not_allow_is_refused_by_name(gql: Asker, query: str, named: str) -> None:
    _request_refused(await gql.ask(query), named)


@pytest.mark.parametrize(
    ("declared", "use", "value", "named"),
    [
        ("Int", "first: $v", "2", "$v"),
        ("Int", "first: $v", 2.5, "$v"),
        ("Int", "first: $v", 2**40, "$v"),
        ("Int", "first: $v", True, "$v"),
        ("String", "search: $v", 5, "$v"),
        ("String", "after: $v", ["x"], "$v"),
        ("[ProductSort!]", "sort: $v", ["NOPE"], "NOPE"),
        ("[ProductSort!]", "sort: $v", [None], "$v"),
        ("ProductFilter", "filter: $v", "x", "$v"),
        ("ProductFilter", "filter: $v", {"nope": 1}, "nope"),
        ("ProductFilter", "filter: $v", {"name": {"in": [None]}}, "$v"),
        ("ProductFilter", "filter: $v", {"priceCents": {"eq": "1.5"}}, "$v"),
        ("ProductFilter!", "filter: $v", None, "$v"),
        ("Boolean!", "includeDeleted: $v", "yes", "$v"),
        ("Boolean!", "includeDeleted: $v", 0, "$v"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_variable_of_another_type_is_refused_by_name(
    gql: Asker, declared: str, use: str, value: Any, named: str, way: str | None
) -> None:
    query = f"query($v: {declared}) {{ products({use}) {{ totalCount }} }}"
    _request_refused(await gql.ask(query, {"v": value}, way=way), named)


async def test_a_missing_required_variable_is_refused_by_name(gql: Asker) -> None:
    _request_refused(await gql.ask("query($v: ID!) { product(id: $v) { id } }"), "$v")


@pytest.mark.parametrize(
    ("filter_", "named"),
    [
        ({"insertedAt": {"gt": "yesterday"}}, "inserted_at"),
        ({"insertedAt": {"gt": "2026-13-01"}}, "inserted_at"),
        ({"brandId": {"eq": "nonsense"}}, "brand_id"),
        ({"id": {"in": ["nonsense"]}}, "id"),
        ({"priceCents": {"eq": 10**19}}, "price_cents"),
        ({"priceCents": {"eq": "99999999999999999999"}}, "price_cents"),
        ({"name": {"eq": "x" * 3000}}, "name"),
        ({"name": {"in": ["x"] * 501}}, "name"),
        ({"metadata": [{"path": "a." * 20 + "a", "eq": 1}]}, "metadata"),
        ({"metadata": [{"path": "", "eq": 1}]}, "metadata"),
        ({"metadata": [{"eq": 1}]}, "metadata.source"),
        ({"metadata": [{"path": "a", "eq": {"x": 1}}]}, "metadata"),
        ({"metadata": [{"path": "a", "eq": [1]}]}, "metadata"),
        ({"metadata": [{"path": "a';--", "eq": 1}]}, "metadata"),
        ({"or": [{"quantity": {"eq": number}} for number in range(51)]}, "50"),
        ({"brand": {"products": {"brand": {"products": {"name": {"eq": "x"}}}}}}, "3"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
async def test_a_value_without_sense_spoils_its_field_and_is_named(
    gql: Asker, seed: Seed, filter_: Any, named: str, way: str | None
) -> None:
    query = "query($f: ProductFilter) { products(filter: $f) { totalCount } brands { totalCount } }"
    reply = await gql.ask(query, {"f": filter_}, way=way)
    assert reply.json["data"] == {"products": None, "brands": {"totalCount": len(seed.live("brands"))}}
    assert reply.refused("BAD_REQUEST", named)["path"] == ["products"]


@pytest.mark.parametrize("way", WAYS)
async def test_too_many_nested_rows_are_refused_with_advice(gql: Asker, way: str | None) -> None:
    query = (
        "{ brands(first: 500) { nodes { products(first: 500) { nodes { brand { products(first: 500)"
        " { nodes { id } } } } } } } }"
    )
    (await gql.ask(query, way=way)).refused("BAD_REQUEST", "smaller pages")


async def test_bombs_are_defused(gql: Asker) -> None:
    fields = " ".join(f"a{n}: __typename" for n in range(10_000))
    _request_refused(await gql.ask(f"{{ {fields} }}"), "characters")
    few = " ".join(f"a{n}: __typename" for n in range(16))
    _request_refused(await gql.ask(f"{{ {few} }}"), "16 aliases")
    fragments = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    bomb = f"{{ ...F0 }} {fragments} fragment F40 on Query {{ brands {{ totalCount }} }}"
    _request_refused(await gql.ask(bomb), "allowed")
    circle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    _request_refused(await gql.ask(circle), "spreads itself")
    deep = "{ brands { nodes { products { nodes { " + "brand { id " * 9 + "} " * 9 + "} } } } }"
    _request_refused(await gql.ask(deep), "deep")
    values = "[" * 5000 + "]" * 5000
    _request_refused(await gql.ask(f"{{ products(sort: {values}) {{ totalCount }} }}"), "allowed")


async def test_deep_variables_are_refused(gql: Asker) -> None:
    value: Any = {"name": {"eq": "x"}}
    for _ in range(40):
        value = {"not": value}
    _request_refused(
        await gql.ask("query($f: ProductFilter) { products(filter: $f) { totalCount } }", {"f": value}),
        "deep",
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "BAD_REQUEST"),
        (b"nonsense", 400, "BAD_REQUEST"),
        (b'"text"', 400, "BAD_REQUEST"),
        (b"null", 400, "BAD_REQUEST"),
        (b"[]", 400, "BAD_REQUEST"),
        (b"{}", 400, "BAD_REQUEST"),
        (b'{"query": 5}', 400, "BAD_REQUEST"),
        (b'{"query": "\x00"}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": 5}', 400, "BAD_REQUEST"),
        (b'{"query": "\xff\xfe"}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": {"a": "\\u0000"}}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": {"a": 1e999}}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": {"a": 123456789012345678901234}}', 400, "BAD_REQUEST"),
        (b'{"query": "{ __typename }", "variables": {"a": ' + _DEEP + b"}}", 400, "BAD_REQUEST"),
        (b'{"query": "' + b"x" * 1_100_000 + b'"}', 413, "PAYLOAD_TOO_LARGE"),
        (orjson.dumps([{"query": "{ __typename }"}] * 11), 400, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_bodies_that_are_no_requests_are_refused(
    gql: Asker, body: bytes, status: int, code: str
) -> None:
    reply = await gql.send(body)
    assert reply.response.status == status
    problem = reply.refused(code)["extensions"]["problem"]
    assert problem["status"] == status


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_QUERY = (
    "query($id: ID!, $f: ProductFilter, $s: [ProductSort!], $q: String, $n: Int, $a: String) {"
    " product(id: $id) { id } products(filter: $f, sort: $s, search: $q, first: $n, after: $a)"
    " { nodes { id } } }"
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    variables=st.dictionaries(st.sampled_from(["id", "f", "s", "q", "n", "a", "zz"]), _JSON, max_size=6),
    key=st.sampled_from(["name", "status", "priceCents", "metadata", "or", "not", "brand", "insertedAt"]),
    operand=_JSON,
)
async def test_no_variables_whatever_break_the_server(
    gql: Asker, variables: dict[str, Any], key: str, operand: Any
) -> None:
    variables.setdefault("id", "x")
    variables.setdefault("f", {key: {"eq": operand} if key != "metadata" else [{"path": "a", "eq": operand}]})
    # Unlike ours, this encoder writes integers of any size, and numbers that JSON does not know.
    body = json.dumps({"query": _QUERY, "variables": variables}).encode()
    compiled, executed = [await gql.send(body, way=way) for way in WAYS]
    assert compiled.response.status == executed.response.status < 500
    assert compiled.json.get("data") == executed.json.get("data")
    assert _sorted(compiled) == _sorted(executed)


def _sorted(reply: Reply) -> list[dict[str, Any]]:
    found = reply.errors if "errors" in reply.json else []
    return sorted(found, key=lambda error: repr(error.get("path")))
