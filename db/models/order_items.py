"""Order items: the lines of an order."""

import uuid

from sqlalchemy import BigInteger, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    CURRENCIES,
    Model,
    Tenant,
    one_of,
    ordered,
    safe_integer,
    tenant_key,
    text_search,
    workspace_key,
)

_search, _search_index = text_search("order_items", "name")


class OrderItem(Tenant, Model):
    """One line of an order, in the currency of that order."""

    __tablename__ = "order_items"
    __table_args__ = (
        workspace_key(),
        tenant_key("order_items", "order_id", "orders", deferred=True),
        tenant_key("order_items", "product_id", "products"),
        *ordered(
            "order_items",
            "order_id",
            "product_id",
            "name",
            "position",
            "quantity",
            "unit_price_cents",
            "line_total_cents",
            "inserted_at",
            "updated_at",
        ),
        _search_index,
        one_of("currency", CURRENCIES),
        safe_integer("unit_price_cents"),
        safe_integer("line_total_cents"),
    )

    order_id: Mapped[uuid.UUID]
    product_id: Mapped[uuid.UUID | None]
    name: Mapped[str] = mapped_column(String(500))
    position: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    quantity: Mapped[int] = mapped_column(Integer)
    unit_price_cents: Mapped[int] = mapped_column(BigInteger)
    line_total_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    search = _search
