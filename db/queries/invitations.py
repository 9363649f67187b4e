"""What is asked of invitations: finding one by its lookup key, and those whose time is over."""

from db.calls import Statement
from db.execute import Prepared

# The lookup key is random and unique among all workspaces; it says which one somebody was invited to. It
# tells workspace, id, address and hash of an invitation that is open.
FIND = Prepared(
    Statement(
        "SELECT i.workspace_id, i.id, i.email, i.token_hash FROM invitations i"
        " JOIN workspaces w ON w.id = i.workspace_id AND w.deleted_at IS NULL"
        " WHERE i.token_key = $1 AND i.deleted_at IS NULL AND i.accepted_at IS NULL AND i.expires_at > now()",
        generic=True,
        across=True,
    ),
    (0,),
)

# Invitations of these addresses that nobody accepted in time, and that still stand in the way of new ones.
OVERDUE = Prepared(
    Statement(
        "SELECT i.id FROM invitations i WHERE i.workspace_id = $1 AND i.email = ANY($2::text[])"
        " AND i.deleted_at IS NULL AND i.accepted_at IS NULL AND i.expires_at <= now()",
        generic=True,
    ),
    ("workspace", 0),
)

# Makes a person, unless somebody of that address came to be meanwhile. The slots hold address, name and hash.
MAKE_USER = Prepared(
    Statement(
        "INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        " RETURNING id",
        across=True,
    ),
    (0, 1, 2),
)

# Locks a person as they were proven: the slots hold the user and the hash of the password.
STILL = Prepared(
    Statement(
        "SELECT id FROM users WHERE id = $1::uuid AND password_hash = $2 AND disabled_at IS NULL"
        " AND deleted_at IS NULL FOR NO KEY UPDATE",
        across=True,
    ),
    (0, 1),
)
