"""A server whose reads are guarded answers as any other does, though each statement must name a workspace."""

import re
from collections.abc import AsyncIterator

import psycopg
import pytest

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from services.catalog import CATALOG
from tests.parity import cases
from tests.parity.comparing import all_equal
from tests.parity.world import OTHER, World, opened
from tests.support.client import Client
from tests.support.databases import copied


@pytest.fixture(scope="module")
async def guarded_world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """The shipped catalogue behind guarded reads."""
    database = copied(postgres, migrated_template)
    upgrade(database, Rls.FULL)
    async with opened(database, CATALOG, rls="full") as made:
        yield made


@pytest.mark.parametrize("group", cases.READS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_both_surfaces_read_all_there_is(guarded_world: World, name: str, group: str) -> None:
    """Q-21: what each case expects is computed from the rows, so a row kept back would be missed."""
    resource = guarded_world.catalog[name]
    client = await guarded_world.client("all:read")

    await all_equal(guarded_world, client, cases.READS[group](guarded_world, resource))


async def test_writes_of_every_kind_go_through(guarded_world: World) -> None:
    client = await guarded_world.client("all:write")

    workspace = await client.post("/api/v1/workspaces", {"name": "Acme"})
    assert re.fullmatch("acme-[a-z0-9]+", workspace.data(201)["slug"])
    keyed = [("Idempotency-Key", "k")]
    brand = (await client.post("/api/v1/brands", {"name": "New"}, headers=keyed)).data(201)
    again = (await client.post("/api/v1/brands", {"name": "New"}, headers=keyed)).data(201)
    assert again["id"] == brand["id"]
    product = (
        await client.post(
            "/api/v1/products", {"name": "P", "brand_id": brand["id"], "price_cents": 5, "currency": "EUR"}
        )
    ).data(201)
    line = {"product_id": product["id"], "quantity": 2}
    order = (await client.post("/api/v1/orders", {"currency": "EUR", "line_items": [line]})).data(201)
    assert order["total_cents"] == 10
    assert (await client.get(f"/api/v1/orders/{order['id']}?include=customer")).status == 200


async def test_a_token_of_another_workspace_finds_nothing_of_this_one(guarded_world: World) -> None:
    client = await guarded_world.client("all:read", workspace=OTHER)
    for resource in guarded_world.catalog:
        for row in guarded_world.live(resource)[:1]:
            if resource.tenant:
                assert (await client.get(f"/api/v1/{resource.path}/{row['id']}")).problem(404)


async def test_a_revoked_token_and_a_named_workspace_are_judged(guarded_world: World) -> None:
    raw = guarded_world.fresh_token(["all:read"])
    client = Client(guarded_world.application, raw)
    assert (await client.get("/api/v1/brands", headers=[("X-Workspace-ID", "acme")])).status == 200
    assert (await client.get("/api/v1/brands", headers=[("X-Workspace-ID", "globex")])).problem(404)
    with psycopg.connect(guarded_world.database) as connection:
        revoked = "UPDATE tokens SET revoked_at = now() WHERE token_key = %s"
        assert connection.execute(revoked, [raw.split("_")[2][:16]]).rowcount == 1
    assert (await client.get("/api/v1/brands")).problem(401)
