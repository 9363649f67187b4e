"""Every bad write of every resource: the same problem object on both surfaces, and nothing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import Resource
from services.memberships import MEMBERSHIP
from services.roles import Role
from services.token_rules import TOKEN
from tests.parity.world import OTHER
from tests.parity.writing.bad_input import REFUSALS
from tests.parity.writing.cases import key
from tests.parity.writing.comparing import all_alike
from tests.parity.writing.neutral import Item, WriteCase
from tests.parity.writing.twins import Twins


@pytest.mark.parametrize("group", REFUSALS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG if resource.actions])
async def test_both_surfaces_refuse_the_same(shop: Twins, name: str, group: str) -> None:
    """S3-260 to S3-275, C-17, C-52, C-54: the codes per field, and the order 404, 428, 412, 422."""
    resource = await shop.resource(name)

    codes = await all_alike(shop, REFUSALS[group](shop, resource))

    assert set(codes) - {None} or not codes, codes


async def test_the_last_admin_token_stays_on_both_surfaces(shop: Twins) -> None:
    """S3-089: it is neither revoked nor narrowed nor shortened, whoever asks, and both tell the same."""
    resource, raw = await shop.resource(TOKEN.name), await shop.token("all:write", workspace=OTHER)
    (own,) = shop.rest.watch.rows("tokens", "token_key", raw.split("_")[2][:16])
    await _kept(shop, resource, own["id"], ({"scopes": []}, {"expires_at": "2126-02-01T00:00:00Z"}))


async def test_the_last_owner_stays_on_both_surfaces(shop: Twins) -> None:
    """The only owner is neither taken out nor given another role, and both tell the same."""
    resource = await shop.resource(MEMBERSHIP.name)
    first, *others = [row["id"] for row in shop.rest.world.live(resource, OTHER) if row["role"] == Role.OWNER]
    assert others
    for role, check in ((Role.ADMIN, True), (Role.OWNER, False)):
        for side, id_ in product((shop.rest, shop.graphql), others):
            side.watch.change("memberships", id_, {"role": role})
        if check:
            await _kept(shop, resource, first, ({"role": Role.ADMIN.value}, {"role": Role.VIEWER.value}))


async def _kept(twins: Twins, resource: Resource, id_: str, changes: Sequence[Mapping[str, Any]]) -> None:
    """Try to take a row of the other workspace away, and to change it; all of that must be a conflict."""
    update, delete = (resource.actions_by_name[name] for name in ("update", "delete"))
    cases = [WriteCase("the last one", resource, delete, (Item(id=id_),))]
    cases += [
        WriteCase(f"the last one {n}", resource, update, (Item(values, id_),))
        for n, values in enumerate(changes)
    ]
    cases = [replace(case, refusal="conflict") for case in cases]
    cases += [replace(case, key=key(twins)) for case in cases]
    codes = await all_alike(twins, cases, workspace=OTHER)
    assert codes == {"conflict": len(cases)}
