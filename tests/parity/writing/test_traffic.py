"""What writing costs the database: the same on both surfaces, and no more for a hundred rows than for one."""

from collections.abc import AsyncIterator

import pytest

from services.catalog import CATALOG
from services.engine.resource import ActionKind, Resource
from tests.parity.comparing import report
from tests.parity.writing.cases import key, many, plain
from tests.parity.writing.comparing import by_graphql, by_rest
from tests.parity.writing.neutral import WriteCase, in_bulk
from tests.parity.writing.twins import Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]
PLAIN_ROUND_TRIPS = 3
MANY = 100
CODES = ('"problem":{', '"errors":[')


async def costs(twins: Twins, case: WriteCase) -> dict[str, tuple[int, int]]:
    """Return how many statements and round trips each surface takes for a case, which must go well."""
    found = {}
    for side, way in (
        (twins.rest, by_rest(case, twins.catalog)),
        (twins.graphql, by_graphql(case, twins.catalog, embedded=False)),
    ):
        client = await twins.client(side, "all:write")
        before = side.world.traffic()
        answer = await way.request.send(client)
        found[side.name] = tuple(now - then for now, then in zip(side.world.traffic(), before, strict=True))
        assert answer.status < 207, answer.body
        assert not any(code in answer.body.decode() for code in CODES) or not case.refusal, answer.body
    return found  # type: ignore[return-value]  # Each entry is a pair.


async def asked(twins: Twins, resource: Resource) -> AsyncIterator[tuple[WriteCase, bool]]:
    """Yield every action with and without a key, and whether it is a plain creation with one."""
    for action in resource.actions:
        if action.kind is ActionKind.ITEM:
            continue
        yield await plain(twins, resource, action, "alone"), False
        creation = action.kind is ActionKind.CREATE and action.rule is None
        yield await plain(twins, resource, action, "with a key", key=key(twins)), creation


@pytest.mark.parametrize("name", NAMES)
async def test_both_surfaces_take_the_same_statements(shop: Twins, name: str) -> None:
    """A creation with event, audit row and key takes three round trips, where no rule asks for more."""
    found = []
    async for case, plainly in asked(shop, await shop.resource(name)):
        taken = await costs(shop, case)
        if taken["REST"] != taken["GraphQL"]:
            found.append(f"{case.name}: {taken}")
        if plainly and taken["REST"][1] != PLAIN_ROUND_TRIPS:
            found.append(f"{case.name}: {taken['REST'][1]} round trips")
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_a_hundred_rows_take_as_many_statements_as_one(shop: Twins, name: str) -> None:
    """C-52: bulk requests are sets and no loops, on both surfaces, whatever their rules look up."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        if in_bulk(resource, action):
            taken = {
                size: await costs(shop, await many(shop, resource, action, f"{size}", size, key=key(shop)))
                for size in (1, MANY)
            }
            each = {cost for by_surface in taken.values() for cost in by_surface.values()}
            if len(each) != 1:
                found.append(f"{resource.plural}: {action.name}: {taken}")
    report(found)
