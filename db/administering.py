"""Administrators of the platform as an operator makes and unmakes them, outside any request."""

from sqlalchemy import Connection, func, select, update

from db.auditing import Note, request_id
from db.models import Token, User
from db.provision import ProvisioningFailed, engine


def listed(url: str) -> list[tuple[str, str, bool]]:
    """Return address, name and whether they are disabled of all who administer the platform."""
    asked = select(User.email, User.name, User.disabled_at.is_not(None)).where(
        User.is_platform_admin, User.deleted_at.is_(None)
    )
    with engine(url).begin() as connection:
        found = connection.execute(asked.order_by(User.email))
        return [(email, name, disabled) for email, name, disabled in found]


def decide(url: str, email: str, *, administers: bool) -> bool:
    """Let a user administer the platform, or no longer, which ends the sessions they had as such.

    Returns whether that is new; raises ProvisioningFailed where nobody has that address.
    """
    request = request_id()
    with engine(url).begin() as connection:
        asked = select(User.id, User.is_platform_admin).where(User.email == email, User.deleted_at.is_(None))
        found = connection.execute(asked.with_for_update(key_share=True)).one_or_none()
        if found is None:
            raise ProvisioningFailed(f"Nobody has an account with the address {email!r}.")
        user, before = found
        if before is not administers:
            values = {"is_platform_admin": administers, "version": User.version + 1, "updated_at": func.now()}
            connection.execute(update(User).where(User.id == user).values(**values))
            word = "granted" if administers else "withdrawn"
            told = ({"is_platform_admin": before}, {"is_platform_admin": administers})
            note = Note(f"user.administration_{word}", "user", user, *told, request=request)
            connection.execute(note.above)
        if not administers:
            _end(connection, user, request)
    return before is not administers


def _end(connection: Connection, user: object, request: str) -> None:
    """End the sessions that a user has where no membership allows them."""
    ended = (
        update(Token)
        .where(Token.user_id == user, Token.administrative, Token.deleted_at.is_(None))
        .values(
            revoked_at=func.now(), deleted_at=func.now(), version=Token.version + 1, updated_at=func.now()
        )
        .returning(Token.workspace_id, Token.id)
    )
    for workspace, token in connection.execute(ended).all():
        connection.execute(Note("token.revoked", "token", token, request=request).within(workspace))
