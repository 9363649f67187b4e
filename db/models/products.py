"""Products: what a workspace sells, keyed by GTIN where there is one."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Integer, String, Text, text
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
    substring_search,
    tenant_key,
    text_search,
    workspace_key,
)


class ProductStatus(StrEnum):
    """Life cycle of a product."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


_search, _search_index = text_search("products", "name", "sku", "description", "ingredients")


class Product(Tenant, Model):
    """One product of a workspace."""

    __tablename__ = "products"
    __table_args__ = (
        workspace_key(),
        tenant_key("products", "category_id", "categories"),
        tenant_key("products", "brand_id", "brands"),
        live_unique("ux_products_gtin", "gtin"),
        live_unique("ux_products_slug", "slug"),
        *ordered(
            "products",
            "gtin",
            "name",
            "sku",
            "status",
            "price_cents",
            "currency",
            "quantity",
            "category_id",
            "brand_id",
            "inserted_at",
            "updated_at",
        ),
        descending("products", "price_cents"),
        substring_search("products", "name"),
        json_search("products", "nutrition"),
        json_search("products", "metadata"),
        _search_index,
        check("gtin", "gtin ~ '^[0-9]{14}$'", "gtin", "invalid_format"),
        check("price_currency", "price_cents IS NULL OR currency IS NOT NULL", "currency", "cant_be_blank"),
        one_of("status", tuple(ProductStatus)),
        one_of("currency", CURRENCIES),
        safe_integer("price_cents", minimum=0),
    )

    gtin: Mapped[str | None] = mapped_column(String(14))
    name: Mapped[str] = mapped_column(String(500))
    slug: Mapped[str] = mapped_column(String(255))
    sku: Mapped[str | None] = mapped_column(String(64))
    description: Mapped[str | None] = mapped_column(Text)
    ingredients: Mapped[str | None] = mapped_column(Text)
    nutrition: Mapped[dict[str, Any] | None] = mapped_column(JSONB, server_default=text("'{}'"))
    image_url: Mapped[str | None] = mapped_column(String(2048))
    status: Mapped[str] = mapped_column(String(16), server_default=ProductStatus.DRAFT)
    price_cents: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    quantity: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    category_id: Mapped[uuid.UUID | None]
    brand_id: Mapped[uuid.UUID | None]
    # The attribute is spelled otherwise because a declarative model reserves `metadata`.
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    search = _search
