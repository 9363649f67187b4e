"""Every read and every refusal takes the same points from the one budget, whichever way it is asked."""

from typing import Any

import pytest

from services.catalog import CATALOG
from tests.parity import cases, graphql_side
from tests.parity.bad_input import GROUPS
from tests.parity.comparing import report, ways
from tests.parity.neutral import Case
from tests.parity.world import World
from tests.support.client import Client

EACH = 3
"""Of so many cases one is asked."""


async def points(world: World, client: Client, request: Any, *, way: str = "") -> int:
    """Return what a request has taken, in points."""
    usage = world.application._limiter.usage  # type: ignore[attr-defined]  # Every limiter has one.
    usage.drain()
    if way:
        headers = [("x-diptych-execute", way)]
        body = {"query": request.query, "variables": request.variables}
        await client.post("/graphql", body, headers=headers)
    else:
        await request.send(client)
    return sum(usage.drain().values())


async def unequal(world: World, client: Client, case: Case) -> list[str]:
    """Return a sentence if the ways of asking do not cost the same.

    A nested address shows the rows below its parent alone, where a selection passes through the parent and
    pays for it: that is a point more, unless it is refused before.
    """
    asked = {name: request for name, (request, _) in ways(world, case).items()}
    found = {name: await points(world, client, request) for name, request in asked.items()}
    executed = asked["GraphQL"]
    assert isinstance(executed, graphql_side.Request)
    found["executor"] = await points(world, client, executed, way="executor")
    over_rest = {cost for name, cost in found.items() if name.startswith("REST")}
    others = {cost for name, cost in found.items() if not name.startswith("REST")}
    more = case.owner is not None and others != {1}
    return [] if {cost + more for cost in over_rest} == others else [f"{case.name}: {found}"]


@pytest.mark.parametrize("group", cases.READS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_reads_cost_the_same(world: World, name: str, group: str) -> None:
    """C-58: `?include=` and the equal selection take the same points."""
    resource, client = world.catalog[name], await world.client("all:read")
    every = list(cases.READS[group](world, resource))

    report([text for case in every[::EACH] for text in await unequal(world, client, case)])


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_refusals_cost_the_same(world: World, name: str, group: str) -> None:
    resource, client = world.catalog[name], await world.client("all:read")
    every = list(GROUPS[group](world, resource))

    report([text for case in every[::EACH] for text in await unequal(world, client, case)])


@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_what_is_forbidden_costs_a_point(world: World, name: str) -> None:
    resource, client = world.catalog[name], await world.client()
    case = Case("forbidden", resource)

    for request, _ in ways(world, case).values():
        assert await points(world, client, request) == 1
    assert await unequal(world, client, case) == []
