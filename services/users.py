"""Users: people, as the workspaces see them that they belong to."""

from db.models import User
from services.engine import formats
from services.engine.errors import Invalid
from services.engine.resource import Field, Relation, Resource


def email(text: str) -> str | Invalid:
    """Return the e-mail address as accounts know it: in lower case, since nobody remembers its case."""
    found = formats.email(text)
    return found.lower() if isinstance(found, str) else found


USER = Resource(
    name="user",
    plural="users",
    model=User,
    doc="A person with a live membership of the workspace.",
    fields=(
        Field(
            "email",
            "The address that the person logs in with, in lower case.",
            filterable=True,
            sortable=True,
            example="ada@example.com",
        ),
        Field("name", "What the person is called.", filterable=True, sortable=True, example="Ada Lovelace"),
        Field(
            "totp_enabled_at",
            "Since when the person logs in with a second factor, in UTC; null without one.",
            example=None,
        ),
    ),
    relations=(Relation("memberships", "The person's membership here.", many="membership", via="user_id"),),
)
