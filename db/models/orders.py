"""Orders: what customers bought."""

import datetime
import decimal
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Numeric, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    CURRENCIES,
    Model,
    Tenant,
    check,
    descending,
    json_search,
    live_unique,
    one_of,
    ordered,
    safe_integer,
    tenant_key,
    text_search,
    workspace_key,
)


class OrderStatus(StrEnum):
    """Fulfilment states, in the order an order passes them."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


_search, _search_index = text_search("orders", "number")


class Order(Tenant, Model):
    """One order; its totals are computed by the server, in minor units of `currency`."""

    __tablename__ = "orders"
    __table_args__ = (
        workspace_key(),
        tenant_key("orders", "customer_id", "customers"),
        live_unique("ux_orders_number", "number"),
        *ordered(
            "orders",
            "number",
            "status",
            "currency",
            "total_cents",
            "placed_at",
            "customer_id",
            "inserted_at",
            "updated_at",
        ),
        descending("orders", "placed_at"),
        json_search("orders", "metadata"),
        _search_index,
        one_of("status", tuple(OrderStatus)),
        one_of("currency", CURRENCIES),
        safe_integer("subtotal_cents"),
        safe_integer("tax_cents"),
        safe_integer("total_cents"),
        check("tax_rate", "tax_rate >= 0 AND tax_rate < 10", "tax_rate", "less_than"),
    )

    number: Mapped[str] = mapped_column(String(32))
    status: Mapped[str] = mapped_column(String(16), server_default=OrderStatus.PENDING)
    currency: Mapped[str] = mapped_column(String(3))
    subtotal_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    tax_rate: Mapped[decimal.Decimal] = mapped_column(Numeric(9, 6), server_default=text("0"))
    tax_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    total_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    placed_at: Mapped[datetime.datetime | None]
    customer_id: Mapped[uuid.UUID | None]
    # The attribute is spelled otherwise because a declarative model reserves `metadata`.
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    search = _search
