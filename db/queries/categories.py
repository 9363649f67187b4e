"""What the rules of categories ask: the tree around some of its nodes, while nobody else changes it."""

from db.calls import Statement
from db.execute import Prepared

# The lock is waited for, and held until the transaction ends. What it protects is read by a later statement,
# since this one's snapshot may be older than the lock.
LOCK = Prepared(
    Statement("SELECT pg_advisory_xact_lock(hashtextextended('categories of ' || $1::text, 0))"),
    ("workspace",),
)

# The slots hold the ids of nodes whose way up to the root is told, and of nodes whose whole subtrees are.
TREE = Prepared(
    Statement(
        "WITH RECURSIVE up AS ("
        "SELECT id, parent_id FROM categories"
        " WHERE workspace_id = $1 AND id = ANY($2::uuid[]) AND deleted_at IS NULL"
        " UNION SELECT c.id, c.parent_id FROM categories c JOIN up ON c.id = up.parent_id"
        " WHERE c.workspace_id = $1 AND c.deleted_at IS NULL"
        "), down AS ("
        "SELECT id, parent_id FROM categories WHERE workspace_id = $1 AND id = ANY($3::uuid[])"
        " UNION SELECT c.id, c.parent_id FROM categories c JOIN down ON c.parent_id = down.id"
        " WHERE c.workspace_id = $1 AND c.deleted_at IS NULL"
        ") SELECT id, parent_id, true FROM up UNION ALL SELECT id, parent_id, false FROM down",
    ),
    ("workspace", 0, 1),
)

CHILDREN = Prepared(
    Statement(
        "SELECT id, parent_id FROM categories"
        " WHERE workspace_id = $1 AND parent_id = ANY($2::uuid[]) AND deleted_at IS NULL",
    ),
    ("workspace", 0),
)
