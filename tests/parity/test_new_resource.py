"""A resource that is only declared is served by both surfaces, and every parity test covers it as it is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

import pytest

from db.embedded import Embedded
from tests.parity import (
    gadgets,
    test_access,
    test_bad_input,
    test_cursors,
    test_fields,
    test_reads,
    test_tokens,
)
from tests.parity.bad_input import GROUPS
from tests.parity.cases import READS
from tests.parity.world import World, opened
from tests.support.databases import copied

Check = Callable[[World, str], Awaitable[None]]


def checks() -> Iterator[tuple[str, Check]]:
    """Yield every parity test that takes a resource by name."""
    for module in (test_access, test_cursors, test_fields):
        for name, check in vars(module).items():
            if name.startswith("test_"):
                yield name, check
    yield "scopes taken away", test_tokens.test_scopes_that_were_taken_away_are_missed_at_once
    for ending in test_tokens.ENDINGS:
        yield ending, partial(test_tokens.test_every_way_of_asking_hears_of_the_end_of_a_token, ending=ending)
    for group in READS:
        yield f"read {group}", partial(test_reads.test_both_surfaces_read_the_same, group=group)
    for group in GROUPS:
        yield f"refuse {group}", partial(test_bad_input.test_both_surfaces_refuse_the_same, group=group)


CHECKS = dict(checks())


@pytest.fixture(scope="module")
async def gadget_world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """A world whose catalogue holds a resource that nothing else knows of."""
    database = copied(postgres, migrated_template)
    gadgets.create(database)
    async with opened(database, gadgets.CATALOG) as made:
        yield made


@pytest.mark.parametrize("check", CHECKS)
async def test_a_declared_resource_is_served_alike_by_both_surfaces(gadget_world: World, check: str) -> None:
    """Every kind of field, a hyphenated enum value, and a relation each way to itself."""
    await CHECKS[check](gadget_world, gadgets.GADGET.name)
