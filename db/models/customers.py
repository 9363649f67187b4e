"""Customers: who buys."""

from typing import Any

from sqlalchemy import String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    Model,
    Tenant,
    json_search,
    ordered,
    substring_search,
    text_search,
    workspace_key,
)

_search, _search_index = text_search("customers", "name", "email")


class Customer(Tenant, Model):
    """One buyer of a workspace."""

    __tablename__ = "customers"
    __table_args__ = (
        workspace_key(),
        *ordered("customers", "name", "email", "country", "inserted_at", "updated_at"),
        substring_search("customers", "name"),
        substring_search("customers", "email"),
        json_search("customers", "metadata"),
        _search_index,
    )

    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(320))
    phone: Mapped[str | None] = mapped_column(String(32))
    country: Mapped[str | None] = mapped_column(String(64))
    # The attribute is spelled otherwise because a declarative model reserves `metadata`.
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    search = _search
