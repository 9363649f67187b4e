"""Who may write what: the same decision and the same problem on both surfaces."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from services.catalog import CATALOG
from services.engine.resource import Action, ActionKind, Relation, Resource
from tests.parity.comparing import report
from tests.parity.writing.bad_input import ABSENT
from tests.parity.writing.cases import action_of, many, plain, written
from tests.parity.writing.comparing import contrast
from tests.parity.writing.neutral import WHATEVER, Item, WriteCase, in_bulk
from tests.parity.writing.twins import Twins

NAMES = [resource.name for resource in CATALOG if resource.actions]
WRITE, DELETE = "write", "delete"
EVERYTHING = ("all:write",)


def scope_sets(twins: Twins, resource: Resource) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Yield scope sets by what they are, and which permissions their holder has on the resource."""
    other = next(each for each in twins.catalog if each is not resource)
    scope, reads = resource.scope, tuple(sorted({*_reads(twins, resource)}))
    yield "no scopes", (), ()
    yield "read", (f"{scope}:read", "all:read"), ()
    yield "another's write", (f"{other.scope}:write", f"{other.scope}:delete"), ()
    yield "delete", (f"{scope}:delete", *reads), (DELETE,)
    yield "write", (f"{scope}:write", *reads), (WRITE, DELETE)
    yield "all delete", ("all:delete",), (DELETE,)
    yield "all write", ("all:write",), (WRITE, DELETE)


def _reads(twins: Twins, resource: Resource) -> Iterator[str]:
    """Yield the scopes that let a token refer to other resources, which writing demands beside its own."""
    for each in (resource, *(item.resource for item in resource.embedded)):
        for relation in each.relations:
            target = twins.catalog.target(relation)
            if relation.one and target is not resource:
                yield f"{target.scope}:read"


