"""Administrators of the platform as an operator makes and unmakes them, outside any request."""

from sqlalchemy import select

from db.accounts import change, end_sessions, locked
from db.auditing import Note, request_id
from db.models import User
from db.provision import engine


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
        user, before = locked(connection, email)
        if before is not administers:
            change(connection, user, {"is_platform_admin": administers})
            word = "granted" if administers else "withdrawn"
            told = ({"is_platform_admin": before}, {"is_platform_admin": administers})
            note = Note(f"user.administration_{word}", "user", user, *told, request=request)
            connection.execute(note.above)
        if not administers:
            end_sessions(connection, user, request, administrative=True)
    return before is not administers
