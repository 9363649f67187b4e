"""Login attempts: counted before anything is judged, so that guesses sent at once do not pass together."""

from db.calls import Statement
from db.execute import Prepared

WINDOW_MINUTES = 15

_RECENT = f"f > clock_timestamp() - interval '{WINDOW_MINUTES} minutes'"

# Counts a guess unless there are too many in the window already, and tells the moment it was noted under: no
# row means that it may not be judged. Guesses at the same key wait for each other here, and here alone. The
# slots hold the key and how many there may be.
COUNT = Prepared(
    Statement(
        "INSERT INTO login_attempts AS a (key, failed_at, last_at)"
        " SELECT $1, ARRAY[m], m FROM clock_timestamp() m"
        " ON CONFLICT (key) DO UPDATE SET last_at = clock_timestamp(), failed_at ="
        f" ARRAY(SELECT f FROM unnest(a.failed_at) f WHERE {_RECENT} ORDER BY f) || clock_timestamp()"
        f" WHERE (SELECT count(*) FROM unnest(a.failed_at) f WHERE {_RECENT}) < $2::int"
        " RETURNING failed_at[cardinality(failed_at)]::text",
        generic=True,
    ),
    (0, 1),
)

# The seconds until the next guess may be judged.
WAIT = Prepared(
    Statement(
        "SELECT ceil(extract(epoch FROM"
        f" min(f) + interval '{WINDOW_MINUTES} minutes' - clock_timestamp()))::int"
        f" FROM login_attempts a, unnest(a.failed_at) f WHERE a.key = $1 AND {_RECENT}"
    ),
    (0,),
)

# Takes one guess back, which was none. The slots hold the key and the moment.
TAKE_BACK = Prepared(
    Statement(
        "UPDATE login_attempts SET failed_at = array_remove(failed_at, $2::timestamptz) WHERE key = $1"
    ),
    (0, 1),
)

FORGET = Prepared(Statement("DELETE FROM login_attempts WHERE key = $1"), (0,))

SWEEP = Statement(
    "DELETE FROM login_attempts WHERE key IN ("
    f"SELECT key FROM login_attempts WHERE last_at <= now() - interval '{WINDOW_MINUTES} minutes'"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING 1"
)
