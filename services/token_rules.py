"""Tokens as a resource: who may grant what, who may end whose, and the last admin, who stays."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from db.driver import Row
from db.models import RateTier, Token, TokenKind
from db.queries import token_rules as queries
from services import tokens
from services.engine.access import Principal, lacking
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid, conflict, insufficient_scope
from services.engine.registered import not_trusted
from services.engine.resource import Action, ActionKind, Counted, Field, Kind, Relation, Resource, Shown
from services.engine.work import Change, Work

ADMIN = "all:write"
"""The scope that makes a token one of the workspace's admins (C-08)."""

LONGEST_GRACE_HOURS = 720

_LIMITS = ("rate_limit_tier", "rate_limit_per_minute", "burst", "rate_limit_per_day")
_MOST_POINTS = 100_000
_PAST = Invalid("greater_than", "This must lie in the future.")
_SESSION = Invalid("exclusion", "A session ends when it was to end; log in again.")
_REPLACED = Invalid("exclusion", "The token was rotated, so that it ends when it was to end at the latest.")
_ROLE = Invalid("exclusion", "What a session may do follows from its user's role.")
_BOUND = Invalid(
    "exclusion", "A token bound to trusted operations makes none without that bound, and frees none."
)
_FREE_SESSION = Invalid("exclusion", "A session is bound to no trusted operations.")
_NO_TEXTS = Invalid("invalid_format", "This must be a list of texts such as products:read.")


def canonical(scopes: Collection[str]) -> list[str]:
    """Return scopes in their stored form: sorted, each once, older spellings translated (C-06)."""
    return sorted({_canonical(scope.strip()) for scope in scopes})


def _canonical(scope: str) -> str:
    if scope in ("read", "write"):
        return f"all:{scope}"
    name, _, word = scope.replace("-", "_").partition(":")
    return f"{'tokens' if name == 'api_keys' else name}:{word}"


def _scopes(value: list[Any]) -> list[str] | Invalid:
    return canonical(value) if all(isinstance(scope, str) for scope in value) else _NO_TEXTS


