"""Login attempts: when guesses failed of late, one row per account and per address."""

import datetime

from sqlalchemy import DateTime, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model


class LoginAttempt(Model):
    """Whoever guesses, as a hash; every moment in `failed_at` is a guess that failed or is being judged."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index("ix_login_attempts_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    failed_at: Mapped[list[datetime.datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    last_at: Mapped[datetime.datetime]
