"""Idempotency keys across surfaces: one effect, and the other surface repeats what the first one answered."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import ActionKind, Resource, Shown
from tests.parity.comparing import report
from tests.parity.neutral import differences
from tests.parity.world import OTHER
from tests.parity.writing.cases import key, many, plain, written
from tests.parity.writing.comparing import Sent, Way, by_graphql, by_rest, contrast, on, send, unlike
from tests.parity.writing.effects import shape
from tests.parity.writing.graphql_side import problem_of
from tests.parity.writing.neutral import WHATEVER, WriteCase, in_bulk
from tests.parity.writing.twins import Side, Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]
EVERYTHING = ("all:write",)


async def keyed(twins: Twins, resource: Resource) -> list[WriteCase]:
    """Return every action with a key of its own: done, refused, on one row and on many."""
    found: list[WriteCase] = []
    for action in resource.actions:
        case = await plain(twins, resource, action, "kept", key=key(twins))
        if action.kind is ActionKind.CREATE:
            wrong = replace(case.items[0], values={})
            found.append(replace(case, label="invalid", items=(wrong,), refusal="validation-failed"))
        else:
            found.append(replace(case, label="stale", if_match='"stale"', refusal="precondition-failed"))
        found.append(case)
        if in_bulk(resource, action):
            found.append(await many(twins, resource, action, "kept", 2))
            mixed = (
                *(await many(twins, resource, action, "", 1)).items,
                replace(found[-1].items[0], **_bad(action.kind)),
            )
            found.append(replace(found[-1], label="mixed", items=mixed, atomic=False))
            found.append(replace(found[-1], label="all or none", atomic=True, refusal="validation-failed"))
    return [replace(case, key=key(twins)) for case in found]


def _bad(kind: ActionKind) -> dict[str, Any]:
    return {"values": {}} if kind is ActionKind.CREATE else {"id": "00000000-0000-4000-8000-000000000001"}


async def repeated(twins: Twins, side: Side, case: WriteCase, way: Way) -> Sent:
    """Send a case once more, one way."""
    return await send(twins, side, await twins.client(side, *EVERYTHING), case, way)


@pytest.mark.parametrize("name", NAMES)
async def test_either_surface_repeats_what_the_other_did(shop: Twins, name: str) -> None:
    """C-49 to C-51: nothing happens again, the content is the same, secrets left out, and it says so."""
    resource, found = await shop.resource(name), list[str]()
    for case in await keyed(shop, resource):
        ways = by_rest(case, shop.catalog), by_graphql(case, shop.catalog)
        firsts = []
        for side, way in zip((shop.rest, shop.graphql), ways, strict=True):
            first = await repeated(shop, side, case, way)
            firsts.append(first)
            found += [f"{case.name}: {text}" for text in unlike(case, way, first)]
            for again in (*reversed(ways), *ways):
                second = await repeated(shop, side, case, again)
                where = f"{case.name}: {again.name} after {way.name}: "
                found += [where + text for text in unfaithful(case, first, second)]
                if again.name == way.name == "REST":
                    found += [where + text for text in unequal_bytes(case, first, second)]
        found += [f"{case.name}: {text}" for text in differences(firsts[0].plain, firsts[1].plain)]
    report(found)


def unfaithful(case: WriteCase, first: Sent, second: Sent) -> Iterator[str]:
    """Yield how a repetition is not what it repeats, in the words of no surface."""
    if not second.effect.nothing:
        yield f"changed {second.effect}"
    if not second.outcome.replayed:
        yield "does not say that it is a repetition"
    expected = asdict(replace(first.outcome, replayed=True))
    expected["once"] = expected["once"] and dict.fromkeys(expected["once"])
    told = asdict(second.outcome)
    if case.bulk:
        del expected["versions"], told["versions"]
    yield from differences(expected, told)
    yield from differences(whole_problem(first), whole_problem(second), "whole problem")


def whole_problem(sent: Sent) -> dict[str, Any] | None:
    """Return the problem with the names of the request that was refused first."""
    if sent.outcome.problem is None:
        return None
    found = sent.answer.json()
    if "data" in found and isinstance(found["data"], dict):
        (payload,) = found["data"].values()
        return problem_of(payload["problem"])
    return dict(found)


def unequal_bytes(case: WriteCase, first: Sent, second: Sent) -> Iterator[str]:
    """Yield how a repetition over REST differs from the first answer over REST."""
    passing = ("x-request-id", "idempotency-replayed")
    heads = [
        [pair for pair in sent.answer.headers if pair[0] not in (*passing, "content-length", "date")]
        for sent in (first, second)
    ]
    if heads[0] != heads[1] or first.answer.status != second.answer.status:
        yield f"answers {second.answer.status} {heads[1]} after {first.answer.status} {heads[0]}"
    if first.answer.body != second.answer.body and not case.resource.shown_by(case.action):
        yield f"answers {second.answer.body!r} after {first.answer.body!r}"


@pytest.mark.parametrize("name", NAMES)
async def test_a_key_is_for_one_input_alone(shop: Twins, name: str) -> None:
    """C-49: another input, row, precondition or action under the same key is a 422 on either surface."""
    resource, found = await shop.resource(name), list[str]()
    used: list[WriteCase] = []
    for action in resource.actions:
        first = await plain(shop, resource, action, "first", key=key(shop))
        found += (await contrast(shop, first))[0]
        others = [replace(await plain(shop, resource, action, "other input"), key=first.key)]
        others += [replace(each, key=first.key) for each in used[-1:]]
        for field in action.inputs:
            values = {field.name: field.maximum}
            others.append(on(replace(first, label=f"another {field.name}"), values=values))
        if in_bulk(resource, action):
            others.append(replace(first, label="the same in bulk", bulk=True, if_match=None))
        if action.kind is not ActionKind.CREATE:
            others.append(replace(first, label="another version", if_match='"other"'))
        if action.kind is ActionKind.UPDATE:
            others.append(replace(first, label="merged", merge=True))
        for other in others:
            case = replace(other, refusal="idempotency-key-mismatch")
            found += await crosswise(shop, case)
        used.append(first)
    report(found)


async def crosswise(twins: Twins, case: WriteCase, **how: Any) -> list[str]:
    """Send a refused case to each database by the surface that did not write it first."""
    found = []
    for side, way in (
        (twins.graphql, by_rest(case, twins.catalog)),
        (twins.rest, by_graphql(case, twins.catalog)),
    ):
        client = await twins.client(side, *how.get("scopes", EVERYTHING))
        sent = await send(twins, side, client, case, way)
        found += [f"{case.name}: {text}" for text in unlike(case, way, sent)]
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_whoever_may_not_write_hears_no_repetition(shop: Twins, name: str) -> None:
    """C-50: a token that lacks the scope is refused, though another one has written that before."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        case = await plain(shop, resource, action, "seen by others", key=key(shop))
        found += (await contrast(shop, case))[0]
        refused = replace(case, refusal="insufficient-scope")
        found += await crosswise(shop, refused, scopes=("all:read",))
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_keys_of_another_workspace_are_other_keys(shop: Twins, name: str) -> None:
    """C-12, C-49: a stranger with the same key is answered as if nobody had used it."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        case = await plain(shop, resource, action, "the same key", key=key(shop))
        if action.kind is ActionKind.CREATE:
            case = replace(case, items=(written(shop, resource, action, None),))
        found += (await contrast(shop, case))[0]
        refusal = WHATEVER if action.kind is ActionKind.CREATE else "not-found"
        for how in ({"workspace": OTHER}, {}):
            unequal, outcome = await contrast(
                shop, replace(case, refusal=refusal if how else case.refusal), **how
            )
            found += [] if not how else unequal
            if outcome.replayed is bool(how):
                found.append(f"{case.name}: {how or 'the owner'} is told a repetition: {outcome.replayed}")
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_each_surface_shows_secrets_of_its_own_once(shop: Twins, name: str) -> None:
    """C-51: of one shape, null in a trial and in every repetition, and kept nowhere."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        if any(item.shown is Shown.ONCE for item in resource.shown_by(action)):
            tried = replace(
                await plain(shop, resource, action, "a secret, tried"), dry_run=True, refusal=None
            )
            unequal, outcome = await contrast(shop, tried)
            found += unequal
            if set((outcome.once or {"": ""}).values()) != {None}:
                found.append(f"{tried.name}: {outcome.once}")
            case = replace(await plain(shop, resource, action, "a secret", key=key(shop)), refusal=None)
            left, right = [await _shown(shop, side, case, found) for side in (shop.rest, shop.graphql)]
            made = {item.name for item in resource.shown_by(action) if item.kind is not None}
            found += [
                f"{case.name}: {each} is made twice" for each in made if left.get(each, 1) == right.get(each)
            ]
            shapes = [{each: shape(text) for each, text in told.items()} for told in (left, right)]
            found += [f"{case.name}: {text}" for text in differences(shapes[0], shapes[1])]
    report(found)


async def _shown(twins: Twins, side: Side, case: WriteCase, found: list[str]) -> dict[str, Any]:
    """Return the secrets that an answer of a side's own surface shows, and note who shows them again."""
    ways = [by_rest(case, twins.catalog), by_graphql(case, twins.catalog)]
    own = ways[side is twins.graphql]
    first = await repeated(twins, side, case, own)
    found += [f"{case.name}: {text}" for text in unlike(case, own, first)]
    for way in ways:
        again = await repeated(twins, side, case, way)
        found += [f"{case.name}: {text}" for text in unfaithful(case, first, again)]
    return first.outcome.once or {}
