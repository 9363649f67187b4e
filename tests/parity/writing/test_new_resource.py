"""A resource that is only declared is written alike by both surfaces, and every test of writes covers it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest

from db.embedded import Embedded
from tests.parity import gadgets
from tests.parity.comparing import report
from tests.parity.writing import (
    test_crossing,
    test_differences,
    test_effects,
    test_keys,
    test_refusals,
    test_scopes,
    test_traffic,
)
from tests.parity.writing.bad_input import REFUSALS
from tests.parity.writing.cases import EFFECTS, key
from tests.parity.writing.comparing import by_graphql, by_rest, contrast, send
from tests.parity.writing.neutral import Item, WriteCase
from tests.parity.writing.twins import Twins, twins

Check = Callable[[Twins, str], Awaitable[None]]


def checks() -> Iterator[tuple[str, Check]]:
    """Yield every test of writes that takes a resource by name."""
    for module in (test_crossing, test_differences, test_keys, test_scopes, test_traffic):
        for name, check in vars(module).items():
            if name.startswith("test_"):
                yield name, check
    for group in EFFECTS:
        yield f"write {group}", partial(test_effects.test_both_surfaces_write_the_same, group=group)
    for group in REFUSALS:
        yield f"refuse {group}", partial(test_refusals.test_both_surfaces_refuse_the_same, group=group)


CHECKS = dict(checks())


@pytest.fixture(scope="module")
async def workshop(postgres: Embedded, migrated_template: str) -> AsyncIterator[Twins]:
    """Twins whose catalogue holds a resource that nothing else knows of."""
    async with twins(postgres, migrated_template, gadgets.CATALOG, gadgets.create) as made:
        yield made


@pytest.mark.parametrize("check", CHECKS)
async def test_a_declared_resource_is_written_alike_by_both_surfaces(workshop: Twins, check: str) -> None:
    """A field shown once, a fixed one, one made by the server, a unique one, and an action with a rule."""
    await CHECKS[check](workshop, gadgets.GADGET.name)


async def test_nothing_stays_of_what_a_rule_wrote_before_it_refused(workshop: Twins) -> None:
    """C-49: the refusal is kept under its key, and no row, event or audit row of the rule's."""
    resource = await workshop.resource(gadgets.GADGET.name)
    made = await workshop.fresh(resource, amount=gadgets.UNLUCKY)
    action = resource.actions_by_name["polish_up"]
    broken = WriteCase(
        "broken",
        resource,
        action,
        (Item(id=made.id),),
        refusal="validation-failed",
        errors={"amount": "exclusion"},
    )
    for case in (broken, replace(broken, key=key(workshop))):
        found, outcome = await contrast(workshop, case)
        report(found)
        assert not outcome.replayed
    again = await contrast(workshop, case)
    report([text for text in again[0] if "records" not in text])
    assert again[1].replayed


async def test_a_secret_is_shown_once_and_by_the_answer_to_its_making_alone(workshop: Twins) -> None:
    """C-51: not in a repetition on either surface, nor where the row is read."""
    resource = await workshop.resource(gadgets.GADGET.name)
    body = workshop.body(resource)
    case = WriteCase(
        "a secret", resource, resource.actions_by_name["create"], (Item(body),), key=key(workshop)
    )
    for side, way, other in (
        (workshop.rest, by_rest(case, workshop.catalog), by_graphql(case, workshop.catalog)),
        (workshop.graphql, by_graphql(case, workshop.catalog), by_rest(case, workshop.catalog)),
    ):
        client = await workshop.client(side, "all:write")
        first = await send(workshop, side, client, case, way)
        assert first.outcome.once == {"secret": f"the secret of {body['code']}"}
        for again in (way, other):
            second = await send(workshop, side, client, case, again)
            assert second.outcome.replayed
            assert second.outcome.once == {"secret": None}
        read = await client.get(f"/api/v1/{resource.path}/{first.outcome.id}")
        assert "secret" not in read.data()
