"""The rule that the guide shows for an action of one's own, run as it stands there."""

import re
from dataclasses import replace
from typing import Any

from db.embedded import Embedded
from db.models import ProductStatus
from services.catalog import CATALOG
from services.engine.actions import item, writes
from services.engine.catalog import Catalog
from services.engine.errors import conflict
from services.engine.verify import verify
from services.products import PRODUCT
from tests.contracts.documented import GUIDE
from tests.support.application import running
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import plant
from tests.support.stored import Stored


def _shown() -> dict[str, Any]:
    (code,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    names: dict[str, Any] = {
        "ProductStatus": ProductStatus,
        "conflict": conflict,
        "item": item,
        "writes": writes,
    }
    exec("from __future__ import annotations\n" + code, names)
    return names


async def test_the_shown_action_does_on_both_surfaces_what_the_guide_says(
    postgres: Embedded, migrated_template: str
) -> None:
    product = replace(PRODUCT, actions=_shown()["actions"])
    catalog = Catalog(tuple(product if each is PRODUCT else each for each in CATALOG))
    verify(catalog)
    seed = plant(copied(postgres, migrated_template), ("writer",))
    stored = Stored(seed.database)
    async with running(seed.database, catalog) as application:
        shop = Client(application, seed.tokens["acme", "writer"])
        sold = (await shop.post("/api/v1/products", {"name": "Sold", "status": "active"})).data(201)
        draft = (await shop.post("/api/v1/products", {"name": "Draft"})).data(201)

        done = (await shop.post(f"{sold['links']['self']}/discontinue", {})).data()
        with stored.unchanged():
            refused = (await shop.post(f"{draft['links']['self']}/discontinue", {})).problem(409)
            mutation = "mutation($id: ID!) { discontinueProduct(id: $id) { problem { detail } } }"
            asked = {"query": mutation, "variables": {"id": draft["id"]}}
            told = (await shop.post("/graphql", asked)).json()["data"]["discontinueProduct"]

    assert done["status"] == "archived"
    assert [event["type"] for event in stored.events(sold["id"])] == [
        "product.created",
        "product.discontinued",
    ]
    assert refused["detail"] == "A draft was never sold, so it cannot be discontinued."
    assert told == {"problem": {"detail": refused["detail"]}}
