"""People: users, what they log in with, their memberships and invitations, and their name beside changes."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from db.guarding import guard, guard_people, open_again

revision = "0010"
down_revision = "0009"

_TENANT = ("invitations", "memberships")
_ROLE = "role IN ('owner', 'admin', 'member', 'viewer')"
_ADDED = {
    "tokens": ("user_id", "created_by_user_id", "session_id", "session_started_at", "administrative"),
    "audit_logs": ("user_id", "address"),
}


def upgrade() -> None:
    """Create the tables, and let tokens and audit rows name a user."""
    _users()
    _recovery_codes()
    _login_attempts()
    _memberships()
    _invitations()
    for table in _TENANT:
        guard(table)
    guard_people("users")
    _tokens()
    _audit_logs()
    _platform_logs()


def downgrade() -> None:
    """Drop them."""
    for table, columns in _ADDED.items():
        for column in columns:
            op.drop_column(table, column)
    for table in (*_TENANT, "users"):
        open_again(table)
    op.drop_constraint("fk_memberships_invitation_id", "memberships", type_="foreignkey")
    for table in (*_TENANT, "platform_logs", "login_attempts", "recovery_codes", "users"):
        op.drop_table(table)


def _users() -> None:
    op.create_table(
        "users",
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("email", String(320), nullable=False),
        Column("name", String(255), nullable=False),
        Column("password_hash", String(255)),
        Column("totp_secret", Text()),
        _time("totp_enabled_at"),
        Column("totp_last_step", BigInteger()),
        Column("is_platform_admin", Boolean(), nullable=False, server_default=text("false")),
        _time("disabled_at"),
        _time("last_login_at"),
        *_life(),
        PrimaryKeyConstraint("id", name="pk_users"),
    )
    for column in ("name", "inserted_at", "updated_at"):
        op.create_index(f"ix_users_{column}", "users", [column, "id"])
    deleted = text("deleted_at IS NOT NULL")
    op.create_index("ix_users_deleted_at", "users", ["deleted_at", "id"], postgresql_where=deleted)
    live = text("deleted_at IS NULL")
    op.create_index("ux_users_email", "users", ["email"], unique=True, postgresql_where=live)


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("user_id", Uuid(), nullable=False),
        Column("code_hash", String(64), nullable=False),
        _time("used_at"),
        _time("inserted_at", now=True),
        PrimaryKeyConstraint("id", name="pk_recovery_codes"),
        ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user_id"),
    )
    op.create_index("ux_recovery_codes_code_hash", "recovery_codes", ["user_id", "code_hash"], unique=True)


def _login_attempts() -> None:
    op.create_table(
        "login_attempts",
        Column("key", String(128), nullable=False),
        Column("failed_at", ARRAY(DateTime(timezone=True)), nullable=False),
        Column("last_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("key", name="pk_login_attempts"),
    )
    op.create_index("ix_login_attempts_last_at", "login_attempts", ["last_at"])


def _memberships() -> None:
    op.create_table(
        "memberships",
        *_tenant(),
        Column("user_id", Uuid(), nullable=False),
        Column("role", String(16), nullable=False),
        Column("invitation_id", Uuid()),
        *_life(),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_memberships"),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_memberships_workspace_id"),
        ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
        CheckConstraint(_ROLE, name="ck_memberships_role"),
    )
    _ordered("memberships", "role", "user_id", "inserted_at", "updated_at")
    live = text("deleted_at IS NULL")
    op.create_index(
        "ux_memberships_user_id",
        "memberships",
        ["workspace_id", "user_id"],
        unique=True,
        postgresql_where=live,
    )
    op.create_index("ix_memberships_of_user", "memberships", ["user_id"], postgresql_where=live)


def _invitations() -> None:
    op.create_table(
        "invitations",
        *_tenant(),
        Column("email", String(320), nullable=False),
        Column("role", String(16), nullable=False),
        Column("token_key", String(16), nullable=False),
        Column("token_hash", String(255), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        _time("accepted_at"),
        Column("accepted_by_user_id", Uuid()),
        Column("invited_by_token_id", Uuid()),
        Column("invited_by_user_id", Uuid()),
        *_life(),
        PrimaryKeyConstraint("workspace_id", "id", name="pk_invitations"),
        ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_invitations_workspace_id"),
        CheckConstraint(_ROLE, name="ck_invitations_role"),
    )
    _ordered("invitations", "email", "role", "expires_at", "accepted_at", "inserted_at", "updated_at")
    op.create_index("ux_invitations_token_key", "invitations", ["token_key"], unique=True)
    op.create_index(
        "ux_invitations_email",
        "invitations",
        ["workspace_id", "email"],
        unique=True,
        postgresql_where=text("deleted_at IS NULL AND accepted_at IS NULL"),
    )
    op.create_foreign_key(
        "fk_memberships_invitation_id",
        "memberships",
        "invitations",
        ["workspace_id", "invitation_id"],
        ["workspace_id", "id"],
    )


def _tokens() -> None:
    op.add_column("tokens", Column("user_id", Uuid()))
    op.add_column("tokens", Column("created_by_user_id", Uuid()))
    op.add_column("tokens", Column("session_id", Uuid()))
    op.add_column("tokens", _time("session_started_at"))
    op.add_column("tokens", Column("administrative", Boolean(), nullable=False, server_default=text("false")))
    op.create_foreign_key("fk_tokens_user_id", "tokens", "users", ["user_id"], ["id"])
    for column in ("user_id", "created_by_user_id"):
        _index("tokens", column, f"{column} IS NOT NULL")
    op.create_index(
        "ix_tokens_of_user",
        "tokens",
        ["user_id", "session_id"],
        postgresql_where=text("user_id IS NOT NULL AND revoked_at IS NULL"),
    )


def _audit_logs() -> None:
    op.add_column("audit_logs", Column("user_id", Uuid()))
    op.add_column("audit_logs", Column("address", String(64)))
    for column in ("user_id", "address"):
        _index("audit_logs", column, "deleted_at IS NULL")


def _platform_logs() -> None:
    op.create_table(
        "platform_logs",
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
        Column("action", String(127), nullable=False),
        Column("resource", String(63), nullable=False),
        Column("resource_id", Uuid()),
        Column("user_id", Uuid()),
        Column("address", String(64)),
        Column("request_id", String(128), nullable=False),
        Column("before", JSONB()),
        Column("after", JSONB()),
        Column(
            "inserted_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=text("clock_timestamp()"),
        ),
        PrimaryKeyConstraint("id", name="pk_platform_logs"),
    )
    op.create_index("ix_platform_logs_inserted_at", "platform_logs", ["inserted_at", "id"])


# What tables have in common


def _time(name: str, *, now: bool = False) -> Column[Any]:
    if now:
        return Column(name, DateTime(timezone=True), nullable=False, server_default=text("now()"))
    return Column(name, DateTime(timezone=True))


def _tenant() -> list[Column[Any]]:
    return [
        Column("workspace_id", Uuid(), nullable=False),
        Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
    ]


def _life() -> list[Column[Any]]:
    return [
        Column("version", BigInteger(), nullable=False, server_default=text("1")),
        _time("inserted_at", now=True),
        _time("updated_at", now=True),
        _time("deleted_at"),
    ]


def _ordered(table: str, *columns: str) -> None:
    for column in columns:
        _index(table, column, "deleted_at IS NULL")
    _index(table, "deleted_at", "deleted_at IS NOT NULL")


def _index(table: str, column: str, where: str) -> None:
    columns = ["workspace_id", column, "id"]
    op.create_index(f"ix_{table}_{column}", table, columns, postgresql_where=text(where))
