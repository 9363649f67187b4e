"""Accepting an invitation: a person and a membership at once, telling nobody who has an account."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from db.queries import invitations as queries
from db.queries import memberships, users
from services import accounts, passwords, second_factor, throttling, tokens
from services.accounts import Account
from services.engine.encoding import decoded
from services.engine.entitling import claim
from services.engine.errors import Problem, conflict, not_found
from services.engine.procedures import Desk, Method, PublicProcedure, Result
from services.engine.resource import Field, Kind
from services.engine.work import Change, Work
from services.entitlements import PLANS
from services.invitations import INVITATION
from services.memberships import MEMBERSHIP
from services.roles import Role
from services.token_rules import moment

_LONGEST_NAME = 255
_NOTHING = (
    "No open invitation is accepted by this. Whoever has an account already proves it by its password, and "
    "by a code if it has a second factor."
)


@dataclass(frozen=True, slots=True)
class _Open:
    """An invitation whose token was shown: where it leads, whom it is for, and the hash of that token."""

    workspace: str
    id: str
    email: str
    hash: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A person who proved to be the one of that address: the hash of the password, and perhaps a code."""

    id: str
    hash: str
    code: second_factor.Proof | None


async def _accept(desk: Desk, inputs: Mapping[str, Any]) -> Result:
    found = await _shown(desk, inputs["token"])
    guessed = await throttling.guess(desk, found.email)
    account = await accounts.found(desk, users.BY_EMAIL, found.email)
    known = None if account is None else await _proven(desk, account, inputs)
    new = await passwords.hashed(inputs["password"]) if known is None else ""
    async with desk.work(found.workspace) as work:
        invitation = await _locked(work, found)
        if known is None:
            user = await _made(work, found.email, inputs["name"], new)
        else:
            user = await _still(work, known)
        # Whoever has shown who they are acts as that from here on, as audit rows tell.
        work.caller.principal = replace(work.caller.principal, user_id=user)
        membership = await _joined(work, user, invitation)
        await throttling.right(work, guessed)
    return Result(
        {
            "workspace_id": found.workspace,
            "email": found.email,
            "role": membership.values["role"],
            "user_id": user,
            "membership_id": membership.id,
        }
    )


async def _shown(desk: Desk, raw: str) -> _Open:
    """Return the open invitation behind a raw token; raises the 404 problem."""
    key = tokens.lookup_key(raw, tokens.Environment(desk.deployment.environment), tokens.INVITATION)
    found = [] if key is None else await desk.rows(queries.FIND, key.encode())
    if not found or not await asyncio.to_thread(tokens.verify, raw, decoded(found[0][3])):
        raise _nothing()
    return _Open(*map(decoded, found[0]))


async def _proven(desk: Desk, account: Account, inputs: Mapping[str, Any]) -> _Known:
    """Return who has an account already, if that is who accepts; raises the 404 problem."""
    right = await passwords.verified(inputs["password"], account.hash)
    second = account.has_second_factor
    code = accounts.proof(desk, account, inputs) if second else None
    if not right or not account.enabled or (second and code is None):
        raise _nothing()
    return _Known(account.id, account.hash or "", code)


async def _locked(work: Work, found: _Open) -> Change:
    """Return the invitation, which nobody else accepts, revokes or rotates then; raises the 404 problem."""
    invitation = (await work.load(INVITATION, [found.id])).get(found.id)
    stored = invitation.stored or {} if invitation is not None else {}
    if invitation is None or stored["accepted_at"] is not None or stored["token_hash"] != found.hash:
        raise _nothing()
    return invitation


async def _made(work: Work, email: str, name: str, hash_: str) -> str:
    """Return a new person; raises the 404 problem where one of that address came to be meanwhile."""
    made = await work.rows(queries.MAKE_USER, email.encode(), name.encode(), hash_.encode())
    if not made:
        raise _nothing()
    user = decoded(made[0][0])
    work.note("user.created", "user", user, after={"email": email, "name": name}, user_id=user)
    return user


async def _still(work: Work, known: _Known) -> str:
    """Return a person who is still as proven, and whose code nobody has used; raises the 404 problem."""
    same = await work.rows(queries.STILL, known.id.encode(), known.hash.encode())
    if not same or (known.code is not None and not await second_factor.use(work, known.id, known.code)):
        raise _nothing()
    if await work.rows(memberships.HELD, known.id.encode()):
        raise conflict("Whoever has this account is a member of the workspace already.")
    return known.id


async def _joined(work: Work, user: str, invitation: Change) -> Change:
    """Make the membership and close the invitation."""
    role = Role((invitation.stored or {})["role"])
    await claim(work, PLANS, MEMBERSHIP, 1, work.deployment.upgrade_url)
    made = work.new(MEMBERSHIP, {"user_id": user, "role": role, "invitation_id": invitation.id})
    await work.insert(MEMBERSHIP, [made])
    invitation.values |= {"accepted_at": moment(work), "accepted_by_user_id": user}
    await work.update(INVITATION, [invitation], "accepted")
    return made


def _nothing() -> Problem:
    return not_found(_NOTHING)


ACCEPT = PublicProcedure(
    "accept_invitation",
    "auth/invitations/accept",
    "Become a member of the workspace that one was invited to, with a new account or with the one that the "
    "invited address has. Log in afterwards.",
    Method.POST,
    _accept,
    status=201,
    inputs=(
        Field(
            "token",
            "The token of the invitation.",
            kind=Kind.STRING,
            required=True,
            example="dipinvite_prod_…",
        ),
        Field(
            "name",
            "What the person is called; whoever has an account keeps the name of that.",
            kind=Kind.STRING,
            required=True,
            longest=_LONGEST_NAME,
            example="Ada Lovelace",
        ),
        Field(
            "password",
            "The password of the new account, or of the one that there is.",
            kind=Kind.STRING,
            required=True,
            check=passwords.chosen,
            pattern=passwords.PATTERN,
            shortest=passwords.SHORTEST,
            longest=passwords.LONGEST,
            example="correct horse battery staple",
        ),
        Field(
            "totp_code",
            "A code of the second factor, where the account has one.",
            kind=Kind.STRING,
            example=None,
        ),
        Field(
            "recovery_code", "One of its recovery codes, in place of that.", kind=Kind.STRING, example=None
        ),
    ),
    outputs=(
        Field("workspace_id", "The workspace.", kind=Kind.UUID, required=True),
        Field("email", "The address to log in with.", kind=Kind.STRING, required=True),
        Field("role", "What the person is in the workspace.", kind=Kind.STRING, enum=Role, required=True),
        Field("user_id", "The person.", kind=Kind.UUID, required=True),
        Field("membership_id", "The membership.", kind=Kind.UUID, required=True),
    ),
)
