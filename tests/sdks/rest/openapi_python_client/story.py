"""Sell something with the client that openapi-python-client made."""

import os
from uuid import UUID, uuid4

from generated import AuthenticatedClient
from generated.api.catalog import create_product
from generated.api.commerce import confirm_order, create_customer, create_order, list_orders, update_customer
from generated.models import (
    Currency,
    CursorPagination,
    CustomerCreate,
    CustomerUpdate,
    ErrorCode,
    ErrorResponse,
    FieldErrorCode,
    IncludedCustomer,
    LineItemCreate,
    OrderCreate,
    OrderIncludeKey,
    OrderListResponse,
    OrderSortKey,
    OrderStatus,
    PaginationKind,
    ProductCreate,
    WholeCustomerResponse,
    WholeOrderResponse,
    WholeProductResponse,
)

client = AuthenticatedClient(base_url=f"{os.environ['URL']}/api/v1", token=os.environ["TOKEN"])

created = create_customer.sync_detailed(
    client=client, body=CustomerCreate(name="Ada Lovelace", country="Malta")
)
assert isinstance(created.parsed, WholeCustomerResponse)
customer, first_tag = created.parsed.data, created.headers["ETag"]
assert (customer.name, customer.country, customer.email) == ("Ada Lovelace", "Malta", None)
print("passed customer")

listed = create_product.sync(
    client=client, body=ProductCreate(name="Oat flakes", price_cents=249, currency=Currency.EUR)
)
assert isinstance(listed, WholeProductResponse)
product = listed.data
assert (product.price_cents, product.currency) == (249, Currency.EUR)
print("passed product")


def ordered(quantity: int) -> WholeOrderResponse:
    lines = [LineItemCreate(product_id=product.id, quantity=quantity)]
    body = OrderCreate(currency=Currency.EUR, customer_id=customer.id, tax_rate="0.07", line_items=lines)
    made = create_order.sync(client=client, body=body, idempotency_key=str(uuid4()))
    assert isinstance(made, WholeOrderResponse)
    return made


orders = [ordered(quantity).data for quantity in (3, 1, 2, 4, 5)]
order = orders[0]
assert (order.subtotal_cents, order.tax_cents, order.total_cents) == (747, 52, 799)
assert [(line.name, line.quantity, line.unit_price_cents) for line in order.line_items] == [
    ("Oat flakes", 3, 249)
]
print("passed order")

confirmed = confirm_order.sync(order.id, client=client)
assert isinstance(confirmed, WholeOrderResponse)
assert (order.status, confirmed.data.status) == (OrderStatus.PENDING, OrderStatus.CONFIRMED)
print("passed confirm")

# Filters are typed arguments.
found = list_orders.sync(
    client=client,
    filterstatusin=[OrderStatus.CONFIRMED, OrderStatus.SHIPPED],
    filtercustomer_id=customer.id,
    filtertotal_centsgte=500,
    include=[OrderIncludeKey.CUSTOMER],
)
assert isinstance(found, OrderListResponse)
assert [each.id for each in found.data] == [order.id]
(beside,) = found.included or []
assert isinstance(beside, IncludedCustomer)
assert (beside.id, beside.name) == (customer.id, "Ada Lovelace")
print("passed filter")

seen: list[UUID] = []
sizes: list[int] = []
cursor: str | None = ""
while cursor is not None:
    page = list_orders.sync(
        client=client,
        filtercustomer_id=customer.id,
        sort=[OrderSortKey.TOTAL_CENTS],
        pagination=PaginationKind.CURSOR,
        per_page=2,
        cursor=cursor,
    )
    assert isinstance(page, OrderListResponse)
    assert isinstance(page.pagination, CursorPagination)
    seen += [each.id for each in page.data]
    sizes.append(len(page.data))
    cursor = page.pagination.next_cursor
assert sizes == [2, 2, 1]
assert seen == [orders[place].id for place in (1, 2, 0, 3, 4)]
print("passed pages")

refused = create_order.sync(
    client=client,
    body=OrderCreate(currency=Currency.EUR, line_items=[LineItemCreate(product_id=uuid4(), quantity=1)]),
)
assert isinstance(refused, ErrorResponse)
assert (refused.status, refused.code) == (422, ErrorCode.VALIDATION_FAILED)
assert refused.errors
assert refused.errors["line_items.0.product_id"] == [FieldErrorCode.NOT_FOUND]
print("passed invalid")

moved = update_customer.sync(
    customer.id, client=client, body=CustomerUpdate(country="Italy"), if_match=first_tag
)
assert isinstance(moved, WholeCustomerResponse)
assert moved.data.country == "Italy"
stale = update_customer.sync(
    customer.id, client=client, body=CustomerUpdate(country="Spain"), if_match=first_tag
)
assert isinstance(stale, ErrorResponse)
assert (stale.status, stale.code) == (412, ErrorCode.PRECONDITION_FAILED)
print("passed stale")
