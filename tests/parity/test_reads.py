"""Every read of every resource: the same rows, fields, values, cursors, counts and tags on both surfaces."""

import pytest

from services.catalog import CATALOG
from tests.parity import cases
from tests.parity.comparing import all_equal
from tests.parity.world import World


@pytest.mark.parametrize("group", cases.READS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_both_surfaces_read_the_same(world: World, name: str, group: str) -> None:
    """S3-155 to S3-239 and C-22, by whatever the catalogue holds."""
    resource = world.catalog[name]

    await all_equal(world, await world.client("all:read"), cases.READS[group](world, resource))
