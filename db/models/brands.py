"""Brands: who makes a product."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    Model,
    Tenant,
    live_unique,
    ordered,
    substring_search,
    text_search,
    workspace_key,
)

_search, _search_index = text_search("brands", "name", "description")


class Brand(Tenant, Model):
    """One brand of a workspace."""

    __tablename__ = "brands"
    __table_args__ = (
        workspace_key(),
        live_unique("ux_brands_slug", "slug"),
        *ordered("brands", "name", "inserted_at", "updated_at"),
        substring_search("brands", "name"),
        _search_index,
    )

    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    website: Mapped[str | None] = mapped_column(String(2048))
    logo_url: Mapped[str | None] = mapped_column(String(2048))
    search = _search
