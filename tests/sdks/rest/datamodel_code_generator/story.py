"""Sell something with httpx and the models that datamodel-code-generator made."""

import os
from decimal import Decimal
from typing import TypeVar
from uuid import UUID, uuid4

import httpx
from generated import (
    Currency,
    CursorPagination,
    CustomerCreate,
    CustomerUpdate,
    ErrorCode,
    ErrorResponse,
    FieldErrorCode,
    IncludedCustomer,
    LineItemCreate,
    ListOrdersParametersQuery,
    OrderCreate,
    OrderIncludeKey,
    OrderListResponse,
    OrderSortKey,
    OrderStatus,
    PaginationKind,
    ProductCreate,
    WholeCustomerResponse,
    WholeOrder,
    WholeOrderResponse,
    WholeProductResponse,
)
from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

api = httpx.Client(
    base_url=f"{os.environ['URL']}/api/v1", headers={"Authorization": f"Bearer {os.environ['TOKEN']}"}
)


def sent(method: str, path: str, body: BaseModel | None = None, **headers: str) -> httpx.Response:
    content = None if body is None else body.model_dump_json(by_alias=True, exclude_unset=True)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.request(method, path, content=content, headers={"Content-Type": "application/json", **named})


def read(model: type[Model], answer: httpx.Response, status: int = 200) -> Model:
    assert answer.status_code == status, answer.text
    return model.model_validate_json(answer.content)


answer = sent("POST", "/customers", CustomerCreate(name="Ada Lovelace", country="Malta"))
customer, first_tag = read(WholeCustomerResponse, answer, 201).data, answer.headers["ETag"]
assert (customer.name, customer.country, customer.email) == ("Ada Lovelace", "Malta", None)
print("passed customer")

answer = sent("POST", "/products", ProductCreate(name="Oat flakes", price_cents=249, currency=Currency.EUR))
product = read(WholeProductResponse, answer, 201).data
assert (product.price_cents, product.currency) == (249, Currency.EUR)
print("passed product")


def ordered(quantity: int) -> WholeOrder:
    lines = [LineItemCreate(product_id=product.id, quantity=quantity)]
    body = OrderCreate(
        currency=Currency.EUR, customer_id=customer.id, tax_rate=Decimal("0.07"), line_items=lines
    )
    return read(WholeOrderResponse, sent("POST", "/orders", body, idempotency_key=str(uuid4())), 201).data


orders = [ordered(quantity) for quantity in (3, 1, 2, 4, 5)]
order = orders[0]
assert (order.subtotal_cents, order.tax_cents, order.total_cents) == (747, 52, 799)
assert [(line.name, line.quantity, line.unit_price_cents) for line in order.line_items] == [
    ("Oat flakes", 3, 249)
]
print("passed order")

confirmed = read(WholeOrderResponse, sent("POST", f"/orders/{order.id}/confirm")).data
assert (order.status, confirmed.status) == (OrderStatus.PENDING, OrderStatus.CONFIRMED)
print("passed confirm")


def listed(query: ListOrdersParametersQuery) -> OrderListResponse:
    named = query.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return read(OrderListResponse, api.get("/orders", params=named))


# Filters are typed arguments.
found = listed(
    ListOrdersParametersQuery(
        filter_status__in_=[OrderStatus.CONFIRMED, OrderStatus.SHIPPED],
        filter_customer_id_=customer.id,
        filter_total_cents__gte_=500,
        include=[OrderIncludeKey.CUSTOMER],
    )
)
assert [each.id for each in found.data] == [order.id]
(beside,) = found.included or []
assert isinstance(beside.root, IncludedCustomer)
assert (beside.root.id, beside.root.name) == (customer.id, "Ada Lovelace")
print("passed filter")

seen: list[UUID] = []
sizes: list[int] = []
cursor: str | None = ""
while cursor is not None:
    page = listed(
        ListOrdersParametersQuery(
            filter_customer_id_=customer.id,
            sort=[OrderSortKey.TOTAL_CENTS],
            pagination=PaginationKind.CURSOR,
            per_page=2,
            cursor=cursor,
        )
    )
    assert isinstance(page.pagination.root, CursorPagination)
    seen += [each.id for each in page.data]
    sizes.append(len(page.data))
    cursor = page.pagination.root.next_cursor
assert sizes == [2, 2, 1]
assert seen == [orders[place].id for place in (1, 2, 0, 3, 4)]
print("passed pages")

nothing = OrderCreate(currency=Currency.EUR, line_items=[LineItemCreate(product_id=uuid4(), quantity=1)])
refused = read(ErrorResponse, sent("POST", "/orders", nothing), 422)
assert refused.code is ErrorCode.VALIDATION_FAILED
assert refused.errors
(fault,) = refused.errors["line_items.0.product_id"]
assert fault.root == FieldErrorCode.NOT_FOUND
print("passed invalid")

address = f"/customers/{customer.id}"
answer = sent("PATCH", address, CustomerUpdate(country="Italy"), if_match=first_tag)
assert read(WholeCustomerResponse, answer).data.country == "Italy"
answer = sent("PATCH", address, CustomerUpdate(country="Spain"), if_match=first_tag)
assert read(ErrorResponse, answer, 412).code is ErrorCode.PRECONDITION_FAILED
print("passed stale")
