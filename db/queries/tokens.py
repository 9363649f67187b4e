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
    f" t.version, {_LIVE}{_FROM} WHERE t.token_key = $1"
)

# The same question that leads every data statement, asked alone where no data statement ran.
CONFIRM = Statement(f"SELECT t.version{_THIS}")

# And at the head of every transaction.
PROVE = Prepared(CONFIRM, ("workspace", "token"))

# The same once more, for callers who name their workspace.
NAMED = Statement(f"SELECT t.version, w.slug{_THIS}")
