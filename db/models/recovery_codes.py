"""Recovery codes: what stands in for a second factor that is lost, each once."""

import datetime
import uuid

from sqlalchemy import ForeignKey, Index, String, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model


class RecoveryCode(Model):
    """One code of one user, as its hash."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ux_recovery_codes_code_hash", "user_id", "code_hash", unique=True),)

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid())
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime.datetime | None]
    inserted_at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())
