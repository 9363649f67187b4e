"""What is asked of trusted operations: a text by its hash, and whether a hash is registered still."""

from db.driver import Statement
from db.execute import Prepared

_LIVE = " FROM trusted_operations o WHERE o.workspace_id = $1 AND o.deleted_at IS NULL AND o.sha256"

# The slot holds a hash.
TEXT = Prepared(
    Statement(f"SELECT o.text{_LIVE} = $2", generic=True, workspace=0),
    ("workspace", 0),
)

# Sent beside the first statement of whatever runs a trusted operation, whose text is known. The slot holds a
# hash; no row means that it is not registered any more.
REGISTERED = Prepared(
    Statement(f"SELECT 1{_LIVE} = $2", generic=True, workspace=0),
    ("workspace", 0),
)

# The slot holds hashes; it tells those that are registered.
KNOWN = Prepared(
    Statement(f"SELECT o.sha256{_LIVE} = ANY($2::text[])", generic=True),
    ("workspace", 0),
)
