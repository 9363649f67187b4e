"""Every bad write of every resource: the same problem object on both surfaces, and nothing changed."""

import pytest

from services.catalog import CATALOG
from tests.parity.writing.bad_input import REFUSALS
from tests.parity.writing.comparing import all_alike
from tests.parity.writing.twins import Twins


@pytest.mark.parametrize("group", REFUSALS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG if resource.actions])
async def test_both_surfaces_refuse_the_same(shop: Twins, name: str, group: str) -> None:
    """S3-260 to S3-275, C-17, C-52, C-54: the codes per field, and the order 404, 428, 412, 422."""
    resource = await shop.resource(name)

    codes = await all_alike(shop, REFUSALS[group](shop, resource))

    assert set(codes) - {None} or not codes, codes
