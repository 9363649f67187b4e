"""Audit logs: who changed which row, when and how."""

import uuid
from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, ordered


class AuditLog(Tenant, Model):
    """One change of one row; `before` and `after` hold the fields that changed, and never a secret."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        *ordered(
            "audit_logs",
            "action",
            "resource_id",
            "token_id",
            "user_id",
            "address",
            "request_id",
            "inserted_at",
            "updated_at",
        ),
        {"info": {"append_only": True}},
    )

    action: Mapped[str] = mapped_column(String(127))
    resource: Mapped[str] = mapped_column(String(63))
    resource_id: Mapped[uuid.UUID]
    token_id: Mapped[uuid.UUID | None]
    user_id: Mapped[uuid.UUID | None]
    address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(128))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
