"""Administrators of the platform: who they are, what they see of all workspaces, and their sessions there."""

from db.calls import Statement
from db.execute import Prepared

_ADMINISTERS = "u.is_platform_admin AND u.disabled_at IS NULL AND u.deleted_at IS NULL"

# The slot holds a user.
IS_ONE = Prepared(
    Statement(f"SELECT 1 FROM users u WHERE u.id = $1::uuid AND {_ADMINISTERS}", across=True), (0,)
)

LIST = Prepared(
    Statement(
        "SELECT u.id, u.email, u.name, u.disabled_at IS NOT NULL, u.totp_enabled_at IS NOT NULL,"
        " replace(timezone('UTC', u.last_login_at)::text, ' ', 'T') || 'Z' FROM users u"
        " WHERE u.is_platform_admin AND u.deleted_at IS NULL ORDER BY u.email",
        across=True,
    ),
    (),
)

# The slots hold a text that name or slug contain or null, the slug that the page begins behind or null, and
# how many there are to be.
WORKSPACES = Prepared(
    Statement(
        "SELECT w.id, w.slug, w.name, w.tier, w.parent_workspace_id,"
        " replace(timezone('UTC', w.inserted_at)::text, ' ', 'T') || 'Z',"
        " (SELECT count(*) FROM memberships m WHERE m.workspace_id = w.id AND m.deleted_at IS NULL)"
        " FROM workspaces w WHERE w.deleted_at IS NULL"
        " AND ($1::text IS NULL OR strpos(lower(w.slug || ' ' || w.name), lower($1)) > 0)"
        ' AND ($2::text IS NULL OR w.slug COLLATE "C" > $2) ORDER BY w.slug COLLATE "C" LIMIT $3::int',
        across=True,
    ),
    (0, 1, 2),
)

# The slot holds the address that a user logs in with.
BY_EMAIL = Prepared(
    Statement("SELECT u.id, u.name FROM users u WHERE u.email = $1 AND u.deleted_at IS NULL", across=True),
    (0,),
)

# Lets a user administer the platform, or no longer, and writes down who decided it. The slots hold the user,
# what is to be, the action's name, who decides, and that one's address and request. No row where it is so
# already.
DECIDE = Prepared(
    Statement(
        "WITH changed AS (UPDATE users SET is_platform_admin = $2::boolean, version = version + 1,"
        " updated_at = now() WHERE id = $1::uuid AND deleted_at IS NULL AND is_platform_admin <> $2::boolean"
        " RETURNING id), told AS (INSERT INTO platform_logs (action, resource, resource_id, user_id, address,"
        " request_id, before, after) SELECT $3::text, 'user', id, $4::uuid, $5::text, $6::text,"
        " jsonb_build_object('is_platform_admin', NOT $2::boolean),"
        " jsonb_build_object('is_platform_admin', $2::boolean) FROM changed) SELECT id FROM changed",
        across=True,
    ),
    (0, 1, 2, 3, 4, 5),
)

# Sessions of a user in workspaces of which that user is no member. The slot holds the user.
SESSIONS = Prepared(
    Statement(
        "SELECT t.workspace_id, t.id FROM tokens t WHERE t.user_id = $1::uuid AND t.administrative"
        " AND t.revoked_at IS NULL AND t.deleted_at IS NULL ORDER BY t.workspace_id, t.id",
        across=True,
    ),
    (0,),
)
