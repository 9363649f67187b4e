"""Invitations: who may become a member of a workspace, proven by a token sent to them."""

import datetime
import uuid

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, one_of, ordered, workspace_key
from db.models.memberships import Role
from db.models.users import LONGEST_EMAIL


class Invitation(Tenant, Model):
    """One invitation; deleted means revoked, and the raw token is never stored."""

    __tablename__ = "invitations"
    __table_args__ = (
        workspace_key(),
        Index("ux_invitations_token_key", "token_key", unique=True),
        # One that was accepted is history, and stands in nobody's way.
        Index(
            "ux_invitations_email",
            "workspace_id",
            "email",
            unique=True,
            postgresql_where=text("deleted_at IS NULL AND accepted_at IS NULL"),
        ),
        *ordered("invitations", "email", "role", "expires_at", "accepted_at", "inserted_at", "updated_at"),
        one_of("role", tuple(Role)),
        # An invitation is found before anybody knows its workspace.
        {"info": {"across": True}},
    )

    email: Mapped[str] = mapped_column(String(LONGEST_EMAIL))
    role: Mapped[str] = mapped_column(String(16))
    token_key: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime.datetime]
    accepted_at: Mapped[datetime.datetime | None]
    accepted_by_user_id: Mapped[uuid.UUID | None]
    invited_by_token_id: Mapped[uuid.UUID | None]
    invited_by_user_id: Mapped[uuid.UUID | None]
