"""The policies of wall 2, what the role that serves requests may do, and whether a database has both.

Migrations create the policies. Roles and rights belong to a server and not to a schema, and how far reads are
guarded is a setting, so these are settled on every start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from db.models import Model
from db.tenancy import seen_through
from db.walls import OPERATOR_SETTING, ROLE, Rls

FULL = "workspace_read"
_ALL = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
_APPEND = frozenset({"SELECT", "INSERT"})
_POLICIES = frozenset({"operator", "read", "workspace_insert", "workspace_update", "workspace_delete"})
_APPEND_POLICIES = _POLICIES - {"workspace_update", "workspace_delete"}
_PEOPLE_POLICIES = frozenset({"operator", "read", "insert", "update"})

_WORKSPACE = "nullif(current_setting('diptych.workspace', true), '')::uuid"
_OPERATOR = f"(current_user <> '{ROLE}' AND current_setting('{OPERATOR_SETTING}', true) = 'on')"
_ACROSS = "current_setting('diptych.across', true) = 'on'"

_STATE: LiteralString = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
           array(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid),
           array(SELECT a.privilege_type::text FROM aclexplode(c.relacl) a
                 JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = %s)
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One table as the models want it: its rights, and its policies if rows of it belong to workspaces."""

    name: str
    privileges: frozenset[str]
    policies: frozenset[str]
    reads: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One table as it stands in a database."""

    enabled: bool
    forced: bool
    policies: frozenset[str]
    privileges: frozenset[str]


class WallMissing(Exception):
    """The role cannot be taken or its rights cannot be given; the message is a sentence for the operator."""


@cache
def tables() -> tuple[Table, ...]:
    """Return every table of the models, and what Alembic keeps, which is only read."""
    found = (_table(each) for each in Model.metadata.sorted_tables)
    return (*found, Table("alembic_version", frozenset({"SELECT"}), frozenset()))


def _table(table: Any) -> Table:
    append_only = bool(table.info.get("append_only"))
    privileges, inside = _APPEND if append_only else _ALL, _inside(table)
    if inside is None:
        return Table(table.name, privileges, frozenset())
    policies = _APPEND_POLICIES if append_only else _POLICIES
    if seen_through(table) is not None:
        policies = _PEOPLE_POLICIES
    reads = f"{inside} OR {_OPERATOR}"
    if table.info.get("across"):
        reads = f"{reads} OR {_ACROSS}"
    return Table(table.name, privileges, policies, reads)


def _inside(table: Any) -> str | None:
    """Return the condition under which a row is seen from the workspace at hand, None for any row."""
    if "workspace_id" in table.c:
        return f"workspace_id = {_WORKSPACE}"
    if table.name == "workspaces":
        return f"{_WORKSPACE} IN (id, parent_workspace_id)"
    through = seen_through(table)
    if through is None:
        return None
    link, column = through
    return (
        f"EXISTS (SELECT FROM {link.name} link WHERE link.workspace_id = {_WORKSPACE}"
        f" AND link.{column} = {table.name}.id AND link.deleted_at IS NULL)"
    )


def settle(connection: psycopg.Connection, rls: Rls) -> None:
    """Make the role and give it its rights where they are missing, and guard reads as `rls` says.

    Raises WallMissing where this account may not do so, or where a table lacks its policies.
    """
    if rls is not Rls.OFF and (lack := _role(connection)) is not None:
        raise WallMissing(lack)
    standing = _standing(connection)
    steps = [*_reading(standing, rls), *(_granting(standing) if rls is not Rls.OFF else ())]
    try:
        for step in steps:
            connection.execute(step)
    except psycopg.errors.InsufficientPrivilege as error:
        raise WallMissing(
            f"The rights of the role {ROLE} cannot be settled: {error.diag.message_primary}. Let the owner "
            "of the tables run `diptych migrate`."
        ) from error
    missing = list(_lacks(_standing(connection) if steps else standing))
    if missing and rls is not Rls.OFF:
        raise WallMissing(" ".join(missing))


def findings(connection: psycopg.Connection, rls: Rls) -> list[str]:
    """Return what is wrong with the role, its rights and the policies, a sentence each; changes nothing."""
    standing = _standing(connection)
    found = [] if rls is Rls.OFF else list(_role_faults(connection))
    found += _lacks(standing)
    if rls is not Rls.OFF:
        found += [f"The role {ROLE} lacks rights on {name}." for name in _ungranted(standing)]
        found += [
            f"The role {ROLE} may {' and '.join(sorted(more))} rows of {name}."
            for name, more in _overgranted(standing)
        ]
    if rls is Rls.FULL:
        unread = [each.name for each in tables() if each.reads and not _guarded(standing, each)]
        found += [f"Reads of {name} are not guarded." for name in unread]
    return found


# The role

_FACTS: LiteralString = """
    SELECT rolsuper OR rolbypassrls, rolcanlogin, pg_has_role(session_user, oid, 'MEMBER'), session_user::text
    FROM pg_roles WHERE rolname = %s
