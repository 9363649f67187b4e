"""Finding a token by its lookup key, before any workspace is known."""

from db.driver import Statement

# The lookup key is unique across workspaces and says which one the caller belongs to, so this statement is
# the one that cannot be fenced.
FIND = Statement(
    "SELECT t.id, t.workspace_id, t.token_prefix, t.token_hash, encode(t.precheck, 'hex'), t.scopes,"
    " t.version, t.revoked_at IS NULL AND t.deleted_at IS NULL AND coalesce(t.expires_at > now(), true)"
    " AND w.deleted_at IS NULL"
    " FROM tokens t JOIN workspaces w ON w.id = t.workspace_id WHERE t.token_key = $1"
)

# The same question that leads every data statement, asked alone where no data statement ran.
CONFIRM = Statement(
    "SELECT t.version FROM tokens t JOIN workspaces w ON w.id = t.workspace_id"
    " WHERE t.workspace_id = $1 AND t.id = $2 AND t.revoked_at IS NULL AND t.deleted_at IS NULL"
    " AND coalesce(t.expires_at > now(), true) AND w.deleted_at IS NULL"
)

# The same once more, for callers who name their workspace.
NAMED = Statement(
    "SELECT t.version, w.slug FROM tokens t JOIN workspaces w ON w.id = t.workspace_id"
    " WHERE t.workspace_id = $1 AND t.id = $2 AND t.revoked_at IS NULL AND t.deleted_at IS NULL"
    " AND coalesce(t.expires_at > now(), true) AND w.deleted_at IS NULL"
)
