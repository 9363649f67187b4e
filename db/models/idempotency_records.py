"""Idempotency records: what an earlier call with the same key brought."""

import datetime
import uuid
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model


class IdempotencyRecord(Model):
    """One key of one workspace; `fingerprint` is the digest of what was asked, `outcome` what came of it."""

    __tablename__ = "idempotency_records"
    __table_args__ = (Index("ix_idempotency_records_inserted_at", "inserted_at"),)

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON)
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
