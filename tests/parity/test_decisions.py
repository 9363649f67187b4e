"""Who may do what: the same decision on both surfaces, for every resource, action, scope and tenant.

Every write is a dry run, so that what is allowed changes nothing either.
"""

import uuid
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg
import pytest

from db.embedded import Embedded
from diptych.runtime import precheck_key
from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.access import Permission, permission
from services.engine.resource import Action, ActionKind, Resource
from tests.isolation.estate import CHILD, OURS, THEIRS
from tests.isolation.machine import Trial, tried
from tests.parity.comparing import report
from tests.support.client import Client
from tests.support.databases import copied
from tests.support.seed import add_token, settings

READS = ("read", "list")
"""What can be done to every resource, beside its actions."""

TENANTS = ("ours", "the child's", "theirs", "nobody's")
"""Whose the row is that something is done to."""

CASES = [(resource.name, verb) for resource in CATALOG for verb in (*READS, *resource.actions_by_name)]
_LETTERS = {"ours": OURS, "the child's": CHILD, "theirs": THEIRS}
_METHODS = {ActionKind.CREATE: "POST", ActionKind.REPLACE: "PUT", ActionKind.UPDATE: "PATCH"}
_DECIDING = ("code", "required_scope", "token_scopes", "errors", "detail")
_PROBLEM = "code type title status detail instance requestId errors errorMessages extensions"

Decision = dict[str, Any] | None
"""What was decided: None for allowed, else the parts of the problem that say why not."""


def scope_sets(resource: Resource) -> list[tuple[str, ...]]:
    """Return sets of scopes: none, every one of the resource's own and of all, and another resource's."""
    other = next(each for each in CATALOG if each is not resource and each.actions)
    own = [(f"{each.scope}:{word}",) for word in Permission for each in (resource, other)]
    wide = [(f"all:{word}",) for word in (Permission.READ, Permission.WRITE)]
    return [(), *own, *wide, (f"{resource.scope}:read", f"{resource.scope}:delete")]


MATRIX = {
    (name, verb): list(
        product(scope_sets(CATALOG[name]), TENANTS if verb not in ("list", "create") else ("ours",))
    )
    for name, verb in CASES
}
"""Every decision there is, by resource and action: the scopes of whoever asks, and whose the row is."""


def wanted(resource: Resource, verb: str) -> Permission:
    """Return what a token must be allowed to do."""
    return Permission.READ if verb in READS else permission(resource.actions_by_name[verb])


def granted(resource: Resource, verb: str, scopes: tuple[str, ...]) -> bool:
    """Tell whether the law lets these scopes do it (S3-064 to S3-069, C-05)."""
    word = wanted(resource, verb)
    granting = {word, Permission.WRITE}
    return bool({f"{name}:{each}" for name in (resource.scope, "all") for each in granting} & set(scopes))


@pytest.fixture(scope="module")
def trial(postgres: Embedded, migrated_template: str) -> Iterator[Trial]:
    """Three workspaces with rows of every resource, one of them a child of ours."""
    with tried(copied(postgres, migrated_template), CATALOG) as made:
        yield made


@pytest.fixture(scope="module")
def clients(trial: Trial) -> dict[tuple[str, ...], Client]:
    """Clients of ours by the scopes of their tokens."""
    every = {scopes for name, _ in CASES for scopes in scope_sets(CATALOG[name])}
    key, found = precheck_key(settings(trial.estate.database)), dict[tuple[str, ...], Client]()
    with psycopg.connect(trial.estate.database) as connection:
        for scopes in sorted(every):
            raw = add_token(connection, uuid.UUID(trial.estate.tenants[OURS].id), scopes, key)
            found[scopes] = trial.estate.client(raw)
    return found


def row_of(trial: Trial, resource: Resource, tenant: str) -> str:
    """Return the id of a live row of a tenant, of no row for nobody."""
    rows = trial.estate.rows_of(_LETTERS[tenant], resource) if tenant in _LETTERS else []
    live = [
        row["id"] for row in rows if row.get("deleted_at") is None and row["id"] not in trial.estate.in_use
    ]
    return str(live[0] if live else uuid.UUID(int=1, version=4))


