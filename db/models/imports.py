"""Imports: how far each file has been read, written in the transaction that wrote its rows."""

import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, Tenant, workspace_key


class Import(Tenant, Model):
    """One file on its way into one resource; `digest` identifies the file by its size and content."""

    __tablename__ = "imports"
    __table_args__ = (
        workspace_key(),
        Index("ux_imports_digest", "workspace_id", "resource", "digest", unique=True),
    )

    resource: Mapped[str] = mapped_column(String(63))
    digest: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    position: Mapped[int] = mapped_column(BigInteger)
    line: Mapped[int] = mapped_column(BigInteger)
    good: Mapped[int] = mapped_column(BigInteger)
    rejected: Mapped[int] = mapped_column(BigInteger)
    errors_size: Mapped[int] = mapped_column(BigInteger)
    finished_at: Mapped[datetime.datetime | None]
