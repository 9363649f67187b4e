"""Memberships: which user belongs to which workspace, and as what."""

import uuid
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, live_unique, one_of, ordered, tenant_key, workspace_key


class Role(StrEnum):
    """What a user is in a workspace, from all rights to the fewest."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Membership(Tenant, Model):
    """One user in one workspace."""

    __tablename__ = "memberships"
    __table_args__ = (
        workspace_key(),
        tenant_key("memberships", "invitation_id", "invitations"),
        live_unique("ux_memberships_user_id", "user_id"),
        *ordered("memberships", "role", "user_id", "inserted_at", "updated_at"),
        # Whoever logs in is asked for by no workspace.
        Index("ix_memberships_of_user", "user_id", postgresql_where=text("deleted_at IS NULL")),
        one_of("role", tuple(Role)),
        {"info": {"across": True}},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    role: Mapped[str] = mapped_column(String(16))
    invitation_id: Mapped[uuid.UUID | None]
