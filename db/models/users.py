"""Users: people, who belong to workspaces by their memberships and to none by themselves."""

import datetime
import uuid

from sqlalchemy import BigInteger, Boolean, Index, String, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Timestamps

LONGEST_EMAIL = 320


class User(Timestamps, Model):
    """One person; `email` is kept in its normal form, and `totp_last_step` is the last step that was used."""

    __tablename__ = "users"
    __table_args__ = (
        Index("ux_users_email", "email", unique=True, postgresql_where=text("deleted_at IS NULL")),
        Index("ix_users_name", "name", "id"),
        Index("ix_users_inserted_at", "inserted_at", "id"),
        Index("ix_users_updated_at", "updated_at", "id"),
        Index("ix_users_deleted_at", "deleted_at", "id", postgresql_where=text("deleted_at IS NOT NULL")),
        # A workspace sees its members alone; whoever logs in is found before anybody knows a workspace.
        {"info": {"across": True, "seen_through": ("memberships", "user_id")}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid())
    email: Mapped[str] = mapped_column(String(LONGEST_EMAIL))
    name: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    totp_secret: Mapped[str | None] = mapped_column(Text, info={"sealed": True})
    totp_enabled_at: Mapped[datetime.datetime | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    is_platform_admin: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    disabled_at: Mapped[datetime.datetime | None]
    last_login_at: Mapped[datetime.datetime | None]
