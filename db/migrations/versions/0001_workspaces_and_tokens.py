"""Workspaces, their tokens, and the extensions that tenant-led search indexes need."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create workspaces and tokens."""
    _extensions()
    _workspaces()
    _index_workspaces()
    _tokens()
    _index_tokens()


def downgrade() -> None:
    """Drop both tables; the extensions stay, as others may use them."""
    op.drop_table("tokens")
    op.drop_table("workspaces")


def _extensions() -> None:
    for name in ("btree_gin", "pg_trgm"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")


def _workspaces() -> None:
    op.create_table(
        "workspaces",
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("slug", String(63), nullable=False),
        Column("tier", String(16), nullable=False, server_default=text("'free'")),
        Column(
            "settings",
            JSONB(),
            nullable=False,
            server_default=text('\'{"timezone": "UTC", "locale": "en_GB"}\''),
        ),
        Column("parent_workspace_id", Uuid()),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("id", name="pk_workspaces"),
        CheckConstraint(
            "tier IN ('free', 'starter', 'pro', 'business', 'agency', 'enterprise')",
            name="ck_workspaces_tier",
        ),
    )


def _index_workspaces() -> None:
    op.create_index(
        "ix_workspaces_deleted_at",
        "workspaces",
        ["deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index("ix_workspaces_inserted_at", "workspaces", ["inserted_at", "id"])
    op.create_index("ix_workspaces_name", "workspaces", ["name", "id"])
    op.create_index("ix_workspaces_parent_workspace_id", "workspaces", ["parent_workspace_id"])
    op.create_index("ix_workspaces_tier", "workspaces", ["tier", "id"])
    op.create_index("ix_workspaces_updated_at", "workspaces", ["updated_at", "id"])
    op.create_index(
        "ux_workspaces_slug", "workspaces", ["slug"], unique=True, postgresql_where=text("deleted_at IS NULL")
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("token_prefix", String(12), nullable=False),
        Column("token_key", String(16), nullable=False),
        Column("token_hash", String(255), nullable=False),
        Column("precheck", LargeBinary(4), nullable=False),
        Column("scopes", JSONB(), nullable=False, server_default=text("'[]'")),
        Column("rate_limit_tier", String(16)),
        Column("rate_limit_per_minute", Integer()),
        Column("burst", Integer()),
        Column("last_used_at", DateTime(timezone=True)),
        Column("expires_at", DateTime(timezone=True)),
        Column("revoked_at", DateTime(timezone=True)),
        Column("rotated_from_id", Uuid()),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_tokens"),
    )


def _index_tokens() -> None:
    op.create_index("ix_tokens_inserted_at", "tokens", ["workspace_id", "inserted_at", "id"])
    op.create_index("ux_tokens_token_key", "tokens", ["token_key"], unique=True)
