"""Counters: numbers handed out without gaps, one row per workspace and purpose."""

import uuid

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, workspace_key


class Counter(Model):
    """One counter; `value` is the last number handed out."""

    __tablename__ = "counters"
    __table_args__ = (workspace_key(),)

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