"""


def _role_faults(connection: psycopg.Connection) -> Iterator[str]:
    found = connection.execute(_FACTS, (ROLE,)).fetchone()
    if found is None:
        yield f"There is no role {ROLE}."
        return
    above, may_log_in, member, user = found
    if above:
        yield f"The role {ROLE} is a superuser or has BYPASSRLS, so no policy holds for it."
    if may_log_in:
        yield f"The role {ROLE} may log in."
    if not member:
        yield f"The account {user} is no member of the role {ROLE}."


def _role(connection: psycopg.Connection) -> str | None:
    """Make the role and join it if need be; return why that fails, with what to run by hand."""
    row = connection.execute(_FACTS, (ROLE,)).fetchone()
    if row is not None and row[0]:
        return (
            f"The role {ROLE} is a superuser or has BYPASSRLS; run ALTER ROLE {ROLE} NOSUPERUSER NOBYPASSRLS."
        )
    if row is not None and row[2]:
        return None
    try:
        with connection.transaction():
            connection.execute(_JOIN if row is not None else _MAKE)
    except psycopg.errors.InsufficientPrivilege:
        user = connection.execute("SELECT session_user").fetchone()
        make = "" if row is not None else f"CREATE ROLE {ROLE} NOLOGIN; "
        return (
            f"The database account may not take the role {ROLE}, as which requests are served. Let a "
            f"superuser run {make}GRANT {ROLE} TO {user[0] if user else 'it'}; or set DIPTYCH_RLS=off to do "
            "without this wall."
        )
    return None


# Another database of the same server may make the same role at the same moment.
_MAKE = sql.SQL("""
    DO $$ BEGIN
        BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
        IF NOT pg_has_role(session_user, {name}, 'MEMBER') THEN GRANT {role} TO SESSION_USER; END IF;
    END $$
""").format(role=sql.Identifier(ROLE), name=sql.Literal(ROLE))
_JOIN = sql.SQL("GRANT {} TO SESSION_USER").format(sql.Identifier(ROLE))


# The tables


def _standing(connection: psycopg.Connection) -> dict[str, Standing]:
    rows = connection.execute(_STATE, (ROLE,)).fetchall()
    return {
        name: Standing(enabled, forced, frozenset(policies), frozenset(privileges))
        for name, enabled, forced, policies, privileges in rows
    }


def _lacks(standing: dict[str, Standing]) -> Iterator[str]:
    """Yield a sentence for each table of workspaces that is open to writes from outside."""
    for each in tables():
        now = standing.get(each.name)
        if now is None or not each.policies:
            continue
        if not (now.enabled and now.forced):
            yield f"Row-level security is not forced on {each.name}."
        for name in sorted(each.policies - now.policies):
            yield f"The table {each.name} lacks the policy {name}."
        for name in sorted(now.policies - each.policies - {FULL}):
            yield f"The table {each.name} has the policy {name}, which may open it."


def _granting(standing: dict[str, Standing]) -> Iterator[sql.Composed]:
    role = sql.Identifier(ROLE)
    if _ungranted(standing):
        yield sql.SQL(
            "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {}', current_schema()); END $$"
        ).format(role)
    wanted = {each.name: each.privileges for each in tables()}
    for name in _ungranted(standing):
        rights = sql.SQL(", ").join(map(sql.SQL, sorted(wanted[name])))
        yield sql.SQL("GRANT {} ON {} TO {}").format(rights, sql.Identifier(name), role)
    for name, more in _overgranted(standing):
        rights = sql.SQL(", ").join(map(sql.SQL, sorted(more)))
        yield sql.SQL("REVOKE {} ON {} FROM {}").format(rights, sql.Identifier(name), role)


def _ungranted(standing: dict[str, Standing]) -> list[str]:
    known = ((each, standing[each.name]) for each in tables() if each.name in standing)
    return [each.name for each, now in known if each.privileges - now.privileges]


def _overgranted(standing: dict[str, Standing]) -> list[tuple[str, frozenset[str]]]:
    known = ((each, standing[each.name]) for each in tables() if each.name in standing)
    return [(each.name, more) for each, now in known if (more := now.privileges - each.privileges)]


def _guarded(standing: dict[str, Standing], table: Table) -> bool:
    return table.name not in standing or FULL in standing[table.name].policies


def _reading(standing: dict[str, Standing], rls: Rls) -> Iterator[sql.Composed]:
    for each in tables():
        now = standing.get(each.name)
        names = {"policy": sql.Identifier(FULL), "table": sql.Identifier(each.name)}
        if now is None or not each.reads or (FULL in now.policies) == (rls is Rls.FULL):
            continue
        if rls is not Rls.FULL:
            yield sql.SQL("DROP POLICY IF EXISTS {policy} ON {table}").format(**names)
            continue
        yield sql.SQL("CREATE POLICY {policy} ON {table} AS RESTRICTIVE FOR SELECT USING ({reads})").format(
            **names, reads=sql.SQL(each.reads)
        )
