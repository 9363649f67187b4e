"""Administrators of the platform: they see all workspaces and say who else does, which is written down."""

from collections.abc import Mapping
from typing import Any

from db.driver import Row
from db.models import Tier
from db.queries import administrators as queries
from services.engine import formats
from services.engine.context import Caller
from services.engine.encoding import decoded
from services.engine.errors import Problem, Slug, not_found
from services.engine.procedures import Desk, DeskProcedure, Method, Part, Procedure, Result
from services.engine.resource import Field, Kind
from services.engine.transaction import actor
from services.engine.work import Work
from services.token_rules import end_everywhere
from services.users import email

_LARGEST_PAGE, _PAGE = 100, 50
_REFUSAL = "Only a session of somebody who administers the platform may do this."


async def _workspaces(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    _admit(desk.caller, await desk.rows(queries.IS_ONE, _user(desk.caller)), "all_workspaces")
    limit = int(inputs["limit"])
    asked = [_text(inputs.get(name)) for name in ("search", "after")]
    found = await desk.rows(queries.WORKSPACES, *asked, b"%d" % (limit + 1))
    shown = [_workspace(row) for row in found[:limit]]
    more = len(found) > limit
    return Result({"workspaces": shown, "next_after": shown[-1]["slug"] if more else None})


def _workspace(row: Row) -> dict[str, Any]:
    names = ("id", "slug", "name", "tier", "parent_workspace_id", "inserted_at")
    told: dict[str, Any] = {
        name: None if value is None else decoded(value) for name, value in zip(names, row, strict=False)
    }
    return told | {"members": int(row[6] or 0)}


async def _listed(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    _admit(desk.caller, await desk.rows(queries.IS_ONE, _user(desk.caller)), "platform_administrators")
    return Result([_administrator(row) for row in await desk.rows(queries.LIST)])


def _administrator(row: Row) -> dict[str, Any]:
    id_, address, name, disabled, second, login = row
    return {
        "id": decoded(id_),
        "email": decoded(address),
        "name": decoded(name),
        "disabled": disabled == b"t",
        "totp_enabled": second == b"t",
        "last_login_at": None if login is None else decoded(login),
    }


async def _grant(work: Work, inputs: Mapping[str, Any]) -> Result:
    await _admitted(work, "grant_platform_administration")
    found = await work.rows(queries.BY_EMAIL, inputs["email"].encode())
    if not found:
        raise not_found("Nobody has an account with this address.")
    id_, name = map(decoded, found[0])
    await _decide(work, id_, "t", "user.administration_granted")
    return Result({"id": id_, "email": inputs["email"], "name": name})


async def _withdraw(work: Work, inputs: Mapping[str, Any]) -> Result:
    await _admitted(work, "withdraw_platform_administration")
    user = str(inputs["user_id"])
    await _decide(work, user, "f", "user.administration_withdrawn")
    await end_everywhere(work, await work.rows(queries.SESSIONS, user.encode()))
    return Result()


async def _decide(work: Work, user_id: str, administers: str, action: str) -> None:
    request, user, address = actor(work.caller)
    told = (user_id.encode(), administers.encode(), action.encode(), user, address, request)
    await work.rows(queries.DECIDE, *told)


async def _admitted(work: Work, name: str) -> None:
    _admit(work.caller, await work.rows(queries.IS_ONE, _user(work.caller)), name)


def _admit(caller: Caller | None, found: list[Row], name: str) -> None:
    """Raise the 403 problem unless it is an administrator who calls, whose reading is then written down."""
    if not found or caller is None:
        raise Problem(Slug.INSUFFICIENT_SCOPE, _REFUSAL)
    if not caller.watched:
        caller.looked_at.append(name)


def _user(caller: Caller | None) -> bytes | None:
    user = None if caller is None else caller.principal.user_id
    return None if user is None else user.encode()


def _text(value: Any) -> bytes | None:
    return None if value is None else str(value).encode()


ALL_WORKSPACES = DeskProcedure(
    "all_workspaces",
    "admin/workspaces",
    "Every workspace there is, by its slug; for administrators of the platform.",
    Method.GET,
    _workspaces,
    inputs=(
        Field("search", "A text that slug or name contain.", kind=Kind.STRING),
        Field("after", "The slug that the page begins behind.", kind=Kind.STRING),
        Field(
            "limit",
            "How many there are to be.",
            kind=Kind.INTEGER,
            default=_PAGE,
            minimum=1,
            maximum=_LARGEST_PAGE,
        ),
    ),
    outputs=(
        Part(
            "workspaces",
            "The page.",
            (
                Field("id", "The workspace.", kind=Kind.UUID, required=True),
                Field("slug", "Its short name.", kind=Kind.STRING, required=True),
                Field("name", "Its display name.", kind=Kind.STRING, required=True),
                Field("tier", "Its tier.", kind=Kind.STRING, enum=Tier, required=True),
                Field("parent_workspace_id", "The workspace that made it, or null.", kind=Kind.UUID),
                Field("inserted_at", "When it was made, in UTC.", kind=Kind.DATETIME, required=True),
                Field("members", "How many people belong to it.", kind=Kind.INTEGER, required=True),
            ),
            many=True,
        ),
        Field("next_after", "What `after` is on the next page; null on the last one.", kind=Kind.STRING),
    ),
)

ADMINISTRATORS = DeskProcedure(
    "platform_administrators",
    "admin/administrators",
    "Who administers the platform; for those who do.",
    Method.GET,
    _listed,
    many=True,
    outputs=(
        Field("id", "The user.", kind=Kind.UUID, required=True),
        Field("email", "The address that the user logs in with.", kind=Kind.STRING, required=True),
        Field("name", "What the user is called.", kind=Kind.STRING, required=True),
        Field("disabled", "Whether the user is kept from logging in.", kind=Kind.BOOLEAN, required=True),
        Field("totp_enabled", "Whether a second factor is asked for.", kind=Kind.BOOLEAN, required=True),
        Field("last_login_at", "When the user last logged in, in UTC, or null.", kind=Kind.DATETIME),
    ),
)

GRANT = Procedure(
    "grant_platform_administration",
    "admin/administrators",
    "Let a user administer the platform; for those who do. They may then log in to any workspace.",
    Method.POST,
    _grant,
    inputs=(
        Field(
            "email",
            "The address that the user logs in with.",
            kind=Kind.STRING,
            required=True,
            check=email,
            pattern=formats.EMAIL,
            example="ada@example.com",
        ),
    ),
    outputs=(
        Field("id", "The user.", kind=Kind.UUID, required=True),
        Field("email", "The address that the user logs in with.", kind=Kind.STRING, required=True),
        Field("name", "What the user is called.", kind=Kind.STRING, required=True),
    ),
)

WITHDRAW = Procedure(
    "withdraw_platform_administration",
    "admin/administrators/{user_id}",
    "Let a user no longer administer the platform, and end at once the sessions that they had as such.",
    Method.DELETE,
    _withdraw,
    inputs=(Field("user_id", "The user.", kind=Kind.UUID, required=True),),
    status=204,
)

ADMINISTRATION = (ALL_WORKSPACES, ADMINISTRATORS, GRANT, WITHDRAW)
