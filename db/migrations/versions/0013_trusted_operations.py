"""Trusted operations, and the tokens that may run nothing else."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)

from db.guarding import guard, open_again

revision = "0013"
down_revision = "0012"

_LIVE = "deleted_at IS NULL"


def upgrade() -> None:
    """Create the table, and tell of every token whether it is bound to it."""
    op.create_table(
        "trusted_operations",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("text", String(15_000), nullable=False),
        Column("client", String(255)),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_trusted_operations"),
        CheckConstraint("kind IN ('query', 'mutation')", name="ck_trusted_operations_kind"),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_trusted_operations_workspace_id"),
    )
    _index("ux_trusted_operations_sha256", "sha256", unique=True, where=_LIVE)
    for column in ("name", "kind", "client", "inserted_at", "updated_at"):
        _index(f"ix_trusted_operations_{column}", column, "id", where=_LIVE)
    _index("ix_trusted_operations_deleted_at", "deleted_at", "id", where="deleted_at IS NOT NULL")
    _index("ix_trusted_operations_sha256", "sha256", "id")
    guard("trusted_operations")
    op.add_column("tokens", Column("trusted_only", Boolean(), nullable=False, server_default=text("false")))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("tokens", "trusted_only")
    open_again("trusted_operations")
    op.drop_table("trusted_operations")


def _index(name: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    op.create_index(
        name,
        "trusted_operations",
        ["workspace_id", *columns],
        unique=unique,
        postgresql_where=None if where is None else text(where),
    )
