"""What the rules of workspaces ask: the caller's tier, and slugs, which are unique among all workspaces."""

from db.calls import Statement
from db.execute import Prepared

TIER = Prepared(Statement("SELECT tier FROM workspaces WHERE id = $1", generic=True), ("workspace",))

# The one question about workspaces that others own, which only tells whether a slug is free. The slots hold
# slugs, and the ids of workspaces that may have them.
TAKEN_SLUGS = Prepared(
    Statement(
        "SELECT slug FROM workspaces"
        " WHERE slug = ANY($1::text[]) AND id <> ALL($2::uuid[]) AND deleted_at IS NULL",
        generic=True,
        across=True,
    ),
    (0, 1),
)
