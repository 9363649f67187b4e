"""What the rules of tokens ask: whether another admin remains, and how a rotation ends."""

from db.calls import Statement
from db.execute import Prepared

# Whoever would take an admin token away waits here for the others who would, until they have committed.
LOCK_ADMINS = Prepared(
    Statement("SELECT pg_advisory_xact_lock(hashtextextended('admin tokens of ' || $1::text, 0))"),
    ("workspace",),
)

# The slot holds ids of tokens that do not count. A session ends by itself, and so does a token that was
# rotated, so neither keeps a workspace open.
OTHER_ADMINS = Prepared(
    Statement(
        "SELECT count(*) FROM tokens t WHERE t.workspace_id = $1 AND t.id <> ALL($2::uuid[])"
        " AND t.kind = 'api' AND NOT t.trusted_only AND t.scopes @> '[\"all:write\"]'"
        " AND t.revoked_at IS NULL"
        " AND t.deleted_at IS NULL AND coalesce(t.expires_at > clock_timestamp(), true)"
        " AND NOT EXISTS (SELECT FROM tokens s WHERE s.workspace_id = $1 AND s.rotated_from_id = t.id)",
        generic=True,
    ),
    ("workspace", 0),
)

# The slots hold the id of a token and a number of hours. It tells when the token ends if it is replaced now,
# whether it has ended already, and whether it was replaced before.
ROTATING = Prepared(
    Statement(
        "SELECT replace(timezone('UTC', least(t.expires_at, now() + make_interval(hours => $3::int)))::text,"
        " ' ', 'T') || 'Z', coalesce(t.expires_at <= now(), false), EXISTS"
        " (SELECT FROM tokens s WHERE s.workspace_id = $1 AND s.rotated_from_id = t.id)"
        " FROM tokens t WHERE t.workspace_id = $1 AND t.id = $2::uuid",
        generic=True,
    ),
    ("workspace", 0, 1),
)

# The slot holds the id of a token; it tells whether another one was put in its place.
REPLACED = Prepared(
    Statement(
        "SELECT EXISTS (SELECT FROM tokens s WHERE s.workspace_id = $1 AND s.rotated_from_id = $2::uuid)",
        generic=True,
    ),
    ("workspace", 0),
)
