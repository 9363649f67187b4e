"""What is asked of the uses of deprecated things: to add to them, and to list them."""

from db.calls import Statement
from db.execute import Prepared

_KEY = "workspace_id, token_id, name, surface, operation"
_MOST = "9007199254740991"

# The slot holds the uses as a JSON list of objects with the names of the columns. They are written in the
# order of their key, so that two processes that write the same ones wait for each other and no more.
ADD = Prepared(
    Statement(
        f"INSERT INTO deprecation_uses AS u ({_KEY}, uses, first_used_at, last_used_at, sunset)"
        " SELECT $1, t.id, x.name, x.surface, x.operation, x.uses, x.first_used_at, x.last_used_at, x.sunset"
        " FROM json_to_recordset($2::json) AS x(token_id uuid, name text, surface text, operation text,"
        " uses bigint, first_used_at timestamptz, last_used_at timestamptz, sunset date)"
        " JOIN tokens t ON t.workspace_id = $1 AND t.id = x.token_id ORDER BY 2, 3, 4, 5"
        f" ON CONFLICT ({_KEY}) DO UPDATE SET uses = least(u.uses + excluded.uses, {_MOST}),"
        " first_used_at = least(u.first_used_at, excluded.first_used_at),"
        " last_used_at = greatest(u.last_used_at, excluded.last_used_at), sunset = excluded.sunset",
        generic=True,
    ),
    ("workspace", 0),
)

# The slots hold a token, a name and a surface, each null for all of them, how many are wanted, and how many
# are skipped. The latest come first.
LIST = Prepared(
    Statement(
        "SELECT u.token_id, t.name, t.token_prefix, u.name, u.surface, u.operation, u.uses,"
        " replace(timezone('UTC', u.first_used_at)::text, ' ', 'T') || 'Z',"
        " replace(timezone('UTC', u.last_used_at)::text, ' ', 'T') || 'Z', u.sunset"
        " FROM deprecation_uses u JOIN tokens t ON t.workspace_id = $1 AND t.id = u.token_id"
        " WHERE u.workspace_id = $1 AND u.token_id = coalesce($2::uuid, u.token_id)"
        " AND u.name = coalesce($3::text, u.name) AND u.surface = coalesce($4::text, u.surface)"
        " ORDER BY u.last_used_at DESC, u.token_id, u.name, u.surface, u.operation"
        " LIMIT $5::int OFFSET $6::int",
        generic=True,
    ),
    ("workspace", 0, 1, 2, 3, 4),
)
