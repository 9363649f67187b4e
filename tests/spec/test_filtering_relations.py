"""Filtering (S3.23) by what a row is related to."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.spec.test_filtering import found
from tests.support.client import Client
from tests.support.expected import ids, newest
from tests.support.seed import Row, Seed


@pytest.mark.parametrize(
    ("plural", "query", "keep"),
    [
        (
            "orders",
            "filter[customer.country]=Germany",
            lambda seed, row: country(seed, row) == "Germany",
        ),
        (
            "orders",
            "filter[customer.country][neq]=Germany",
            lambda seed, row: customer(seed, row) is not None and country(seed, row) != "Germany",
        ),
        (
            "orders",
            "filter[customer.metadata.vip]=true",
            lambda seed, row: (customer(seed, row) or {}).get("metadata") == {"vip": True},
        ),
        (
            "orders",
            "filter[items.quantity][gt]=3",
            lambda seed, row: any(line["quantity"] > 3 for line in lines(seed, row)),
        ),
        (
            "orders",
            "filter[items.product.status]=draft",
            lambda seed, row: any(
                (product(seed, line) or {}).get("status") == "draft" for line in lines(seed, row)
            ),
        ),
        (
            "order_items",
            "filter[order.customer.country]=France",
            lambda seed, row: country(seed, order(seed, row)) == "France",
        ),
        (
            "customers",
            "filter[orders.status]=shipped&filter[orders.currency]=EUR",
            lambda seed, row: (
                any(item["status"] == "shipped" for item in orders(seed, row))
                and any(item["currency"] == "EUR" for item in orders(seed, row))
            ),
        ),
        (
            "categories",
            "filter[parent.parent.name]=Category 0",
            lambda seed, row: (parent(seed, parent(seed, row)) or {}).get("name") == "Category 0",
        ),
    ],
)
async def test_a_relation_filter_keeps_rows_with_a_matching_live_relative(
    api: Client, seed: Seed, plural: str, query: str, keep: Callable[[Seed, Row], bool]
) -> None:
    """Issue: relation filters; S3-318: deleted relatives do not count."""
    expected = [row for row in seed.live(plural) if keep(seed, row)]

    assert await found(api, plural, query) == ids(newest(expected))
    assert expected


def one(seed: Seed, plural: str, id_: Any) -> Row | None:
    return next((row for row in seed.live(plural) if row["id"] == id_), None)


def customer(seed: Seed, row: Row | None) -> Row | None:
    return one(seed, "customers", row["customer_id"]) if row else None


def country(seed: Seed, row: Row | None) -> str | None:
    return (customer(seed, row) or {}).get("country")


def order(seed: Seed, row: Row) -> Row | None:
    return one(seed, "orders", row["order_id"])


def product(seed: Seed, row: Row) -> Row | None:
    return one(seed, "products", row["product_id"])


def parent(seed: Seed, row: Row | None) -> Row | None:
    return one(seed, "categories", row["parent_id"]) if row else None


def orders(seed: Seed, row: Row) -> list[Row]:
    return [item for item in seed.live("orders") if item["customer_id"] == row["id"]]


def lines(seed: Seed, row: Row) -> list[Row]:
    return [line for line in seed.live("order_items") if line["order_id"] == row["id"]]


async def test_a_relation_filter_needs_the_scope_of_the_relation(api: Client, seed: Seed) -> None:
    """Design 4: relation filters obey the related type's scope; S3-079."""
    narrow = api.using(seed.tokens["acme", "orders"])
    wide = api.using(seed.tokens["acme", "orders_and_customers"])
    target = "/api/v1/orders?filter[customer.country]=Germany"

    assert (await narrow.get(target)).problem(403)["required_scope"] == "customers:read"
    assert (await wide.get(target)).ids() == (await api.get(target)).ids()


@pytest.mark.parametrize(
    "name",
    [
        "customer",
        "customer.nowhere",
        "customer.phone",
        "nobody.country",
        "customer.",
    ],
)
async def test_relation_filters_name_what_is_wrong(api: Client, name: str) -> None:
    """S3-221."""
    (await api.get(f"/api/v1/orders?filter[{name}]=x")).names(400, name)


async def test_a_relation_filter_leads_through_at_most_three(api: Client) -> None:
    """S3-221, design 4: the relation that leads too far is named."""
    (await api.get("/api/v1/orders?filter[items.product.category.name]=x")).rows()
    (await api.get("/api/v1/orders?filter[items.product.category.parent.name]=x")).names(400, "'parent'", "3")
