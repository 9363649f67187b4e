"""Validation errors (S3.26): every field at once, with the standard codes and a sentence for each."""

import asyncio
import uuid
from typing import Any

import pytest

from services.engine.validate import ERROR_CODES
from services.engine.versions import tag
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.stored import Stored

BASE = "/api/v1"

REQUIRED: dict[str, dict[str, Any]] = {
    "brands": {"name": "Valid"},
    "categories": {"name": "Valid"},
    "products": {"name": "Valid"},
    "customers": {"name": "Valid"},
    "orders": {"currency": "EUR"},
}

FAULTS: list[tuple[str, str, Any, str]] = [
    ("brands", "name", None, "cant_be_blank"),
    ("brands", "name", "", "cant_be_blank"),
    ("brands", "name", " \t\n", "cant_be_blank"),
    ("brands", "name", 1, "invalid_format"),
    ("brands", "name", True, "invalid_format"),
    ("brands", "name", [], "invalid_format"),
    ("brands", "name", {"en": "x"}, "invalid_format"),
    ("brands", "name", "x" * 256, "too_long"),
    ("brands", "slug", "Not A Slug", "invalid_format"),
    ("brands", "slug", "-x", "invalid_format"),
    ("brands", "slug", "x" * 256, "too_long"),
    ("brands", "website", "not an address", "invalid_format"),
    ("brands", "website", "javascript:alert(1)", "invalid_format"),
    ("brands", "website", "https://x.example/" + "y" * 2048, "too_long"),
    ("categories", "position", "1", "not_an_integer"),
    ("categories", "position", 1.5, "not_an_integer"),
    ("categories", "position", True, "not_an_integer"),
    ("categories", "position", 2**31, "less_than"),
    ("categories", "position", -(2**31) - 1, "greater_than"),
    ("categories", "position", None, "cant_be_blank"),
    ("categories", "parent_id", "x", "invalid_uuid"),
    ("categories", "parent_id", 7, "invalid_uuid"),
    ("categories", "parent_id", "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20", "not_found"),
    ("products", "price_cents", -1, "greater_than"),
    ("products", "price_cents", 2**53, "less_than"),
    ("products", "price_cents", 2**63, "less_than"),
    ("products", "price_cents", "249", "not_an_integer"),
    ("products", "price_cents", 2.49, "not_an_integer"),
    ("products", "status", "sold", "inclusion"),
    ("products", "status", "Active", "inclusion"),
    ("products", "status", 1, "inclusion"),
    ("products", "status", None, "cant_be_blank"),
    ("products", "currency", "XXX", "inclusion"),
    ("products", "gtin", "123", "invalid_format"),
    ("products", "gtin", "4006381333932", "invalid_format"),
    ("products", "gtin", 4006381333931, "invalid_format"),
    ("products", "brand_id", "", "invalid_uuid"),
    ("products", "nutrition", [], "invalid_format"),
    ("products", "nutrition", "x", "invalid_format"),
    ("products", "metadata", {"n": 2**53}, "less_than"),
    ("products", "metadata", [1], "invalid_format"),
    ("products", "quantity", None, "cant_be_blank"),
    ("customers", "email", "no", "invalid_format"),
    ("customers", "email", "a@b@example.com", "invalid_format"),
    ("customers", "email", "a" * 320 + "@example.com", "invalid_format"),
    ("customers", "phone", "1" * 33, "too_long"),
    ("customers", "country", 44, "invalid_format"),
    ("orders", "tax_rate", 0.2, "not_a_number"),
    ("orders", "tax_rate", "x", "not_a_number"),
    ("orders", "tax_rate", "-0.1", "greater_than"),
    ("orders", "tax_rate", "10", "less_than"),
    ("orders", "placed_at", "yesterday", "invalid_date"),
    ("orders", "placed_at", "2026-02-30T00:00:00Z", "invalid_date"),
    ("orders", "placed_at", "2026-01-01T00:00:00+02:00", "invalid_date"),
    ("orders", "placed_at", 1710590460, "invalid_date"),
    ("orders", "currency", None, "cant_be_blank"),
    ("orders", "customer_id", "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20", "not_found"),
]


