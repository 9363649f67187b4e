"""What refuses a mutation: problems as data in its payload, or as errors beside it; nothing is written."""

from typing import Any

import orjson
import psycopg
import pytest

from schema.endpoint import Response
from schema.payloads import IN_PAYLOADS, problem_data
from services.engine.access import Principal
from services.engine.context import Caller
from services.engine.errors import CATALOGUE, Invalid, Problem, Slug
from tests.schema.asking import Asker, asking
from tests.support.seed import plant
from tests.support.stored import Stored

EVERY_MEMBER = "type title status detail instance code requestId retryAfter errors errorMessages extensions"
TOLD_IN_PAYLOADS = {
    Slug.BAD_REQUEST,
    Slug.NOT_FOUND,
    Slug.PERSISTED_QUERY_NOT_FOUND,
    Slug.CONFLICT,
    Slug.PRECONDITION_FAILED,
    Slug.VALIDATION_FAILED,
    Slug.INVALID_PARAMS,
    Slug.UPLOAD_FAILED,
    Slug.IDEMPOTENCY_KEY_MISMATCH,
    Slug.PRECONDITION_REQUIRED,
}


@pytest.mark.parametrize("slug", list(Slug))
async def test_every_problem_of_the_catalogue_is_either_data_or_an_error(gql: Asker, slug: Slug) -> None:
    assert (CATALOGUE[slug].status in IN_PAYLOADS) == (slug in TOLD_IN_PAYLOADS)
    problem = Problem(slug, "A sentence.", {"a.b": [Invalid("too_long", "Shorter.")]}, {"more": 1})
    caller = await gql.caller()
    told = problem_data(problem, caller, "https://shop.example")
    members = problem.members(
        instance=caller.instance, request_id=caller.request_id, origin="https://shop.example"
    )
    assert members.pop("more") == 1
    assert told["extensions"] == {"more": 1}
    assert {name: told[name] for name in members} == members


