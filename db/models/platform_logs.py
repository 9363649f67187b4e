"""Platform logs: what was done to accounts and keys that belong to no workspace."""

import datetime
import uuid
from typing import Any

from sqlalchemy import Index, String, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model


class PlatformLog(Model):
    """One change by an operator or an administrator of the platform; it holds no secret."""

    __tablename__ = "platform_logs"
    __table_args__ = (
        Index("ix_platform_logs_inserted_at", "inserted_at", "id"),
        {"info": {"append_only": True}},
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid())
    action: Mapped[str] = mapped_column(String(127))
    resource: Mapped[str] = mapped_column(String(63))
    resource_id: Mapped[uuid.UUID | None]
    user_id: Mapped[uuid.UUID | None]
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(128))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.clock_timestamp())