async def over_rest(client: Client, resource: Resource, verb: str, id_: str) -> Decision:
    """Return what REST decides."""
    path, action = f"/api/v1/{resource.path}", resource.actions_by_name.get(verb)
    if action is None:
        answer = await client.get(path if verb == "list" else f"{path}/{id_}")
    elif action.kind is ActionKind.CREATE:
        answer = await client.post(f"{path}?dry_run=true", {})
    elif action.kind in _METHODS:
        send = client.put if action.kind is ActionKind.REPLACE else client.patch
        answer = await send(f"{path}/{id_}?dry_run=true", {})
    elif action.kind is ActionKind.DELETE:
        answer = await client.delete(f"{path}/{id_}?dry_run=true")
    else:
        answer = await client.post(f"{path}/{id_}/{action.name.replace('_', '-')}?dry_run=true", {})
    return _decision(answer.json() if answer.status >= 400 else None)


async def over_graphql(client: Client, resource: Resource, verb: str, id_: str) -> Decision:
    """Return what GraphQL decides."""
    action = resource.actions_by_name.get(verb)
    query = _reading(resource, verb, id_) if action is None else _writing(resource, action, id_)
    told = (await client.post("/graphql", {"query": query})).json()
    if "errors" in told:
        return _decision(told["errors"][0]["extensions"]["problem"])
    (answer,) = told["data"].values()
    problem = None if action is None else answer["problem"]
    return _decision(problem and {**problem, **(problem["extensions"] or {})})


def _reading(resource: Resource, verb: str, id_: str) -> str:
    if verb == "list":
        return f"{{ {camel(resource.plural)} {{ nodes {{ id }} }} }}"
    return f'{{ {camel(resource.name)}(id: "{id_}") {{ id }} }}'


def _writing(resource: Resource, action: Action, id_: str) -> str:
    name = f"{camel(action.name)}{pascal(resource.name)}"
    given = [] if action.kind is ActionKind.CREATE else [f'id: "{id_}"']
    given += ["input: {}"] if action.kind in _METHODS else []
    return f"mutation {{ {name}({', '.join([*given, 'dryRun: true'])}) {{ problem {{ {_PROBLEM} }} }} }}"


def _decision(problem: dict[str, Any] | None) -> Decision:
    return None if problem is None else {name: problem.get(name) for name in _DECIDING}


@pytest.mark.parametrize(("name", "verb"), CASES)
def test_both_surfaces_decide_alike(
    trial: Trial, clients: dict[tuple[str, ...], Client], name: str, verb: str
) -> None:
    """C-04 to C-10, C-12, C-17, S3-078, S3-079, promise 13."""
    resource, found = CATALOG[name], list[str]()
    for scopes, tenant in MATRIX[name, verb]:
        id_ = row_of(trial, resource, tenant)
        rest = trial.run(over_rest(clients[scopes], resource, verb, id_))
        asked = trial.run(over_graphql(clients[scopes], resource, verb, id_))
        label = f"{verb} {name}, {tenant}, with {scopes}"
        if rest != asked:
            found.append(f"{label}: REST {rest}, GraphQL {asked}")
        lawful = _unlawful(trial, resource, verb, scopes, id_, rest)
        found += [f"{label}: {text}" for text in lawful]
    report(found)


def _unlawful(
    trial: Trial, resource: Resource, verb: str, scopes: tuple[str, ...], id_: str, decided: Decision
) -> Iterator[str]:
    """Yield how a decision is not the one of the law."""
    code = None if decided is None else decided["code"]
    seen = trial.estate.marks.visible.get(id_, frozenset())
    if not granted(resource, verb, scopes):
        needed = f"{resource.scope}:{wanted(resource, verb)}"
        if decided is None or (code, decided["required_scope"]) != ("insufficient-scope", needed):
            yield f"{decided} and not the refusal that names {needed}"
    elif verb not in ("list", "create") and trial.estate.tenants[OURS].id not in seen:
        if code != "not-found":
            yield f"{decided} of a row that is none of the token's"
    elif verb in READS and decided is not None:
        yield f"{decided} of what the token may read"


def test_the_matrix_is_whole() -> None:
    """Promise 13: every action of every resource is in it, with every scope and every tenant."""
    decisions = sum(map(len, MATRIX.values()))
    print(f"\n{decisions:,} decisions over resource, action, scope and tenant, each on both surfaces")
    assert len(CASES) == sum(len(resource.actions) + len(READS) for resource in CATALOG) > 60
    one = len(scope_sets(CATALOG.resources[0]))
    verbs = [verb for _, verb in CASES]
    single = sum(verb in ("list", "create") for verb in verbs)
    assert decisions == one * (single + len(TENANTS) * (len(verbs) - single))
