"""Invitations: who may become a member of a workspace, proven by a token that is shown once."""

from collections.abc import Sequence
from datetime import timedelta

from db.models import Invitation
from db.queries import invitations as queries
from services import tokens
from services.engine import formats
from services.engine.encoding import decoded, text_array
from services.engine.errors import conflict
from services.engine.resource import Action, ActionKind, Field, Kind, Relation, Resource, Shown
from services.engine.work import Change, Work
from services.memberships import judge
from services.roles import Role
from services.token_rules import fresh, moment
from services.users import email

DAYS = 7
"""How long an invitation can be accepted."""

_ACCEPTED = "It was accepted already; change the membership that came of it."


async def create(work: Work, changes: Sequence[Change]) -> None:
    """Invite people to roles that may no more than the one who invites."""
    for each in changes:
        judge(work, each, each.after["role"])
    good = [each for each in changes if each.good]
    await _retire(work, good)
    for each in good:
        principal = work.caller.principal
        each.values |= {"invited_by_token_id": principal.token_id, "invited_by_user_id": principal.user_id}
        await _mint(work, each)


async def rotate(work: Work, changes: Sequence[Change]) -> None:
    """Put a new token in the place of the old one, which opens nothing any more."""
    for each in changes:
        _judge_open(work, each)
        if each.good:
            await _mint(work, each)


async def revoke(work: Work, changes: Sequence[Change]) -> None:
    """Take invitations back."""
    for each in changes:
        _judge_open(work, each)


def _judge_open(work: Work, change: Change) -> None:
    stored = change.stored or {}
    judge(work, change, stored["role"])
    if change.good and stored["accepted_at"] is not None:
        change.problem = conflict(_ACCEPTED)


async def _retire(work: Work, changes: Sequence[Change]) -> None:
    """Delete invitations of the same addresses that have expired."""
    if changes:
        found = await work.rows(queries.OVERDUE, text_array(each.values["email"] for each in changes))
        overdue = list((await work.load(INVITATION, [decoded(id_) for (id_,) in found])).values())
        for each in overdue:
            each.values["deleted_at"] = moment(work)
        await work.update(INVITATION, overdue, "deleted")


async def _mint(work: Work, change: Change) -> None:
    made = await fresh(work, tokens.INVITATION)
    ends = moment(work) + timedelta(days=DAYS)
    change.values |= {"token_key": made.key, "token_hash": made.hash, "expires_at": ends}
    change.once["token"] = made.raw


_RAW = Field(
    "token",
    "What the invited person shows to accept, which nobody can read again; no e-mail is sent.",
    shown=Shown.ONCE,
    kind=Kind.STRING,
    example="dipinvite_prod_…",
)

INVITATION = Resource(
    name="invitation",
    plural="invitations",
    model=Invitation,
    doc="What lets a person become a member of the workspace.",
    bulk=False,
    fields=(
        Field(
            "email",
            "Whom it is for: the address that the person logs in with, in lower case.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            check=email,
            pattern=formats.EMAIL,
            example="ada@example.com",
        ),
        Field(
            "role",
            "What the person will be in the workspace.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            enum=Role,
            example="member",
        ),
        Field(
            "expires_at",
            f"Until when it can be accepted, in UTC: {DAYS} days after it was made or rotated.",
            filterable=True,
            sortable=True,
        ),
        Field(
            "accepted_at",
            "When it was accepted, in UTC; null while it is open.",
            filterable=True,
            sortable=True,
        ),
        Field("accepted_by_user_id", "Who accepted it, or null."),
        Field("invited_by_token_id", "The token that made it."),
        Field("invited_by_user_id", "The user whose session made it, or null for an API token."),
    ),
    relations=(
        Relation(
            "accepted_by",
            "Who accepted it, if that is still a member.",
            one="user",
            via="accepted_by_user_id",
        ),
        Relation(
            "invited_by",
            "Whose session made it, if that is still a member.",
            one="user",
            via="invited_by_user_id",
        ),
    ),
    actions=(
        Action(ActionKind.CREATE, "create", "created", "Invite a person.", create, shows=(_RAW,)),
        Action(
            ActionKind.DELETE, "delete", "revoked", "Take it back; its token opens nothing any more.", revoke
        ),
        Action(
            ActionKind.ITEM,
            "rotate",
            "rotated",
            f"Put a new token in place of the old one, for another {DAYS} days.",
            rotate,
            shows=(_RAW,),
        ),
    ),
)
