"""Brands, and the products they make."""

from alembic import op
from sqlalchemy import BigInteger, Column, Computed, DateTime, PrimaryKeyConstraint, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create brands and let products name theirs."""
    _brands()
    _index_brands()
    op.add_column("products", Column("brand_id", Uuid()))
    op.create_index(
        "ix_products_brand_id",
        "products",
        ["workspace_id", "brand_id", "id"],
        postgresql_where=text("deleted_at IS NULL"),
    )
    op.create_foreign_key("fk_brands_workspace_id", "brands", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key(
        "fk_products_brand_id", "products", "brands", ["workspace_id", "brand_id"], ["workspace_id", "id"]
    )


def downgrade() -> None:
    """Drop brands and the products' reference to them."""
    op.drop_constraint("fk_products_brand_id", "products", type_="foreignkey")
    op.drop_constraint("fk_brands_workspace_id", "brands", type_="foreignkey")
    op.drop_index("ix_products_brand_id", "products")
    op.drop_column("products", "brand_id")
    op.drop_table("brands")


def _brands() -> None:
    op.create_table(
        "brands",
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("name", String(255), nullable=False),
        Column("slug", String(255), nullable=False),
        Column("description", Text()),
        Column("website", String(2048)),
        Column("logo_url", String(2048)),
        Column(
            "search",
            TSVECTOR(),
            Computed(
                "to_tsvector('simple', coalesce(name, '') || ' ' || coalesce(description, ''))",
                persisted=True,
            ),
        ),
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        Column("inserted_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("deleted_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_brands"),
    )


def _index_brands() -> None:
    for column in ("inserted_at", "name", "updated_at"):
        op.create_index(
            f"ix_brands_{column}",
            "brands",
            ["workspace_id", column, "id"],
            postgresql_where=text("deleted_at IS NULL"),
        )
    op.create_index(
        "ix_brands_deleted_at",
        "brands",
        ["workspace_id", "deleted_at", "id"],
        postgresql_where=text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_brands_name_like",
        "brands",
        ["workspace_id", "name"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index("ix_brands_search", "brands", ["workspace_id", "search"], postgresql_using="gin")
    op.create_index(
        "ux_brands_slug",
        "brands",
        ["workspace_id", "slug"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL"),
    )
