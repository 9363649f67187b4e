"""Progress of imports, written with the rows it counts."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, String, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table of imports."""
    _imports()
    _index_imports()
    op.create_foreign_key("fk_imports_workspace_id", "imports", "workspaces", ["workspace_id"], ["id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("imports")


def _imports() -> None:
    op.create_table(
        "imports",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("resource", String(63), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("options", JSONB(), nullable=False),
        Column("position", BigInteger(), nullable=False),
        Column("line", BigInteger(), nullable=False),
        Column("good", BigInteger(), nullable=False),
        Column("rejected", BigInteger(), nullable=False),
        Column("errors_size", BigInteger(), nullable=False),
        Column("finished_at", DateTime(timezone=True)),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_imports"),
    )


def _index_imports() -> None:
    op.create_index("ux_imports_digest", "imports", ["workspace_id", "resource", "digest"], unique=True)
