"""Who calls and what they may do: principals and scopes."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.engine.errors import insufficient_scope
from services.engine.limits import STANDARD, Policy
from services.engine.resource import Action, ActionKind, Resource


class Permission(StrEnum):
    """What a scope allows on a resource (S3-064, S3-065, C-05)."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"


_GRANTING = {
    Permission.READ: (Permission.READ, Permission.WRITE),
    Permission.WRITE: (Permission.WRITE,),
    Permission.DELETE: (Permission.DELETE, Permission.WRITE),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A live token: its workspace, its scopes and limits, and the version under which they were read."""

    token_id: str
    workspace_id: str
    scopes: frozenset[str]
    version: int
    policy: Policy = STANDARD


def allows(scopes: Collection[str], resource: Resource, action: Permission) -> bool:
    """Tell whether `scopes` allow `action` on `resource`."""
    return any(
        f"{resource.scope}:{granting}" in scopes or f"all:{granting}" in scopes
        for granting in _GRANTING[action]
    )


def require(scopes: Collection[str], resource: Resource, action: Permission) -> None:
    """Raise the 403 problem unless `scopes` allow `action` on `resource` (S3-079)."""
    if not allows(scopes, resource, action):
        raise insufficient_scope(f"{resource.scope}:{action}", list(scopes))


def permission(action: Action) -> Permission:
    """Return what a token must be allowed to do on the resource that `action` belongs to."""
    return Permission.DELETE if action.kind is ActionKind.DELETE else Permission.WRITE
