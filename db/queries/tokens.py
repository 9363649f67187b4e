"""Finding a token by its lookup key, before any workspace is known, and proving it live."""

from db.driver import Statement
from db.execute import Prepared

# What makes a token live, as `db.compile` asks of it at the head of every data statement too.
_LIVE = (
    "t.revoked_at IS NULL AND t.deleted_at IS NULL AND coalesce(t.expires_at > now(), true)"
    " AND w.deleted_at IS NULL"
)
_FROM = " FROM tokens t JOIN workspaces w ON w.id = t.workspace_id"
_THIS = f"{_FROM} WHERE t.workspace_id = $1 AND t.id = $2 AND {_LIVE}"

# The lookup key is unique across workspaces and says which one the caller belongs to, so this statement is
# the one that cannot be fenced.
FIND = Statement(
    "SELECT t.id, t.workspace_id, t.token_prefix, t.token_hash, encode(t.precheck, 'hex'), t.scopes,"
    f" t.version, {_LIVE}, t.user_id, t.administrative, t.trusted_only, w.tier, t.rate_limit_tier,"
    f" t.rate_limit_per_minute, t.burst, t.rate_limit_per_day{_FROM} WHERE t.token_key = $1",
    across=True,
)

# The same question that leads every data statement, asked alone where no data statement ran. The tier belongs
# to the workspace, so that it may change while the token's version does not.
CONFIRM = Statement(f"SELECT t.version, w.tier{_THIS}", workspace=0)

# And at the head of every transaction.
PROVE = Prepared(CONFIRM, ("workspace", "token"))

# The same once more, for callers who name their workspace.
NAMED = Statement(f"SELECT t.version, w.slug{_THIS}", workspace=0)

# And for callers who ask who they are.
IDENTIFY = Statement(
    "SELECT t.version, w.slug, w.name, t.name, t.token_prefix, t.kind,"
    " replace(timezone('UTC', t.expires_at)::text, ' ', 'T') || 'Z', u.id, u.email, u.name, m.role,"
    f" u.is_platform_admin{_FROM} LEFT JOIN users u ON u.id = t.user_id"
    " LEFT JOIN memberships m ON m.workspace_id = $1 AND m.user_id = t.user_id AND m.deleted_at IS NULL"
    f" WHERE t.workspace_id = $1 AND t.id = $2 AND {_LIVE}",
    workspace=0,
)

# The slot holds ids. It changes no version, since nobody's copy of a token depends on when it was used.
USED = Prepared(
    Statement(
        "WITH due AS (SELECT id FROM tokens WHERE workspace_id = $1 AND id = ANY($2::uuid[])"
        " AND revoked_at IS NULL AND coalesce(last_used_at < now() - interval '1 minute', true)"
        " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
        " UPDATE tokens t SET last_used_at = now() FROM due WHERE t.workspace_id = $1 AND t.id = due.id",
        generic=True,
    ),
    ("workspace", 0),
)

# A new key changes nothing else about a token, and so no version. The slot holds hexadecimal digits.
PRECHECK = Prepared(
    Statement(
        "UPDATE tokens SET precheck = decode($3, 'hex') WHERE workspace_id = $1 AND id = $2 RETURNING id",
        generic=True,
    ),
    ("workspace", "token", 0),
)