async def create(work: Work, changes: Sequence[Change]) -> None:
    """Make tokens that may do no more than the one that makes them."""
    for each in changes:
        _judge_grants(work, each)
        if each.good:
            each.values |= _made_by(work)
            await mint(work, each)


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Rename tokens, and change what they may do; their sessions on every worker follow at once."""
    for each in changes:
        _judge_rank(work.caller.principal, each)
        _judge_grants(work, each)
        if each.good and _lasts_longer(each) and await _was_replaced(work, each):
            # A rotation is in vain if whoever has the old token can put off its end.
            each.refuse("expires_at", _REPLACED)
    await _keep_an_admin(work, [each for each in changes if each.good and _gives_up(each)])


async def _was_replaced(work: Work, change: Change) -> bool:
    return (await work.rows(queries.REPLACED, change.id.encode()))[0][0] == b"t"


async def revoke(work: Work, changes: Sequence[Change]) -> None:
    """End tokens for good (S3-084 to S3-089)."""
    for each in changes:
        _judge_rank(work.caller.principal, each)
        each.values["revoked_at"] = each.values["deleted_at"]
    await _keep_an_admin(work, [each for each in changes if each.good])


async def end_tokens(work: Work, found: Sequence[Change]) -> None:
    """End loaded tokens beside an action, whoever asks for it."""
    for each in found:
        each.values |= {"revoked_at": moment(work), "deleted_at": moment(work)}
    await work.update(TOKEN, found, "revoked")


async def end_everywhere(work: Work, rows: Iterable[Row]) -> None:
    """End tokens of several workspaces: `rows` are ids of workspaces and of tokens, by workspace."""
    for workspace_id, listed in groupby(rows, key=lambda row: decoded(row[0])):
        with work.within(workspace_id):
            found = await work.load(TOKEN, [decoded(id_) for _, id_ in listed])
            await end_tokens(work, list(found.values()))


async def rotate(work: Work, changes: Sequence[Change]) -> None:
    """Put a new token in the place of each, which ends when the grace period does (C-85)."""
    for each in changes:
        principal, stored = work.caller.principal, each.stored or {}
        each.problem = lacking(principal.scopes, stored["scopes"])
        if principal.trusted_only and not stored["trusted_only"]:
            # What took its place would be in the caller's hands, and not bound.
            each.problem = not_trusted("A token bound to trusted operations rotates none without that bound.")
        if each.problem is None and stored["user_id"] is not None:
            # What took its place would belong to no user, and outlast a logout and another password.
            each.problem = conflict("This is the session of a user, who refreshes it instead.")
        if each.problem is not None:
            continue
        hours = str(each.inputs["grace_period_hours"]).encode()
        ends, over, replaced = (await work.rows(queries.ROTATING, each.id.encode(), hours))[0]
        if over == b"t":
            each.problem = conflict("The token has expired, so there is nothing to replace.")
        elif replaced == b"t":
            each.problem = conflict("The token was rotated before; rotate the one that replaced it.")
        else:
            await _replace(work, each, decoded(ends))


async def _replace(work: Work, old: Change, ends: str) -> None:
    stored = old.stored or {}
    kept = {name: stored[name] for name in ("name", "kind", "scopes", "expires_at", "trusted_only", *_LIMITS)}
    new = work.new(TOKEN, {**kept, **_made_by(work), "rotated_from_id": old.id})
    await mint(work, new)
    new.once["grace_period_ends_at"] = ends
    await work.insert(TOKEN, [new])
    old.values["expires_at"], old.answer = ends, new


def _made_by(work: Work) -> dict[str, Any]:
    principal = work.caller.principal
    return {"created_by_token_id": principal.token_id or None, "created_by_user_id": principal.user_id}


async def mint(work: Work, change: Change) -> None:
    """Give a new token its secret, which the answer shows once."""
    made = await fresh(work)
    change.values |= {
        "token_prefix": made.prefix,
        "token_key": made.key,
        "token_hash": made.hash,
        "precheck": "\\x" + made.precheck.hex(),
    }
    change.once["token"] = made.raw


async def fresh(work: Work, app: str = tokens.APP) -> tokens.NewToken:
    """Return a fresh token, of another `app` where it opens something else."""
    environment = tokens.Environment(work.deployment.environment)
    # Hashing takes tens of milliseconds, in which others must be answered.
    return await asyncio.to_thread(tokens.generate, environment, tokens.precheck_key(work.deployment), app)


# Who may do what


def _judge_grants(work: Work, change: Change) -> None:
    """Refuse what the caller does not hold itself, and an end that is past already."""
    principal, stored = work.caller.principal, change.stored or {}
    added = sorted({*change.values.get("scopes", ())} - {*stored.get("scopes", ())})
    change.problem = change.problem or lacking(principal.scopes, added)
    if added and stored.get("user_id") is not None:
        change.refuse("scopes", _ROLE)
    if _limits(change.after) != _limits(stored) and not is_admin(principal.scopes):
        # Whoever could raise a limit could spend more than was granted.
        change.problem = change.problem or insufficient_scope(ADMIN, list(principal.scopes))
    _judge_bound(principal, change, added)
    ends = change.values.get("expires_at")
    if ends is not None and ends != stored.get("expires_at") and ends <= moment(work):
        change.refuse("expires_at", _PAST)
    if stored.get("kind") == TokenKind.SESSION and _lasts_longer(change):
        change.refuse("expires_at", _SESSION)


def _judge_bound(principal: Principal, change: Change, added: Collection[str]) -> None:
    """Refuse a token more than its maker may do: one without the bound to trusted operations is more."""
    stored = change.stored or {}
    before, after = stored.get("trusted_only"), bool(change.after.get("trusted_only"))
    if principal.trusted_only and not after and (before is not False or added):
        change.refuse("trusted_only", _BOUND)
    if after and stored.get("kind") == TokenKind.SESSION:
        change.refuse("trusted_only", _FREE_SESSION)
    if before and not after:
        # Whoever takes the bound off grants all that the token may do beyond it.
        change.problem = change.problem or lacking(principal.scopes, stored["scopes"])


def _limits(row: Mapping[str, Any]) -> list[Any]:
    """Return what limits a token; no tier is the standard one."""
    tier, *numbers = (row.get(name) for name in _LIMITS)
    return [tier or RateTier.STANDARD, *numbers]


def _lasts_longer(change: Change) -> bool:
    before, after = (change.stored or {})["expires_at"], change.after["expires_at"]
    return before is not None and (after is None or after > before)


def _judge_rank(principal: Principal, change: Change) -> None:
    """Refuse changes of an admin token to all but admins and itself."""
    held = (change.stored or {})["scopes"]
    if is_admin(held) and not is_admin(principal.scopes) and change.id != principal.token_id:
        change.problem = insufficient_scope(ADMIN, list(principal.scopes))


def is_admin(scopes: Collection[str]) -> bool:
    """Tell whether a token of these scopes is one of its workspace's admins."""
    return ADMIN in scopes


# The last admin


def _gives_up(change: Change) -> bool:
    """Tell whether a change makes an admin less lasting: fewer scopes, or an earlier end."""
    before, after = change.stored or {}, change.after
    ends, ended = after["expires_at"], before["expires_at"]
    less = not is_admin(after["scopes"]) or after["trusted_only"]
    return less or (ends is not None and (ended is None or ends < ended))


