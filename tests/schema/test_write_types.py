"""The types that writing adds to the schema, and how their values are read in neutral words."""

from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from schema.build import build
from schema.names import camel, constant, pascal
from schema.write_inputs import Neutral
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.procedures import Method
from services.engine.resource import ActionKind, Shown

INPUTS = {ActionKind.CREATE: "Create", ActionKind.REPLACE: "Replace", ActionKind.UPDATE: "Update"}
PLAIN = ("create", "replace", "update", "delete", "restore")


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build(CATALOG).graphql


def _fields(schema: GraphQLSchema, name: str) -> dict[str, Any]:
    type_ = schema.type_map[name]
    assert isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
    return dict(type_.fields)


def test_each_action_is_a_mutation_and_no_other_is(schema: GraphQLSchema) -> None:
    expected = {camel(each.name) for each in CATALOG.procedures if each.method is not Method.GET}
    for resource in CATALOG:
        for action in resource.actions:
            expected.add(f"{camel(action.name)}{pascal(resource.name)}")
            if action.name in ("create", "update", "delete") and resource.bulk:
                expected.add(f"{action.name}{pascal(resource.plural)}")
    assert schema.mutation_type is not None
    assert set(schema.mutation_type.fields) == expected
    assert {"confirmOrder", "createProducts", "restoreCustomer"} <= expected
    assert not any("AuditLog" in name for name in expected)


def test_a_catalogue_without_actions_has_no_mutations() -> None:
    bare = build(Catalog(tuple(replace(resource, actions=()) for resource in CATALOG))).graphql
    assert bare.mutation_type is None
    assert not [name for name in bare.type_map if name.endswith(("CreateInput", "Payload", "Problem"))]


def test_inputs_hold_what_may_be_written_and_leave_it_to_the_engine_what_must_be(
    schema: GraphQLSchema,
) -> None:
    for resource in CATALOG:
        kinds = {action.kind for action in resource.actions} & set(INPUTS)
        for kind in kinds:
            fields = _fields(schema, f"{pascal(resource.name)}{INPUTS[kind]}Input")
            names = [field.name for field in resource.writable] + [each.name for each in resource.embedded]
            assert set(fields) == {camel(name) for name in names}
            assert not any(isinstance(found.type, GraphQLNonNull) for found in fields.values())
            for field in resource.writable:
                text = fields[camel(field.name)].description
                assert text.startswith(field.doc)
                must = field.required and kind is not ActionKind.UPDATE
                assert text.endswith("Required.") == must, (resource.name, field.name)


def test_defaults_are_told_where_they_hold(schema: GraphQLSchema) -> None:
    made, changed = _fields(schema, "ProductCreateInput"), _fields(schema, "ProductUpdateInput")
    assert made["status"].description.endswith("Defaults to `DRAFT`.")
    assert made["quantity"].description.endswith("Defaults to `0`.")
    assert made["metadata"].description.endswith("Defaults to `{}`.")
    assert not [name for name, field in changed.items() if "Defaults" in field.description]


def test_lines_stand_in_the_input_of_their_order(schema: GraphQLSchema) -> None:
    for name in ("OrderCreateInput", "OrderReplaceInput", "OrderUpdateInput"):
        assert str(_fields(schema, name)["lineItems"].type) == "[OrderLineItemInput!]"
    (embedded,) = CATALOG["order"].embedded
    assert set(_fields(schema, "OrderLineItemInput")) == {"id", *map(camel, embedded.fields)}


def test_one_row_of_many_is_named_by_its_id(schema: GraphQLSchema) -> None:
    many, one = _fields(schema, "ProductBulkUpdateInput"), _fields(schema, "ProductUpdateInput")
    assert set(many) == {"id", *one}
    assert str(many["id"].type) == "ID"


