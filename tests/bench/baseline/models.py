"""ORM models of the tables the benchmark uses."""

import datetime
import decimal
import uuid
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Numeric, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Model(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012
        datetime.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        int: BigInteger,
        decimal.Decimal: Numeric(9, 6),
    }


class Row:
    workspace_id: Mapped[uuid.UUID]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime.datetime | None]


class Product(Row, Model):
    __tablename__ = "products"

    gtin: Mapped[str | None]
    name: Mapped[str]
    slug: Mapped[str]
    sku: Mapped[str | None]
    description: Mapped[str | None]
    ingredients: Mapped[str | None]
    nutrition: Mapped[dict[str, Any] | None]
    image_url: Mapped[str | None]
    status: Mapped[str]
    price_cents: Mapped[int | None]
    currency: Mapped[str | None]
    quantity: Mapped[int]
    category_id: Mapped[uuid.UUID | None]
    brand_id: Mapped[uuid.UUID | None]
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")


class Customer(Row, Model):
    __tablename__ = "customers"

    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    country: Mapped[str | None]
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")


class OrderItem(Row, Model):
    __tablename__ = "order_items"

    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    product_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("products.id"))
    name: Mapped[str]
    position: Mapped[int]
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    line_total_cents: Mapped[int]
    currency: Mapped[str]
    product: Mapped[Product | None] = relationship()


class Order(Row, Model):
    __tablename__ = "orders"

    number: Mapped[str]
    status: Mapped[str]
    currency: Mapped[str]
    subtotal_cents: Mapped[int]
    tax_rate: Mapped[decimal.Decimal]
    tax_cents: Mapped[int]
    total_cents: Mapped[int]
    placed_at: Mapped[datetime.datetime | None]
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customers.id"))
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    customer: Mapped[Customer | None] = relationship()
    items: Mapped[list[OrderItem]] = relationship(order_by=OrderItem.position)