@pytest.mark.parametrize(("plural", "field", "value", "code"), FAULTS)
async def test_an_invalid_value_is_refused_by_every_write(
    shop: Client, stored: Stored, plural: str, field: str, value: Any, code: str
) -> None:
    """S3-267 to S3-269: on creating, changing, replacing and in bulk, with the same code."""
    good = REQUIRED[plural]
    made = (await shop.post(f"{BASE}/{plural}", good)).data(201)
    target, bad = f"{BASE}/{plural}/{made['id']}", {**good, field: value}
    expected = {field: [code]}
    with stored.unchanged():
        problem = (await shop.post(f"{BASE}/{plural}", bad)).invalid_at(expected)
        assert problem["detail"] == f"{field} is invalid."
        (await shop.patch(target, {field: value})).invalid_at(expected)
        (await shop.patch(target, {field: value}, merge=True)).invalid_at(expected)
        (await shop.put(target, bad, headers=[("if-match", tag(made["id"], 1))])).invalid_at(expected)
        many = {f"items.0.{field}": [code]}
        (await shop.post(f"{BASE}/{plural}/bulk", {"items": [bad]})).invalid_at(many)
        items = [{"id": made["id"], field: value}]
        (await shop.patch(f"{BASE}/{plural}/bulk", {"items": items})).invalid_at(many)
    assert (await shop.get(target)).data() == made
    assert code in ERROR_CODES


async def test_every_field_is_told_at_once(shop: Client, stored: Stored) -> None:
    """S3-267: the whole problem, to the letter."""
    sent = {"name": "", "status": "sold", "price_cents": -5, "quantity": "x", "nope": 1}
    with stored.unchanged():
        answer = await shop.post(f"{BASE}/products", sent, headers=[("x-request-id", "all-at-once")])

    problem = answer.problem(422)
    messages = problem.pop("error_messages")
    assert problem == {
        "type": "/problems/validation-failed",
        "title": "Validation Failed",
        "status": 422,
        "detail": "5 fields have validation errors.",
        "instance": "/api/v1/products",
        "code": "validation-failed",
        "request_id": "all-at-once",
        "errors": {
            "name": ["cant_be_blank"],
            "status": ["inclusion"],
            "price_cents": ["greater_than"],
            "quantity": ["not_an_integer"],
            "nope": ["unknown_field"],
        },
    }
    assert set(messages) == set(problem["errors"])
    assert all(sentence.endswith(".") for (sentence,) in messages.values())
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize("plural", REQUIRED)
async def test_required_fields_must_be_there(shop: Client, stored: Stored, plural: str) -> None:
    """S3-162, S3-268."""
    with stored.unchanged():
        answer = await shop.post(f"{BASE}/{plural}", {})
    answer.invalid_at({name: ["cant_be_blank"] for name in REQUIRED[plural]})


@pytest.mark.parametrize(
    "name", ["workspace_id", "version", "search", "Name", "name ", "", "__proto__", "a.b", "émail", "n" * 300]
)
@pytest.mark.parametrize("value", [None, "x", {"a": 1}])
async def test_unknown_fields_are_refused_by_name(
    shop: Client, stored: Stored, name: str, value: Any
) -> None:
    """Q-02: whatever their value."""
    made = (await shop.post(f"{BASE}/brands", {"name": "Known"})).data(201)
    with stored.unchanged():
        (await shop.post(f"{BASE}/brands", {"name": "x", name: value})).invalid_at({name: ["unknown_field"]})
        (await shop.patch(f"{BASE}/brands/{made['id']}", {name: value})).invalid_at({name: ["unknown_field"]})


