"""The world that parity is tried in: a running application, the rows behind it, and tokens of every kind."""

import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from db.describe import table
from db.tenancy import seen_through
from diptych.runtime import precheck_key
from services.engine.catalog import Catalog
from services.engine.resource import Resource
from tests.parity.filling import fill
from tests.parity.neutral import Row
from tests.support.application import driver_of, running
from tests.support.client import Application, Client
from tests.support.expected import rendered
from tests.support.seed import add_token, plant, settings

OWN, OTHER = "acme", "globex"
"""The workspace whose tokens ask, and a stranger's."""


@dataclass(frozen=True, slots=True)
class World:
    """One database with rows of every resource, and the application that serves it."""

    database: str
    catalog: Catalog
    application: Application
    workspaces: dict[str, uuid.UUID]
    rows: dict[tuple[str, str], list[Row]]
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    def live(self, resource: Resource, workspace: str = OWN) -> list[Row]:
        """Return the rows that are not deleted, in JSON values."""
        return [row for row in self.rows[workspace, resource.name] if row["deleted_at"] is None]

    def deleted(self, resource: Resource, workspace: str = OWN) -> list[Row]:
        """Return the rows that are deleted."""
        return [row for row in self.rows[workspace, resource.name] if row["deleted_at"] is not None]

    async def client(self, *scopes: str, workspace: str = OWN) -> Client:
        """Return a client whose token has exactly these scopes and is known to the application."""
        key = (workspace, *sorted(scopes))
        if key not in self.tokens:
            self.tokens[key] = self.fresh_token(scopes, workspace)
            # The first request with a token looks it up; from then on each request proves it by the way.
            await Client(self.application, self.tokens[key]).get("/api/v1/nowhere")
        return Client(self.application, self.tokens[key])

    def fresh_token(self, scopes: Iterable[str], workspace: str = OWN) -> str:
        """Return the raw text of a token that nobody else uses."""
        with psycopg.connect(self.database) as connection:
            precheck = precheck_key(settings(self.database))
            made = add_token(connection, self.workspaces[workspace], scopes, precheck)
        self._note_token(made, workspace)
        return made

    def _note_token(self, raw: str, workspace: str) -> None:
        """Add a token to the rows where tokens are a resource like others."""
        found = next((each for each in self.catalog if each.plural == "tokens"), None)
        if found is not None:
            with psycopg.connect(self.database, row_factory=dict_row) as connection:
                key = raw.split("_")[2][:16]
                rows = connection.execute("SELECT * FROM tokens WHERE token_key = %s", [key])
                self.rows[workspace, found.name] += [
                    {name: rendered(row[name]) for name in found.all_fields} for row in rows
                ]

    def traffic(self) -> tuple[int, int]:
        """Return how many statements and round trips the application has needed so far."""
        driver = driver_of(self.application)
        return driver.statements_sent, driver.round_trips


@asynccontextmanager
async def opened(database: str, catalog: Catalog, **changes: Any) -> AsyncIterator[World]:
    """Fill a migrated database with rows of every resource, and serve it; `changes` are settings."""
    workspaces, rows = filled(database, catalog)
    async with running(database, catalog, **changes) as application:
        yield World(database, catalog, application, workspaces, rows)


def filled(database: str, catalog: Catalog) -> tuple[dict[str, uuid.UUID], dict[tuple[str, str], list[Row]]]:
    """Fill a migrated database with rows of every resource; return its workspaces and the rows in JSON."""
    seed = plant(database, ())
    workspaces = {slug: row["id"] for slug, row in seed.workspaces.items()}
    with psycopg.connect(database, row_factory=dict_row) as connection:
        for slug in (OWN, OTHER):
            fill(connection, catalog, workspaces[slug])
        rows = {
            (slug, resource.name): _stored(connection, resource, workspaces[slug])
            for slug in (OWN, OTHER)
            for resource in catalog
        }
        # Statistics settle the plans of the planner, so that every run asks the same of the database.
        connection.execute("ANALYZE")
    return workspaces, rows


def _stored(connection: psycopg.Connection[dict[str, Any]], resource: Resource, own: uuid.UUID) -> list[Row]:
    """Return the rows that a token of workspace `own` may see, deleted ones too."""
    fence = "workspace_id = %(own)s" if resource.tenant else "%(own)s IN (id, parent_workspace_id)"
    through = seen_through(table(resource.model))
    if through is not None:
        fence = (
            f"id IN (SELECT {through[1]} FROM {through[0].name}"
            " WHERE workspace_id = %(own)s AND deleted_at IS NULL)"
        )
    name = sql.Identifier(table(resource.model).name)
    found = connection.execute(sql.SQL("SELECT * FROM {} WHERE " + fence).format(name), {"own": own})
    return [{name: rendered(row[name]) for name in resource.all_fields} for row in found]
