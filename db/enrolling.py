"""People as an operator takes them into a workspace, outside any request."""

from sqlalchemy import insert, select

from db.accounts import added
from db.auditing import Note, request_id
from db.models import Membership, Role, User
from db.provision import engine


def password_of(url: str, email: str) -> str | None:
    """Return the hash of the password of whoever has that address, None if nobody has."""
    asked = select(User.password_hash).where(User.email == email, User.deleted_at.is_(None))
    with engine(url).begin() as connection:
        found = connection.execute(asked).one_or_none()
    return None if found is None else found[0] or ""


def enrol(url: str, workspace: str, email: str, name: str, password: str, role: Role) -> str:
    """Return the id of a new user, with the hash of a `password`, who is a member of a workspace.

    Raises ProvisioningFailed where somebody has that address.
    """
    request = request_id()
    made = {"email": email, "name": name}
    with engine(url).begin() as connection:
        user = added(connection, {**made, "password_hash": password})
        joined = insert(Membership).values(workspace_id=workspace, user_id=user, role=role)
        membership = connection.execute(joined.returning(Membership.id)).scalar_one()
        held = {"user_id": str(user), "role": str(role)}
        for note in (
            Note("user.created", "user", user, after=made, request=request),
            Note("membership.created", "membership", membership, after=held, request=request),
        ):
            connection.execute(note.within(workspace))
    return str(user)
