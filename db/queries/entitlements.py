"""What entitlements ask: what is used of features, and to add to it if the limit allows."""

from db.calls import Statement
from db.execute import Prepared

# Whoever would add rows that count waits here for the others who would, until they have committed. The slot
# holds the feature.
LOCK = Prepared(
    Statement(
        "SELECT pg_advisory_xact_lock(hashtextextended('feature ' || $2::text || ' of ' || $1::text, 0))",
        generic=True,
    ),
    ("workspace", 0),
)

# The tier of the workspace that the transaction is in.
TIER = Prepared(Statement("SELECT tier FROM workspaces WHERE id = $1", generic=True), ("workspace",))

_MONTH = "date_trunc('month', timezone('UTC', now()))::date"
_EPOCH = "date '1970-01-01'"
_MOST = "9007199254740991"

# What was counted in a month that is over is nothing in this one.
_KNOWN = "CASE WHEN u.period = p.period THEN u.used ELSE 0 END"

# The slot holds the features that are counted by the month.
USED = Prepared(
    Statement(
        "SELECT feature, CASE WHEN period ="
        f" CASE WHEN feature = ANY($2::text[]) THEN {_MONTH} ELSE {_EPOCH} END"
        " THEN used ELSE 0 END FROM usages WHERE workspace_id = $1",
        generic=True,
    ),
    ("workspace", 0),
)

# The slots hold the feature, what is added, the limit if there is one, and whether it is counted by the
# month. The row is locked, judged as it is then, and changed by one statement.
ADD = Prepared(
    Statement(
        f"WITH p AS (SELECT CASE WHEN $5::boolean THEN {_MONTH} ELSE {_EPOCH} END AS period)"
        f" UPDATE usages u SET used = {_KNOWN} + $3::bigint, period = p.period FROM p"
        f" WHERE u.workspace_id = $1 AND u.feature = $2"
        f" AND {_KNOWN} + $3::bigint BETWEEN 0 AND coalesce($4::bigint, {_MOST}) RETURNING u.used",
        generic=True,
    ),
    ("workspace", 0, 1, 2, 3),
)

# The slot holds the feature.
BEGIN = Prepared(
    Statement(
        "INSERT INTO usages (workspace_id, feature) VALUES ($1, $2) ON CONFLICT DO NOTHING", generic=True
    ),
    ("workspace", 0),
)

# What has been used already is counted whatever the limit. The slots hold the feature and how much.
COUNTED = Prepared(
    Statement(
        f"INSERT INTO usages AS u (workspace_id, feature, used, period) VALUES ($1, $2, $3::bigint, {_MONTH})"
        " ON CONFLICT (workspace_id, feature) DO UPDATE SET used ="
        " CASE WHEN u.period = excluded.period THEN u.used ELSE 0 END + excluded.used,"
        " period = excluded.period",
        generic=True,
    ),
    ("workspace", 0, 1),
)
