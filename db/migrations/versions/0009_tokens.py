"""Tokens as a resource: their kind, who made them, a limit per day, and what they are filtered by."""

from alembic import op
from sqlalchemy import Column, Integer, String, Uuid, text

revision = "0009"
down_revision = "0008"

_LIVE = ("name", "kind", "last_used_at", "expires_at", "inserted_at", "updated_at")
_EVERY = ("token_prefix", "rotated_from_id", "created_by_token_id")
_PARTIAL = ("deleted_at", "revoked_at")
_TIERS = "'standard', 'free', 'starter', 'pro', 'business', 'agency', 'enterprise'"
_CHECKS = {
    "kind": "kind IN ('api', 'session')",
    "rate_limit_tier": f"rate_limit_tier IN ({_TIERS})",
    "rate_limit_per_minute": "rate_limit_per_minute > 0",
    "burst": "burst > 0",
    "rate_limit_per_day": "rate_limit_per_day > 0",
}


def upgrade() -> None:
    """Add the columns, the checks and the indexes."""
    op.add_column("tokens", Column("kind", String(16), nullable=False, server_default="api"))
    op.add_column("tokens", Column("rate_limit_per_day", Integer()))
    op.add_column("tokens", Column("created_by_token_id", Uuid()))
    op.alter_column("tokens", "rate_limit_tier", server_default="standard")
    op.execute("UPDATE tokens SET rate_limit_tier = 'standard' WHERE rate_limit_tier IS NULL")
    for name, condition in _CHECKS.items():
        op.create_check_constraint(f"ck_tokens_{name}", "tokens", condition)
    op.drop_index("ix_tokens_inserted_at", "tokens")
    for column in _LIVE:
        _index(column, where="deleted_at IS NULL")
    for column in _EVERY:
        _index(column)
    for column in _PARTIAL:
        _index(column, where=f"{column} IS NOT NULL")
    op.create_index(
        "ix_tokens_name_like",
        "tokens",
        ["workspace_id", "name"],
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Take them away."""
    for column in (*_LIVE, *_EVERY, *_PARTIAL, "name_like"):
        op.drop_index(f"ix_tokens_{column}", "tokens")
    _index("inserted_at")
    for name in _CHECKS:
        op.drop_constraint(f"ck_tokens_{name}", "tokens", type_="check")
    op.alter_column("tokens", "rate_limit_tier", server_default=None)
    for column in ("created_by_token_id", "rate_limit_per_day", "kind"):
        op.drop_column("tokens", column)


def _index(column: str, *, where: str | None = None) -> None:
    op.create_index(
        f"ix_tokens_{column}",
        "tokens",
        ["workspace_id", column, "id"],
        postgresql_where=None if where is None else text(where),
    )
