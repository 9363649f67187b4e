"""People of a test: users with passwords, their memberships, and sessions as a login makes them."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from services import passwords
from services.roles import Role, scopes_of
from tests.support.client import Client
from tests.support.workshop import Workshop

PASSWORD = "a password that only tests know"
_HASH = passwords.hash_now(PASSWORD)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of a workspace: `session` is a client whose token is a session of theirs there."""

    user: str
    membership: str
    email: str
    session: Client


def user(shop: Workshop, email: str = "", **values: Any) -> str:
    """Return the id of a new user, who has a password; `values` set further columns."""
    row = {
        "id": uuid.uuid4(),
        "email": email or f"{uuid.uuid4().hex}@people.example",
        "name": "Somebody",
        "password_hash": _HASH,
        **values,
    }
    return _insert(shop, "users", row)


def join(shop: Workshop, role: Role, *, who: str = "", **values: Any) -> Person:
    """Return a new member, or the user `who` as one; `values` set columns of a user that is new."""
    person = who or user(shop, **values)
    row = {"workspace_id": shop.id, "id": uuid.uuid4(), "user_id": person, "role": role}
    membership = _insert(shop, "memberships", row)
    email = shop.stored.row("users", person)["email"]
    return Person(person, membership, email, session(shop, person, role))


def session(shop: Workshop, person: str, role: Role) -> Client:
    """Return a client with a fresh session of a user."""
    ends = datetime.now(UTC) + timedelta(hours=12)
    began, known = datetime.now(UTC), uuid.uuid4()
    return shop.holder(
        *scopes_of(role),
        kind="session",
        user_id=person,
        expires_at=ends,
        session_id=known,
        session_started_at=began,
    )


def roles(shop: Workshop) -> dict[str, str]:
    """Return the role of each live member by user."""
    rows = shop.stored.rows("memberships", shop.id, "workspace_id")
    return {str(row["user_id"]): row["role"] for row in rows if row["deleted_at"] is None}


def _insert(shop: Workshop, table: str, row: dict[str, Any]) -> str:
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    with psycopg.connect(shop.database) as connection:
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(row.values()))  # type: ignore[arg-type]  # Its text is made here.
    return str(row["id"])
