"""Response format (S3.16), base conventions of values, and the shape of every resource."""

import pytest

from tests.support.client import Client
from tests.support.expected import document, newest
from tests.support.seed import Seed

PLURALS = ("workspaces", "brands", "categories", "products", "customers", "orders", "order_items")


def path(plural: str) -> str:
    return "/api/v1/" + plural.replace("_", "-")


@pytest.mark.parametrize("plural", PLURALS[1:])
async def test_collection_holds_every_live_row_in_full(api: Client, seed: Seed, plural: str) -> None:
    """S3-155, S3-157, S3-188, S3-318."""
    answer = await api.get(path(plural))

    assert answer.rows() == [document(plural, row) for row in newest(seed.live(plural))]
