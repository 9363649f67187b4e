"""Two databases that begin equal: REST writes to one of them, GraphQL to the other."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from db.describe import table
from db.embedded import Embedded
from services.engine.catalog import Catalog
from services.engine.resource import Action, Resource
from services.engine.versions import tag
from tests.parity.neutral import Row
from tests.parity.world import OWN, World, filled
from tests.parity.writing import rest_side
from tests.parity.writing.effects import Effect, Watch
from tests.parity.writing.neutral import Item, WriteCase
from tests.parity.writing.values import Picks, distinct, full, guesses
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied

_MOST_GUESSES = 300
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One of the twins: a world, and an eye on its database."""

    name: str
    world: World
    watch: Watch


@dataclass(frozen=True, slots=True)
class Target:
    """A row made to be written to, the same in both twins, with its entity tag."""

    id: str
    version: int
    row: Row

    @property
    def etag(self) -> str:
        """Return the entity tag of its version."""
        return tag(self.id, self.version)


@dataclass(frozen=True, slots=True)
class Twins:
    """Both databases, the ids that are in both, what is known to be valid in them, and rows in stock."""

    rest: Side
    graphql: Side
    numbers: Iterator[int] = field(default_factory=lambda: count(1001))
    known: set[str] = field(default_factory=set)
    picks: dict[str, Picks] = field(default_factory=dict)
    ready: dict[tuple[str, bool], list[Target]] = field(default_factory=dict)
    born: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def catalog(self) -> Catalog:
        """Return the catalogue that both serve."""
        return self.rest.world.catalog

    async def token(self, *scopes: str, workspace: str = OWN) -> str:
        """Return the raw text of a token with exactly these scopes, the same row in both databases."""
        key = (workspace, *sorted(scopes))
        if key not in self.rest.world.tokens:
            raw = self.rest.world.fresh_token(scopes, workspace)
            row = _token(self.rest.world.database, raw)
            with psycopg.connect(self.graphql.world.database) as connection:
                connection.execute(
                    "INSERT INTO tokens SELECT * FROM jsonb_populate_record(NULL::tokens, %s)",
                    [psycopg.types.json.Jsonb(row)],
                )
            self.known.add(row["id"])
            for side in (self.rest, self.graphql):
                side.world.tokens[key] = raw
                side.watch.recount()
                # The first request with a token looks it up; from then on each request proves it by the way.
                await Client(side.world.application, raw).get("/api/v1/nowhere")
        return self.rest.world.tokens[key]

    async def client(self, side: Side, *scopes: str, workspace: str = OWN) -> Client:
        """Return a client of one side; the same scopes are the same token on both."""
        return Client(side.world.application, await self.token(*scopes, workspace=workspace))

    def body(self, resource: Resource, *, changing: bool = False) -> dict[str, Any]:
        """Return valid values for every writable field, other ones each time; `prepare` comes before."""
        made = full(resource, self.picks[resource.name], next(self.numbers))
        return {
            name: value
            for name, value in made.items()
            if not (changing and name in resource.all_fields and resource.all_fields[name].fixed)
        }

    async def prepare(self, resource: Resource) -> None:
        """Find out which references and members of enums are valid together, by trials that write nothing.

        Where no client makes rows, whatever is stored goes together with all members.
        """
        if resource.name in self.picks:
            return
        client = await self.client(self.rest, "all:write")
        action = resource.actions_by_name.get("create")
        for n, picks in enumerate(guesses(self.rest.world, resource)):
            if action is None:
                self.picks[resource.name] = picks
                return
            tried = WriteCase("trial", resource, action, (Item(full(resource, picks, n)),), dry_run=True)
            answer = await rest_side.request(tried).send(client)
            if answer.status == 201:
                self.picks[resource.name] = picks
                return
            assert n < _MOST_GUESSES, f"No valid {resource.name} was found: {answer.body.decode()}"

    async def resource(self, name: str) -> Resource:
        """Return a resource to be tried from here on, with empty logs and with parents for its new rows."""
        for side in (self.rest, self.graphql):
            side.watch.forget()
        resource = self.catalog[name]
        self.ready.clear()
        for relation in resource.relations:
            if relation.one and resource.all_fields[relation.via].fixed:
                parent = await self.fresh(self.catalog.target(relation))
                self.picks[name][relation.via] = parent.id
        return resource

    async def fresh(self, resource: Resource, *, deleted: bool = False, **changes: Any) -> Target:
        """Return a new row that is in both databases; `changes` set columns that no client may write."""
        if changes:
            (made,) = await self.fresh_rows(resource, 1, deleted=deleted, **changes)
            return made
        ready = self.ready.setdefault((resource.name, deleted), [])
        if not ready:
            ready += await self.fresh_rows(resource, _AT_ONCE if resource.bulk else 1, deleted=deleted)
        return ready.pop()

    async def fresh_rows(
        self, resource: Resource, size: int, *, deleted: bool = False, **changes: Any
    ) -> list[Target]:
        """Return new rows that are in both databases, made through REST or planted, and copied."""
        client = await self.client(self.rest, "all:write")
        mark = self.rest.watch.mark()
        create = resource.actions_by_name.get("create")
        if create is None:
            like = self.rest.world.live(resource)[0]["id"]
            ids = [self._like(resource, like, **self.body(resource)) for _ in range(size)]
        else:
            items = [Item(self.body(resource)) for _ in range(size)]
            ids = await self._done(client, resource, create, items)
        if deleted:
            await self._done(
                client, resource, resource.actions_by_name["delete"], [Item(id=id_) for id_ in ids]
            )
        for id_ in ids if changes else ():
            self.rest.watch.change(table(resource.model).name, id_, changes)
        effect = self.rest.watch.since(mark)
        self.graphql.watch.put(effect)
        self.known.update(effect.without("events", "audit_logs").ids())
        rows = {row["id"]: row for row in effect.rows[table(resource.model).name]}
        return [Target(id_, rows[id_]["version"], rows[id_]) for id_ in ids]

    async def _done(self, client: Client, resource: Resource, action: Action, items: list[Item]) -> list[str]:
        """Do an action to rows, all at once where that can be, and return their ids."""
        parts = [items] if resource.bulk else [[item] for item in items]
        found: list[str] = []
        for part in parts:
            case = WriteCase("fresh", resource, action, tuple(part), bulk=resource.bulk)
            answer = await rest_side.request(case).send(client)
            assert answer.status in (200, 201, 204), (case.name, answer.body.decode())
            made: Any = answer.json()["data"] if answer.body else []
            found += [row["id"] for row in (made if isinstance(made, list) else [made])]
        return found

    def _like(self, resource: Resource, id_: str, **given: Any) -> str:
        """Plant a row like a stored one in REST's database; return its id.

        Where no two rows may share a row of another resource it has one of its own, and so has whatever else
        in the workspace refers to that: who belongs to a workspace has a session there.
        """
        name, now = table(resource.model).name, datetime.now(UTC).isoformat()
        row = self.rest.watch.row(name, id_)
        row |= {"id": str(uuid4()), "version": 1, "inserted_at": now, "updated_at": now, **given}
        aims = {
            relation.via: self.catalog.target(relation) for relation in resource.relations if relation.one
        }
        for column in sorted({columns[-1] for columns in distinct(resource.model)} - given.keys()):
            if column in aims:
                row[column] = self._like(aims[column], row[column])
                self._follow(aims[column], row[column], resource)
            else:
                known = uuid4().hex
                row[column] = (
                    known[: len(row[column])] if column not in resource.all_fields else known + row[column]
                )
        self.rest.watch.put(Effect({name: [row]}, {}))
        return str(row["id"])

    def _follow(self, parent: Resource, id_: str, beside: Resource) -> None:
        """Plant a row of each other resource that refers to a planted one, like one that is stored."""
        for each in self.catalog:
            for key in table(each.model).foreign_keys if each is not beside else ():
                via, rows = key.parent.name, self.rest.world.live(each)
                if key.column.table is table(parent.model) and via in each.all_fields:
                    like = next((row["id"] for row in rows if row[via] is not None), None)
                    if like is not None:
                        self._like(each, like, **{via: id_})

    def close(self) -> None:
        """Let go of both databases."""
        self.rest.watch.close()
        self.graphql.watch.close()


def _token(database: str, raw: str) -> Row:
    with psycopg.connect(database) as connection:
        query = "SELECT to_jsonb(t) FROM tokens t WHERE token_key = %s"
        found = connection.execute(query, [raw.split("_")[2][:16]]).fetchone()
    assert found is not None
    row: Row = found[0]
    return row


@asynccontextmanager
async def twins(
    postgres: Embedded, template: str, catalog: Catalog, create: Any = None
) -> AsyncIterator[Twins]:
    """Make two equal databases with rows of every resource, and serve both; `create` adds tables first."""
    first = copied(postgres, template)
    if create is not None:
        create(first)
    workspaces, rows = filled(first, catalog)
    second = copied(postgres, conninfo_to_dict(first)["dbname"])
    async with running(first, catalog) as left, running(second, catalog) as right:
        made = Twins(
            *(
                Side(name, World(database, catalog, application, workspaces, rows), Watch(database))
                for name, database, application in (("REST", first, left), ("GraphQL", second, right))
            )
        )
        made.known.update(made.rest.watch.everything().ids(), map(str, workspaces.values()))
        for resource in catalog:
            if resource.actions:
                await made.prepare(resource)
        yield made
        made.close()
