"""Workspaces: the tenants, kept as a reference table."""

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Timestamps, one_of


class Tier(StrEnum):
    """Billing tiers, in ascending order."""

    FREE = "free"
    STARTER = "starter"
    PRO = "pro"
    BUSINESS = "business"
    AGENCY = "agency"
    ENTERPRISE = "enterprise"


class Workspace(Timestamps, Model):
    """One tenant."""

    __tablename__ = "workspaces"
    __table_args__ = (
        Index("ux_workspaces_slug", "slug", unique=True, postgresql_where=text("deleted_at IS NULL")),
        Index("ix_workspaces_name", "name", "id"),
        Index("ix_workspaces_tier", "tier", "id"),
        Index("ix_workspaces_inserted_at", "inserted_at", "id"),
        Index("ix_workspaces_updated_at", "updated_at", "id"),
        Index(
            "ix_workspaces_deleted_at", "deleted_at", "id", postgresql_where=text("deleted_at IS NOT NULL")
        ),
        Index("ix_workspaces_parent_workspace_id", "parent_workspace_id"),
        one_of("tier", tuple(Tier)),
        # Their slugs are unique among all of them.
        {"info": {"across": True}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid())
    name: Mapped[str] = mapped_column(String(255))
    slug: Mapped[str] = mapped_column(String(63))
    tier: Mapped[str] = mapped_column(String(16), server_default=Tier.FREE)
    settings: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("""'{"timezone": "UTC", "locale": "en_GB"}'""")
    )
    parent_workspace_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("workspaces.id"))
