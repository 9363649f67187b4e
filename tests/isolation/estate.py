"""Three workspaces in one database, ours, a stranger's and a child of ours, each full of its own canaries."""

import logging
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from db.models import Model
from diptych.logs import JsonLines
from diptych.runtime import precheck_key
from services.engine.catalog import Catalog
from services.engine.resource import Resource
from services.engine.versions import tag
from tests.isolation.marks import Marks, ids_in
from tests.isolation.planting import Planter
from tests.isolation.watching import Touched, Watch
from tests.support.application import running
from tests.support.client import Application, Client
from tests.support.seed import add_token, settings

Row = dict[str, Any]

KEY = "key-"
"""What idempotency keys begin with."""

OURS, THEIRS, CHILD = "a", "b", "c"
LETTERS = (OURS, THEIRS, CHILD)
_PARENTS = {CHILD: OURS}


@dataclass(slots=True)
class Tenant:
    """One workspace, with a token for each of several sets of scopes."""

    letter: str
    id: str
    slug: str
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)


@dataclass(slots=True)
class Loot:
    """What can be had of one workspace: its rows by table, and what its answers and requests held."""

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    cursors: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)

    def live(self, table: str) -> list[Row]:
        """Return the rows of a table."""
        return list(self.rows[table].values())


class Ears(logging.Handler):
    """Hears everything that is logged, as the server would write it down."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(self.format(record))

    def heard(self) -> list[str]:
        """Return the lines since the last call."""
        found, self.lines = self.lines, []
        return found


@dataclass(slots=True)
class Estate:
    """The database, the application that serves it, and all that is known of both."""

    database: str
    catalog: Catalog
    application: Application
    marks: Marks
    tenants: dict[str, Tenant]
    watch: Watch
    ears: Ears
    loot: dict[str, Loot] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    kept: dict[str, frozenset[str]] = field(default_factory=dict)
    in_use: frozenset[str] = frozenset()

    def client(self, token: str | None) -> Client:
        """Return a client of the application."""
        return Client(self.application, token)

    def workspace(self, id_: str) -> Tenant | None:
        """Return the tenant whose workspace has an id."""
        return next((each for each in self.tenants.values() if each.id == id_), None)

    def begin(self) -> None:
        """Let everything be as it was planted."""
        self.watch.restore()
        self.marks.visible = dict(self.kept)
        self.loot = {letter: Loot() for letter in LETTERS}
        self.held = {each.id: set() for each in self.tenants.values()}
        for each in self.watch.rows():
            self.learn(each)
        self.ears.heard()

    def learn(self, touched: Touched) -> None:
        """Note whose a row is, and who may see what it holds."""
        row, owners = touched.row, owners_of(touched)
        for id_ in ids_in(touched.text):
            if touched.table == "workspaces" or not self.marks.known(id_):
                self.marks.add_id(id_, owners)
        if touched.table == "workspaces":
            for mark in self.marks.found(touched.text):
                self.marks.add(mark, owners)
        if "id" in row and "version" in row:
            self.marks.add(tag(row["id"], row["version"]).strip('"'), owners)
        tenant = self.workspace(owners[0]) if owners else None
        if tenant is not None and self.loot:
            self.loot[tenant.letter].rows[touched.table][str(row.get("id", touched.text))] = row

    def rows_of(self, letter: str, resource: Resource) -> list[Row]:
        """Return the rows of a resource that belong to a workspace."""
        return self.loot[letter].live(str(resource.model.__tablename__))


def owners_of(touched: Touched) -> list[str]:
    """Return the workspaces that may see a row, the one it belongs to first."""
    parent = touched.row.get("parent_workspace_id") if touched.table == "workspaces" else None
    return [each for each in (touched.owner, parent) if each is not None]


def scope_sets(catalog: Catalog, letter: str) -> list[tuple[str, ...]]:
    """Return the scopes of the tokens of one workspace: everything, reading, nothing, and parts."""
    scopes = sorted(catalog.scopes)
    dice = random.Random(letter)
    some = [tuple(dice.sample(scopes, len(scopes) // 3)) for _ in range(2)]
    return [("all:write",), ("all:read",), (), *some]


def plant(database: str, catalog: Catalog, marks: Marks) -> dict[str, Tenant]:
    """Fill a migrated database with three workspaces, and return them."""
    tenants: dict[str, Tenant] = {}
    with psycopg.connect(database) as connection:
        # What tells of changes refers to rows that are gone, as it does in life.
        connection.execute("SET LOCAL session_replication_role = replica")
        for letter in LETTERS:
            tenants[letter] = _plant(connection, catalog, marks, letter, tenants)
    return tenants


def _plant(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    marks: Marks,
    letter: str,
    tenants: dict[str, Tenant],
) -> Tenant:
    parent = tenants.get(_PARENTS.get(letter, ""))
    slug, name = marks.canary(letter), marks.canary(letter)
    columns = "(slug, name, tier, parent_workspace_id)"
    text = f"INSERT INTO workspaces {columns} VALUES (%s, %s, 'pro', %s) RETURNING id"
    (id_,) = connection.execute(text, [slug, name, parent and parent.id]).fetchone() or (None,)
    tenant = Tenant(letter, str(id_), slug)
    for mark in (slug, name):
        marks.add(mark, [tenant.id, *([parent.id] if parent else [])])
    planter = Planter(connection, marks, tenant.id, letter, (tenant.id,))
    for table in Model.metadata.sorted_tables:
        if table.name != "workspaces":
            planter.plant(table)
    for scopes in scope_sets(catalog, letter):
        called = marks.canary(letter, tenant.id)
        raw = add_token(connection, id_, scopes, precheck_key(settings("")), name=called)
        tenant.tokens[scopes] = raw
        marks.add(raw, [tenant.id])
    return tenant


def _in_use(estate: Estate) -> frozenset[str]:
    """Return the ids of the tokens that the tenants hold."""
    keys = {raw.split("_")[2][:16] for each in estate.tenants.values() for raw in each.tokens.values()}
    rows = (row for loot in estate.loot.values() for table in loot.rows.values() for row in table.values())
    return frozenset(row["id"] for row in rows if row.get("token_key") in keys)


@asynccontextmanager
async def opened(database: str, catalog: Catalog, **changes: Any) -> AsyncIterator[Estate]:
    """Fill a migrated database and serve it; `changes` are settings."""
    marks, ears = Marks(), Ears()
    tenants = plant(database, catalog, marks)
    watch = Watch(database)
    watch.keep()
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(ears)
    root.setLevel(logging.DEBUG)
    try:
        async with running(database, catalog, **changes) as application:
            made = Estate(database, catalog, application, marks, tenants, watch, ears)
            for each in watch.rows():
                made.learn(each)
            made.kept = {text: frozenset(seen) for text, seen in marks.visible.items()}
            made.begin()
            made.in_use = _in_use(made)
            yield made
    finally:
        root.removeHandler(ears)
        root.setLevel(level)
        watch.close()
