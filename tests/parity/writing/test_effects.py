"""Every write of every resource: the same answers, rows, events, audit rows and records on both surfaces."""

import pytest

from services.catalog import CATALOG
from tests.parity.writing import cases
from tests.parity.writing.comparing import all_alike
from tests.parity.writing.twins import Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]


@pytest.mark.parametrize("group", cases.EFFECTS)
@pytest.mark.parametrize("name", NAMES)
async def test_both_surfaces_write_the_same(shop: Twins, name: str, group: str) -> None:
    """S3-100 to S3-140, C-39 to C-56, by whatever the catalogue holds; most of it must go well."""
    resource = await shop.resource(name)

    codes = await all_alike(shop, cases.EFFECTS[group](shop, resource))

    assert codes[None] or not codes, codes
