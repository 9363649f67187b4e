"""Workspaces of one test alone, with tokens of any kind: whose last admin is nobody else's."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import psycopg

from diptych.runtime import precheck_key
from tests.support.client import Answer, Client
from tests.support.seed import add_token, settings
from tests.support.stored import Stored


@dataclass(frozen=True, slots=True)
class Workshop:
    """One workspace of the application's database; `admin` is a client whose token may do everything."""

    api: Client
    database: str
    slug: str = field(default_factory=lambda: f"shop-{uuid.uuid4().hex[:12]}")
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with psycopg.connect(self.database) as connection:
            text = "INSERT INTO workspaces (id, slug, name) VALUES (%s, %s, 'Workshop')"
            connection.execute(text, [self.id, self.slug])

    @property
    def stored(self) -> Stored:
        """Return what the database holds."""
        return Stored(self.database)

    def holder(self, *scopes: str, **values: Any) -> Client:
        """Return a client with a new token of these scopes; `values` set further columns."""
        with psycopg.connect(self.database) as connection:
            raw = add_token(connection, self.id, scopes, precheck_key(settings(self.database)), **values)
            found = connection.execute("SELECT id FROM tokens WHERE token_key = %s", [_key(raw)]).fetchone()
        self.ids[raw] = str(found[0] if found else "")
        return self.api.using(raw)

    def id_of(self, client: Client) -> str:
        """Return the id of a client's token."""
        return self.ids[client.token or ""]

    def row(self, client: Client) -> dict[str, Any]:
        """Return the row of a client's token."""
        return self.stored.row("tokens", self.id_of(client))

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of all its tokens."""
        return self.stored.rows("tokens", self.id, "workspace_id")


async def graphql(client: Client, query: str, **variables: Any) -> Answer:
    """Ask the GraphQL surface of the same application."""
    return await client.post("/graphql", {"query": query, "variables": variables})


def _key(raw: str) -> str:
    return raw.split("_")[2][:16]