async def _refused(shop: Asker, stored: Stored, query: str, **variables: Any) -> dict[str, Any]:
    """The problem of a mutation that wrote nothing."""
    with stored.unchanged():
        found = await shop.mutate(query.replace("PROBLEM", f"problem {{ {EVERY_MEMBER} }}"), variables)
    problem: dict[str, Any] = found.pop("problem")
    assert set(found.values()) <= {None, False}
    assert (problem["instance"], problem["requestId"]) == ("/graphql", "req-1")
    assert problem["type"].endswith(f"/problems/{problem['code']}")
    return problem


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, {"name": ["cant_be_blank"]}),
        ({"name": None}, {"name": ["cant_be_blank"]}),
        ({"name": "x" * 501, "priceCents": -1}, {"name": ["too_long"], "price_cents": ["greater_than"]}),
        ({"name": "x", "priceCents": 1}, {"currency": ["cant_be_blank"]}),
        ({"name": "x", "priceCents": 2**53, "currency": "EUR"}, {"price_cents": ["less_than"]}),
        ({"name": "x", "gtin": "4006381333932"}, {"gtin": ["invalid_format"]}),
        ({"name": "x", "brandId": "nonsense"}, {"brand_id": ["invalid_uuid"]}),
        (
            {"name": "x", "brandId": "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"},
            {"brand_id": ["not_found"]},
        ),
        ({"name": "x", "metadata": [1]}, {"metadata": ["invalid_format"]}),
        ({"name": "x", "imageUrl": "javascript:alert(1)"}, {"image_url": ["invalid_format"]}),
    ],
)
async def test_invalid_fields_are_named_as_over_rest(
    shop: Asker, stored: Stored, given: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    problem = await _refused(
        shop,
        stored,
        "mutation($in: ProductCreateInput!) { createProduct(input: $in) { product { id } PROBLEM } }",
        **{"in": {"slug": "only-here", **given}},
    )
    assert (problem["status"], problem["code"]) == (422, "validation-failed")
    assert problem["errors"] == errors
    assert set(problem["errorMessages"]) == set(errors)


_LINES = [{"quantity": 1, "name": "One"}, {"quantity": 0, "name": "None", "unitPriceCents": 1}]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"taxRate": "nine"}, {("taxRate", "NOT_A_NUMBER"), ("currency", "CANT_BE_BLANK")}),
        (
            {"currency": "EUR", "lineItems": _LINES},
            {
                ("lineItems.0.unitPriceCents", "CANT_BE_BLANK"),
                ("lineItems.1.quantity", "GREATER_THAN"),
            },
        ),
    ],
)
async def test_invalid_fields_are_told_typed_and_as_the_input_spells_them(
    shop: Asker, stored: Stored, given: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    query = """mutation($in: OrderCreateInput!) {
      createOrder(input: $in) { order { id } problem { code fieldErrors { field code message } } }
    }"""

    with stored.unchanged():
        found = await shop.mutate(query, {"in": given})

    told = found["problem"]["fieldErrors"]
    assert {(each["field"], each["code"]) for each in told} == errors
    assert all(each["message"].endswith(".") for each in told)


async def test_a_refusal_that_blames_no_field_has_no_field_errors(shop: Asker) -> None:
    query = 'mutation { deleteBrand(id: "nonsense") { problem { status fieldErrors { field } } } }'

    found = await shop.mutate(query)

    assert found["problem"] == {"status": 404, "fieldErrors": []}


@pytest.mark.parametrize("workspace", ["globex"])
async def test_what_belongs_to_another_workspace_does_not_exist(
    shop: Asker, stored: Stored, workspace: str
) -> None:
    brand = str(shop.seed.live("brands", workspace)[0]["id"])
    named = await _refused(
        shop,
        stored,
        'mutation($b: UUID) { createProduct(input: {name: "x", slug: "x", brandId: $b}) { PROBLEM } }',
        b=brand,
    )
    assert named["errors"] == {"brand_id": ["not_found"]}
    for query in (
        'mutation($b: ID!) { updateBrand(id: $b, input: {name: "x"}) { brand { id } PROBLEM } }',
        'mutation($b: ID!) { replaceBrand(id: $b, input: {name: "x"}, ifMatch: "*") { PROBLEM } }',
        "mutation($b: ID!) { deleteBrand(id: $b) { deletedId PROBLEM } }",
        "mutation($b: ID!) { restoreBrand(id: $b) { brand { id } PROBLEM } }",
    ):
        assert (await _refused(shop, stored, query, b=brand))["code"] == "not-found"


async def test_a_version_that_is_stale_weak_missing_or_malformed_changes_nothing(
    shop: Asker, stored: Stored
) -> None:
    row = shop.seed.live("brands")[1]
    replacing = (
        "mutation($id: ID!, $tag: String) { replaceBrand(id: $id, ifMatch: $tag,"
        ' input: {name: "New", slug: "new"}) { brand { id } PROBLEM } }'
    )
    etag = (await shop.ask(f'{{ brand(id: "{row["id"]}") {{ etag }} }}')).data["brand"]["etag"]
    for tag, status in (('"000000000000"', 412), (f"W/{etag}", 412), (None, 428), ("bare", 400), ("", 400)):
        problem = await _refused(shop, stored, replacing, id=str(row["id"]), tag=tag)
        assert problem["status"] == status, tag
    for query in (
        'mutation($id: ID!) { updateBrand(id: $id, ifMatch: "\\"0\\"", input: {name: "x"}) { PROBLEM } }',
        'mutation($id: ID!) { deleteBrand(id: $id, ifMatch: "\\"0\\"") { deletedId PROBLEM } }',
    ):
        assert (await _refused(shop, stored, query, id=str(row["id"])))["status"] == 412


async def test_a_state_that_forbids_it_is_a_conflict(shop: Asker, stored: Stored) -> None:
    order = next(row for row in shop.seed.live("orders") if row["status"] == "delivered")
    query = "mutation($id: ID!) { cancelOrder(id: $id) { order { id } PROBLEM } }"
    problem = await _refused(shop, stored, query, id=str(order["id"]))
    assert (problem["status"], problem["code"]) == (409, "conflict")


# Access


@pytest.mark.parametrize(
    ("query", "scopes", "required"),
    [
        ('createBrand(input: {name: "x"}) { brand { id } }', "reader", "brands:write"),
        ('createBrand(input: {name: "x"}) { problem { code } }', "nothing", "brands:write"),
        ('updateProduct(id: "x", input: {}) { replayed }', "product_deleter", "products:write"),
        ('deleteProduct(id: "x") { deletedId }', "reader", "products:delete"),
        ("createProducts(items: []) { summary { total } }", "orders", "products:write"),
        # What the payload selects must be readable, whatever may be written.
        (
            'createProduct(input: {name: "x"}) { product { brand { name } } }',
            "product_writer",
            "brands:read",
        ),
        (
            'createProduct(input: {name: "x"}) { ...P } } fragment P on CreateProductPayload'
            " { x: product { y: category { products { totalCount } } } ",
            "product_writer",
            "categories:read",
        ),
        (
            'createProducts(items: [{name: "x"}]) { results { product { brand { __typename } } } }',
            "product_writer",
            "brands:read",
        ),
        ('deleteProducts(ids: ["x"]) { results { product { id } } }', "product_deleter", "products:read"),
    ],
)
async def test_a_missing_scope_is_an_error_beside_the_data_and_nothing_is_written(
    shop: Asker, stored: Stored, query: str, scopes: str, required: str
) -> None:
    """Attack 3."""
    with stored.unchanged():
        reply = await shop.ask(f"mutation {{ {query} }}", scopes=scopes)
    (name,) = reply.json["data"]
    assert reply.json["data"] == {name: None}
    error = reply.refused("INSUFFICIENT_SCOPE")
    assert error["path"] == [name]
    assert error["extensions"]["problem"]["required_scope"] == required


async def test_what_is_skipped_needs_no_scope(shop: Asker) -> None:
    query = (
        'mutation($no: Boolean!) { createProduct(input: {name: "x", slug: "x"}, dryRun: true)'
        " { product { name brand @include(if: $no) { name } } } }"
    )
    found = await shop.mutate(query, {"no": False}, scopes="product_writer")
    assert found == {"product": {"name": "x"}}


async def test_the_other_mutations_still_run(shop: Asker) -> None:
    reply = await shop.ask(
        'mutation { a: createBrand(input: {name: "x"}, dryRun: true) { problem { code } }'
        ' b: createProduct(input: {name: "x", slug: "x"}, dryRun: true) { product { name } } }',
        scopes="product_writer",
    )
    assert reply.json["data"] == {"a": None, "b": {"product": {"name": "x"}}}
    assert reply.refused("INSUFFICIENT_SCOPE")["path"] == ["a"]


MUTATIONS = (
    'mutation { createBrand(input: {name: "Late"}) { brand { id } } }',
    "mutation { createBrand(input: {}) { problem { code } } }",
    "mutation { createBrands(items: []) { problem { code } } }",
    'mutation { deleteBrand(id: "x") { problem { code } } }',
    'mutation { createBrand(input: {name: "Late"}, idempotencyKey: "") { problem { code } } }',
    'mutation { createBrand(input: {name: "Late"}) { brand { products(first: 1, page: 1) { totalCount }}}}',
    "mutation { __typename }",
    "mutation { nope }",
)


@pytest.mark.parametrize("way", [None, "executor"])
async def test_a_dead_token_hears_only_that_and_writes_nothing(database: str, way: str | None) -> None:
    async with asking(plant(database, ("writer",)), way) as asker:
        before = [await asker.caller("writer") for _ in MUTATIONS]
        _change(database, "revoked_at = now()")
        stored = Stored(database)
        with stored.unchanged():
            for query, caller in zip(MUTATIONS, before, strict=True):
                with pytest.raises(Problem) as caught:
                    await _send(asker, caller, query)
                assert caught.value.slug is Slug.INVALID_TOKEN


@pytest.mark.parametrize("way", [None, "executor"])
async def test_new_scopes_hold_for_the_next_mutation(database: str, way: str | None) -> None:
    query = "mutation($s: String) { createBrand(input: {name: $s, slug: $s}) { brand { MORE } } }"
    plain, nested = query.replace("MORE", "slug"), query.replace("MORE", "products { totalCount }")
    async with asking(plant(database, ("writer",)), way) as asker:
        known = (await asker.caller("writer")).principal
        _change(database, "scopes = '[\"brands:delete\"]'")
        with Stored(database).unchanged():
            found = await _send(asker, await _caller(asker, known), plain, {"s": "none"})
        assert b'"required_scope":"brands:write"' in found.body
        narrow = (await asker.caller("writer")).principal
        _change(database, 'scopes = \'["brands:write", "products:read"]\'')
        found = await _send(asker, await _caller(asker, narrow), nested, {"s": "wide"})
        assert found.body == b'{"data":{"createBrand":{"brand":{"products":{"totalCount":0}}}}}'


async def _caller(asker: Asker, principal: Principal) -> Caller:
    """A caller whose token's scopes were looked at a moment ago."""
    caller = await asker.caller("writer")
    caller.principal = principal
    return caller


async def _send(
    asker: Asker, caller: Caller, query: str, variables: dict[str, Any] | None = None
) -> Response:
    return await asker.graphql.answer(
        caller,
        "POST",
        content_type="application/json",
        accept=None,
        raw_query=b"",
        body=orjson.dumps({"query": query, "variables": variables}),
        way=asker.way,
    )


def _change(database: str, assignment: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        changed = connection.execute(
            f"UPDATE tokens SET {assignment}, version = version + 1"
            " WHERE scopes::text ~ 'brands:|write' AND name = 'test'"
        )
        assert changed.rowcount == 1


# What the language itself refuses


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("mutation { createBrand(input: {nope: 1}) { problem { code } } }", "nope"),
        ("mutation { createBrand(input: {name: 1}) { problem { code } } }", "String"),
        ('mutation { createBrand(input: {id: "x"}) { problem { code } } }', "id"),
        ("mutation { createBrand(input: {version: 7}) { problem { code } } }", "version"),
        ('mutation { createBrand(input: {workspaceId: "x"}) { problem { code } } }', "workspaceId"),
        ("mutation { createBrand(input: {deletedAt: null}) { problem { code } } }", "deletedAt"),
        ("mutation { createBrand(input: null) { problem { code } } }", "null"),
        ("mutation { createBrand { problem { code } } }", "input"),
        ('mutation { createBrand(input: {name: "x", name: "y"}) { problem { code } } }', "name"),
        ("mutation { createProduct(input: {status: NOPE}) { problem { code } } }", "NOPE"),
        ('mutation { createProduct(input: {status: "active"}) { problem { code } } }', "active"),
        ("mutation { createProduct(input: {quantity: 1.5}) { problem { code } } }", "1.5"),
        ("mutation { createProduct(input: {quantity: 99999999999}) { problem { code } } }", "32-bit"),
        ("mutation { createProduct(input: {metadata: {a: [1e400]}}) { problem { code } } }", "64 bits"),
        ("mutation { createProduct(input: {metadata: {a: 99999999999999999999}}) { replayed } }", "64 bits"),
        ("mutation { createProducts(items: [null]) { problem { code } } }", "null"),
        ("mutation { createProduct(input: {}) { product { nope } } }", "nope"),
        ("mutation { createProduct(input: {}) { nope } }", "nope"),
        ("mutation { deleteProduct { deletedId } }", "id"),
        ("mutation { createBrand(input: {}, dryRun: null) { replayed } }", "null"),
    ],
)
async def test_what_the_schema_does_not_allow_runs_nothing(
    shop: Asker, stored: Stored, query: str, named: str
) -> None:
    with stored.unchanged():
        reply = await shop.ask(query, scopes="writer")
    assert "data" not in reply.json
    assert all(error["extensions"]["code"] == "BAD_REQUEST" for error in reply.errors)
    assert any(named in error["message"] for error in reply.errors), reply.errors
