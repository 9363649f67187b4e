"""Who may read what: the same decision and the same problem on both surfaces, for every scope and tenant."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.parity.cases import absent, nested, singles
from tests.parity.comparing import ask, compare, report
from tests.parity.neutral import Case, Compare, differences
from tests.parity.world import OTHER, OWN, World

NAMES = [resource.name for resource in CATALOG]


def scope_sets(world: World, resource: Resource) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Return scope sets by what they are, and whether they let their holder read the resource."""
    others = next(other for other in world.catalog if other is not resource)
    scope = resource.scope
    return {
        "no scopes": ((), False),
        "another's read": ((f"{others.scope}:read",), False),
        "another's write": ((f"{others.scope}:write",), False),
        "delete only": ((f"{scope}:delete",), False),
        "read": ((f"{scope}:read",), True),
        "write": ((f"{scope}:write",), True),
        "all read": (("all:read",), True),
        "all write": (("all:write",), True),
    }


def probes(world: World, resource: Resource) -> Iterator[Case]:
    """Yield one read of every kind, of what is there and of what is not."""
    yield next(singles(world, resource))
    yield Case("a page", resource, size=3, least=1)
    yield Case("a page by cursor", resource, size=3, keyset=True, least=1)
    yield from (case for case in absent(world, resource) if case.owner is None)


@pytest.mark.parametrize("name", NAMES)
async def test_scopes_decide_alike(world: World, name: str) -> None:
    """C-04 to C-10, C-17, S3-079, S3-257, S3-258: read and write allow reading; absence comes after."""
    resource, found = world.catalog[name], list[str]()
    for label, (scopes, allowed) in scope_sets(world, resource).items():
        client = await world.client(*scopes)
        for case in probes(world, resource):
            refusal = case.refusal if allowed else "insufficient-scope"
            expected = replace(case, label=f"{case.label} with {label}", refusal=refusal)
            found += await compare(world, client, expected if allowed else replace(expected, least=0))
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_tenants_see_their_own_rows_alone(world: World, name: str) -> None:
    """C-12, C-17: the same question of two tenants finds disjoint rows, the same on both surfaces."""
    resource, seen = world.catalog[name], dict[str, set[str]]()
    for workspace in (OWN, OTHER):
        client = await world.client("all:read", workspace=workspace)
        case = Case(f"all of {workspace}", resource, size=500)
        report(await compare(world, client, case))
        rows = (await ask(world, client, case))["GraphQL"].outcome.rows
        seen[workspace] = {row["id"] for row in rows}
        assert seen[workspace] == {row["id"] for row in world.live(resource, workspace)}
    assert not seen[OWN] & seen[OTHER]


def related(world: World, resource: Resource) -> Iterator[tuple[Case, str]]:
    """Yield reads that lead to another resource, and the scope they need beside the resource's own."""
    known = world.live(resource)[0]["id"]
    for relation in resource.relations:
        target = world.catalog.target(relation)
        if target is not resource:
            scope, include = f"{target.scope}:read", ((relation.name,),)
            yield Case(f"include {relation.name}", resource, include=include, size=3), scope
            yield Case(f"include {relation.name} of one", resource, id=known, include=include), scope
            condition = Compare((relation.name, "id"), "null", False)
            yield Case(f"filter by {relation.name}", resource, filter=(condition,)), scope


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_included_or_filtered_by_needs_its_own_scope(world: World, name: str) -> None:
    """C-09, S3-257: without it both surfaces answer the same 403, which names that scope."""
    resource, found = world.catalog[name], list[str]()
    own = f"{resource.scope}:read"
    for case, scope in related(world, resource):
        found += await compare(world, await world.client(own, scope), case)
        client, refused = await world.client(own), replace(case, refusal="insufficient-scope")
        found += await compare(world, client, refused)
        for way, asked in (await ask(world, client, refused)).items():
            told = asked.outcome.problem or {}
            if told.get("required_scope") != scope or told.get("token_scopes") != [own]:
                found.append(f"{case.name}: {way} does not tell that {own} lacks {scope}: {told}")
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_nested_collections_need_the_owners_scope_and_in_graphql_their_own_too(
    world: World, name: str
) -> None:
    """C-09, a documented difference: a nested address is part of its parent, an edge stands for itself."""
    resource, found = world.catalog[name], list[str]()
    for case in nested(world, resource):
        target, own = case.resource, f"{resource.scope}:read"
        scope = f"{target.scope}:read"
        both = await world.client(own, scope)
        if target is resource or case.include:
            continue
        found += await compare(world, both, case)
        lacking = replace(case, refusal="insufficient-scope")
        found += await compare(world, await world.client(scope), lacking)
        answers = await ask(world, await world.client(own), case)
        full = (await ask(world, both, case))["REST"].outcome
        found += differences(answers["REST"].outcome.rows, full.rows, f"{case.name}: REST")
        for way in answers.keys() - {"REST"}:
            told = answers[way].outcome.problem or {}
            if (told.get("code"), told.get("required_scope")) != ("insufficient-scope", scope):
                found.append(f"{case.name}: {way} answers {told}")
    report(found)
