"""Rules of customers: e-mail addresses in one form, and orders that outlive them."""

import pytest

from tests.support.client import Client
from tests.support.stored import Stored

CUSTOMERS = "/api/v1/customers"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Ada@Example.COM", "Ada@example.com"),
        ("  ada@example.com ", "ada@example.com"),
        ("ada@MÜNCHEN.example", "ada@münchen.example"),
        (None, None),
    ],
)
async def test_the_domain_of_an_address_is_in_lower_case(
    shop: Client, sent: str | None, kept: str | None
) -> None:
    """RFC 1035: domains know no case, while mailboxes may (RFC 5321, section 2.4)."""
    made = (await shop.post(CUSTOMERS, {"name": "Ada", "email": sent})).data(201)

    assert made["email"] == kept
    assert (await shop.patch(f"{CUSTOMERS}/{made['id']}", {"email": sent})).data()["email"] == kept


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@localhost", 7])
async def test_what_is_no_address_is_refused(shop: Client, stored: Stored, email: object) -> None:
    with stored.unchanged():
        answer = await shop.post(CUSTOMERS, {"name": "Ada", "email": email})

    answer.invalid(email=["invalid_format"])


async def test_orders_outlive_their_customer(shop: Client) -> None:
    """They keep the id, and can be sent back as they were read."""
    customer = (await shop.post(CUSTOMERS, {"name": "Ada"})).data(201)
    order = (await shop.post("/api/v1/orders", {"currency": "GBP", "customer_id": customer["id"]})).data(201)

    assert (await shop.delete(f"{CUSTOMERS}/{customer['id']}")).status == 204
    target = f"/api/v1/orders/{order['id']}"
    assert (await shop.put(target, order, headers=[("if-match", "*")])).data()["customer_id"] == customer[
        "id"
    ]
    answer = await shop.post("/api/v1/orders", {"currency": "GBP", "customer_id": customer["id"]})
    answer.invalid(customer_id=["not_found"])
