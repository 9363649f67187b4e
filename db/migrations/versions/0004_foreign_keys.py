"""Foreign keys, apart from the tables so that those can be distributed first."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Tie the tables together."""
    op.create_foreign_key(
        "fk_workspaces_parent_workspace_id", "workspaces", "workspaces", ["parent_workspace_id"], ["id"]
    )
    op.create_foreign_key(
        "fk_tokens_rotated_from_id",
        "tokens",
        "tokens",
        ["workspace_id", "rotated_from_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key("fk_tokens_workspace_id", "tokens", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key(
        "fk_categories_parent_id",
        "categories",
        "categories",
        ["workspace_id", "parent_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key("fk_categories_workspace_id", "categories", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key(
        "fk_products_category_id",
        "products",
        "categories",
        ["workspace_id", "category_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key("fk_products_workspace_id", "products", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key("fk_customers_workspace_id", "customers", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key(
        "fk_orders_customer_id",
        "orders",
        "customers",
        ["workspace_id", "customer_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key("fk_orders_workspace_id", "orders", "workspaces", ["workspace_id"], ["id"])
    op.create_foreign_key(
        "fk_order_items_order_id",
        "order_items",
        "orders",
        ["workspace_id", "order_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        "fk_order_items_product_id",
        "order_items",
        "products",
        ["workspace_id", "product_id"],
        ["workspace_id", "id"],
    )
    op.create_foreign_key(
        "fk_order_items_workspace_id", "order_items", "workspaces", ["workspace_id"], ["id"]
    )


def downgrade() -> None:
    """Untie them."""
    op.drop_constraint("fk_order_items_workspace_id", "order_items", type_="foreignkey")
    op.drop_constraint("fk_order_items_product_id", "order_items", type_="foreignkey")
    op.drop_constraint("fk_order_items_order_id", "order_items", type_="foreignkey")
    op.drop_constraint("fk_orders_workspace_id", "orders", type_="foreignkey")
    op.drop_constraint("fk_orders_customer_id", "orders", type_="foreignkey")
    op.drop_constraint("fk_customers_workspace_id", "customers", type_="foreignkey")
    op.drop_constraint("fk_products_workspace_id", "products", type_="foreignkey")
    op.drop_constraint("fk_products_category_id", "products", type_="foreignkey")
    op.drop_constraint("fk_categories_workspace_id", "categories", type_="foreignkey")
    op.drop_constraint("fk_categories_parent_id", "categories", type_="foreignkey")
    op.drop_constraint("fk_tokens_workspace_id", "tokens", type_="foreignkey")
    op.drop_constraint("fk_tokens_rotated_from_id", "tokens", type_="foreignkey")
    op.drop_constraint("fk_workspaces_parent_workspace_id", "workspaces", type_="foreignkey")
