"""What the rules of orders ask: lines, products to be sold, sums, and the next numbers."""

from db.calls import Statement
from db.execute import Prepared

_LIVE_LINES = "FROM order_items WHERE workspace_id = $1 AND order_id = ANY($2::uuid[]) AND deleted_at IS NULL"

# The slot holds ids of orders.
LINES = Prepared(
    Statement(f"SELECT order_id, id {_LIVE_LINES} ORDER BY order_id, position, id"),
    ("workspace", 0),
)

# A line that was deleted on its own, before its order, has another moment.
LINES_DELETED_WITH_THEIR_ORDER = Prepared(
    Statement(
        "SELECT i.id FROM order_items i JOIN orders o ON o.workspace_id = i.workspace_id"
        " AND o.id = i.order_id AND o.deleted_at = i.deleted_at"
        " WHERE i.workspace_id = $1 AND i.order_id = ANY($2::uuid[])",
    ),
    ("workspace", 0),
)

# The slots hold ids of orders, and of lines that do not count because they are about to change.
SUMS = Prepared(
    Statement(
        f"SELECT order_id, sum(line_total_cents), max(position) {_LIVE_LINES}"
        " AND id <> ALL($3::uuid[]) GROUP BY order_id",
    ),
    ("workspace", 0, 1),
)

PRODUCTS = Prepared(
    Statement(
        "SELECT id, name, price_cents, currency FROM products"
        " WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL",
    ),
    ("workspace", 0),
)

# The counter stays locked until the transaction ends, so that a number given up leaves no gap. Orders that
# were imported bring numbers of their own, which the counter knows nothing of.
_LARGEST = (
    "SELECT coalesce(max(CASE WHEN number ~ '^[0-9]{1,18}$' THEN number::bigint END), 0)"
    " FROM orders WHERE workspace_id = $1"
)

ADVANCE = Prepared(
    Statement(
        "UPDATE counters SET value = value + $2::bigint WHERE workspace_id = $1 AND name = 'orders'"
        " RETURNING value, EXISTS (SELECT FROM orders o WHERE o.workspace_id = $1 AND o.deleted_at IS NULL"
        " AND o.number IN (SELECT n::text FROM generate_series(value - $2::bigint + 1, value) n))",
    ),
    ("workspace", 0),
)

START = Prepared(
    Statement(
        "INSERT INTO counters AS c (workspace_id, name, value)"
        f" SELECT $1, 'orders', ({_LARGEST}) + $2::bigint"
        " ON CONFLICT (workspace_id, name) DO UPDATE SET value = c.value + $2::bigint RETURNING value"
    ),
    ("workspace", 0),
)

# After an advance onto numbers that are taken: as if it had begun behind the largest.
SKIP = Prepared(
    Statement(
        f"UPDATE counters SET value = greatest(value - $2::bigint, ({_LARGEST})) + $2::bigint"
        " WHERE workspace_id = $1 AND name = 'orders' RETURNING value"
    ),
    ("workspace", 0),
)
