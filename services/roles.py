"""Roles: what people may do in a workspace, as scopes of the catalogue, so that new resources are covered."""

from db.models import Role as Role
from services.engine import mcp
from services.engine.access import Permission, covers
from services.engine.catalog import Catalog

ACCOUNT = frozenset({"workspaces", "users", "memberships", "invitations", "tokens", "audit_logs"})
"""Scopes of resources that are about the workspace itself, which members read and admins write."""

_READ_ALL, _WRITE_ALL = f"all:{Permission.READ}", f"all:{Permission.WRITE}"


def scopes_of(role: Role) -> tuple[str, ...]:
    """Return the scopes of a role in the shipped catalogue, in their stored order."""
    # The catalogue lists resources whose rules ask here.
    from services.catalog import CATALOG

    return scopes_in(CATALOG, role)


def scopes_in(catalog: Catalog, role: Role) -> tuple[str, ...]:
    """Return the scopes of a role in `catalog`, in their stored order.

    A viewer reads everything; a member writes whatever is not about the workspace itself; an admin writes
    that too, name by name; and an owner has the one scope that covers all others, so that only owners may
    hand it on.
    """
    match role:
        case Role.OWNER:
            return (_WRITE_ALL,)
        case Role.ADMIN:
            return tuple(sorted({_READ_ALL, *_written(catalog), *_demanded(catalog)}))
        case Role.MEMBER:
            return tuple(sorted({_READ_ALL, *(_written(catalog) - set(map(_write, ACCOUNT)))}))
        case Role.VIEWER:
            return (_READ_ALL,)


def _write(scope: str) -> str:
    return f"{scope}:{Permission.WRITE}"


def _written(catalog: Catalog) -> set[str]:
    return {mcp.WRITE, *(_write(resource.scope) for resource in catalog if resource.actions)}


def _demanded(catalog: Catalog) -> set[str]:
    """Return what procedures demand beyond reading."""
    demanded = (getattr(procedure, "scope", None) for procedure in catalog.procedures)
    return {scope for scope in demanded if scope is not None and not covers((_READ_ALL,), scope)}
