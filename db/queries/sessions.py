"""Sessions: the tokens of people, found wherever they are, since one password opens all of them."""

from db.calls import Statement
from db.execute import Prepared

_LIVE = "t.kind = 'session' AND t.revoked_at IS NULL AND t.deleted_at IS NULL AND t.expires_at > now()"
_UTC = "replace(timezone('UTC', {})::text, ' ', 'T') || 'Z'"

# Finds the token of a session by its lookup key, dead ones too. It tells workspace, id, hash, precheck, user,
# session, when that began in UTC, and whether the workspace is there.
FIND = Prepared(
    Statement(
        "SELECT t.workspace_id, t.id, t.token_hash, encode(t.precheck, 'hex'), t.user_id, t.session_id,"
        " timezone('UTC', t.session_started_at)::text, w.deleted_at IS NULL FROM tokens t"
        " JOIN workspaces w ON w.id = t.workspace_id"
        " WHERE t.token_key = $1 AND t.kind = 'session' AND t.session_id IS NOT NULL",
        across=True,
    ),
    (0,),
)

# The slot holds a user.
LIST = Prepared(
    Statement(
        "SELECT t.session_id, t.id, t.workspace_id, w.slug, w.name, t.name, t.administrative,"
        f" {_UTC.format('t.session_started_at')}, {_UTC.format('t.last_used_at')},"
        f" {_UTC.format('t.expires_at')} FROM tokens t"
        " JOIN workspaces w ON w.id = t.workspace_id AND w.deleted_at IS NULL"
        f" WHERE t.user_id = $1::uuid AND {_LIVE} ORDER BY t.session_started_at DESC, t.id",
        across=True,
    ),
    (0,),
)

# Tokens of a user's sessions that still open the door: the slots hold the user, a session that alone is asked
# for or null for all, and a session that stays or null.
OPEN = Prepared(
    Statement(
        f"SELECT t.workspace_id, t.id FROM tokens t WHERE t.user_id = $1::uuid AND {_LIVE}"
        " AND ($2::uuid IS NULL OR t.session_id = $2::uuid)"
        " AND t.session_id IS DISTINCT FROM $3::uuid ORDER BY t.workspace_id, t.id",
        across=True,
    ),
    (0, 1, 2),
)

# The session that the caller's live token belongs to.
OWN = Prepared(
    Statement(f"SELECT t.session_id FROM tokens t WHERE t.workspace_id = $1 AND t.id = $2 AND {_LIVE}"),
    ("workspace", "token"),
)
