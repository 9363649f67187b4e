"""What is written beside a change: its event, its audit row and its idempotency record."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Identity,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

_LINES = (
    "fk_order_items_order_id",
    "order_items",
    "orders",
    ["workspace_id", "order_id"],
    ["workspace_id", "id"],
)


def upgrade() -> None:
    """Create the tables, and let the lines of an order be written before it."""
    _events()
    _audit_logs()
    _idempotency_records()
    _counters()
    op.drop_constraint("fk_order_items_order_id", "order_items", type_="foreignkey")
    op.create_foreign_key(*_LINES, deferrable=True, initially="DEFERRED")


def downgrade() -> None:
    """Drop them."""
    op.drop_constraint("fk_order_items_order_id", "order_items", type_="foreignkey")
    op.create_foreign_key(*_LINES)
    for table in ("counters", "idempotency_records", "audit_logs", "events"):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "events",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("position", BigInteger(), Identity(always=True), nullable=False),
        Column("type", String(127), nullable=False),
        Column("resource_id", Uuid(), nullable=False),
        Column("data", JSON(), nullable=False),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_events"),
    )
    op.create_index("ix_events_position", "events", ["workspace_id", "position"])
    op.create_index("ix_events_resource_id", "events", ["workspace_id", "resource_id", "position"])


def _audit_logs() -> None:
    op.create_table(
        "audit_logs",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("action", String(127), nullable=False),
        Column("resource", String(63), nullable=False),
        Column("resource_id", Uuid(), nullable=False),
        Column("token_id", Uuid()),
        Column("request_id", String(128), nullable=False),
        Column("before", JSONB()),
        Column("after", JSONB()),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_audit_logs"),
    )
    for column in ("action", "resource_id", "token_id", "request_id", "inserted_at", "updated_at"):
        op.create_index(
            f"ix_audit_logs_{column}",
            "audit_logs",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_audit_logs_deleted_at",
        "audit_logs",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )


def _idempotency_records() -> None:
    op.create_table(
        "idempotency_records",
        Column("workspace_id", Uuid(), nullable=False),
        Column("key", String(255), nullable=False),
        Column("fingerprint", LargeBinary(32), nullable=False),
        Column("outcome", JSON(), nullable=False),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        PrimaryKeyConstraint("workspace_id", "key", name="pk_idempotency_records"),
    )
    op.create_index("ix_idempotency_records_inserted_at", "idempotency_records", ["inserted_at"])


def _counters() -> None:
    op.create_table(
        "counters",
        Column("workspace_id", Uuid(), nullable=False),
        Column("name", String(63), nullable=False),
        Column("value", BigInteger(), nullable=False),
        PrimaryKeyConstraint("workspace_id", "name", name="pk_counters"),
    )
    op.create_foreign_key("fk_counters_workspace_id", "counters", "workspaces", ["workspace_id"], ["id"])
