"""Second factors: a secret that is pending or in force, steps that were used, and recovery codes."""

from db.calls import Statement
from db.execute import Prepared

_USER = "id = $1::uuid AND disabled_at IS NULL AND deleted_at IS NULL"
_CHANGED = "version = version + 1, updated_at = now()"

# Sets a secret aside until its first code proves it; one in force stays. The slots hold user and secret.
PREPARE = Prepared(
    Statement(
        f"UPDATE users SET totp_secret = $2 WHERE {_USER} AND totp_enabled_at IS NULL RETURNING id",
        across=True,
    ),
    (0, 1),
)

# The slots hold user, secret and the step of the code that proved it.
ENABLE = Prepared(
    Statement(
        f"UPDATE users SET totp_enabled_at = now(), totp_last_step = $3::bigint, {_CHANGED} WHERE {_USER}"
        " AND totp_secret = $2 AND totp_enabled_at IS NULL RETURNING id",
        across=True,
    ),
    (0, 1, 2),
)

# No code counts twice, nor one from before it (RFC 6238, section 5.2); the same row tells rivals apart. The
# slots hold user, secret and step.
USE_STEP = Prepared(
    Statement(
        f"UPDATE users SET totp_last_step = $3::bigint WHERE {_USER} AND totp_secret = $2"
        " AND totp_enabled_at IS NOT NULL AND coalesce(totp_last_step < $3::bigint, true) RETURNING id",
        across=True,
    ),
    (0, 1, 2),
)

DISABLE = Prepared(
    Statement(
        f"UPDATE users SET totp_secret = NULL, totp_enabled_at = NULL, {_CHANGED} WHERE {_USER}"
        " AND totp_enabled_at IS NOT NULL RETURNING id",
        across=True,
    ),
    (0,),
)

# The slots hold the user and the hash of a code.
USE_CODE = Prepared(
    Statement(
        "UPDATE recovery_codes SET used_at = now() WHERE user_id = $1::uuid AND code_hash = $2"
        " AND used_at IS NULL RETURNING id"
    ),
    (0, 1),
)

FORGET_CODES = Prepared(Statement("DELETE FROM recovery_codes WHERE user_id = $1::uuid"), (0,))

# The slots hold the user and the hashes of new codes.
KEEP_CODES = Prepared(
    Statement(
        "INSERT INTO recovery_codes (user_id, code_hash) SELECT $1::uuid, unnest($2::text[])",
    ),
    (0, 1),
)
