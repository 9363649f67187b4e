"""Tokens: the only credentials, stored as hashes."""

import datetime
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, check, one_of, ordered, substring_search, workspace_key


class RateTier(StrEnum):
    """Named rate limits of tokens (C-13); the billing tiers of workspaces are others."""

    STANDARD = "standard"
    FREE = "free"
    STARTER = "starter"
    PRO = "pro"
    BUSINESS = "business"
    AGENCY = "agency"
    ENTERPRISE = "enterprise"


class TokenKind(StrEnum):
    """What a token is for: `api` is for programs, `session` for a person who has logged in."""

    API = "api"
    SESSION = "session"


class Token(Tenant, Model):
    """One credential of one workspace; the raw secret is never stored.

    That of a session belongs to a user: `session_id` is the first token of the session, which each refresh
    replaces, and `administrative` tells that the user is no member here but administers the platform.
    """

    __tablename__ = "tokens"
    __table_args__ = (
        workspace_key(),
        ForeignKeyConstraint(
            ["workspace_id", "rotated_from_id"],
            ["tokens.workspace_id", "tokens.id"],
            name="fk_tokens_rotated_from_id",
        ),
        Index("ux_tokens_token_key", "token_key", unique=True),
        *ordered("tokens", "name", "kind", "last_used_at", "expires_at", "inserted_at", "updated_at"),
        Index("ix_tokens_token_prefix", "workspace_id", "token_prefix", "id"),
        Index("ix_tokens_rotated_from_id", "workspace_id", "rotated_from_id", "id"),
        Index("ix_tokens_created_by_token_id", "workspace_id", "created_by_token_id", "id"),
        Index(
            "ix_tokens_user_id", "workspace_id", "user_id", "id", postgresql_where=text("user_id IS NOT NULL")
        ),
        Index(
            "ix_tokens_created_by_user_id",
            "workspace_id",
            "created_by_user_id",
            "id",
            postgresql_where=text("created_by_user_id IS NOT NULL"),
        ),
        # Whoever changes a password ends sessions wherever they are.
        Index(
            "ix_tokens_of_user",
            "user_id",
            "session_id",
            postgresql_where=text("user_id IS NOT NULL AND revoked_at IS NULL"),
        ),
        Index(
            "ix_tokens_revoked_at",
            "workspace_id",
            "revoked_at",
            "id",
            postgresql_where=text("revoked_at IS NOT NULL"),
        ),
        substring_search("tokens", "name"),
        one_of("kind", tuple(TokenKind)),
        one_of("rate_limit_tier", tuple(RateTier)),
        check("rate_limit_per_minute", "rate_limit_per_minute > 0", "rate_limit_per_minute", "greater_than"),
        check("burst", "burst > 0", "burst", "greater_than"),
        check("rate_limit_per_day", "rate_limit_per_day > 0", "rate_limit_per_day", "greater_than"),
        # A token is found before anybody knows its workspace.
        {"info": {"across": True}},
    )

    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16), server_default=TokenKind.API)
    token_prefix: Mapped[str] = mapped_column(String(12))
    token_key: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(255))
    precheck: Mapped[bytes] = mapped_column(LargeBinary(4))
    scopes: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    rate_limit_tier: Mapped[str | None] = mapped_column(String(16), server_default=RateTier.STANDARD)
    rate_limit_per_minute: Mapped[int | None] = mapped_column(Integer)
    burst: Mapped[int | None] = mapped_column(Integer)
    rate_limit_per_day: Mapped[int | None] = mapped_column(Integer)
    last_used_at: Mapped[datetime.datetime | None]
    expires_at: Mapped[datetime.datetime | None]
    revoked_at: Mapped[datetime.datetime | None]
    rotated_from_id: Mapped[uuid.UUID | None]
    created_by_token_id: Mapped[uuid.UUID | None]
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    created_by_user_id: Mapped[uuid.UUID | None]
    session_id: Mapped[uuid.UUID | None]
    session_started_at: Mapped[datetime.datetime | None]
    administrative: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    trusted_only: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
