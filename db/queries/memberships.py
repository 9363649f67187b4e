"""What is asked of memberships: where a user belongs, as what, and whether another owner remains."""

from db.calls import Statement
from db.execute import Prepared

# Where a user may be: whoever logs in, or goes to another workspace, is asked for by no workspace. The slot
# holds the user. It tells workspace, slug, name, role and membership, the oldest membership first.
OF_USER = Prepared(
    Statement(
        "SELECT m.workspace_id, w.slug, w.name, m.role, m.id FROM memberships m"
        " JOIN workspaces w ON w.id = m.workspace_id AND w.deleted_at IS NULL"
        " WHERE m.user_id = $1::uuid AND m.deleted_at IS NULL ORDER BY m.inserted_at, m.id",
        generic=True,
        across=True,
    ),
    (0,),
)

# What a user is here: the slot holds the user, and it tells membership and role. Whoever makes a session asks
# this in the same transaction: the role stays until it has ended, so no session outlives a change of it.
HELD = Prepared(
    Statement(
        "SELECT m.id, m.role FROM memberships m"
        " WHERE m.workspace_id = $1 AND m.user_id = $2::uuid AND m.deleted_at IS NULL FOR SHARE",
        generic=True,
    ),
    ("workspace", 0),
)

# Whoever would take an owner away waits here for the others who would, until they have committed.
LOCK_OWNERS = Prepared(
    Statement("SELECT pg_advisory_xact_lock(hashtextextended('owners of ' || $1::text, 0))"),
    ("workspace",),
)

# The slot holds ids of memberships that do not count. Who was disabled owns nothing.
OTHER_OWNERS = Prepared(
    Statement(
        "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id"
        " WHERE m.workspace_id = $1 AND m.role = 'owner' AND m.deleted_at IS NULL"
        " AND m.id <> ALL($2::uuid[]) AND u.disabled_at IS NULL AND u.deleted_at IS NULL",
        generic=True,
    ),
    ("workspace", 0),
)

# The live sessions of users here as members: the slot holds users.
SESSIONS = Prepared(
    Statement(
        "SELECT t.id, t.user_id FROM tokens t WHERE t.workspace_id = $1 AND t.user_id = ANY($2::uuid[])"
        " AND t.kind = 'session' AND NOT t.administrative AND t.revoked_at IS NULL AND t.deleted_at IS NULL"
        " AND coalesce(t.expires_at > now(), true)",
        generic=True,
    ),
    ("workspace", 0),
)
