"""Who may write what: the same decision on both surfaces, for every resource, action, scope and tenant.

Everything is a dry run, so that what is allowed changes nothing either.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.access import Permission, permission
from services.engine.resource import Action, ActionKind, Resource
from tests.parity.comparing import report
from tests.parity.world import OTHER, World
from tests.support.client import Client

CASES = [(resource.name, action.name) for resource in CATALOG for action in resource.actions]
_ABSENT = str(uuid.UUID(int=1, version=4))
_METHODS = {ActionKind.CREATE: "POST", ActionKind.REPLACE: "PUT", ActionKind.UPDATE: "PATCH"}
_DECIDING = ("code", "required_scope", "token_scopes", "errors", "detail")

Decision = dict[str, Any] | None
"""What was decided: None for allowed, else the parts of the problem that say why not."""


def scope_sets(resource: Resource) -> Iterator[tuple[str, ...]]:
    """Yield sets of scopes: none, every one of the resource's own and of all, and another resource's."""
    other = next(each for each in CATALOG if each is not resource and each.actions)
    yield ()
    for word in Permission:
        yield (f"{resource.scope}:{word}",)
        yield (f"{other.scope}:{word}",)
    for word in (Permission.READ, Permission.WRITE):
        yield (f"all:{word}",)
    yield (f"{resource.scope}:read", f"{resource.scope}:delete")


def granted(action: Action, resource: Resource, scopes: tuple[str, ...]) -> bool:
    """Tell whether the law lets these scopes do it (S3-064 to S3-069, C-05)."""
    allowed = {f"{resource.scope}:write", "all:write"}
    if action.kind is ActionKind.DELETE:
        allowed.add(f"{resource.scope}:delete")
    return bool(allowed & set(scopes))


async def over_rest(client: Client, resource: Resource, action: Action, id_: str) -> Decision:
    path = f"/api/v1/{resource.path}"
    if action.kind is ActionKind.CREATE:
        answer = await client.post(f"{path}?dry_run=true", {})
    elif action.kind in _METHODS:
        send = client.put if action.kind is ActionKind.REPLACE else client.patch
        answer = await send(f"{path}/{id_}?dry_run=true", {})
    elif action.kind is ActionKind.DELETE:
        answer = await client.delete(f"{path}/{id_}?dry_run=true")
    else:
        answer = await client.post(f"{path}/{id_}/{action.name.replace('_', '-')}?dry_run=true", {})
    return _decision(answer.json() if answer.status >= 400 else None)


async def over_graphql(client: Client, resource: Resource, action: Action, id_: str) -> Decision:
    name = f"{camel(action.name)}{pascal(resource.name)}"
    given = [] if action.kind is ActionKind.CREATE else [f'id: "{id_}"']
    given += ["input: {}"] if action.kind in _METHODS else []
    members = "code type title status detail instance requestId errors errorMessages extensions"
    query = f"mutation {{ {name}({', '.join([*given, 'dryRun: true'])}) {{ problem {{ {members} }} }} }}"
    told = (await client.post("/graphql", {"query": query})).json()
    if "errors" in told:
        return _decision(told["errors"][0]["extensions"]["problem"])
    problem = told["data"][name]["problem"]
    return _decision(problem and {**problem, **(problem["extensions"] or {})})


def _decision(problem: dict[str, Any] | None) -> Decision:
    return None if problem is None else {name: problem.get(name) for name in _DECIDING}


@pytest.mark.parametrize(("name", "verb"), CASES)
async def test_both_surfaces_decide_alike(world: World, name: str, verb: str) -> None:
    """C-04 to C-10, S3-078, S3-079, promise 13: over what is there, what is not, and what is not ours."""
    resource = world.catalog[name]
    action, found = resource.actions_by_name[verb], list[str]()
    rows = [world.live(resource)[0]["id"], _ABSENT]
    if resource.tenant:
        rows.append(world.live(resource, OTHER)[0]["id"])
    for scopes in scope_sets(resource):
        client = await world.client(*scopes)
        for place, id_ in enumerate(rows):
            rest = await over_rest(client, resource, action, id_)
            asked = await over_graphql(client, resource, action, id_)
            label = f"{verb} {name} {('ours', 'absent', 'theirs')[place]} with {scopes}"
            if rest != asked:
                found.append(f"{label}: REST {rest}, GraphQL {asked}")
            found += [f"{label}: {text}" for text in _unlawful(resource, action, scopes, place, rest)]
    report(found)


def _unlawful(
    resource: Resource, action: Action, scopes: tuple[str, ...], place: int, decided: Decision
) -> Iterator[str]:
    """Yield how a decision is not the one of the law."""
    code = None if decided is None else decided["code"]
    if not granted(action, resource, scopes):
        wanted = f"{resource.scope}:{permission(action)}"
        if decided is None or (code, decided["required_scope"]) != ("insufficient-scope", wanted):
            yield f"{decided} and not the refusal that names {wanted}"
    elif action.kind is not ActionKind.CREATE and place > 0 and code != "not-found":
        yield f"{decided} of a row that is none of the token's"


def test_the_matrix_is_whole() -> None:
    """Promise 13: every action of every resource is in it."""
    assert len(CASES) == sum(len(resource.actions) for resource in CATALOG) > 40