async def test_what_only_the_server_writes_is_ignored(shop: Client, stored: Stored) -> None:
    """Q-02: read-only fields may come back as they were read, and whatever they say."""
    made = (await shop.post(f"{BASE}/orders", {"currency": "EUR"})).data(201)
    forged = {
        "id": str(uuid.uuid4()),
        "inserted_at": "2000-01-01T00:00:00Z",
        "updated_at": "nonsense",
        "links": {"self": "/"},
        "relationships": [],
        "short_id": 7,
        "number": "1",
        "status": "delivered",
        "total_cents": -1,
        "subtotal_cents": "many",
        "tax_cents": 1,
    }
    after = (await shop.patch(f"{BASE}/orders/{made['id']}", {**forged, "metadata": {"a": 1}})).data()

    assert after == {**made, "metadata": {"a": 1}, "updated_at": after["updated_at"]}
    fresh = (await shop.post(f"{BASE}/orders", {"currency": "EUR", **forged})).data(201)
    assert fresh["id"] != forged["id"]
    assert (fresh["status"], fresh["total_cents"]) == ("pending", 0)
    assert fresh["number"] != "1"
    stored.settled(made["id"], 2)


@pytest.mark.parametrize(
    ("plural", "first", "second", "field"),
    [
        ("brands", {"slug": "taken-slug"}, {"slug": "taken-slug"}, "slug"),
        ("categories", {"slug": "taken-slug"}, {"slug": "taken-slug"}, "slug"),
        ("products", {"gtin": "04006381333931"}, {"gtin": "4006381333931"}, "gtin"),
        ("products", {"slug": "taken-slug"}, {"slug": "taken-slug"}, "slug"),
    ],
)
async def test_what_must_be_unique_is_taken_once(
    shop: Client,
    stored: Stored,
    written: Seed,
    plural: str,
    first: dict[str, Any],
    second: dict[str, Any],
    field: str,
) -> None:
    """S3-268, S3-321: among the living rows of a workspace; a row is no rival of itself."""
    there = (await shop.post(f"{BASE}/{plural}", {"name": "There", **first})).data(201)
    other = (await shop.post(f"{BASE}/{plural}", {"name": "Other"})).data(201)
    with stored.unchanged():
        (await shop.post(f"{BASE}/{plural}", {"name": "x", **second})).invalid_at({field: ["already_taken"]})
        target = f"{BASE}/{plural}/{other['id']}"
        (await shop.patch(target, second)).invalid_at({field: ["already_taken"]})
        (await shop.put(target, {"name": "x", **second}, headers=[("if-match", "*")])).invalid_at(
            {field: ["already_taken"]}
        )
        both = {"name": None, **second}
        (await shop.patch(target, both)).invalid_at({"name": ["cant_be_blank"], field: ["already_taken"]})

    own = await shop.patch(f"{BASE}/{plural}/{there['id']}", {**second, "name": "Still There"})
    assert own.data()[field] == there[field]
    stranger = shop.using(written.tokens["globex", "writer"])
    assert (await stranger.post(f"{BASE}/{plural}", {"name": "Theirs", **second})).data(201)[field] == there[
        field
    ]


async def test_of_racing_creates_of_one_name_one_wins(shop: Client, stored: Stored) -> None:
    """S3-268: the others hear which field, not of a constraint."""
    before = stored.count("brands")

    answers = await asyncio.gather(
        *(shop.post(f"{BASE}/brands", {"name": f"R{n}", "slug": "raced-slug"}) for n in range(12))
    )

    assert sorted(answer.status for answer in answers) == [201] + [422] * 11
    for answer in answers:
        if answer.status == 422:
            answer.invalid(slug=["already_taken"])
    assert stored.count("brands") == before + 1


async def test_racing_creates_without_a_name_all_win(shop: Client, stored: Stored) -> None:
    """A slug that the server makes gives way to one that is taken meanwhile."""
    answers = await asyncio.gather(
        *(shop.post(f"{BASE}/brands", {"name": "Crowded Name"}) for _ in range(12))
    )

    slugs = [answer.data(201)["slug"] for answer in answers]
    assert len(set(slugs)) == 12
    assert "crowded-name" in slugs


