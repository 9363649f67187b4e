"""Sell something with the Python client that openapi-generator made."""

import os
from uuid import UUID, uuid4

from generated import (
    ApiClient,
    ApiException,
    CatalogApi,
    CommerceApi,
    Configuration,
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
    OrderSortKey,
    OrderStatus,
    PaginationKind,
    ProductCreate,
    WholeOrder,
)

client = ApiClient(Configuration(host=f"{os.environ['URL']}/api/v1", access_token=os.environ["TOKEN"]))
catalog, commerce = CatalogApi(client), CommerceApi(client)

created = commerce.create_customer_with_http_info(CustomerCreate(name="Ada Lovelace", country="Malta"))
assert created.headers
customer, first_tag = created.data.data, created.headers["etag"]
assert (customer.name, customer.country, customer.email) == ("Ada Lovelace", "Malta", None)
print("passed customer")

product = catalog.create_product(
    ProductCreate(name="Oat flakes", price_cents=249, currency=Currency.EUR)
).data
assert (product.price_cents, product.currency) == (249, Currency.EUR)
print("passed product")


def ordered(quantity: int) -> WholeOrder:
    lines = [LineItemCreate(product_id=product.id, quantity=quantity)]
    body = OrderCreate(currency=Currency.EUR, customer_id=customer.id, tax_rate="0.07", line_items=lines)
    return commerce.create_order(body, idempotency_key=str(uuid4())).data


orders = [ordered(quantity) for quantity in (3, 1, 2, 4, 5)]
order = orders[0]
assert (order.subtotal_cents, order.tax_cents, order.total_cents) == (747, 52, 799)
assert [(line.name, line.quantity, line.unit_price_cents) for line in order.line_items] == [
    ("Oat flakes", 3, 249)
]
print("passed order")

confirmed = commerce.confirm_order(order.id).data
assert (order.status, confirmed.status) == (OrderStatus.PENDING, OrderStatus.CONFIRMED)
print("passed confirm")

# Filters are typed arguments.
found = commerce.list_orders(
    filter_status_in=[OrderStatus.CONFIRMED, OrderStatus.SHIPPED],
    filter_customer_id=customer.id,
    filter_total_cents_gte=500,
    include=[OrderIncludeKey.CUSTOMER],
)
assert [each.id for each in found.data] == [order.id]
(beside,) = found.included or []
assert isinstance(beside.actual_instance, IncludedCustomer)
assert (beside.actual_instance.id, beside.actual_instance.name) == (customer.id, "Ada Lovelace")
print("passed filter")

seen: list[UUID] = []
sizes: list[int] = []
cursor: str | None = ""
while cursor is not None:
    page = commerce.list_orders(
        filter_customer_id=customer.id,
        sort=[OrderSortKey.TOTAL_CENTS],
        pagination=PaginationKind.CURSOR,
        per_page=2,
        cursor=cursor,
    )
    assert isinstance(page.pagination.actual_instance, CursorPagination)
    seen += [each.id for each in page.data]
    sizes.append(len(page.data))
    cursor = page.pagination.actual_instance.next_cursor
assert sizes == [2, 2, 1]
assert seen == [orders[place].id for place in (1, 2, 0, 3, 4)]
print("passed pages")

try:
    lines = [LineItemCreate(product_id=uuid4(), quantity=1)]
    commerce.create_order(OrderCreate(currency=Currency.EUR, line_items=lines))
    raise SystemExit("an order of nothing was taken")
except ApiException as refusal:
    refused = refusal.data
assert isinstance(refused, ErrorResponse)
assert (refused.status, refused.code) == (422, ErrorCode.VALIDATION_FAILED)
assert refused.errors
assert [each.actual_instance for each in refused.errors["line_items.0.product_id"]] == [
    FieldErrorCode.NOT_FOUND
]
print("passed invalid")

moved = commerce.update_customer(customer.id, CustomerUpdate(country="Italy"), if_match=first_tag).data
assert moved.country == "Italy"
try:
    commerce.update_customer(customer.id, CustomerUpdate(country="Spain"), if_match=first_tag)
    raise SystemExit("an old version was overwritten")
except ApiException as refusal:
    stale = refusal.data
assert isinstance(stale, ErrorResponse)
assert (stale.status, stale.code) == (412, ErrorCode.PRECONDITION_FAILED)
print("passed stale")