@pytest.mark.parametrize("name", NAMES)
async def test_scopes_decide_alike(shop: Twins, name: str) -> None:
    """C-05 to C-08, S3-079, Q-22: every action by every token; a missing scope comes before any bad input."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        needed = DELETE if action.kind is ActionKind.DELETE else WRITE
        forbidden = await _writes(shop, resource, action)
        for label, scopes, permissions in scope_sets(shop, resource):
            allowed = needed in permissions
            for case in await _writes(shop, resource, action) if allowed else forbidden:
                case = replace(case, label=label, refusal=case.refusal if allowed else "insufficient-scope")
                if allowed and not resource.bulk and scopes != EVERYTHING and case.refusal is None:
                    # What is about the workspace itself may demand as much as is granted or taken.
                    case = replace(case, refusal=WHATEVER)
                # A list that is selected needs a scope of its own; what decides here is the resource's.
                unequal, outcome = await contrast(shop, case, scopes=scopes, embedded=False)
                found += unequal
                if not allowed and _told(outcome.problem) != (f"{resource.scope}:{needed}", sorted(scopes)):
                    found.append(f"{case.name}: {outcome.problem} does not tell that {needed} is missing")
                if allowed and _told(outcome.problem)[0] == f"{resource.scope}:{needed}":
                    found.append(f"{case.name}: {outcome.problem} though {needed} is held")
    report(found)


async def _writes(twins: Twins, resource: Resource, action: Action) -> list[WriteCase]:
    """Return what the action does to one row, and to many; and what it cannot do to one."""
    case = await plain(twins, resource, action, "")
    found = [case]
    if in_bulk(resource, action):
        found.append(await many(twins, resource, action, "", 2))
    if action.kind is not ActionKind.CREATE:
        found.append(replace(case, items=(replace(case.items[0], id=ABSENT),), refusal="not-found"))
    return found


def _told(problem: dict[str, Any] | None) -> tuple[Any, Any]:
    return (problem or {}).get("required_scope"), (problem or {}).get("token_scopes")


def leading(twins: Twins, resource: Resource) -> Iterator[Relation]:
    """Yield the relations to other resources that a client may set."""
    writable = {field.name for field in resource.writable}
    for relation in resource.relations:
        if relation.one and relation.via in writable and twins.catalog.target(relation) is not resource:
            yield relation


@pytest.mark.parametrize("name", NAMES)
async def test_what_may_not_be_read_may_not_be_referred_to(shop: Twins, name: str) -> None:
    """C-10: it is as if it did not exist, and the problem names the scope that would show it."""
    resource, found = await shop.resource(name), list[str]()
    own = f"{resource.scope}:write"
    for relation in leading(shop, resource):
        scope = f"{shop.catalog.target(relation).scope}:read"
        others = {f"{shop.catalog.target(each).scope}:read" for each in leading(shop, resource)} - {scope}
        for kind in (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE):
            action = action_of(resource, kind)
            if action is None or (kind != ActionKind.CREATE and resource.all_fields[relation.via].fixed):
                continue
            case = await _aimed(shop, await plain(shop, resource, action, f"{relation.via} unseen"), relation)
            case = replace(case, refusal="validation-failed", errors={relation.via: "not_found"})
            unequal, outcome = await contrast(shop, case, scopes=(own, *others), embedded=False)
            found += unequal
            if (outcome.problem or {}).get("required_scope") != scope:
                found.append(f"{case.name}: {outcome.problem} does not name {scope}")
            if in_bulk(resource, action):
                items = (case.items[0],)
                many_ = replace(case, items=items, bulk=True, if_match=None, errors=None)
                found += (await contrast(shop, many_, scopes=(own, *others), embedded=False))[0]
    report(found)


async def _aimed(twins: Twins, case: WriteCase, relation: Relation) -> WriteCase:
    """Return the case with a reference that the stored row has not got yet, and no embedded lists."""
    (item,) = case.items
    target = twins.catalog.target(relation)
    stored = twins.rest.watch.row(str(case.resource.model.__tablename__), item.id) if item.id else {}
    rows = twins.rest.world.live(target)
    other = next(row["id"] for row in rows if row["id"] != stored.get(relation.via))
    values = {
        name: value for name, value in item.values.items() if name not in case.resource.embedded_by_name
    }
    return replace(case, items=(replace(item, values=values | {relation.via: other}),))


@pytest.mark.parametrize("name", NAMES)
async def test_another_workspace_s_rows_are_out_of_reach(shop: Twins, name: str) -> None:
    """C-12, C-17: a token for everything of another workspace finds nothing to change, on either surface."""
    resource, found = await shop.resource(name), list[str]()
    for action in resource.actions:
        if action.kind is ActionKind.CREATE:
            continue
        made = await shop.fresh(resource, deleted=action.kind is ActionKind.RESTORE)
        item = written(shop, resource, action, made)
        if_match = "*" if action.kind is ActionKind.REPLACE else None
        case = WriteCase("a stranger's", resource, action, (item,), if_match=if_match, refusal="not-found")
        found += (await contrast(shop, case, workspace="globex"))[0]
        if in_bulk(resource, action):
            at = "ids.0" if action.kind is ActionKind.DELETE else "items.0.id"
            case = WriteCase(
                "a stranger's", resource, action, (item,), bulk=True, refusal="validation-failed"
            )
            case = replace(case, errors={at: "not_found"})
            found += (await contrast(shop, case, workspace="globex"))[0]
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_token_may_do_to_itself_needs_no_scope_on_either_surface(shop: Twins, name: str) -> None:
    """S3-084: it works once, whatever the token may do besides, and to no other row."""
    resource, found = await shop.resource(name), list[str]()
    for n, action in enumerate(each for each in resource.actions if each.on_oneself):
        scopes = ("brands:read", f"no_such_thing_{n}:write")
        raw = await shop.token(*scopes)
        (own,) = shop.rest.watch.rows("tokens", "token_key", raw.split("_")[2][:16])
        for label, id_, refusal in (
            ("another's", (await shop.fresh(resource)).id, "insufficient-scope"),
            ("one's own", own["id"], None),
            ("one's own again", own["id"], "invalid-token"),
        ):
            case = WriteCase(label, resource, action, (Item(id=id_),), refusal=refusal)
            found += (await contrast(shop, case, scopes=scopes))[0]
    report(found)
