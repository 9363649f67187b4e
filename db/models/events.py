"""Events: what happened to rows, written with the change and delivered later (the outbox)."""

import datetime
import uuid
from typing import Any

from sqlalchemy import JSON, BigInteger, Identity, Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model


class Event(Model):
    """One event; `position` orders the events of a workspace and `data` is the row as REST shows it."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_position", "workspace_id", "position"),
        Index("ix_events_resource_id", "workspace_id", "resource_id", "position"),
        {"info": {"append_only": True}},
    )

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    type: Mapped[str] = mapped_column(String(127))
    resource_id: Mapped[uuid.UUID]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
