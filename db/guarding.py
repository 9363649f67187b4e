"""The policies of wall 2 as migrations write them; revisions rely on these texts, so they never change."""

from alembic import op

_WORKSPACE = "nullif(current_setting('diptych.workspace', true), '')::uuid"
_OPERATOR = "current_user <> 'diptych_app' AND current_setting('diptych.operator', true) = 'on'"
_POLICIES = (
    "operator",
    "read",
    "insert",
    "update",
    "workspace_insert",
    "workspace_update",
    "workspace_delete",
    "workspace_read",
)


def guard(table: str, *, append_only: bool = False) -> None:
    """Let rows of a tenant table be written only by who names their workspace, or by operators."""
    guard_by(table, f"workspace_id = {_WORKSPACE}", append_only=append_only)


def guard_workspaces(table: str) -> None:
    """Let a workspace be written only by transactions that name it or the one that created it."""
    guard_by(table, f"{_WORKSPACE} IN (id, parent_workspace_id)", append_only=False)


def guard_by(table: str, inside: str, *, append_only: bool) -> None:
    """Force row-level security on a table whose rows are written where `inside` holds."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY read ON {table} FOR SELECT USING (true)")
    op.execute(f"CREATE POLICY workspace_insert ON {table} FOR INSERT WITH CHECK ({inside})")
    if not append_only:
        op.execute(f"CREATE POLICY workspace_update ON {table} FOR UPDATE USING ({inside})")
        op.execute(f"CREATE POLICY workspace_delete ON {table} FOR DELETE USING ({inside})")
    op.execute(f"CREATE POLICY operator ON {table} USING ({_OPERATOR})")


def guard_people(table: str) -> None:
    """Force row-level security on a table whose rows belong to no workspace, and are never deleted.

    Who may write them no workspace tells: people log in before they are in one. Whether they may be read
    from inside a workspace is told by a policy that a server which guards reads adds.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY read ON {table} FOR SELECT USING (true)")
    op.execute(f"CREATE POLICY insert ON {table} FOR INSERT WITH CHECK (true)")
    op.execute(f"CREATE POLICY update ON {table} FOR UPDATE USING (true)")
    op.execute(f"CREATE POLICY operator ON {table} USING ({_OPERATOR})")


def open_again(table: str) -> None:
    """Undo any of these, and what a server that guards reads has added."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    for name in _POLICIES:
        op.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
