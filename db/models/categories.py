"""Categories: one tree that files products."""

import uuid

from sqlalchemy import Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import (
    Model,
    Tenant,
    live_unique,
    ordered,
    substring_search,
    tenant_key,
    text_search,
    workspace_key,
)

_search, _search_index = text_search("categories", "name", "description")


class Category(Tenant, Model):
    """One node of the category tree."""

    __tablename__ = "categories"
    __table_args__ = (
        workspace_key(),
        tenant_key("categories", "parent_id", "categories"),
        live_unique("ux_categories_slug", "slug"),
        *ordered("categories", "name", "position", "parent_id", "inserted_at", "updated_at"),
        substring_search("categories", "name"),
        _search_index,
    )

    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    parent_id: Mapped[uuid.UUID | None]
    search = _search