def test_payloads_have_the_shape_that_clients_rely_on(schema: GraphQLSchema) -> None:
    shapes = {
        name: {key: str(field.type) for key, field in _fields(schema, name).items()}
        for name in ("CreateProductPayload", "DeleteProductPayload", "UpdateProductsPayload", "ProductResult")
    }
    assert shapes == {
        "CreateProductPayload": {"product": "Product", "problem": "Problem", "replayed": "Boolean!"},
        "DeleteProductPayload": {"deletedId": "ID", "problem": "Problem", "replayed": "Boolean!"},
        "UpdateProductsPayload": {
            "results": "[ProductResult!]",
            "summary": "WriteSummary",
            "problem": "Problem",
            "replayed": "Boolean!",
        },
        "ProductResult": {
            "index": "Int!",
            "rowId": "ID",
            "status": "WriteStatus!",
            "product": "Product",
            "problem": "Problem",
        },
    }


@pytest.mark.parametrize("action", PLAIN)
def test_arguments_are_the_same_for_every_resource(schema: GraphQLSchema, action: str) -> None:
    common = {"idempotencyKey": "String", "dryRun": "Boolean!"}
    own = {
        "create": {"input": "INPUT!"},
        "replace": {"id": "ID!", "input": "INPUT!", "ifMatch": "String"},
        "update": {"id": "ID!", "input": "INPUT!", "ifMatch": "String", "merge": "Boolean!"},
        "delete": {"id": "ID!", "ifMatch": "String"},
        "restore": {"id": "ID!", "ifMatch": "String"},
    }[action]
    assert schema.mutation_type is not None
    for resource in CATALOG:
        if action not in resource.actions_by_name:
            continue
        type_ = pascal(resource.name)
        found = schema.mutation_type.fields[f"{action}{type_}"]
        input_ = f"{type_}{pascal(action)}Input"
        expected = {name: text.replace("INPUT", input_) for name, text in (own | common).items()}
        assert {name: str(each.type) for name, each in found.args.items()} == expected


def test_what_is_shown_once_is_in_the_answer_to_a_creation_alone() -> None:
    brand = CATALOG["brand"]
    fields = tuple(
        replace(each, shown=Shown.ONCE) if each.name == "description" else each for each in brand.fields
    )
    changed = tuple(replace(each, fields=fields) if each is brand else each for each in CATALOG)
    made = build(Catalog(changed)).graphql
    assert "description" in _fields(made, "CreateBrandPayload")
    for name in ("Brand", "UpdateBrandPayload", "RestoreBrandPayload", "BrandResult"):
        assert "description" not in _fields(made, name)


def test_values_become_those_of_json_by_field_name() -> None:
    types = build(CATALOG).types
    product = CATALOG["product"]
    status = next(field.enum for field in product.fields if field.name == "status")
    assert status is not None
    for member in status:
        found = types.inputs.enum(status)[constant(member)]
        assert Neutral(product).values({"status": found}) == {"status": str(member)}
    given = {"priceCents": "0249", "brandId": None, "quantity": 3, "metadata": {"priceCents": "1"}}
    assert Neutral(product).values(given) == {
        "price_cents": 249,
        "brand_id": None,
        "quantity": 3,
        "metadata": {"priceCents": "1"},
    }


@pytest.mark.parametrize(
    ("sent", "neutral"),
    [(0.0875, "0.0875"), (1e-7, "0.0000001"), (3, "3"), (1e16, "10000000000000000"), ("1.50", "1.50")],
)
def test_decimal_numbers_become_the_texts_that_rest_takes(sent: object, neutral: str) -> None:
    assert Neutral(CATALOG["order"]).values({"taxRate": sent}) == {"tax_rate": neutral}


def test_the_values_of_embedded_lists_are_read_likewise() -> None:
    line = {"unitPriceCents": "150", "productId": None, "id": "x"}
    assert Neutral(CATALOG["order"]).values({"lineItems": [line]}) == {
        "line_items": [{"unit_price_cents": 150, "product_id": None, "id": "x"}]
    }
    assert Neutral(CATALOG["order"]).values({"lineItems": None}) == {"line_items": None}
