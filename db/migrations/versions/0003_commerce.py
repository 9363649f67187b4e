"""Customers, orders and their lines."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create customers, orders and their lines."""
    _customers()
    _index_customers()
    _orders()
    _index_orders()
    _order_items()
    _index_order_items()


def downgrade() -> None:
    """Drop orders, their lines and customers."""
    op.drop_table("order_items")
    op.drop_table("orders")
    op.drop_table("customers")


def _customers() -> None:
    op.create_table(
        "customers",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("email", String(320)),
        Column("phone", String(32)),
        Column("country", String(64)),
        Column("metadata", JSONB(), server_default=text("'{}'")),
        Column(
            "search",
            TSVECTOR(),
            Computed(
                "to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(email, ''))", persisted=True
            ),
        ),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_customers"),
    )


def _index_customers() -> None:
    for column in ("country", "email", "inserted_at", "name", "updated_at"):
        op.create_index(
            f"ix_customers_{column}",
            "customers",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_customers_deleted_at",
        "customers",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_customers_email_like",
        "customers",
        ["workspace_id", "email"],
        postgresql_using="gin",
        postgresql_ops={"email": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_customers_metadata", "customers", ["workspace_id", "metadata"], postgresql_using="gin"
    )
    op.create_index(
        "ix_customers_name_like",
        "customers",
        ["workspace_id", "name"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index("ix_customers_search", "customers", ["workspace_id", "search"], postgresql_using="gin")


def _orders() -> None:
    op.create_table(
        "orders",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("number", String(32), nullable=False),
        Column("status", String(16), nullable=False, server_default=text("'pending'")),
        Column("currency", String(3), nullable=False),
        Column("subtotal_cents", BigInteger(), nullable=False, server_default=text("0")),
        Column("tax_rate", Numeric(9, 6), nullable=False, server_default=text("0")),
        Column("tax_cents", BigInteger(), nullable=False, server_default=text("0")),
        Column("total_cents", BigInteger(), nullable=False, server_default=text("0")),
        Column("placed_at", DateTime(timezone=True)),
        Column("customer_id", Uuid()),
        Column("metadata", JSONB(), server_default=text("'{}'")),
        Column("search", TSVECTOR(), Computed("to_tsvector('simple', coalesce(number, ''))", persisted=True)),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_orders"),
        CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD', 'AUD')", name="ck_orders_currency"),
        CheckConstraint(
            "status IN ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled')", name="ck_orders_status"
        ),
        CheckConstraint(
            "subtotal_cents BETWEEN -9007199254740991 AND 9007199254740991", name="ck_orders_subtotal_cents"
        ),
        CheckConstraint(
            "tax_cents BETWEEN -9007199254740991 AND 9007199254740991", name="ck_orders_tax_cents"
        ),
        CheckConstraint("tax_rate >= 0 AND tax_rate < 10", name="ck_orders_tax_rate"),
        CheckConstraint(
            "total_cents BETWEEN -9007199254740991 AND 9007199254740991", name="ck_orders_total_cents"
        ),
    )


def _index_orders() -> None:
    for column in (
        "currency",
        "customer_id",
        "inserted_at",
        "number",
        "placed_at",
        "status",
        "total_cents",
        "updated_at",
    ):
        op.create_index(
            f"ix_orders_{column}",
            "orders",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_orders_deleted_at",
        "orders",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index("ix_orders_metadata", "orders", ["workspace_id", "metadata"], postgresql_using="gin")
    op.create_index(
        "ix_orders_placed_at_desc",
        "orders",
        ["workspace_id", text("placed_at DESC NULLS LAST"), text("id DESC")],
        postgresql_where=text("deleted_at IS NULL"),
    )
    op.create_index("ix_orders_search", "orders", ["workspace_id", "search"], postgresql_using="gin")
    op.create_index(
        "ux_orders_number",
        "orders",
        ["workspace_id", "number"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    )


def _order_items() -> None:
    op.create_table(
        "order_items",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("order_id", Uuid(), nullable=False),
        Column("product_id", Uuid()),
        Column("name", String(500), nullable=False),
        Column("position", Integer(), nullable=False, server_default=text("0")),
        Column("quantity", Integer(), nullable=False),
        Column("unit_price_cents", BigInteger(), nullable=False),
        Column("line_total_cents", BigInteger(), nullable=False),
        Column("currency", String(3), nullable=False),
        Column("search", TSVECTOR(), Computed("to_tsvector('simple', coalesce(name, ''))", persisted=True)),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_order_items"),
        CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD', 'AUD')", name="ck_order_items_currency"),
        CheckConstraint(
            "line_total_cents BETWEEN -9007199254740991 AND 9007199254740991",
            name="ck_order_items_line_total_cents",
        ),
        CheckConstraint(
            "unit_price_cents BETWEEN -9007199254740991 AND 9007199254740991",
            name="ck_order_items_unit_price_cents",
        ),
    )


def _index_order_items() -> None:
    for column in (
        "inserted_at",
        "line_total_cents",
        "name",
        "order_id",
        "position",
        "product_id",
        "quantity",
        "unit_price_cents",
        "updated_at",
    ):
        op.create_index(
            f"ix_order_items_{column}",
            "order_items",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_order_items_deleted_at",
        "order_items",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_order_items_search", "order_items", ["workspace_id", "search"], postgresql_using="gin"
    )
