"""Categories and products."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create categories and products."""
    _categories()
    _index_categories()
    _products()
    _index_products()


def downgrade() -> None:
    """Drop categories and products."""
    op.drop_table("products")
    op.drop_table("categories")


def _categories() -> None:
    op.create_table(
        "categories",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("slug", String(255), nullable=False),
        Column("description", Text()),
        Column("position", Integer(), nullable=False, server_default=text("0")),
        Column(
            "search",
            TSVECTOR(),
            Computed(
                "to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(description, ''))",
                persisted=True,
            ),
        ),
        Column("parent_id", Uuid()),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_categories"),
    )


def _index_categories() -> None:
    for column in ("inserted_at", "name", "parent_id", "position", "updated_at"):
        op.create_index(
            f"ix_categories_{column}",
            "categories",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_categories_deleted_at",
        "categories",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_categories_name_like",
        "categories",
        ["workspace_id", "name"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index("ix_categories_search", "categories", ["workspace_id", "search"], postgresql_using="gin")
    op.create_index(
        "ux_categories_slug",
        "categories",
        ["workspace_id", "slug"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    )


def _products() -> None:
    op.create_table(
        "products",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("gtin", String(14)),
        Column("name", String(500), nullable=False),
        Column("slug", String(255), nullable=False),
        Column("sku", String(64)),
        Column("description", Text()),
        Column("ingredients", Text()),
        Column("nutrition", JSONB(), server_default=text("'{}'")),
        Column("image_url", String(2048)),
        Column("status", String(16), nullable=False, server_default=text("'draft'")),
        Column("price_cents", BigInteger()),
        Column("currency", String(3)),
        Column("quantity", Integer(), nullable=False, server_default=text("0")),
        Column("category_id", Uuid()),
        Column("metadata", JSONB(), server_default=text("'{}'")),
        Column(
            "search",
            TSVECTOR(),
            Computed(
                "to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(sku, '') || ' '"
                " || coalesce(description, '') || ' ' || coalesce(ingredients, ''))",
                persisted=True,
            ),
        ),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_products"),
        CheckConstraint("currency IN ('USD', 'EUR', 'GBP', 'CAD', 'AUD')", name="ck_products_currency"),
        CheckConstraint("gtin ~ '^[0-9]{14}$'", name="ck_products_gtin"),
        CheckConstraint("price_cents BETWEEN 0 AND 9007199254740991", name="ck_products_price_cents"),
        CheckConstraint("price_cents IS NULL OR currency IS NOT NULL", name="ck_products_price_currency"),
        CheckConstraint("status IN ('draft', 'active', 'archived')", name="ck_products_status"),
    )


def _index_products() -> None:
    for column in (
        "category_id",
        "currency",
        "gtin",
        "inserted_at",
        "name",
        "price_cents",
        "quantity",
        "sku",
        "status",
        "updated_at",
    ):
        op.create_index(
            f"ix_products_{column}",
            "products",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_products_deleted_at",
        "products",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index("ix_products_metadata", "products", ["workspace_id", "metadata"], postgresql_using="gin")
    op.create_index(
        "ix_products_name_like",
        "products",
        ["workspace_id", "name"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_products_nutrition", "products", ["workspace_id", "nutrition"], postgresql_using="gin"
    )
    op.create_index(
        "ix_products_price_cents_desc",
        "products",
        ["workspace_id", text("price_cents DESC NULLS LAST"), text("id DESC")],
        postgresql_where=text("deleted_at IS NULL"),
    )
    op.create_index("ix_products_search", "products", ["workspace_id", "search"], postgresql_using="gin")
    op.create_index(
        "ux_products_gtin",
        "products",
        ["workspace_id", "gtin"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    )
    op.create_index(
        "ux_products_slug",
        "products",
        ["workspace_id", "slug"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    )
