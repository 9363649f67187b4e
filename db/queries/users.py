"""Users: found by what they log in with, and changed only as they were when that was proven."""

from db.calls import Statement
from db.execute import Prepared

# Whoever logs in is asked for by no workspace.
_FACTS = (
    "SELECT u.id, u.email, u.name, u.password_hash, u.totp_secret, u.totp_enabled_at IS NOT NULL,"
    " u.is_platform_admin, u.disabled_at IS NULL FROM users u WHERE u.deleted_at IS NULL AND "
)

BY_EMAIL = Prepared(Statement(f"{_FACTS} u.email = $1", across=True), (0,))
BY_ID = Prepared(Statement(f"{_FACTS} u.id = $1::uuid", across=True), (0,))

# Locks the user, who has been proven by the password behind this hash, until the session is there: whoever
# changes the password or disables the user ends it after that, or has done so and no row is found. The slots
# hold the user and the hash.
LOG_IN = Prepared(
    Statement(
        "UPDATE users SET last_login_at = now() WHERE id = $1::uuid AND password_hash = $2"
        " AND disabled_at IS NULL AND deleted_at IS NULL RETURNING id",
        across=True,
    ),
    (0, 1),
)

# The same for whoever has a session and goes on with it.
STAY = Prepared(
    Statement(
        "SELECT is_platform_admin FROM users WHERE id = $1::uuid AND disabled_at IS NULL"
        " AND deleted_at IS NULL FOR NO KEY UPDATE",
        across=True,
    ),
    (0,),
)

# The slots hold the user, the hash that was proven, and the one that takes its place.
CHANGE_PASSWORD = Prepared(
    Statement(
        "UPDATE users SET password_hash = $3, version = version + 1, updated_at = now() WHERE id = $1::uuid"
        " AND password_hash = $2 AND disabled_at IS NULL AND deleted_at IS NULL RETURNING id",
        across=True,
    ),
    (0, 1, 2),
)

# Workspaces that administrators of the platform name, who need be no members: by id, by slug, or the oldest
# where the slot is null.
WORKSPACE = Prepared(
    Statement(
        "SELECT w.id, w.slug, w.name FROM workspaces w WHERE w.deleted_at IS NULL"
        " AND ($1::text IS NULL OR w.id::text = lower($1) OR w.slug = $1)"
        " ORDER BY w.inserted_at, w.id LIMIT 1",
        across=True,
    ),
    (0,),
)
