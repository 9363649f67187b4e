"""Usages: how much of each feature a workspace has used, one row per workspace and feature."""

import datetime
import uuid

from sqlalchemy import BigInteger, Date, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, check, workspace_key


class Usage(Model):
    """What is used of one feature; `period` is the first day of the month that it is counted in.

    What is counted for good has the first day of 1970 there.
    """

    __tablename__ = "usages"
    __table_args__ = (workspace_key(), check("used", "used >= 0", "used", "greater_than"))

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    feature: Mapped[str] = mapped_column(String(63), primary_key=True)
    used: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    period: Mapped[datetime.date] = mapped_column(Date, server_default=text("'1970-01-01'"))
