"""Uses of what is deprecated: which token still does what, how often, and since when."""

import datetime
import uuid

from sqlalchemy import BigInteger, Date, String, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.columns import Model, check, tenant_key, workspace_key


class DeprecationUse(Model):
    """How often a token has used something deprecated by one operation of one surface.

    The `sunset` is the one that was declared when it was used last.
    """

    __tablename__ = "deprecation_uses"
    __table_args__ = (
        workspace_key(),
        tenant_key("deprecation_uses", "token_id", "tokens"),
        check("uses", "uses > 0", "uses", "greater_than"),
    )

    workspace_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    surface: Mapped[str] = mapped_column(String(16), primary_key=True)
    operation: Mapped[str] = mapped_column(String(255), primary_key=True)
    uses: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    first_used_at: Mapped[datetime.datetime]
    last_used_at: Mapped[datetime.datetime]
    sunset: Mapped[datetime.date | None] = mapped_column(Date)
