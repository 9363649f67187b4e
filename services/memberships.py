"""Memberships: who belongs to a workspace and as what, the last owner, and the sessions that follow."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.models import Membership
from db.queries import memberships as queries
from services.engine.access import lacking
from services.engine.encoding import decoded, text_array
from services.engine.errors import conflict
from services.engine.procedures import Credential, Desk, DeskProcedure, Method, Procedure, Result
from services.engine.resource import Action, ActionKind, Counted, Field, Kind, Relation, Resource
from services.engine.work import Change, Work
from services.roles import Role, scopes_of
from services.token_rules import TOKEN, end_tokens, moment

_LAST = "This is the last owner of the workspace, which must keep one."
_NOBODY = "This token is no session of a member, so there is nobody who could leave."


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Give members other roles, which their sessions follow at once."""
    for each in changes:
        judge(work, each, (each.stored or {})["role"], each.after["role"])
    moved = [each for each in changes if each.good and _role(each) != each.after["role"]]
    await _keep_an_owner(work, moved)
    kept = [each for each in moved if each.good]
    await _follow(work, {_user(each): Role(each.after["role"]) for each in kept})


async def remove(work: Work, changes: Sequence[Change]) -> None:
    """Take members out of the workspace, and end their sessions there at once."""
    for each in changes:
        if _user(each) != work.caller.principal.user_id:
            judge(work, each, _role(each))
    gone = [each for each in changes if each.good]
    await _keep_an_owner(work, gone)
    await _follow(work, {_user(each): None for each in gone if each.good})


def judge(work: Work, change: Change, *roles: str) -> None:
    """Refuse what has to do with a role that may more than the caller: granting, altering or taking it."""
    held = work.caller.principal.scopes
    for role in dict.fromkeys(roles):
        change.problem = change.problem or lacking(held, scopes_of(Role(role)))


def _user(change: Change) -> str:
    return str((change.stored or {})["user_id"])


def _role(change: Change) -> Role:
    return Role((change.stored or {})["role"])


async def _keep_an_owner(work: Work, changes: Sequence[Change]) -> None:
    """Refuse changes that would leave the workspace without an owner."""
    losing = [each for each in changes if _role(each) is Role.OWNER]
    if not losing:
        return
    await work.rows(queries.LOCK_OWNERS)
    ids = text_array(each.id for each in losing)
    if (await work.rows(queries.OTHER_OWNERS, ids))[0][0] == b"0":
        for each in losing:
            each.problem = conflict(_LAST)


async def _follow(work: Work, roles: Mapping[str, Role | None]) -> None:
    """Rewrite the scopes of users' sessions after their roles, and end those of users who have none."""
    if not roles:
        return
    users = text_array(roles)
    owners = {decoded(id_): decoded(user) for id_, user in await work.rows(queries.SESSIONS, users)}
    found = await work.load(TOKEN, owners)
    ended = []
    for id_, session in found.items():
        role = roles[owners[id_]]
        if role is None:
            ended.append(session)
        else:
            session.values["scopes"] = list(scopes_of(role))
    await end_tokens(work, ended)
    await work.update(TOKEN, [each for each in found.values() if each not in ended])


MEMBERSHIP = Resource(
    name="membership",
    plural="memberships",
    model=Membership,
    doc="One person in the workspace, in a role.",
    counted=Counted("members"),
    bulk=False,
    fields=(
        Field("user_id", "Who belongs to the workspace.", filterable=True),
        Field(
            "role",
            "What the person may do: `owner` everything, `admin` all but what concerns owners, `member` "
            "whatever is not about the workspace itself, `viewer` nothing but read.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            enum=Role,
            example="member",
        ),
        Field("invitation_id", "The invitation that the person came by, or null."),
    ),
    relations=(
        Relation("user", "Who belongs to the workspace.", one="user", via="user_id"),
        Relation(
            "invitation", "The invitation that the person came by.", one="invitation", via="invitation_id"
        ),
    ),
    actions=(
        Action(ActionKind.REPLACE, "replace", "updated", "Replace all of it.", change),
        Action(ActionKind.UPDATE, "update", "updated", "Give the person another role.", change),
        Action(ActionKind.DELETE, "delete", "removed", "Take the person out of the workspace.", remove),
    ),
)


# Oneself


async def _leave(work: Work, inputs: Mapping[str, Any]) -> Result:
    user = work.caller.principal.user_id
    held = await work.rows(queries.HELD, user.encode()) if user is not None else []
    if not held:
        raise conflict(_NOBODY)
    (own,) = (await work.load(MEMBERSHIP, [decoded(held[0][0])])).values()
    own.values["deleted_at"] = moment(work)
    await remove(work, [own])
    if own.problem is not None:
        raise own.problem
    await work.update(MEMBERSHIP, [own], "removed")
    return Result(credential=Credential("", 0))


async def _workspaces(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    user = None if desk.caller is None else desk.caller.principal.user_id
    found = [] if user is None else await desk.rows(queries.OF_USER, user.encode())
    names = ("workspace_id", "slug", "name", "role", "membership_id")
    return Result([dict(zip(names, map(decoded, row), strict=True)) for row in found])


LEAVE = Procedure(
    "leave_workspace",
    "auth/leave",
    "Leave the workspace of one's session, which ends; needs no scope. The last owner stays.",
    Method.POST,
    _leave,
    status=204,
)

WORKSPACES = DeskProcedure(
    "my_workspaces",
    "auth/workspaces",
    "The workspaces of the user whose session this is, by the oldest membership first; none for API tokens.",
    Method.GET,
    _workspaces,
    many=True,
    outputs=(
        Field("workspace_id", "The workspace.", kind=Kind.UUID, required=True),
        Field("slug", "Its short name.", kind=Kind.STRING, required=True),
        Field("name", "Its display name.", kind=Kind.STRING, required=True),
        Field("role", "What the user is there.", kind=Kind.STRING, enum=Role, required=True),
        Field("membership_id", "The user's membership there.", kind=Kind.UUID, required=True),
    ),
)
