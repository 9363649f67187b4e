"""Audit logs: the history of every row, read on both surfaces, with nothing secret in it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import MetaData, String
from sqlalchemy.orm import Mapped, mapped_column

from db.embedded import Embedded
from db.models.columns import Model, Tenant, ordered
from services.audit_logs import AUDIT_LOG
from services.engine.actions import writes
from services.engine.catalog import Catalog
from services.engine.resource import Field, Resource, Shown
from services.workspaces import WORKSPACE
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import add_tables, copied
from tests.support.seed import Seed, plant
from tests.support.stored import Stored

RIVALS = 12
FIRST_SECRET, SECOND_SECRET = "first-secret-7313", "second-secret-8424"


class _Apart(Model):
    __abstract__ = True
    metadata = MetaData()


class Safe(Tenant, _Apart):
    """One safe, whose combination nobody may read and whose key is handed out once."""

    __tablename__ = "safes"
    __table_args__ = (*ordered("safes", "inserted_at", "updated_at"),)

    name: Mapped[str] = mapped_column(String(40))
    combination: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(40))


SAFE = Resource(
    name="safe",
    plural="safes",
    model=Safe,
    doc="Something that holds secrets.",
    fields=(
        Field("name", "Display name.", writable=True, required=True),
        Field("combination", "What opens it.", writable=True, required=True, shown=Shown.NEVER),
        Field("key", "What opens it too.", writable=True, required=True, shown=Shown.ONCE),
    ),
    actions=writes(),
)


@pytest.fixture(scope="module")
def seed(postgres: Embedded, migrated_template: str) -> Seed:
    return plant(copied(postgres, migrated_template), ("writer", "products"))


@pytest.fixture(scope="module")
async def shop(seed: Seed) -> AsyncIterator[Client]:
    async with running(seed.database) as application:
        yield Client(application, seed.tokens["acme", "writer"])


async def history(client: Client, id_: str) -> list[dict[str, Any]]:
    """Return the audit rows of a row, the oldest first, after checking that both surfaces tell the same."""
    found = await client.get(f"/api/v1/audit-logs?filter[resource_id]={id_}&sort=inserted_at")
    query = """query($id: UUID!) {
        auditLogs(filter: {resourceId: {eq: $id}}, sort: [INSERTED_AT_ASC]) {
            nodes { id action resource resourceId tokenId userId address requestId before after insertedAt }
        } }"""
    asked = await client.post("/graphql", {"query": query, "variables": {"id": id_}})
    nodes = asked.json()["data"]["auditLogs"]["nodes"]
    camel = {
        "resourceId": "resource_id",
        "tokenId": "token_id",
        "userId": "user_id",
        "requestId": "request_id",
    }
    names = {**camel, "insertedAt": "inserted_at"}
    told = [{names.get(name, name): value for name, value in node.items()} for node in nodes]
    assert told == [{name: row[name] for name in one} for row, one in zip(found.rows(), told, strict=True)]
    return found.rows()


def replayed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row that the changes lead to, after checking that each goes on where the last one ended."""
    assert rows[0]["before"] is None
    state = dict(rows[0]["after"])
    for row in rows[1:]:
        assert row["before"] == {name: state[name] for name in row["after"]}
        state |= row["after"]
    return state


async def made(shop: Client, **values: Any) -> dict[str, Any]:
    values = {"name": f"Product {uuid.uuid4()}", **values}
    return (await shop.post("/api/v1/products", values)).data(201)


async def test_every_change_of_a_row_is_told_in_order_with_who_and_how(shop: Client, seed: Seed) -> None:
    product = await made(shop, quantity=1)
    address = product["links"]["self"]
    await shop.patch(address, {"quantity": 2}, headers=[("x-request-id", "the-second")])
    await shop.delete(address)
    await shop.post(f"{address}/restore", {})
    mutation = """mutation($id: ID!) { updateProduct(id: $id, input: {quantity: 3, metadata: {a: 1}}) {
        problem { detail } } }"""
    await shop.post("/graphql", {"query": mutation, "variables": {"id": product["id"]}})

    rows = await history(shop, product["id"])
    words = ("created", "updated", "deleted", "restored", "updated")
    assert [row["action"] for row in rows] == [f"product.{word}" for word in words]
    assert {(row["resource"], row["resource_id"]) for row in rows} == {("product", product["id"])}
    changed = [{name for name in row["after"] if name != "updated_at"} for row in rows[1:]]
    assert changed == [{"quantity"}, {"deleted_at"}, {"deleted_at"}, {"quantity", "metadata"}]
    assert rows[1]["request_id"] == "the-second"
    with psycopg.connect(seed.database) as connection:
        (token,) = connection.execute("SELECT id FROM tokens WHERE scopes = '[\"all:write\"]'").fetchall()
    assert {(row["token_id"], row["user_id"], row["address"]) for row in rows} == {
        (str(token[0]), None, "127.0.0.1")
    }
    now = (await shop.get(address)).data()
    assert replayed(rows) == {name: value for name, value in now.items() if name != "links"}
    assert [row["inserted_at"] for row in rows[1:]] == [row["after"]["updated_at"] for row in rows[1:]]


async def test_rivals_for_one_row_are_told_in_the_order_in_which_they_won(shop: Client, seed: Seed) -> None:
    product = await made(shop, quantity=0)
    address = product["links"]["self"]

    await asyncio.gather(*(shop.patch(address, {"quantity": n}) for n in range(1, RIVALS + 1)))

    rows = await history(shop, product["id"])
    assert len(rows) == RIVALS + 1
    assert replayed(rows)["quantity"] == (await shop.get(address)).data()["quantity"]
    Stored(seed.database).settled(product["id"], RIVALS + 1)


