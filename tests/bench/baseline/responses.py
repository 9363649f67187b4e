"""Request and response models of the REST endpoints."""

import datetime
import decimal
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    inserted_at: datetime.datetime
    updated_at: datetime.datetime
    deleted_at: datetime.datetime | None


class Product(Record):
    gtin: str | None
    name: str
    slug: str
    sku: str | None
    description: str | None
    ingredients: str | None
    nutrition: dict[str, Any] | None
    image_url: str | None
    status: str
    price_cents: int | None
    currency: str | None
    quantity: int
    category_id: uuid.UUID | None
    brand_id: uuid.UUID | None
    metadata: dict[str, Any] | None = Field(validation_alias="metadata_")


class Customer(Record):
    name: str
    email: str | None
    phone: str | None
    country: str | None
    metadata: dict[str, Any] | None = Field(validation_alias="metadata_")


class OrderItem(Record):
    order_id: uuid.UUID
    product_id: uuid.UUID | None
    name: str
    position: int
    quantity: int
    unit_price_cents: int
    line_total_cents: int
    currency: str
    product: Product | None


class Order(Record):
    number: str
    status: str
    currency: str
    subtotal_cents: int
    tax_rate: decimal.Decimal
    tax_cents: int
    total_cents: int
    placed_at: datetime.datetime | None
    customer_id: uuid.UUID | None
    metadata: dict[str, Any] | None = Field(validation_alias="metadata_")
    customer: Customer | None
    items: list[OrderItem]


class NewProduct(BaseModel):
    gtin: str | None = Field(default=None, pattern="^[0-9]{14}$")
    name: str = Field(min_length=1, max_length=500)
    slug: str = Field(min_length=1, max_length=255)
    sku: str | None = Field(default=None, max_length=64)
    description: str | None = None
    ingredients: str | None = None
    nutrition: dict[str, Any] | None = None
    image_url: str | None = Field(default=None, max_length=2048)
    status: Literal["draft", "active", "archived"] = "draft"
    price_cents: int | None = Field(default=None, ge=0)
    currency: Literal["USD", "EUR", "GBP", "CAD", "AUD"] | None = None
    quantity: int = 0
    category_id: uuid.UUID | None = None
    brand_id: uuid.UUID | None = None
    metadata_: dict[str, Any] | None = Field(default=None, alias="metadata")


class Paging(BaseModel):
    per_page: int
    total_count: int | None = None
    next_cursor: str | None = None


class ProductAnswer(BaseModel):
    data: Product


class ProductPage(BaseModel):
    data: list[Product]
    pagination: Paging


class OrderPage(BaseModel):
    data: list[Order]
    pagination: Paging
