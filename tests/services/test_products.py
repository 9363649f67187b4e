"""Rules of products: slugs, GTINs, prices and the life cycle."""

import uuid
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.stored import Stored

PRODUCTS = "/api/v1/products"
ANY = [("if-match", "*")]
STATES = ("draft", "active", "archived")


async def made(shop: Client, **values: Any) -> dict[str, Any]:
    return (await shop.post(PRODUCTS, {"name": "Thing", **values})).data(201)


async def test_a_slug_is_made_of_the_name(shop: Client) -> None:
    first, second = await made(shop, name="Käse, jung"), await made(shop, name="Käse, jung")

    assert first["slug"] == "kase-jung"
    assert second["slug"].startswith("kase-jung-")
    assert (await made(shop, name="日本茶"))["slug"]


async def test_products_of_one_request_get_different_slugs(shop: Client) -> None:
    answer = await shop.post(f"{PRODUCTS}/bulk", {"items": [{"name": "Same Name Twice"}] * 3})

    slugs = [each["data"]["slug"] for each in answer.json()["data"]]
    assert len(set(slugs)) == 3
    assert slugs[0] == "same-name-twice"


async def test_slugs_and_gtins_are_unique_among_live_products(shop: Client, stored: Stored) -> None:
    """S3-321: however the GTIN is written, and free again once its product is deleted."""
    taken = await made(shop, slug="mine-alone", gtin="4006381333931")

    with stored.unchanged():
        (await shop.post(PRODUCTS, {"name": "x", "slug": "mine-alone"})).invalid(slug=["already_taken"])
        (await shop.post(PRODUCTS, {"name": "x", "gtin": "04006381333931"})).invalid(gtin=["already_taken"])
    await shop.delete(f"{PRODUCTS}/{taken['id']}")
    heir = await made(shop, slug="mine-alone", gtin="04006381333931")
    with stored.unchanged():
        (await shop.post(f"{PRODUCTS}/{taken['id']}/restore", {})).names(409, "taken")
    assert heir["gtin"] == taken["gtin"] == "04006381333931"


@pytest.mark.parametrize("gtin", ["4006381333932", "12345", "abc", "", "4006381333931 1"])
async def test_a_gtin_must_check_out(shop: Client, stored: Stored, gtin: str) -> None:
    with stored.unchanged():
        (await shop.post(PRODUCTS, {"name": "x", "gtin": gtin})).invalid(gtin=["invalid_format"])


async def test_a_price_needs_a_currency_and_is_not_negative(shop: Client, stored: Stored) -> None:
    """S3-313."""
    product = await made(shop, price_cents=1, currency="EUR")

    with stored.unchanged():
        (await shop.post(PRODUCTS, {"name": "x", "price_cents": 1})).invalid(currency=["cant_be_blank"])
        (await shop.patch(f"{PRODUCTS}/{product['id']}", {"currency": None})).invalid(
            currency=["cant_be_blank"]
        )
        (await shop.patch(f"{PRODUCTS}/{product['id']}", {"price_cents": -1})).invalid(
            price_cents=["greater_than"]
        )


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
async def test_an_archived_product_is_no_draft_again(
    shop: Client, stored: Stored, before: str, after: str
) -> None:
    """It must be active first."""
    product = await made(shop, status=before)
    target = f"{PRODUCTS}/{product['id']}"

    if (before, after) == ("archived", "draft"):
        with stored.unchanged():
            (await shop.patch(target, {"status": after})).names(409, "archived", "draft")
            (await shop.put(target, {"name": "x"}, headers=ANY)).names(409, "archived", "draft")
    else:
        assert (await shop.patch(target, {"status": after})).data()["status"] == after


async def test_products_may_begin_in_any_state(shop: Client) -> None:
    assert [(await made(shop, status=state))["status"] for state in STATES] == list(STATES)
    assert (await made(shop))["status"] == "draft"


async def test_a_slug_that_was_sent_goes_before_one_that_is_made(shop: Client) -> None:
    """Whichever of them comes first in the request."""
    for place, items in enumerate(
        (
            [{"name": "First 0"}, {"name": "x", "slug": "first-0"}],
            [{"name": "x", "slug": "first-1"}, {"name": "First 1"}],
        )
    ):
        answer = await shop.post(f"{PRODUCTS}/bulk", {"items": items})

        assert answer.status == 201, answer.body[:500]
        slugs = [each["data"]["slug"] for each in answer.json()["data"]]
        assert slugs[1 - place] == f"first-{place}"
        assert slugs[place].startswith(f"first-{place}-")


async def test_a_missing_product_does_not_stop_the_others(shop: Client, stored: Stored) -> None:
    """C-52: the life cycle is judged of those that are there."""
    there, archived = await made(shop), await made(shop, status="archived")
    items = [
        {"id": str(uuid.uuid4()), "quantity": 1},
        {"id": archived["id"], "status": "draft"},
        {"id": there["id"], "status": "active"},
    ]

    answer = await shop.patch(f"{PRODUCTS}/bulk?atomic=false", {"items": items})

    assert answer.status == 207, answer.body[:500]
    entries = answer.json()["data"]
    assert [each["status"] for each in entries] == ["failed", "failed", "updated"]
    assert [each["error"]["status"] for each in entries[:2]] == [404, 409]
    stored.settled(there["id"], 2)
    stored.settled(archived["id"], 1)


async def test_a_text_of_too_many_words_is_refused_by_its_path(shop: Client, stored: Stored) -> None:
    """PostgreSQL searches about a megabyte of different words in one row, and refuses more."""
    text = " ".join(f"{number:08x}" for number in range(110_000))

    with stored.unchanged():
        one = await shop.post(PRODUCTS, {"name": "x", "description": text, "ingredients": "y"})
        many = await shop.post(
            f"{PRODUCTS}/bulk", {"items": [{"name": "x"}, {"name": "x", "ingredients": text}]}
        )

    one.invalid(description=["too_long"])
    many.invalid_at({"items.1.ingredients": ["too_long"]})
