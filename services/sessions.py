"""Sessions: the tokens of people who have logged in, begun, refreshed and ended."""

import asyncio
import hmac
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from db.driver import Row
from db.models import TokenKind
from db.queries import memberships, users
from db.queries import sessions as queries
from services import tokens
from services.engine.deployment import Deployment
from services.engine.encoding import decoded, identifier
from services.engine.errors import Problem, conflict, invalid_token, not_found
from services.engine.procedures import Desk
from services.engine.work import Change, Work
from services.roles import Role, scopes_of
from services.token_rules import ADMIN, TOKEN, end_everywhere, end_tokens, mint, moment
from services.tokens import Environment

_LONGEST_NAME = 255
_NO_SESSION = "This token is no session of a user, so there is no account to manage with it."


@dataclass(frozen=True, slots=True)
class Begun:
    """A session as it is from now on: its raw token, shown once, and what that may do until when."""

    raw: str
    session_id: str
    workspace_id: str
    user_id: str
    role: Role | None
    scopes: tuple[str, ...]
    expires_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What somebody shows to refresh a session."""

    workspace_id: str
    token_id: str
    user_id: str
    session_id: str
    started_at: datetime


async def begin(work: Work, user_id: str) -> Begun:
    """Begin a session in the workspace at hand, for a user whom this transaction has locked.

    Raises the 404 problem for who has no business there.
    """
    new, here = work.new(TOKEN, {}), work.caller.principal.workspace_id
    return await _open(work, new, _Held(here, "", user_id, new.id, moment(work)))


async def place(desk: Desk, user_id: str, named: str | None) -> str | None:
    """Return the workspace of a user by id or slug, or that of the oldest membership, None if there is none.

    Administrators of the platform may name any.
    """
    for workspace, slug, *_ in await desk.rows(memberships.OF_USER, user_id.encode()):
        if named is None or named == decoded(slug) or identifier(named) == decoded(workspace):
            return decoded(workspace)
    known = await desk.rows(users.BY_ID, user_id.encode())
    if not known or known[0][6] != b"t":
        return None
    found = await desk.rows(users.WORKSPACE, None if named is None else named.encode())
    return decoded(found[0][0]) if found else None


async def refresh(desk: Desk, named: str | None = None) -> Begun:
    """Put a new token in the place of the one that was shown, which ends at once.

    It goes on in the workspace `named` by id or slug, if one is. Raises the 404 problem where the user has no
    business there, and the 401 problem for a token that has ended. If another took its place before, somebody
    may have stolen either, and the whole session ends (RFC 9700, section 4.14.2).
    """
    held = await _proven(desk)
    there = held.workspace_id if named is None else await place(desk, held.user_id, named)
    begun: Begun | None = None
    async with desk.work(held.workspace_id) as work:
        _act_as(work, held.user_id)
        stays = await work.rows(users.STAY, held.user_id.encode())
        # Whoever changes a role locks the membership before its sessions, and so must this.
        await work.rows(memberships.HELD, held.user_id.encode())
        old = (await work.load(TOKEN, [held.token_id])).get(held.token_id)
        ends = held.started_at + timedelta(seconds=desk.deployment.session_life)
        if stays and old is not None and _is_open(old, work) and ends > moment(work):
            await end_tokens(work, [old])
            begun = await _go_on(work, held, there)
            work.note("session.refreshed", "session", held.session_id, user_id=held.user_id)
        elif await end(work, held.user_id, session=held.session_id):
            why = {"shown": held.token_id, "reason": "a token that had ended was shown"}
            work.note("session.ended", "session", held.session_id, after=why, user_id=held.user_id)
    if begun is None:
        raise invalid_token()
    return begun


async def _go_on(work: Work, held: _Held, there: str | None) -> Begun:
    if there is None:
        raise no_business()
    if there == held.workspace_id:
        return await _open(work, work.new(TOKEN, {"rotated_from_id": held.token_id}), held)
    with work.within(there):
        return await _open(work, work.new(TOKEN, {}), replace(held, workspace_id=there))


def no_business() -> Problem:
    """Return the 404 problem of who is no member of the workspace they named."""
    return not_found("You are a member of no such workspace.")


async def end(work: Work, user_id: str, *, session: str | None = None, keep: str | None = None) -> int:
    """End a user's sessions wherever they are: all, or one `session`, but never the one to `keep`.

    Returns how many.
    """
    asked = [None if each is None else each.encode() for each in (session, keep)]
    found = await work.rows(queries.OPEN, user_id.encode(), *asked)
    await end_everywhere(work, found)
    return len(found)


async def listed(desk: Desk, user_id: str, token_id: str) -> list[dict[str, object]]:
    """Return the open sessions of a user; `token_id` is the token of the one that asks."""
    return [_shown(row, token_id) for row in await desk.rows(queries.LIST, user_id.encode())]


def user_of(desk: Desk) -> str:
    """Return the user whose session calls; raises the 409 problem for other tokens."""
    user = None if desk.caller is None else desk.caller.principal.user_id
    if user is None:
        raise conflict(_NO_SESSION)
    return user


async def own(work: Work) -> str:
    """Return the session that calls, as of this transaction; raises the 401 problem if it has ended."""
    found = await work.rows(queries.OWN)
    if not found or found[0][0] is None:
        raise invalid_token()
    return decoded(found[0][0])


# One token of a session


async def _open(work: Work, new: Change, held: _Held) -> Begun:
    """Write the token of a session with what its user may do now."""
    _act_as(work, held.user_id)
    role, scopes = await _rights(work, held.user_id)
    limits, now = work.deployment, moment(work)
    ends = min(
        now + timedelta(seconds=limits.session_idle),
        held.started_at + timedelta(seconds=limits.session_life),
    )
    new.values |= {
        "name": _name(work.caller.user_agent),
        "kind": TokenKind.SESSION,
        "scopes": sorted(scopes),
        "expires_at": ends,
        "user_id": held.user_id,
        "session_id": held.session_id,
        "session_started_at": held.started_at,
        "administrative": role is None,
    }
    await mint(work, new)
    await work.insert(TOKEN, [new])
    raw = str(new.once["token"])
    seconds = int((ends - now).total_seconds())
    return Begun(raw, held.session_id, held.workspace_id, held.user_id, role, scopes, ends, seconds)


async def _rights(work: Work, user_id: str) -> tuple[Role | None, tuple[str, ...]]:
    """Return what a user is in the workspace at hand, None for an administrator of the platform."""
    found = await work.rows(memberships.HELD, user_id.encode())
    if found:
        role = Role(decoded(found[0][1]))
        return role, scopes_of(role)
    known = await work.rows(users.STAY, user_id.encode())
    if not known or known[0][0] != b"t":
        raise no_business()
    return None, (ADMIN,)


def _act_as(work: Work, user_id: str) -> None:
    """Let audit rows name the user from here on, who has shown who they are."""
    work.caller.principal = replace(work.caller.principal, user_id=user_id)


def _is_open(token: Change, work: Work) -> bool:
    ends = (token.stored or {})["expires_at"]
    return ends is not None and bool(ends > moment(work))


def _name(agent: str) -> str:
    """Return what a session is called: the program that began it, as that calls itself."""
    return "".join(letter for letter in agent if letter.isprintable()).strip()[:_LONGEST_NAME] or "Session"


# A token that may have ended


async def _proven(desk: Desk) -> _Held:
    """Return what the token is that was shown, live or not; raises the 401 problem for no session's."""
    raw = desk.visit.presented
    key = tokens.lookup_key(raw, Environment(desk.deployment.environment))
    found = await desk.rows(queries.FIND, key.encode()) if key is not None else []
    if not found or found[0][7] != b"t" or not await _is_right(desk.deployment, raw, found[0]):
        raise invalid_token()
    workspace, token, _, _, user, session, started, _ = map(decoded, found[0])
    return _Held(workspace, token, user, session, datetime.fromisoformat(started).replace(tzinfo=UTC))


async def _is_right(deployment: Deployment, raw: str, row: Row) -> bool:
    stored = row[3] or b""
    checked = (tokens.precheck(raw, key).hex().encode() for key in tokens.precheck_keys(deployment))
    if not any(hmac.compare_digest(stored, each) for each in checked):
        return False
    return await asyncio.to_thread(tokens.verify, raw, decoded(row[2]))


def _shown(row: Row, token_id: str) -> dict[str, object]:
    session, token, workspace, slug, name, called, administrative, *times = row
    began, used, ends = (None if each is None else decoded(each) for each in times)
    return {
        "id": decoded(session),
        "name": decoded(called),
        "workspace": {"id": decoded(workspace), "slug": decoded(slug), "name": decoded(name)},
        "administrative": administrative == b"t",
        "current": decoded(token) == token_id,
        "started_at": began,
        "last_used_at": used,
        "expires_at": ends,
    }
