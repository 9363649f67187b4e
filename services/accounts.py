"""Accounts: who logs in and where, and what people change once they have proven themselves again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from db.execute import Prepared
from db.queries import second_factors, users
from services import passwords, second_factor, sessions, throttling
from services.engine.encoding import decoded
from services.engine.errors import (
    Invalid,
    Problem,
    Slug,
    conflict,
    invalid_token,
    not_found,
    validation_failed,
)
from services.engine.procedures import Credential, Desk, Result
from services.engine.work import Work
from services.second_factor import Proof
from services.sessions import Begun
from services.throttling import Guess

Inputs = Mapping[str, Any]

# Equal for whoever is unknown, is disabled, or errs in whatever they show.
_WRONG = "The address, the password or the code is wrong."
_NO_SECOND = "The account has no second factor."
_HAS_SECOND = "The account has a second factor already; disable it first."


@dataclass(frozen=True, slots=True)
class Account:
    """A user as their account stands; `sealed` is the secret of the second factor, pending or in force."""

    id: str
    email: str
    name: str
    hash: str | None = field(repr=False)
    sealed: str | None = field(repr=False)
    has_second_factor: bool
    is_platform_admin: bool
    enabled: bool


# Logging in


async def login(desk: Desk, inputs: Inputs) -> Result:
    """Begin a session for who knows the password and has the second factor, if there is one."""
    return await _log_in(desk, inputs, administrators=False)


async def admin_login(desk: Desk, inputs: Inputs) -> Result:
    """Begin a session for an administrator of the platform, and for nobody else (S1-006)."""
    given = {**inputs, "email": inputs["username"], "recovery_code": None, "workspace": None}
    return await _log_in(desk, given, administrators=True)


async def _log_in(desk: Desk, inputs: Inputs, *, administrators: bool) -> Result:
    guessed = await throttling.guess(desk, inputs["email"])
    account = await found(desk, users.BY_EMAIL, inputs["email"])
    right = await _is_right(desk, inputs["password"], account, guessed)
    if account is None or not right or not account.enabled:
        raise _wrong()
    if administrators and not account.is_platform_admin:
        raise _wrong()
    code = await _code(desk, account, inputs, guessed)
    place = await sessions.place(desk, account.id, inputs["workspace"])
    if place is None:
        await throttling.take_back(desk, guessed)
        raise sessions.no_business()
    async with desk.work(place) as work:
        if not await work.rows(users.LOG_IN, account.id.encode(), (account.hash or "").encode()):
            raise _wrong()
        if code is not None and not await second_factor.use(work, account.id, code):
            raise _wrong()
        begun = await sessions.begin(work, account.id)
        await throttling.right(work, guessed)
        after = {"session_id": begun.session_id, "administrative": begun.role is None}
        work.note("user.logged_in", "user", account.id, after=after, user_id=account.id)
    return await _begun(desk, begun, account)


async def refresh(desk: Desk, inputs: Inputs) -> Result:
    """Go on with a session under a new token."""
    begun = await sessions.refresh(desk, inputs["workspace"])
    account = await found(desk, users.BY_ID, begun.user_id)
    if account is None:
        raise invalid_token()
    return await _begun(desk, begun, account)


async def _is_right(desk: Desk, password: str, account: Account | None, guessed: Guess) -> bool:
    """Tell whether this is the password of an account; raises the 503 problem where too many wait."""
    try:
        return await passwords.verified(password, None if account is None else account.hash)
    except Problem:
        # What was not judged is no guess, so that nobody waits because others are many.
        await throttling.take_back(desk, guessed)
        raise


async def _code(desk: Desk, account: Account, inputs: Inputs, guessed: Guess) -> Proof | None:
    """Return the code that fits, None where none is needed; raises the 401 problem."""
    if not account.has_second_factor:
        return None
    if not inputs["totp_code"] and not inputs["recovery_code"]:
        # Whoever is told so knew the password, and guessed at nothing.
        await throttling.take_back(desk, guessed)
        detail = "A code of the second factor is needed."
        raise Problem(Slug.INVALID_CREDENTIALS, detail, extensions={"totp_required": True})
    shown = proof(desk, account, inputs)
    if shown is None:
        raise _wrong()
    return shown


def proof(desk: Desk, account: Account, inputs: Inputs) -> Proof | None:
    """Return what the code that was sent proves, None if it fits nothing."""
    return second_factor.proof(
        desk.deployment,
        account.id,
        account.sealed or "",
        code=inputs["totp_code"],
        recovery=inputs["recovery_code"],
        now=desk.visit.now,
    )


# What is one's own


async def logout(desk: Desk, inputs: Inputs) -> Result:
    """End the session that calls."""
    user = sessions.user_of(desk)
    async with desk.work(_here(desk)) as work:
        session = await sessions.own(work)
        await sessions.end(work, user, session=session)
        work.note("session.ended", "session", session, user_id=user)
    return Result(credential=Credential("", 0))


async def list_sessions(desk: Desk, inputs: Inputs) -> Result:
    """Return one's sessions."""
    user = sessions.user_of(desk)
    return Result(await sessions.listed(desk, user, desk.caller.principal.token_id if desk.caller else ""))


