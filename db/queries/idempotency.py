"""Idempotency records: one call at a time per key, and what an earlier one brought."""

from db.driver import Statement
from db.execute import Prepared

# The lock is held until the transaction ends, and whoever does not get it is told so at once. A record is
# looked for by a statement of its own: this one's snapshot may be older than the lock.
LOCK = Prepared(
    Statement("SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || ' ' || $2::text, 0))"),
    ("workspace", 0),
)

FIND = Prepared(
    Statement(
        "SELECT encode(fingerprint, 'hex'), outcome FROM idempotency_records"
        " WHERE workspace_id = $1 AND key = $2 AND inserted_at > now() - interval '24 hours'",
    ),
    ("workspace", 0),
)

# Only an expired record can stand in the way of one who holds the lock and found none.
KEEP = Prepared(
    Statement(
        "INSERT INTO idempotency_records (workspace_id, key, fingerprint, outcome)"
        " VALUES ($1, $2, decode($3, 'hex'), $4) ON CONFLICT (workspace_id, key) DO UPDATE SET"
        " fingerprint = excluded.fingerprint, outcome = excluded.outcome, inserted_at = excluded.inserted_at",
    ),
    ("workspace", 0, 1, 2),
)

SAVEPOINT = Prepared(Statement("SAVEPOINT before_effects"), ())
UNDO = Prepared(Statement("ROLLBACK TO SAVEPOINT before_effects"), ())

SWEEP = Statement(
    "DELETE FROM idempotency_records WHERE (workspace_id, key) IN ("
    "SELECT workspace_id, key FROM idempotency_records WHERE inserted_at <= now() - interval '24 hours'"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1"
)
