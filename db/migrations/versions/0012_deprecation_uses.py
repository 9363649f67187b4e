"""Deprecations: which token still uses what is deprecated, where and how often."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)

from db.guarding import guard, open_again

revision = "0012"
down_revision = "0011"

_KEY = ("workspace_id", "token_id", "name", "surface", "operation")


def upgrade() -> None:
    """Create the table of uses."""
    op.create_table(
        "deprecation_uses",
        Column("workspace_id", Uuid(), nullable=False),
        Column("token_id", Uuid(), nullable=False),
        Column("name", String(255), nullable=False),
        Column("surface", String(16), nullable=False),
        Column("operation", String(255), nullable=False),
        Column("uses", BigInteger(), nullable=False, server_default=text("1")),
        Column("first_used_at", DateTime(timezone=True), nullable=False),
        Column("last_used_at", DateTime(timezone=True), nullable=False),
        Column("sunset", Date()),
        PrimaryKeyConstraint(*_KEY, name="pk_deprecation_uses"),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_deprecation_uses_workspace_id"),
        ForeignKeyConstraint(
            ["workspace_id", "token_id"],
            ["tokens.workspace_id", "tokens.id"],
            name="fk_deprecation_uses_token_id",
        ),
        CheckConstraint("uses > 0", name="ck_deprecation_uses_uses"),
    )
    guard("deprecation_uses")


def downgrade() -> None:
    """Drop it."""
    open_again("deprecation_uses")
    op.drop_table("deprecation_uses")