async def end_session(desk: Desk, inputs: Inputs) -> Result:
    """End one of one's sessions, wherever it is."""
    user, session = sessions.user_of(desk), str(inputs["id"])
    async with desk.work(_here(desk)) as work:
        own = await sessions.own(work)
        if not await sessions.end(work, user, session=session):
            raise not_found("You have no such session.")
        work.note("session.ended", "session", session, user_id=user)
    return Result(credential=Credential("", 0) if session == own else None)


async def change_password(desk: Desk, inputs: Inputs) -> Result:
    """Take another password, and end every session but this one, in every workspace."""
    account, guessed = await _confirmed(desk, inputs["current_password"], "current_password")
    fresh = await passwords.hashed(inputs["password"])
    async with desk.work(_here(desk)) as work:
        session = await sessions.own(work)
        known = (account.hash or "").encode()
        if not await work.rows(users.CHANGE_PASSWORD, account.id.encode(), known, fresh.encode()):
            raise conflict("The password was changed meanwhile.")
        ended = await sessions.end(work, account.id, keep=session)
        await throttling.right(work, guessed)
        work.note("user.password_changed", "user", account.id, after={"sessions_ended": ended})
    return Result({"sessions_ended": ended})


async def enroll_totp(desk: Desk, inputs: Inputs) -> Result:
    """Set a secret aside for a second factor, which the first code from it puts in force."""
    account, guessed = await _confirmed(desk, inputs["password"], "password")
    secret, sealed = second_factor.new_secret(desk.deployment, account.id)
    async with desk.work(_here(desk)) as work:
        await sessions.own(work)
        if not await work.rows(second_factors.PREPARE, account.id.encode(), sealed.encode()):
            raise conflict(_HAS_SECOND)
        await throttling.right(work, guessed)
        work.note("user.totp_prepared", "user", account.id)
    return Result({"secret": secret, "uri": second_factor.address_of(secret, account.email)})


async def confirm_totp(desk: Desk, inputs: Inputs) -> Result:
    """Put a second factor in force, and hand out recovery codes."""
    account = await _own(desk)
    if account.has_second_factor or account.sealed is None:
        raise conflict(_HAS_SECOND if account.has_second_factor else "There is no secret to confirm.")
    shown = proof(desk, account, {"totp_code": inputs["totp_code"], "recovery_code": None})
    if shown is None:
        raise _invalid("totp_code", "This is not the code of now.")
    async with desk.work(_here(desk)) as work:
        await sessions.own(work)
        asked = (account.id.encode(), shown.secret.encode(), b"%d" % (shown.step or 0))
        if not await work.rows(second_factors.ENABLE, *asked):
            raise conflict("The second factor was changed meanwhile.")
        codes = await second_factor.new_recovery_codes(work, account.id)
        work.note("user.totp_enabled", "user", account.id)
    return Result({"recovery_codes": codes})


