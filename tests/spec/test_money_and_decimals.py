"""Money and decimals (S3.32)."""

from collections.abc import AsyncIterator
from decimal import Decimal

import psycopg
import pytest

from services.catalog import CATALOG
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import Seed, plant


async def test_amounts_are_integers_named_in_cents_beside_a_currency(api: Client) -> None:
    """S3-313, S3-314, S3-315."""
    for resource in CATALOG:
        for row in (await api.get(f"/api/v1/{resource.path}?per_page=500")).rows():
            amounts = {name: value for name, value in row.items() if name.endswith("_cents")}
            assert all(value is None or type(value) is int for value in amounts.values())
            if any(value is not None for value in amounts.values()):
                assert row["currency"] in ("USD", "EUR", "GBP", "CAD", "AUD")


async def test_the_largest_safe_amount_survives(api: Client, seed: Seed) -> None:
    """S3-313: digit for digit in the bytes of the answer."""
    row = next(row for row in seed.live("products") if row["price_cents"] == 2**53 - 1)

    answer = await api.get(f"/api/v1/products/{row['id']}")

    assert b'"price_cents":9007199254740991,' in answer.body


async def test_rates_are_strings(api: Client, seed: Seed) -> None:
    """S3-317."""
    rates = {str(row["id"]): row["tax_rate"] for row in seed.live("orders")}
    for row in (await api.get("/api/v1/orders")).rows():
        assert type(row["tax_rate"]) is str
        assert Decimal(row["tax_rate"]) == rates[row["id"]]


async def test_totals_are_subtotal_and_tax(api: Client) -> None:
    """S3-316."""
    for row in (await api.get("/api/v1/orders?include=items")).rows():
        assert row["total_cents"] == row["subtotal_cents"] + row["tax_cents"]


async def test_lines_carry_the_currency_of_their_order(api: Client) -> None:
    """S3-314, C-43."""
    document = (await api.get("/api/v1/orders?include=items")).json()
    currencies = {row["id"]: row["currency"] for row in document["data"]}

    assert document["included"]
    for line in document["included"]:
        assert line["currency"] == currencies[line["order_id"]]


@pytest.fixture
async def changing(database: str) -> AsyncIterator[tuple[Client, Seed]]:
    planted = plant(database, ("reader",))
    async with running(database) as application:
        yield Client(application, planted.tokens["acme", "reader"]), planted


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("0", "0"),
        ("0.0875", "0.0875"),
        ("0.200000", "0.2"),
        ("1", "1"),
        ("9.999999", "9.999999"),
        ("0.000001", "0.000001"),
        ("0.1", "0.1"),
    ],
)
async def test_decimals_are_exact_and_without_idle_zeros(
    changing: tuple[Client, Seed], stored: str, shown: str
) -> None:
    """S3-317: 0.1 is not 0.1000000000000000055."""
    api, planted = changing
    order = planted.live("orders")[0]["id"]
    with psycopg.connect(planted.database, autocommit=True) as connection:
        connection.execute("UPDATE orders SET tax_rate = %s WHERE id = %s", [Decimal(stored), order])

    assert (await api.get(f"/api/v1/orders/{order}")).json()["data"]["tax_rate"] == shown
