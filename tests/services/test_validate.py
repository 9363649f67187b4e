"""Every field of a write is judged in one place, all at once, with the standard codes."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.brands import BRAND
from services.categories import CATEGORY
from services.customers import CUSTOMER
from services.engine.resource import Resource
from services.engine.validate import (
    ERROR_CODES,
    demand_required,
    read_field,
    read_values,
    validate,
    with_defaults,
)
from services.orders import ORDER
from services.products import PRODUCT
from services.workspaces import WORKSPACE

PRODUCT_ID = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"


def nested(levels: int) -> Any:
    return {} if levels == 1 else {"a": nested(levels - 1)}


def codes(resource: Resource, values: dict[str, Any], *, from_text: bool = False) -> dict[str, list[str]]:
    clean, invalid = validate(resource, values, from_text=from_text, stored={})
    assert not set(clean) & set(invalid)
    return {name: [found.code for found in faults] for name, faults in invalid.items()}


def test_a_good_row_is_typed_and_normalised() -> None:
    clean, invalid = validate(
        PRODUCT,
        {
            "gtin": "4006381333931",
            "name": "  Cafe\u0301 ",
            "price_cents": 249,
            "currency": "EUR",
            "brand_id": PRODUCT_ID.upper(),
            "nutrition": {"sugars_100g": 1.2},
            "description": None,
        },
    )

    assert invalid == {}
    assert clean == {
        "gtin": "04006381333931",
        "name": "Caf\u00e9",
        "price_cents": 249,
        "currency": "EUR",
        "brand_id": uuid.UUID(PRODUCT_ID),
        "nutrition": {"sugars_100g": 1.2},
        "description": None,
    }


def test_texts_are_typed_alike_and_blank_ones_are_absent() -> None:
    clean, invalid = validate(
        PRODUCT,
        {
            "name": "Oats",
            "price_cents": " 249 ",
            "currency": "EUR",
            "sku": "",
            "nutrition": '{"a": 1}',
            "slug": " ",
        },
        from_text=True,
    )

    assert invalid == {}
    assert clean == {"name": "Oats", "price_cents": 249, "currency": "EUR", "nutrition": {"a": 1}}


def test_all_faults_are_reported_at_once() -> None:
    """S3-267."""
    _, invalid = validate(PRODUCT, {"gtin": "1", "price_cents": "x", "colour": "red", "status": "new"})

    assert {name: [found.code for found in faults] for name, faults in invalid.items()} == {
        "gtin": ["invalid_format"],
        "price_cents": ["not_an_integer"],
        "colour": ["unknown_field"],
        "status": ["inclusion"],
        "name": ["cant_be_blank"],
    }


def test_an_integer_may_be_written_with_a_fraction_of_zero() -> None:
    """JSON Schema, which describes bodies, takes 2.0 for an integer, and so does GraphQL."""
    clean, invalid = validate(
        PRODUCT, {"name": "Rye", "quantity": 2.0, "price_cents": -0.0, "currency": "EUR"}
    )

    assert invalid == {}
    assert [(type(clean[name]), clean[name]) for name in ("quantity", "price_cents")] == [(int, 2), (int, 0)]


@pytest.mark.parametrize(
    ("resource", "field", "value", "code"),
    [
        (PRODUCT, "name", None, "cant_be_blank"),
        (PRODUCT, "name", "  ", "cant_be_blank"),
        (PRODUCT, "name", 5, "invalid_format"),
        (PRODUCT, "name", "a\x00b", "invalid_format"),
        (PRODUCT, "name", "a\ud800b", "invalid_format"),
        (PRODUCT, "name", "x" * 501, "too_long"),
        (PRODUCT, "slug", "Not a slug", "invalid_format"),
        (PRODUCT, "slug", None, "cant_be_blank"),
        (PRODUCT, "status", None, "cant_be_blank"),
        (PRODUCT, "status", 1, "inclusion"),
        (PRODUCT, "status", ["draft"], "inclusion"),
        (PRODUCT, "currency", "eur", "inclusion"),
        (PRODUCT, "quantity", 2**31, "less_than"),
        (PRODUCT, "quantity", -(2**31) - 1, "greater_than"),
        (PRODUCT, "quantity", 1.5, "not_an_integer"),
        (PRODUCT, "quantity", True, "not_an_integer"),
        (PRODUCT, "quantity", [1], "not_an_integer"),
        (PRODUCT, "price_cents", -1, "greater_than"),
        (PRODUCT, "price_cents", 2**53, "less_than"),
        (PRODUCT, "brand_id", "123", "invalid_uuid"),
        (PRODUCT, "brand_id", "{" + PRODUCT_ID + "}", "invalid_uuid"),
        (PRODUCT, "brand_id", 7, "invalid_uuid"),
        (PRODUCT, "image_url", "javascript:alert(1)", "invalid_format"),
        (PRODUCT, "nutrition", [], "invalid_format"),
        (PRODUCT, "nutrition", "{}", "invalid_format"),
        (PRODUCT, "nutrition", {"a": "\x00"}, "invalid_format"),
        (PRODUCT, "nutrition", {"\x00": 1}, "invalid_format"),
        (PRODUCT, "nutrition", {"a": [2**53]}, "less_than"),
        (PRODUCT, "metadata", nested(21), "invalid_format"),
        (CUSTOMER, "email", "nobody", "invalid_format"),
        (CUSTOMER, "email", "a b@example.com", "invalid_format"),
        (CUSTOMER, "email", "ada@localhost", "invalid_format"),
        (CUSTOMER, "email", "ada..b@example.com", "invalid_format"),
        (ORDER, "tax_rate", 0.0875, "not_a_number"),
        (ORDER, "tax_rate", "1e-2", "not_a_number"),
        (ORDER, "tax_rate", "NaN", "not_a_number"),
        (ORDER, "tax_rate", "0.0000001", "invalid_format"),
        (ORDER, "tax_rate", "10", "less_than"),
        (ORDER, "tax_rate", "-0.1", "greater_than"),
        (ORDER, "placed_at", "2026-01-31", "invalid_date"),
        (ORDER, "placed_at", "2026-02-30T00:00:00Z", "invalid_date"),
        (ORDER, "placed_at", "2026-01-31T12:00:00", "invalid_date"),
        (ORDER, "placed_at", "2026-01-31T12:00:00+01:00", "invalid_date"),
        (ORDER, "placed_at", 1769860800, "invalid_date"),
        (ORDER, "colour", "red", "unknown_field"),
        (ORDER, "workspace_id", PRODUCT_ID, "unknown_field"),
    ],
)
def test_a_bad_value_is_refused_with_its_code(resource: Resource, field: str, value: Any, code: str) -> None:
    """S3-268, S3-269, Q-30."""
    assert codes(resource, {field: value}) == {field: [code]}
    assert code in ERROR_CODES


@pytest.mark.parametrize(
    ("resource", "field", "value", "code"),
    [
        (PRODUCT, "quantity", "1.5", "not_an_integer"),
        (PRODUCT, "quantity", "many", "not_a_number"),
        (PRODUCT, "quantity", "9" * 10_000, "less_than"),
        (PRODUCT, "quantity", "-" + "9" * 10_000, "greater_than"),
        (PRODUCT, "nutrition", "{a:1}", "invalid_format"),
        (PRODUCT, "nutrition", "[" * 100_000, "invalid_format"),
        (CATEGORY, "position", "0x10", "not_a_number"),
        (ORDER, "tax_rate", "8,75", "not_a_number"),
    ],
)
def test_a_bad_text_is_refused_with_its_code(resource: Resource, field: str, value: str, code: str) -> None:
    assert codes(resource, {field: value}, from_text=True) == {field: [code]}


@pytest.mark.parametrize(
    ("resource", "field", "value", "stored"),
    [
        (PRODUCT, "quantity", -(2**31), -(2**31)),
        (WORKSPACE, "name", "x" * 255, "x" * 255),
        (PRODUCT, "name", "x" * 500, "x" * 500),
        (PRODUCT, "description", "", ""),
        (PRODUCT, "metadata", nested(20), nested(20)),
        (ORDER, "tax_rate", "0.0875", Decimal("0.0875")),
        (ORDER, "tax_rate", "9.999999", Decimal("9.999999")),
        (ORDER, "placed_at", "2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, UTC)),
        (ORDER, "placed_at", "2026-01-31T12:00:00+00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        (CUSTOMER, "email", "Ada@EXAMPLE.com", "Ada@example.com"),
        (CUSTOMER, "email", "ada@bücher.example", "ada@bücher.example"),
        (WORKSPACE, "settings", {"timezone": "UTC"}, {"timezone": "UTC"}),
    ],
)
def test_a_value_at_the_limit_is_taken(resource: Resource, field: str, value: Any, stored: Any) -> None:
    assert validate(resource, {field: value}, stored={}) == ({field: stored}, {})


def test_fields_that_only_the_server_writes_are_ignored() -> None:
    """Q-02."""
    sent = {"id": PRODUCT_ID, "inserted_at": "x", "subtotal_cents": 1, "links": {}, "currency": "EUR"}

    assert validate(ORDER, sent) == ({"currency": "EUR"}, {})


def test_a_price_needs_a_currency_in_the_row_that_results() -> None:
    assert codes(PRODUCT, {"price_cents": 1}) == {"currency": ["cant_be_blank"]}
    assert codes(PRODUCT, {"price_cents": 1, "currency": "XXX"}) == {"currency": ["inclusion"]}
    assert validate(PRODUCT, {"price_cents": 1}, stored={"currency": "EUR"}) == ({"price_cents": 1}, {})
    _, invalid = validate(PRODUCT, {"currency": None}, stored={"currency": "EUR", "price_cents": 1})
    assert set(invalid) == {"currency"}


def test_required_fields_are_demanded_of_new_rows_only() -> None:
    assert set(validate(PRODUCT, {})[1]) == {"name"}
    assert validate(PRODUCT, {}, stored={"name": "Oats"}) == ({}, {})


def test_a_field_that_no_caller_may_write_can_still_be_read() -> None:
    assert read_field(ORDER, "number", " 1042 ") == "1042"
    assert read_field(ORDER, "number", "x" * 33).code == "too_long"


def test_the_largest_safe_amount_is_taken() -> None:
    price = {"price_cents": 2**53 - 1, "currency": "EUR"}

    assert validate(PRODUCT, price, stored={}) == (price, {})


def test_reading_alone_demands_nothing_and_judges_no_fields_together() -> None:
    assert read_values(PRODUCT, {"price_cents": 1}) == ({"price_cents": 1}, {})
    assert read_values(PRODUCT, {}) == ({}, {})


def test_a_row_is_not_deleted_by_writing_it() -> None:
    """Q-02: a document that was read goes back unchanged, with its null."""
    assert read_values(BRAND, {"deleted_at": None}) == ({}, {})
    clean, invalid = read_values(BRAND, {"deleted_at": "2026-01-31T12:00:00Z", "name": "Oats"})

    assert clean == {"name": "Oats"}
    assert {name: [found.code for found in faults] for name, faults in invalid.items()} == {
        "deleted_at": ["exclusion"]
    }


@pytest.mark.parametrize("value", [None, "", "  ", "\u00a0"])
def test_a_required_field_is_never_blank(value: Any) -> None:
    assert codes(PRODUCT, {"name": value}) == {"name": ["cant_be_blank"]}


def test_an_empty_text_is_a_value_where_null_would_be_one() -> None:
    assert read_values(PRODUCT, {"sku": " ", "description": None}) == ({"sku": "", "description": None}, {})
    assert codes(BRAND, {"website": ""}) == {"website": ["invalid_format"]}


def test_a_required_field_that_could_not_be_read_is_accused_once() -> None:
    clean, invalid = read_values(PRODUCT, {"name": 5})
    demand_required(PRODUCT, clean, invalid)

    assert {name: [found.code for found in faults] for name, faults in invalid.items()} == {
        "name": ["invalid_format"]
    }


def test_every_writable_field_gets_a_value() -> None:
    """S3-105, C-40: maps default to empty ones; what has no default becomes null."""
    assert with_defaults(PRODUCT, {"name": "Oats", "nutrition": None}) == {
        "gtin": None,
        "name": "Oats",
        "slug": None,
        "sku": None,
        "description": None,
        "ingredients": None,
        "nutrition": None,
        "image_url": None,
        "status": "draft",
        "price_cents": None,
        "currency": None,
        "quantity": 0,
        "category_id": None,
        "brand_id": None,
        "metadata": {},
    }


def test_defaults_have_the_types_of_values_that_were_sent() -> None:
    assert with_defaults(ORDER, {})["tax_rate"] == Decimal(0)
    assert isinstance(with_defaults(ORDER, {})["tax_rate"], Decimal)


def test_what_one_row_does_to_its_default_stays_its_own() -> None:
    with_defaults(PRODUCT, {})["metadata"]["seen"] = True

    assert with_defaults(PRODUCT, {})["metadata"] == {}


def test_a_replacement_need_not_repeat_what_never_changes() -> None:
    fields = tuple(replace(item, fixed=item.name == "name") for item in PRODUCT.fields)
    product = replace(PRODUCT, fields=fields)
    asked: dict[bool, set[str]] = {}
    for new in (True, False):
        invalid: dict[str, Any] = {}
        demand_required(product, {}, invalid, new=new)
        asked[new] = set(invalid)

    assert asked == {True: {"name"}, False: set()}
    assert set(with_defaults(product, {})) - set(with_defaults(product, {}, new=False)) == {"name"}


def test_a_fault_inside_a_list_is_told_by_its_path() -> None:
    """C-48."""
    lines = [{"quantity": 1}, {"quantity": "x", "colour": "red"}, 7]
    clean, invalid = read_values(ORDER, {"line_items": lines, "currency": "EUR"})

    assert clean == {"currency": "EUR"}
    assert {name: [found.code for found in faults] for name, faults in invalid.items()} == {
        "line_items.1.quantity": ["not_an_integer"],
        "line_items.1.colour": ["unknown_field"],
        "line_items.2": ["invalid_format"],
    }
