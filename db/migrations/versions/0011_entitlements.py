"""Entitlements: how much of each feature workspaces have used."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)

from db.guarding import guard, open_again

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table of what is used."""
    op.create_table(
        "usages",
        Column("workspace_id", Uuid(), nullable=False),
        Column("feature", String(63), nullable=False),
        Column("used", BigInteger(), nullable=False, server_default=text("0")),
        Column("period", Date(), nullable=False, server_default=text("'1970-01-01'")),
        PrimaryKeyConstraint("workspace_id", "feature", name="pk_usages"),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_usages_workspace_id"),
        CheckConstraint("used >= 0", name="ck_usages_used"),
    )
    guard("usages")


def downgrade() -> None:
    """Drop it."""
    open_again("usages")
    op.drop_table("usages")
