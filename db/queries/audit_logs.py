"""Audit rows of what is no row of a resource."""

from db.calls import Statement
from db.execute import Prepared

# The slots hold action, resource, its id, user, address, the request's id, and the values before and after
# as JSON.
NOTE = Prepared(
    Statement(
        "INSERT INTO audit_logs (workspace_id, action, resource, resource_id, token_id, user_id, address,"
        " request_id, before, after, inserted_at, updated_at) SELECT $1::uuid, $3::text, $4::text, $5::uuid,"
        " $2::uuid, $6::uuid, $7::text, $8::text, $9::jsonb, $10::jsonb, m, m FROM clock_timestamp() m",
        generic=True,
    ),
    ("workspace", "token", 0, 1, 2, 3, 4, 5, 6, 7),
)
