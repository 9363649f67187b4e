"""Who calls and what they may do: principals and scopes."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.engine.errors import Problem, insufficient_scope
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


_WORDS = frozenset(map(str, Permission))


@dataclass(frozen=True, slots=True)
class Principal:
    """A live token: its workspace, its scopes and limits, and the version under which they were read.

    `user_id` is the user whose session it is, if it is one. It is `administrative` where that user is no
    member of the workspace but administers the platform. `tier` is the workspace's. One that is
    `trusted_only` may do nothing but run the workspace's trusted operations.
    """

    token_id: str
    workspace_id: str
    scopes: frozenset[str]
    version: int
    policy: Policy = STANDARD
    user_id: str | None = None
    administrative: bool = False
    tier: str = "free"
    trusted_only: bool = False


def allows(scopes: Collection[str], resource: Resource, action: Permission) -> bool:
    """Tell whether `scopes` allow `action` on `resource`."""
    return any(
        f"{resource.scope}:{granting}" in scopes or f"all:{granting}" in scopes
        for granting in _GRANTING[action]
    )


def require_scope(scopes: Collection[str], scope: str) -> None:
    """Raise the 403 problem unless `scopes` allow what `scope` allows (S3-079)."""
    if not covers(scopes, scope):
        raise insufficient_scope(scope, list(scopes))


def require(scopes: Collection[str], resource: Resource, action: Permission) -> None:
    """Raise the 403 problem unless `scopes` allow `action` on `resource` (S3-079)."""
    if not allows(scopes, resource, action):
        raise insufficient_scope(f"{resource.scope}:{action}", list(scopes))


def require_action(
    principal: Principal, resource: Resource, action: Action, ids: Collection[str | None]
) -> None:
    """Raise the 403 problem unless `principal` may do `action` to the rows of these ids (S3-079).

    What a token may do to itself needs no scope (S3-085).
    """
    oneself = action.on_oneself and set(ids) == {principal.token_id}
    if not oneself:
        require(principal.scopes, resource, permission(action))


def covers(scopes: Collection[str], scope: str) -> bool:
    """Tell whether whoever holds `scopes` may hand on `scope` (C-07): they allow all that it allows."""
    name, _, word = scope.partition(":")
    granting = _GRANTING[Permission(word)] if word in _WORDS else ()
    # Even a scope that no resource has any more is covered by the one that covers everything.
    return f"all:{Permission.WRITE}" in scopes or any(
        f"{name}:{each}" in scopes or f"all:{each}" in scopes for each in granting
    )


def lacking(scopes: Collection[str], wanted: Collection[str]) -> Problem | None:
    """Return the 403 problem that names the first of `wanted` that holders of `scopes` may not hand on."""
    missing = next((scope for scope in wanted if not covers(scopes, scope)), None)
    return None if missing is None else insufficient_scope(missing, list(scopes))


def permission(action: Action) -> Permission:
    """Return what a token must be allowed to do on the resource that `action` belongs to."""
    return Permission.DELETE if action.kind is ActionKind.DELETE else Permission.WRITE
