"""Who calls: what a token can learn of itself, at no cost (C-81)."""

from typing import Any

import strawberry

from schema.scalars import DateTime
from services.engine.context import Caller, Identity, Person


@strawberry.type(description="The workspace of the token that calls.")
class ViewerWorkspace:
    """A workspace as any of its tokens may know it."""

    id: strawberry.ID = strawberry.field(description="Identifier, a UUID version 4.")
    slug: str = strawberry.field(description="Short name in URLs.")
    name: str = strawberry.field(description="Display name.")


@strawberry.type(description="The token that calls.")
class ViewerToken:
    """A token as it may know itself."""

    id: strawberry.ID = strawberry.field(description="Identifier, a UUID version 4.")
    name: str = strawberry.field(description="What the token is for.")
    token_prefix: str = strawberry.field(description="Its first 12 characters.")
    kind: str = strawberry.field(description="What it is for: `api` for programs, `session` for a person.")
    expires_at: DateTime | None = strawberry.field(description="When it ends, in UTC; null means never.")


@strawberry.type(description="The user whose session calls.")
class ViewerUser:
    """A user as they may know themselves."""

    id: strawberry.ID = strawberry.field(description="Identifier, a UUID version 4.")
    email: str = strawberry.field(description="Address that they log in with.")
    name: str = strawberry.field(description="Name.")
    role: str | None = strawberry.field(
        description="What they are in the workspace; null where they are no member of it."
    )
    is_platform_admin: bool = strawberry.field(description="Whether they administer the platform.")


@strawberry.type(description="What is left of the budget of the token that calls.")
class ViewerRateLimit:
    """The state of a budget."""

    limit: int = strawberry.field(description="Points per minute.")
    remaining: int = strawberry.field(description="Points that are left.")
    reset_at: int = strawberry.field(description="When all of them are back, in seconds since 1970 (UTC).")


@strawberry.type(description="Who calls, and what they may do.")
class Viewer:
    """The caller."""

    user: ViewerUser | None = strawberry.field(
        description="The user who has logged in; null where the token is no session."
    )
    workspace: ViewerWorkspace = strawberry.field(description="The workspace of the token.")
    token: ViewerToken = strawberry.field(description="The token.")
    scopes: list[str] = strawberry.field(description="What it may do, as `resource:action`.")
    rate_limit: ViewerRateLimit | None = strawberry.field(
        description="What is left of its budget; null where nothing is limited."
    )


async def viewer(parent: Any, info: Any, given: dict[str, Any]) -> Viewer:
    """Return the caller of the operation in execution; raises the 401 problem."""
    execution = info.context
    caller = execution.caller
    return _viewer(await execution.reader.identify(caller), caller)


def _viewer(found: Identity, caller: Caller) -> Viewer:
    standing = caller.standing
    return Viewer(
        user=None if found.user is None else _user(found.user),
        workspace=ViewerWorkspace(
            id=strawberry.ID(found.workspace_id), slug=found.workspace_slug, name=found.workspace_name
        ),
        token=ViewerToken(
            id=strawberry.ID(found.token_id),
            name=found.token_name,
            token_prefix=found.token_prefix,
            kind=found.kind,
            expires_at=None if found.expires_at is None else DateTime(found.expires_at),
        ),
        scopes=list(found.scopes),
        rate_limit=None
        if standing is None
        else ViewerRateLimit(
            limit=standing.limit, remaining=standing.remaining, reset_at=int(caller.now) + standing.reset
        ),
    )


def _user(found: Person) -> ViewerUser:
    return ViewerUser(
        id=strawberry.ID(found.id),
        email=found.email,
        name=found.name,
        role=found.role,
        is_platform_admin=found.is_platform_admin,
    )
