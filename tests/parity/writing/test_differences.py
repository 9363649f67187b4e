"""Where writing differs between the surfaces on purpose: by GraphQL's types or REST's documents."""

from dataclasses import replace
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import ActionKind, Kind, Resource
from tests.parity.comparing import report
from tests.parity.writing import graphql_side
from tests.parity.writing.bad_input import INVALID, REFUSED
from tests.parity.writing.cases import action_of, many, plain
from tests.parity.writing.comparing import Sent, by_graphql, by_rest, send, unlike
from tests.parity.writing.neutral import VALUED, Item, WriteCase, in_bulk
from tests.parity.writing.twins import Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]


async def both(twins: Twins, case: WriteCase, **changes: Any) -> tuple[Sent, Sent, list[str]]:
    """Send a case to both sides, and `changes` of it to GraphQL's; return the answers and the complaints."""
    told = replace(case, **changes)
    ways = by_rest(case, twins.catalog), by_graphql(told, twins.catalog)
    pairs = zip((twins.rest, twins.graphql), ways, (case, told), strict=True)
    sent, found = [], []
    for side, way, each in pairs:
        sent.append(await send(twins, side, await twins.client(side, "all:write"), each, way))
        found += [f"{case.name}: {text}" for text in unlike(each, way, sent[-1])]
    return sent[0], sent[1], found


@pytest.mark.parametrize("name", NAMES)
async def test_numbers_of_another_json_type_are_taken_where_a_scalar_takes_them(
    shop: Twins, name: str
) -> None:
    """BigInt takes digits in a string, Decimal a number; REST's JSON has one type each."""
    resource, found = await shop.resource(name), list[str]()
    update = action_of(resource, ActionKind.UPDATE)
    if update is None:
        return
    made = await shop.fresh(resource)
    lenient = {Kind.BIG_INTEGER: ("7", 7), Kind.DECIMAL: (0.5, "0.5")}
    for field in resource.writable:
        spelled, meant = lenient.get(resource.facts[field.name].kind, (None, None))
        if spelled is not None and not field.fixed:
            item = Item({field.name: spelled}, made.id)
            case = WriteCase(f"{field.name} {spelled!r}", resource, update, (item,), refusal=INVALID)
            _, right, unlike_ = await both(shop, case, refusal=None, label="in a variable!")
            found += unlike_
            if (right.outcome.row or {}).get(field.name) != meant:
                found.append(f"{case.name}: GraphQL makes {right.outcome.row} of it")
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_rest_takes_back_what_it_showed_and_graphql_has_no_such_inputs(shop: Twins, name: str) -> None:
    """Q-02: read-only members of a document are ignored, so GET and PUT round-trip; an input has none."""
    resource, found = await shop.resource(name), list[str]()
    client = await shop.client(shop.rest, "all:write")
    for kind in VALUED:
        action = action_of(resource, kind)
        if action is None:
            continue
        case = await plain(shop, resource, action, "a whole document")
        target = case.items[0].id or (await shop.fresh(resource)).id
        document = (await client.get(f"/api/v1/{resource.path}/{target}")).data()
        (item,) = case.items
        read_only = {each: document[each] for each in document if each not in _writable(resource)}
        whole = replace(case, items=(replace(item, values={**read_only, **item.values}),))
        one = {"inserted_at": document["inserted_at"], **item.values}
        changes = {"items": (replace(item, values=one),), "typed": True, "naming": ("insertedAt",)}
        _, _, unlike_ = await both(shop, whole, **changes)
        found += unlike_
    report(found)


def _writable(resource: Resource) -> set[str]:
    return {field.name for field in resource.writable} | set(resource.embedded_by_name)


@pytest.mark.parametrize("name", NAMES)
async def test_what_rest_answers_to_members_of_another_form_types_refuse(shop: Twins, name: str) -> None:
    """C-52: REST names the item; GraphQL's lists of inputs hold neither null nor anything else."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        if not in_bulk(resource, action):
            continue
        client, other = [await shop.client(side, "all:write") for side in (shop.rest, shop.graphql)]
        member = "ids" if action.kind is ActionKind.DELETE else "items"
        method = {ActionKind.CREATE: "POST", ActionKind.UPDATE: "PATCH", ActionKind.DELETE: "DELETE"}
        case = await many(shop, resource, action, "", 1)
        asked = graphql_side.with_variables(case, shop.catalog)
        for value, errors in ((None, {member: ["cant_be_blank"]}), ("x", {member: ["invalid_format"]})):
            marks = [side.watch.mark() for side in (shop.rest, shop.graphql)]
            sent = getattr(client, method[action.kind].lower())
            answer = await sent(f"/api/v1/{resource.path}/bulk", {member: value})
            assert answer.problem(422)["errors"] == errors
            query = replace(asked, variables={**asked.variables, member: value})
            if value is None:
                refused = (await query.send(other)).json()["errors"][0]
                assert refused["extensions"]["problem"]["code"] == REFUSED
                assert member in refused["message"]
            effects = [
                side.watch.since(mark) for side, mark in zip((shop.rest, shop.graphql), marks, strict=True)
            ]
            found += [f"{resource.plural}: {effect}" for effect in effects if not effect.nothing]
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_a_trial_names_no_version_over_rest_and_the_next_one_in_graphql(shop: Twins, name: str) -> None:
    """A tag in a header would promise a representation; `etag` is a field of the row that would be."""
    resource = await shop.resource(name)
    action = next(each for each in resource.actions if each.kind in (ActionKind.UPDATE, ActionKind.ITEM))
    case = replace(await plain(shop, resource, action, "tried"), dry_run=True)

    left, right, found = await both(shop, case)

    report(found)
    assert left.answer.header("etag") is None
    assert '"etag"' in right.answer.body.decode()