async def _keep_an_admin(work: Work, changes: Sequence[Change]) -> None:
    """Refuse changes that would leave the workspace without an admin token (S3-089)."""
    losing = [each for each in changes if _counts(work, each.stored or {})]
    if not losing:
        return
    await work.rows(queries.LOCK_ADMINS)
    ids = text_array(each.id for each in losing)
    if (await work.rows(queries.OTHER_ADMINS, ids))[0][0] == b"0":
        for each in losing:
            each.problem = conflict("This is the last admin token of the workspace, which must keep one.")


def _counts(work: Work, stored: Mapping[str, Any]) -> bool:
    ends = stored["expires_at"]
    live = ends is None or ends > moment(work)
    lasting = live and stored["kind"] == TokenKind.API
    return lasting and not stored["trusted_only"] and is_admin(stored["scopes"])


def moment(work: Work) -> datetime:
    """Return when the request at hand began, in UTC."""
    return datetime.fromtimestamp(work.caller.now, UTC)


_RAW = Field(
    "token",
    "The token itself, which nobody can read again.",
    shown=Shown.ONCE,
    kind=Kind.STRING,
    example="dip_prod_…",
)
_GRACE = Field(
    "grace_period_hours",
    "For how many hours both tokens open the door; 0 ends the old one at once.",
    kind=Kind.INTEGER,
    minimum=0,
    maximum=LONGEST_GRACE_HOURS,
    default=24,
    example=24,
)
_GRACE_ENDS = Field(
    "grace_period_ends_at", "When the old token ends, in UTC.", kind=Kind.DATETIME, example=None
)

TOKEN = Resource(
    name="token",
    plural="tokens",
    model=Token,
    doc="A credential of the workspace: what opens the API, and what it may do there.",
    counted=Counted("tokens", (("kind", "api"),)),
    bulk=False,
    fields=(
        Field(
            "name",
            "What the token is for.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            example="research-bot",
        ),
        Field(
            "kind",
            "What it is for: `api` for programs, `session` for a person who has logged in.",
            filterable=True,
            enum=TokenKind,
        ),
        Field("token_prefix", "Its first 12 characters, to know it by.", filterable=True),
        Field(
            "scopes",
            "What it may do, as `resource:action`; an empty list is nothing at all.",
            writable=True,
            required=True,
            check=_scopes,
            among=lambda catalog: catalog.scopes,
            example=["products:read", "orders:write"],
        ),
        Field(
            "rate_limit_tier",
            "Its named rate limit; null means the standard one.",
            writable=True,
            enum=RateTier,
            example="standard",
        ),
        Field(
            "rate_limit_per_minute",
            "Points per minute, in place of its tier's.",
            writable=True,
            minimum=1,
            maximum=_MOST_POINTS,
        ),
        Field(
            "burst", "Points at once, in place of its tier's.", writable=True, minimum=1, maximum=_MOST_POINTS
        ),
        Field(
            "rate_limit_per_day",
            "Points per day (UTC), if they are limited.",
            writable=True,
            minimum=1,
            maximum=_MOST_POINTS * 1440,
        ),
        Field(
            "trusted_only",
            "Whether it may do nothing but run the workspace's trusted operations, by GraphQL.",
            writable=True,
            example=False,
        ),
        Field(
            "last_used_at",
            "When it was last used, to the minute, in UTC.",
            filterable=True,
            sortable=True,
        ),
        Field(
            "expires_at",
            "When it ends by itself, in UTC; null means never.",
            writable=True,
            filterable=True,
            sortable=True,
        ),
        Field(
            "revoked_at",
            "When it was revoked, in UTC; a filter on it shows revoked tokens too.",
            filterable=True,
            reveals=True,
        ),
        Field("rotated_from_id", "The token that it replaced, or null.", filterable=True),
        Field("created_by_token_id", "The token that made it, or null.", filterable=True),
        Field(
            "created_by_user_id", "The user whose session made it, or null for an API token.", filterable=True
        ),
        Field("user_id", "The user whose session it is, or null for an API token.", filterable=True),
    ),
    relations=(Relation("rotated_from", "The token that it replaced.", via="rotated_from_id", one="token"),),
    aliases={"prefix": "token_prefix"},
    actions=(
        Action(ActionKind.CREATE, "create", "created", "Make a new one.", create, shows=(_RAW,)),
        Action(ActionKind.REPLACE, "replace", "updated", "Replace all of it.", change),
        Action(ActionKind.UPDATE, "update", "updated", "Change some of it.", change),
        Action(
            ActionKind.DELETE,
            "delete",
            "revoked",
            "Revoke it at once and for good; a token may do this to itself without any scope.",
            revoke,
            on_oneself=True,
        ),
        Action(
            ActionKind.ITEM,
            "rotate",
            "rotated",
            "Put a new one with the same name, scopes and limits in its place.",
            rotate,
            inputs=(_GRACE,),
            shows=(_RAW, _GRACE_ENDS),
        ),
    ),
)
