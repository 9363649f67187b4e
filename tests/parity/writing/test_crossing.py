"""What one surface writes, the other reads and goes on writing; each takes the other's versions."""

from dataclasses import replace
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import ActionKind, Resource
from tests.parity import graphql_side as reads_graphql
from tests.parity import rest_side as reads_rest
from tests.parity.comparing import report
from tests.parity.neutral import Case, Outcome, differences
from tests.parity.writing.cases import action_of
from tests.parity.writing.comparing import Sent, Way, by_graphql, by_rest, send, unlike
from tests.parity.writing.neutral import Item, WriteCase
from tests.parity.writing.twins import Side, Target, Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]


async def read(twins: Twins, side: Side, resource: Resource, id_: str, *, by_rest: bool) -> Outcome:
    """Return one row, read through a surface."""
    case, client = Case("one", resource, id=id_), await twins.client(side, "all:write")
    if by_rest:
        return reads_rest.outcome(case, await reads_rest.by_url(case).send(client), twins.catalog)
    asked = reads_graphql.with_variables(case, twins.catalog)
    return reads_graphql.outcome(case, await asked.send(client), twins.catalog)


class Walk:
    """Writes to one side by its own surface and by the other one in turn, and notes what is not as it was."""

    def __init__(self, twins: Twins, side: Side, resource: Resource) -> None:
        self.twins, self.side, self.resource = twins, side, resource
        self.by_rest = side is twins.rest
        self.found: list[str] = []

    async def write(self, case: WriteCase) -> Sent:
        """Send a case by this turn's surface; the next turn is the other's."""
        way: Way = (by_rest if self.by_rest else by_graphql)(case, self.twins.catalog)
        client = await self.twins.client(self.side, "all:write")
        sent = await send(self.twins, self.side, client, case, way)
        self.found += [
            f"{case.name} on the side of {self.side.name}: {text}" for text in unlike(case, way, sent)
        ]
        self.by_rest = not self.by_rest
        return sent

    async def check(self, sent: Sent, label: str) -> str:
        """Read the written row by the surface whose turn it is, compare it, and return its entity tag."""
        row, id_ = sent.outcome.row or {}, sent.outcome.id or ""
        seen = await read(self.twins, self.side, self.resource, id_, by_rest=self.by_rest)
        told = {name: value for name, value in row.items() if name not in self.resource.embedded_by_name}
        shown = seen.rows[0] if seen.rows else {"problem": seen.problem}
        where = f"{self.resource.plural}: {label} on the side of {self.side.name}: "
        self.found += [where + text for text in differences(told, shown)]
        return seen.etag or ""


@pytest.mark.parametrize("name", NAMES)
async def test_what_one_surface_writes_the_other_reads_and_changes(shop: Twins, name: str) -> None:
    """C-54: one row, made, read, changed, replaced, deleted and restored by the surfaces in turn, as far as
    clients may do that."""
    resource = await shop.resource(name)
    bodies = [shop.body(resource, changing=n > 0) for n in range(3)]
    walks = [Walk(shop, side, resource) for side in (shop.rest, shop.graphql)]
    made = await shop.fresh(resource)
    for walk in walks:
        await _walked(walk, made, bodies)
    report([text for walk in walks for text in walk.found])


async def _walked(walk: Walk, made: Target, bodies: list[dict[str, Any]]) -> None:
    resource = walk.resource
    create, update, replacement, delete, restore = (
        action_of(resource, kind)
        for kind in (
            ActionKind.CREATE,
            ActionKind.UPDATE,
            ActionKind.REPLACE,
            ActionKind.DELETE,
            ActionKind.RESTORE,
        )
    )
    id_, last = made.id, made.etag
    if create is not None:
        new = await walk.write(WriteCase("crossing", resource, create, (Item(bodies[0]),)))
        id_, last = new.outcome.id or "", await walk.check(new, "made")
    for action, body in ((update, bodies[1]), (replacement, bodies[2])):
        if action is not None:
            values, first = Item(body, id_), last
            changed = await walk.write(WriteCase("crossing", resource, action, (values,), if_match=first))
            last = await walk.check(changed, action.name)
            stale = WriteCase("stale", resource, action, (values,), if_match=first)
            stale = replace(stale, refusal="precondition-failed")
            await walk.write(stale)
            await walk.write(stale)
    if delete is not None:
        await walk.write(WriteCase("crossing", resource, delete, (Item(id=id_),), if_match=last))
        gone = await read(walk.twins, walk.side, resource, id_, by_rest=walk.by_rest)
        if gone.problem is None or gone.problem["code"] != "not-found":
            walk.found.append(f"{resource.plural}: deleted, and yet {gone} is read")
    if restore is not None:
        back = await walk.write(WriteCase("crossing", resource, restore, (Item(id=id_),)))
        await walk.check(back, "restored")
