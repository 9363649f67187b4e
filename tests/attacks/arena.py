"""Two workspaces and their tokens as an attacker sees them, and an eye on everything that is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from db.describe import table
from diptych.runtime import precheck_key
from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.support.client import Answer, Client
from tests.support.seed import Row, Seed, add_token, settings

OWN, STRANGER = "acme", "globex"
"""The attacker's workspace, and the one that is attacked."""

_FENCES = {
    "workspaces": "id = %s",
    "users": "id IN (SELECT user_id FROM memberships WHERE workspace_id = %s AND deleted_at IS NULL)",
}
"""How the rows of a workspace are told from others where they do not name it."""

_LEFT_OUT = frozenset({"alembic_version"})


def digests(database: str) -> dict[str, tuple[int, str]]:
    """Return for every table of a database how many rows it has, and a digest of all their values."""
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    digest = sql.SQL("SELECT count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM {} t")
    with psycopg.connect(database) as connection:
        names = [name for (name,) in connection.execute(listed) if name not in _LEFT_OUT]
        return {
            name: connection.execute(digest.format(sql.Identifier(name))).fetchone()  # type: ignore[misc]
            for name in names
        }


@contextmanager
def untouched(database: str) -> Iterator[None]:
    """Fail the test unless the whole database is as it was."""
    before = digests(database)
    assert len(before) >= 12
    yield
    assert digests(database) == before


@dataclass(frozen=True, slots=True)
class Arena:
    """What attackers start from: `anybody` has no token; the seed's rows are known to them by their ids."""

    anybody: Client
    seed: Seed
    made: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def admin(self) -> Client:
        """Return a client that may do everything in its own workspace, and yet nothing elsewhere."""
        return self.anybody.using(self.seed.tokens[OWN, "writer"])

    @property
    def reader(self) -> Client:
        """Return a client that may read everything in its own workspace."""
        return self.anybody.using(self.seed.tokens[OWN, "reader"])

    @property
    def stranger(self) -> Client:
        """Return a client that may do everything in the other workspace."""
        return self.anybody.using(self.seed.tokens[STRANGER, "writer"])

    def holder(self, *scopes: str, workspace: str = OWN) -> Client:
        """Return a client whose token has these scopes alone."""
        key = (workspace, *sorted(scopes))
        if key not in self.made:
            database = self.seed.database
            with psycopg.connect(database) as connection:
                own, check = self.seed.workspaces[workspace]["id"], precheck_key(settings(database))
                self.made[key] = add_token(connection, own, scopes, check)
        return self.anybody.using(self.made[key])

    def rows(self, resource: Resource, workspace: str = STRANGER) -> list[Row]:
        """Return the live rows of a resource, as they are stored now."""
        return self._stored(resource, workspace, "IS NULL")

    def gone(self, resource: Resource, workspace: str = OWN) -> list[Row]:
        """Return the deleted rows of a resource."""
        return self._stored(resource, workspace, "IS NOT NULL")

    def _stored(self, resource: Resource, workspace: str, state: str) -> list[Row]:
        fence = _FENCES.get(resource.plural, "workspace_id = %s")
        text = sql.SQL(f"SELECT * FROM {{}} WHERE {fence} AND deleted_at {state} ORDER BY id")
        with psycopg.connect(self.seed.database, row_factory=psycopg.rows.dict_row) as connection:
            name = sql.Identifier(table(resource.model).name)
            return connection.execute(text.format(name), [self.seed.workspaces[workspace]["id"]]).fetchall()

    def untouched(self) -> Any:
        """Fail the test unless the whole database is as it was."""
        return untouched(self.seed.database)


async def graphql(client: Client, query: str, **variables: Any) -> Answer:
    """Ask the GraphQL surface of the same application."""
    return await client.post("/graphql", {"query": query, "variables": variables})


def refusals(answer: Answer) -> list[dict[str, Any]]:
    """Return the problems of a GraphQL answer, those of payloads too."""
    found = answer.json()
    told = [error["extensions"]["problem"] for error in found.get("errors", ())]
    payloads = (found.get("data") or {}).values()
    for payload in payloads:
        if isinstance(payload, dict) and payload.get("problem"):
            told.append(payload["problem"])
    return told


TENANT = [resource for resource in CATALOG if resource.tenant]
WRITABLE = [resource for resource in CATALOG if resource.actions]
CHANGING = [resource for resource in WRITABLE if "update" in resource.actions_by_name]


def named(resource: Resource) -> str:
    """Return how a test calls a resource."""
    return resource.plural
