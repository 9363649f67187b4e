"""Tokens: the only credentials, stored as hashes."""

import datetime
import uuid
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, workspace_key


class Token(Tenant, Model):
    """One credential of one workspace; the raw secret is never stored."""

    __tablename__ = "tokens"
    __table_args__ = (
        workspace_key(),
        ForeignKeyConstraint(
            ["workspace_id", "rotated_from_id"],
            ["tokens.workspace_id", "tokens.id"],
            name="fk_tokens_rotated_from_id",
        ),
        Index("ux_tokens_token_key", "token_key", unique=True),
        Index("ix_tokens_inserted_at", "workspace_id", "inserted_at", "id"),
        # A token is found before anybody knows its workspace.
        {"info": {"across": True}},
    )

    name: Mapped[str] = mapped_column(String(255))
    token_prefix: Mapped[str] = mapped_column(String(12))
    token_key: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(255))
    precheck: Mapped[bytes] = mapped_column(LargeBinary(4))
    scopes: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    rate_limit_tier: Mapped[str | None] = mapped_column(String(16))
    rate_limit_per_minute: Mapped[int | None] = mapped_column(Integer)
    burst: Mapped[int | None] = mapped_column(Integer)
    last_used_at: Mapped[datetime.datetime | None]
    expires_at: Mapped[datetime.datetime | None]
    revoked_at: Mapped[datetime.datetime | None]
    rotated_from_id: Mapped[uuid.UUID | None]