async def test_fields_are_judged_together(shop: Client, stored: Stored) -> None:
    """S3-314: a price needs a currency, whether both were sent or one is stored."""
    made = (
        await shop.post(f"{BASE}/products", {"name": "Priced", "price_cents": 1, "currency": "EUR"})
    ).data(201)
    target = f"{BASE}/products/{made['id']}"
    with stored.unchanged():
        (await shop.post(f"{BASE}/products", {"name": "x", "price_cents": 1})).invalid(
            currency=["cant_be_blank"]
        )
        (await shop.patch(target, {"currency": None})).invalid(currency=["cant_be_blank"])

    assert (await shop.patch(target, {"currency": None, "price_cents": None})).data()["currency"] is None


async def test_a_fixed_field_may_be_sent_again_but_not_changed(shop: Client, stored: Stored) -> None:
    """Issue: an order line stays with its order."""
    orders = [(await shop.post(f"{BASE}/orders", {"currency": "EUR"})).data(201) for _ in range(2)]
    line = {"order_id": orders[0]["id"], "name": "Line", "quantity": 1, "unit_price_cents": 100}
    made = (await shop.post(f"{BASE}/order-items", line)).data(201)
    target = f"{BASE}/order-items/{made['id']}"
    with stored.unchanged():
        (await shop.patch(target, {"order_id": orders[1]["id"]})).invalid(order_id=["exclusion"])
        (await shop.put(target, {**line, "order_id": orders[1]["id"]}, headers=[("if-match", "*")])).invalid(
            order_id=["exclusion"]
        )

    assert (await shop.patch(target, {"order_id": orders[0]["id"], "quantity": 2})).data()["quantity"] == 2


async def test_texts_that_cannot_be_stored_never_reach_the_database(shop: Client, stored: Stored) -> None:
    """Q-03: neither NUL nor half characters."""
    with stored.unchanged():
        for text in ("a\u0000b", "\u0000"):
            (await shop.post(f"{BASE}/brands", {"name": text})).names(400, "NUL", "'name'")
            (await shop.post(f"{BASE}/products", {"name": "x", "metadata": {"a": [text]}})).names(
                400, "'metadata.a.0'"
            )


async def test_numbers_beyond_64_bits_are_refused_by_name(shop: Client, stored: Stored) -> None:
    """Issue: overflow; JSON readers disagree about such numbers."""
    with stored.unchanged():
        for number in (2**64, -(2**64), 10**100):
            (await shop.post(f"{BASE}/categories", {"name": "x", "position": number})).names(
                400, "'position'"
            )


async def test_maps_may_be_twenty_levels_deep(shop: Client, stored: Stored) -> None:
    """Issue: deep nesting."""
    fits: Any = 1
    for _ in range(20):
        fits = {"a": fits}

    assert (await shop.post(f"{BASE}/customers", {"name": "Deep", "metadata": fits})).data(201)[
        "metadata"
    ] == fits
    with stored.unchanged():
        answer = await shop.post(f"{BASE}/customers", {"name": "Too Deep", "metadata": {"a": fits}})
    answer.invalid(metadata=["invalid_format"])


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE brands; --",
        "%s %(x)s $1 {} {0} \\",
        "<script>alert(1)</script>",
        "\u202eright to left",
        "zero\u200bwidth",
        "👩‍👩‍👧 and 𐍈",
        'quotes " and \\" and \\u0041',
        "line\nbreak\ttab",
    ],
)
async def test_any_text_comes_back_as_it_was_sent(shop: Client, text: str) -> None:
    """S3-271: no text means anything on its way."""
    made = (
        await shop.post(f"{BASE}/brands", {"name": text, "description": text, "slug": f"s-{uuid.uuid4()}"})
    ).data(201)

    assert (made["name"], made["description"]) == (text, text)
    assert (await shop.get(made["links"]["self"])).data() == made
    (found,) = (await shop.search("brands", {"filter": {"id": made["id"], "name": text}})).rows()
    assert found == made
    assert (await shop.delete(made["links"]["self"])).status == 204