async def test_a_clock_that_is_put_back_does_not_mix_up_the_order(shop: Client, seed: Seed) -> None:
    product = await made(shop, quantity=0)
    with psycopg.connect(seed.database) as connection:
        ahead = sql.SQL("UPDATE {} SET {} = {} + interval '1 hour' WHERE {} = %s")
        for table, column, key in (
            ("products", "updated_at", "id"),
            ("audit_logs", "inserted_at", "resource_id"),
        ):
            names = (sql.Identifier(each) for each in (table, column, column, key))
            connection.execute(ahead.format(*names), [product["id"]])

    for n in range(1, 6):
        (await shop.patch(product["links"]["self"], {"quantity": n})).data()

    rows = await history(shop, product["id"])
    assert [row["after"]["quantity"] for row in rows] == [0, 1, 2, 3, 4, 5]
    moments = [datetime.fromisoformat(row["inserted_at"]) for row in rows]
    assert all(later > earlier for earlier, later in pairwise(moments))


async def test_the_address_is_that_of_the_client_behind_a_trusted_proxy(seed: Seed) -> None:
    """On both surfaces; a header of whoever is not trusted is no address."""
    mutation = "mutation($name: String!) { createBrand(input: {name: $name}) { brand { id } } }"
    sent = [("x-forwarded-for", "203.0.113.5, 2001:db8::7")]
    for proxies, address in (("127.0.0.1", "2001:db8::7"), ("10.0.0.1", "127.0.0.1")):
        async with running(seed.database, trusted_proxies=proxies) as application:
            client = Client(application, seed.tokens["acme", "writer"])
            name = f"Brand {uuid.uuid4()}"
            made = (await client.post("/api/v1/brands", {"name": name}, headers=sent)).data(201)["id"]
            query = {"query": mutation, "variables": {"name": f"{name} again"}}
            told = (await client.post("/graphql", query, headers=sent)).json()
            other = told["data"]["createBrand"]["brand"]["id"]
            for id_ in (made, other):
                assert [row["address"] for row in await history(client, id_)] == [address]


async def test_nobody_writes_audit_logs(shop: Client, seed: Seed) -> None:
    row = (await shop.get("/api/v1/audit-logs?per_page=1")).rows()[0]
    one = row["links"]["self"]

    with Stored(seed.database).unchanged():
        for method, target in (
            ("POST", "/api/v1/audit-logs"),
            ("PUT", one),
            ("PATCH", one),
            ("DELETE", one),
        ):
            answer = await shop.request(method, target, headers=[("content-type", "application/json")])
            answer.problem(405)
        (await shop.post(f"{one}/restore", {})).problem(404)
    asked = await shop.post("/graphql", {"query": "{ __schema { mutationType { fields { name } } } }"})
    names = {field["name"] for field in asked.json()["data"]["__schema"]["mutationType"]["fields"]}
    assert "updateProduct" in names
    assert not [name for name in names if "AuditLog" in name]


async def test_audit_logs_take_a_scope_of_their_own_and_stay_in_their_workspace(
    shop: Client, seed: Seed
) -> None:
    product = await made(shop)
    narrow, stranger = (shop.using(seed.tokens[key]) for key in (("acme", "products"), ("globex", "reader")))

    refused = (await narrow.get("/api/v1/audit-logs")).problem(403)
    assert refused["required_scope"] == "audit_logs:read"
    assert len(await history(shop, product["id"])) == 1
    assert await history(stranger, product["id"]) == []


async def test_what_is_not_shown_is_in_no_audit_row_and_in_no_event(
    postgres: Embedded, migrated_template: str
) -> None:
    """S3, attack 22: a secret that is changed leaves no trace of its values."""
    seed = plant(copied(postgres, migrated_template), ("writer",))
    add_tables(seed.database, _Apart.metadata)
    async with running(seed.database, Catalog((WORKSPACE, SAFE, AUDIT_LOG))) as application:
        client = Client(application, seed.tokens["acme", "writer"])
        secrets = {"combination": FIRST_SECRET, "key": FIRST_SECRET}
        headers = [("idempotency-key", "make-a-safe")]
        safe = (await client.post("/api/v1/safes", {"name": "A", **secrets}, headers=headers)).data(201)
        secrets = {"combination": SECOND_SECRET, "key": SECOND_SECRET}
        changed = await client.patch(
            safe["links"]["self"], secrets, headers=[("idempotency-key", "change-it")]
        )
        rows = await history(client, safe["id"])
    stored = Stored(seed.database)

    assert safe["key"] == FIRST_SECRET
    assert not {"combination", "key"} & set(changed.data())
    assert stored.row("safes", safe["id"])["combination"] == SECOND_SECRET
    assert set(rows[0]["after"]) == {"id", "name", "inserted_at", "updated_at", "deleted_at"}
    assert (set(rows[1]["before"]), set(rows[1]["after"])) == ({"updated_at"}, {"updated_at"})
    kept = [*stored.events(safe["id"]), *stored.audits(safe["id"]), *stored.kept("make-a-safe")]
    kept += stored.kept("change-it")
    assert len(kept) == 6
    assert [word for word in (FIRST_SECRET, SECOND_SECRET) if word in repr(kept)] == []
