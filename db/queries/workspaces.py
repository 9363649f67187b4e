"""What the rules of workspaces ask: the caller's tier, and slugs, which are unique among all workspaces."""

from db.calls import Statement
from db.execute import Prepared

TIER = Prepared(Statement("SELECT tier FROM workspaces WHERE id = $1"), ("workspace",))

# The one question about workspaces that others own, which only serves to tell whether a slug is free. The
# slot holds slugs.
TAKEN_SLUGS = Prepared(
    Statement(
        "SELECT slug, id FROM workspaces WHERE slug = ANY($1::text[]) AND deleted_at IS NULL", across=True
    ),
    (0,),
)

# Those of the given ids that live workspaces name as the one that created them.
PARENTS = Prepared(
    Statement(
        "SELECT DISTINCT parent_workspace_id FROM workspaces"
        " WHERE parent_workspace_id = ANY($1::uuid[]) AND deleted_at IS NULL",
        across=True,
    ),
    (0,),
)