async def disable_totp(desk: Desk, inputs: Inputs) -> Result:
    """Do without the second factor, with its last word."""
    account, guessed = await _confirmed(desk, inputs["password"], "password")
    async with desk.work(_here(desk)) as work:
        await _prove_again(desk, work, account, inputs)
        await second_factor.disable(work, account.id)
        await throttling.right(work, guessed)
        work.note("user.totp_disabled", "user", account.id)
    return Result()


async def renew_recovery_codes(desk: Desk, inputs: Inputs) -> Result:
    """Hand out recovery codes in place of all earlier ones."""
    account, guessed = await _confirmed(desk, inputs["password"], "password")
    async with desk.work(_here(desk)) as work:
        await _prove_again(desk, work, account, inputs)
        codes = await second_factor.new_recovery_codes(work, account.id)
        await throttling.right(work, guessed)
        work.note("user.recovery_codes_renewed", "user", account.id)
    return Result({"recovery_codes": codes})


async def _prove_again(desk: Desk, work: Work, account: Account, inputs: Inputs) -> None:
    """Use up a code of the second factor; raises the 401, 409 and 422 problems."""
    await sessions.own(work)
    if not account.has_second_factor:
        raise conflict(_NO_SECOND)
    shown = proof(desk, account, inputs)
    if shown is None or not await second_factor.use(work, account.id, shown):
        raise _invalid("totp_code", "This code is wrong, or was used before.")


async def _confirmed(desk: Desk, password: str, name: str) -> tuple[Account, Guess]:
    """Return the caller's account once its password was shown as the input `name`.

    A stolen session is no way to find the password out, so guesses count here too. Raises the 422 problem.
    """
    account = await _own(desk)
    guessed = await throttling.guess(desk, account.email)
    if not await _is_right(desk, password, account, guessed):
        raise _invalid(name, "This is not the password.")
    return account, guessed


async def _own(desk: Desk) -> Account:
    account = await found(desk, users.BY_ID, sessions.user_of(desk))
    if account is None or not account.enabled:
        raise invalid_token()
    return account


async def found(desk: Desk, query: Prepared, key: str) -> Account | None:
    """Return the account that a query of `db.queries.users` finds by its id or address, None without one."""
    rows = await desk.rows(query, key.encode())
    if not rows:
        return None
    id_, email, name, hash_, sealed, second, above, enabled = rows[0]
    return Account(
        decoded(id_),
        decoded(email),
        decoded(name),
        None if hash_ is None else hash_.decode(),
        None if sealed is None else sealed.decode(),
        second == b"t",
        above == b"t",
        enabled == b"t",
    )


async def _begun(desk: Desk, begun: Begun, account: Account) -> Result:
    """Return what whoever has logged in is told."""
    named = await desk.rows(users.WORKSPACE, begun.workspace_id.encode())
    if not named:
        raise invalid_token()
    values = {
        "token": begun.raw,
        "expires_at": begun.expires_at,
        "session_id": begun.session_id,
        "scopes": list(begun.scopes),
        "workspace": dict(zip(("id", "slug", "name"), map(decoded, named[0]), strict=True)),
        "user": {
            "id": account.id,
            "email": account.email,
            "name": account.name,
            "role": begun.role,
            "is_platform_admin": account.is_platform_admin,
        },
    }
    return Result(values, Credential(begun.raw, begun.seconds))


def _here(desk: Desk) -> str:
    return "" if desk.caller is None else desk.caller.principal.workspace_id


def _wrong() -> Problem:
    return Problem(Slug.INVALID_CREDENTIALS, _WRONG)


def _invalid(name: str, message: str) -> Problem:
    return validation_failed({name: [Invalid("exclusion", message)]})
