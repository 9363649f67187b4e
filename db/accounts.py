"""Accounts as an operator keeps them, outside any request: who there is, new passwords, and keeping out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from db.auditing import Note, request_id
from db.models import RecoveryCode, Token, TokenKind, User
from db.provision import ProvisioningFailed, engine


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What an operator is told of a user; moments are in UTC."""

    id: str
    email: str
    name: str
    is_platform_admin: bool
    has_second_factor: bool
    disabled_at: datetime | None
    last_login_at: datetime | None


def create(url: str, email: str, name: str, password: str, *, is_platform_admin: bool = False) -> str:
    """Return the id of a new user, with the hash of a `password`, who is in no workspace yet.

    Raises ProvisioningFailed where somebody has that address.
    """
    values = {"email": email, "name": name, "is_platform_admin": is_platform_admin}
    with engine(url).begin() as connection:
        user = added(connection, {**values, "password_hash": password})
        connection.execute(Note("user.created", "user", user, after=values).above)
    return str(user)


def listed(url: str) -> list[AccountFacts]:
    """Return all users there are, by their addresses."""
    shown = (
        User.id,
        User.email,
        User.name,
        User.is_platform_admin,
        User.totp_enabled_at.is_not(None),
        User.disabled_at,
        User.last_login_at,
    )
    asked = select(*shown).where(User.deleted_at.is_(None)).order_by(User.email)
    with engine(url).begin() as connection:
        return [AccountFacts(str(row[0]), *row[1:]) for row in connection.execute(asked)]


def set_password(url: str, email: str, password: str, *, forget_second_factor: bool = False) -> int:
    """Give a user another password, whose hash this is, and end all their sessions; returns how many.

    Raises ProvisioningFailed where nobody has that address.
    """
    request = request_id()
    with engine(url).begin() as connection:
        user, _ = locked(connection, email)
        values: dict[str, Any] = {"password_hash": password}
        if forget_second_factor:
            values |= {"totp_secret": None, "totp_enabled_at": None}
            connection.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user))
        change(connection, user, values)
        ended = end_sessions(connection, user, request)
        after = {"sessions_ended": ended, "second_factor_forgotten": forget_second_factor}
        connection.execute(Note("user.password_changed", "user", user, after=after, request=request).above)
    return ended


def disable(url: str, email: str) -> int:
    """Keep a user from logging in and end all their sessions; returns how many.

    Raises ProvisioningFailed where nobody has that address.
    """
    request = request_id()
    with engine(url).begin() as connection:
        user, _ = locked(connection, email)
        change(connection, user, {"disabled_at": func.coalesce(User.disabled_at, func.now())})
        ended = end_sessions(connection, user, request)
        note = Note("user.disabled", "user", user, after={"sessions_ended": ended}, request=request)
        connection.execute(note.above)
    return ended


def enable(url: str, email: str) -> None:
    """Let a user log in again; raises ProvisioningFailed where nobody has that address."""
    with engine(url).begin() as connection:
        user, _ = locked(connection, email)
        change(connection, user, {"disabled_at": None})
        connection.execute(Note("user.enabled", "user", user).above)


def added(connection: Connection, values: dict[str, Any]) -> UUID:
    """Return a new user of these values; raises ProvisioningFailed where somebody has that address."""
    email = values["email"]
    taken = select(User.id).where(User.email == email, User.deleted_at.is_(None))
    if connection.execute(taken).one_or_none() is not None:
        raise ProvisioningFailed(f"Somebody has an account with the address {email!r} already.")
    return connection.execute(insert(User).values(**values).returning(User.id)).scalar_one()


def locked(connection: Connection, email: str) -> tuple[UUID, bool]:
    """Return the user of an address, and whether they administer the platform.

    Whoever is logging in has a session by then, or will find this done. Raises ProvisioningFailed where
    nobody has that address.
    """
    asked = select(User.id, User.is_platform_admin).where(User.email == email, User.deleted_at.is_(None))
    found = connection.execute(asked.with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise ProvisioningFailed(f"Nobody has an account with the address {email!r}.")
    return found[0], found[1]


def change(connection: Connection, user: UUID, values: dict[str, Any]) -> None:
    """Write values of a user as a new version."""
    further = {"version": User.version + 1, "updated_at": func.now()}
    connection.execute(update(User).where(User.id == user).values(**values, **further))


def end_sessions(connection: Connection, user: UUID, request: str, *, administrative: bool = False) -> int:
    """End a user's sessions in every workspace, each of which is told so; returns how many.

    Where only `administrative` ones end, those stay that a membership allows.
    """
    which = Token.administrative if administrative else Token.kind == TokenKind.SESSION
    ended = (
        update(Token)
        .where(Token.user_id == user, which, Token.deleted_at.is_(None))
        .values(
            revoked_at=func.now(), deleted_at=func.now(), version=Token.version + 1, updated_at=func.now()
        )
        .returning(Token.workspace_id, Token.id)
    )
    rows = connection.execute(ended).all()
    for workspace, token in rows:
        connection.execute(Note("token.revoked", "token", token, request=request).within(workspace))
    return len(rows)
