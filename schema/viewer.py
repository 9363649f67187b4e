"""Who calls: what a token can learn of itself, at no cost (C-81)."""

from typing import Any

import strawberry

from schema.connections import made_type
from schema.inputs import Inputs
from schema.scalars import DateTime
from services.engine.context import Caller, Identity

_ID = (strawberry.ID, "Identifier, a UUID version 4.")


def viewer_type(inputs: Inputs) -> Any:
    """Return the type of the caller, whose kind and role are those of the catalogue's tokens and members."""
    user, token = _user_type(inputs), _token_type(inputs)
    workspace = made_type(
        "ViewerWorkspace",
        "The workspace of the token that calls.",
        {"id": _ID, "slug": (str, "Short name in URLs."), "name": (str, "Display name.")},
    )
    limit = made_type(
        "ViewerRateLimit",
        "What is left of the budget of the token that calls.",
        {
            "limit": (int, "Points per minute."),
            "remaining": (int, "Points that are left."),
            "reset_at": (int, "When all of them are back, in seconds since 1970 (UTC)."),
        },
    )
    return made_type(
        "Viewer",
        "Who calls, and what they may do.",
        {
            "user": (user | None, "The user who has logged in; null where the token is no session."),
            "workspace": (workspace, "The workspace of the token."),
            "token": (token, "The token."),
            "scopes": (list[str], "What it may do, as `resource:action`."),
            "rate_limit": (limit | None, "What is left of its budget; null where nothing is limited."),
        },
    )


def _token_type(inputs: Inputs) -> Any:
    kind = _enum(inputs, "token", "kind")
    return made_type(
        "ViewerToken",
        "The token that calls.",
        {
            "id": _ID,
            "name": (str, "What the token is for."),
            "token_prefix": (str, "Its first 12 characters."),
            "kind": (kind, "What it is for: `API` for programs, `SESSION` for a person."),
            "expires_at": (DateTime | None, "When it ends, in UTC; null means never."),
        },
    )


def _user_type(inputs: Inputs) -> Any:
    role = _enum(inputs, "membership", "role")
    return made_type(
        "ViewerUser",
        "The user whose session calls.",
        {
            "id": _ID,
            "email": (str, "Address that they log in with."),
            "name": (str, "Name."),
            "role": (role | None, "What they are in the workspace; null where they are no member of it."),
            "is_platform_admin": (bool, "Whether they administer the platform."),
        },
    )


def _enum(inputs: Inputs, resource: str, field: str) -> Any:
    """Return the enum of a field, or a text where the catalogue has no such resource."""
    found = next((each for each in inputs.catalog if each.name == resource), None)
    values = found.all_fields[field].enum if found else None
    return inputs.enum(values) if values else str


async def viewer(parent: Any, info: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return the caller of the operation in execution; raises the 401 problem."""
    execution = info.context
    caller = execution.caller
    return _viewer(await execution.reader.identify(caller), caller)


def _viewer(found: Identity, caller: Caller) -> dict[str, Any]:
    standing = caller.standing
    return {
        "user": found.user,
        "workspace": {
            "id": found.workspace_id,
            "slug": found.workspace_slug,
            "name": found.workspace_name,
        },
        "token": {
            "id": found.token_id,
            "name": found.token_name,
            "token_prefix": found.token_prefix,
            "kind": found.kind,
            "expires_at": found.expires_at,
        },
        "scopes": list(found.scopes),
        "rate_limit": None
        if standing is None
        else {
            "limit": standing.limit,
            "remaining": standing.remaining,
            "reset_at": int(caller.now) + standing.reset,
        },
    }
