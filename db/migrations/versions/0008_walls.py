"""Row-level security on writes: a row is written only by a transaction that names its workspace."""

from db.guarding import guard, guard_workspaces, open_again

revision = "0008"
down_revision = "0007"

_TENANT = (
    "brands",
    "categories",
    "counters",
    "customers",
    "idempotency_records",
    "imports",
    "order_items",
    "orders",
    "products",
    "tokens",
)
_APPEND_ONLY = ("audit_logs", "events")


def upgrade() -> None:
    """Force the policies upon everybody who does not stand above them."""
    for table in _TENANT:
        guard(table)
    for table in _APPEND_ONLY:
        guard(table, append_only=True)
    guard_workspaces("workspaces")


def downgrade() -> None:
    """Drop the policies."""
    for table in (*_TENANT, *_APPEND_ONLY, "workspaces"):
        open_again(table)
