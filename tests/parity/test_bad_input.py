"""Bad input of every kind: refused on both surfaces, alike, naming the offending thing, never a failure."""

import pytest

from services.catalog import CATALOG
from tests.parity.bad_input import GROUPS
from tests.parity.comparing import all_equal
from tests.parity.world import World


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_both_surfaces_refuse_the_same(world: World, name: str, group: str) -> None:
    """S3-187, S3-221, S3-255: the same kind of problem, and the same object where the engine judges."""
    resource = world.catalog[name]

    await all_equal(world, await world.client("all:read"), GROUPS[group](world, resource))
