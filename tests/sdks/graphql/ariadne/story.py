"""Tells the story by the client of ariadne-codegen."""

import os
import uuid
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, assert_type

from generated import Client
from generated.enums import Currency, FieldErrorCode, OrderStatus, ProductStatus
from generated.fragments import OrderParts, ProblemParts
from generated.input_types import (
    CustomerCreateInput,
    CustomerFilter,
    OrderCreateInput,
    OrderFilter,
    OrderLineItemInput,
    OrderStatusFilter,
    OrderUpdateInput,
    ProductCreateInput,
    StringFilter,
)
from pydantic import JsonValue

Row = TypeVar("Row")
MARK = f"ariadne-{uuid.uuid4().hex[:8]}"


def main() -> None:
    """Tell it, step by step."""
    authorization = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with Client(f"{os.environ['URL']}/graphql", authorization) as client:
        customer = create_customer(client)
        product = create_product(client)
        order = create_order(client, customer, product)
        confirmed = confirm(client, order)
        find(client, confirmed)
        page(client)
        send_nonsense(client)
        come_late(client, order, confirmed)


def written(problem: ProblemParts | None, row: Row | None) -> Row:
    """Return what a mutation wrote, once its payload tells of no problem."""
    assert problem is None, problem
    assert row is not None
    return row


def create_customer(client: Client) -> str:
    key = uuid.uuid4().hex
    wanted = CustomerCreateInput(name=f"{MARK} Ada", email=f"{MARK}@example.com")
    payload = client.create_customer(wanted, key).create_customer
    assert payload is not None
    customer = written(payload.problem, payload.customer)
    again = client.create_customer(wanted, key).create_customer
    assert again is not None
    assert again.replayed
    assert written(again.problem, again.customer) == customer
    print("passed customer")
    return customer.id


def create_product(client: Client) -> str:
    wanted = ProductCreateInput(
        name=f"{MARK} Tea", status=ProductStatus.ACTIVE, price_cents=450, currency=Currency.EUR
    )
    payload = client.create_product(wanted).create_product
    assert payload is not None
    product = written(payload.problem, payload.product)
    assert (product.status, product.price_cents) == (ProductStatus.ACTIVE, 450)
    print("passed product")
    return product.id


def create_order(client: Client, customer: str, product: str) -> OrderParts:
    wanted = OrderCreateInput(
        customer_id=uuid.UUID(customer),
        currency=Currency.EUR,
        tax_rate=Decimal("0.1"),
        line_items=[OrderLineItemInput(product_id=uuid.UUID(product), quantity=3)],
        metadata={"gift": True},
    )
    payload = client.create_order(wanted).create_order
    assert payload is not None
    order = written(payload.problem, payload.order)
    # What is known is typed.
    assert_type(order.total_cents, int)
    assert_type(order.tax_rate, Decimal)
    assert_type(order.placed_at, datetime | None)
    assert_type(order.metadata, JsonValue | None)
    assert (order.status, order.total_cents, order.tax_rate) == (OrderStatus.PENDING, 1485, Decimal("0.1"))
    assert order.customer is not None
    assert order.customer.id == customer
    assert [line.product and line.product.id for line in order.items.nodes] == [product]
    assert order.metadata == {"gift": True}
    assert order.placed_at is not None
    assert order.placed_at.utcoffset() is not None
    print("passed order")
    return order


def confirm(client: Client, order: OrderParts) -> OrderParts:
    payload = client.confirm_order(order.id, order.etag).confirm_order
    assert payload is not None
    confirmed = written(payload.problem, payload.order)
    assert confirmed.status is OrderStatus.CONFIRMED
    assert confirmed.etag != order.etag
    print("passed confirm")
    return confirmed


def listed(client: Client, like: OrderParts) -> list[OrderParts]:
    assert like.customer is not None
    mine = OrderFilter(
        status=OrderStatusFilter(eq=OrderStatus.CONFIRMED),
        customer=CustomerFilter(name=StringFilter(eq=like.customer.name)),
    )
    orders = client.orders(mine, 10).orders
    assert orders is not None
    assert orders.total_count == len(orders.edges)
    return [edge.node for edge in orders.edges]


def find(client: Client, confirmed: OrderParts) -> None:
    assert [row.model_dump() for row in listed(client, confirmed)] == [confirmed.model_dump()]
    print("passed filter")


def page(client: Client) -> None:
    names = [f"{MARK} page {at:02}" for at in range(23)]
    payload = client.create_customers([CustomerCreateInput(name=name) for name in names]).create_customers
    assert payload is not None
    ids = [each.row_id for each in written(payload.problem, payload.results)]

    like, after, pages, rows = CustomerFilter(name=StringFilter(like=f"{MARK} page")), None, 0, []
    while True:
        found = client.customers(like, 5, after).customers
        assert found is not None
        assert found.total_count == len(names)
        rows += [(edge.node.id, edge.node.name) for edge in found.edges]
        pages += 1
        if not found.page_info.has_next_page:
            break
        after = found.page_info.end_cursor
    assert pages == 5
    assert rows == list(zip(ids, names, strict=True))
    print("passed pages")


def send_nonsense(client: Client) -> None:
    wrong = ProductCreateInput(name="", price_cents=-1, currency=Currency.EUR)
    payload = client.create_product(wrong).create_product
    assert payload is not None
    assert payload.product is None
    problem = payload.problem
    assert problem is not None
    assert (problem.status, problem.code) == (422, "validation-failed")
    assert {each.field: each.code for each in problem.field_errors} == {
        "name": FieldErrorCode.CANT_BE_BLANK,
        "priceCents": FieldErrorCode.GREATER_THAN,
    }
    print("passed invalid")


def come_late(client: Client, order: OrderParts, confirmed: OrderParts) -> None:
    changes = OrderUpdateInput(metadata={"gift": False})
    payload = client.update_order(order.id, changes, order.etag).update_order
    assert payload is not None
    assert payload.order is None
    problem = payload.problem
    assert problem is not None
    assert (problem.status, problem.code) == (412, "precondition-failed")
    assert problem.field_errors == []
    assert [row.model_dump() for row in listed(client, confirmed)] == [confirmed.model_dump()]
    print("passed stale")


if __name__ == "__main__":
    main()
