"""Nothing is without a scope: every address, field and mutation refuses a token that has none."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type, is_list_type, is_required_argument

from diptych.edge import Application, Edge
from rest.router import Rest
from schema.build import build
from schema.names import camel
from services.catalog import CATALOG
from services.engine.procedures import AnyProcedure, PublicProcedure, scope_of
from tests.contracts.conftest import Holders
from tests.support.client import Answer, Client
from tests.support.seed import Seed

FREE_ADDRESSES, FREE_FIELDS = {"token", "whoami", "enums"}, {"viewer"}
"""What a token may learn of itself, whatever its scopes (S3-335, C-81), and what is no row (S3-322)."""

BY_WHAT_IS_READABLE = {"node", "nodes"}
"""What looks for an id among all that the token may read, which may be nothing."""

PUBLIC = {"login", "admin_login", "refresh_session", "accept_invitation"}
"""Procedures that need no token: whoever adds one decides it here too."""

UNSCOPED = {
    "leave_workspace",
    "my_workspaces",
    # What people do with their own account, whatever they may do in a workspace.
    "logout",
    "sessions",
    "end_session",
    "change_password",
    "enroll_totp",
    "confirm_totp",
    "disable_totp",
    "renew_recovery_codes",
    # Their rules ask for an administrator of the platform, which no scope makes of anyone.
    "all_workspaces",
    "platform_administrators",
    "grant_platform_administration",
    "withdraw_platform_administration",
}
"""Procedures that whoever has a live token may call, which need no scope."""

PROCEDURES = {camel(each.name): each for each in CATALOG.procedures}

_SCHEMA = build(CATALOG).graphql
_ID = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
_JSON = [("content-type", "application/json")]


def addresses(rest: Rest) -> Iterator[tuple[str, str]]:
    """Yield every method and path of the router's own tables."""
    for path, route in rest._collections.items():
        yield from ((method, path) for method in route.handlers)
    for path, route in rest._singles.items():
        yield from ((method, f"{path}/{_ID}") for method in route.handlers)
    for (path, name), route in rest._literals.items():
        yield from ((method, f"{path}/{name}") for method in route.handlers)
    for (path, name), route in rest._below.items():
        yield from ((method, f"{path}/{_ID}/{name}") for method in route.handlers)


def places(rest: Rest) -> Iterator[tuple[str, str, AnyProcedure]]:
    """Yield every method and path of a procedure in the router's own table."""
    for place, route in rest._procedures.items():
        path = "/".join(_ID if part.startswith("{") else part for part in place)
        for method in route.handlers:
            yield method, path, rest._calls._declared[place]["GET" if method == "HEAD" else method]


def fields() -> list[tuple[str, str]]:
    """Return every root field with the kind of its operation."""
    roots = (("query", _SCHEMA.query_type), ("mutation", _SCHEMA.mutation_type))
    return [(kind, name) for kind, root in roots if root is not None for name in root.fields]


def document(kind: str, name: str) -> str:
    """Return an operation that asks for one root field with the least there is to say."""
    root = _SCHEMA.query_type if kind == "query" else _SCHEMA.mutation_type
    assert isinstance(root, GraphQLObjectType)
    field = root.fields[name]
    given = ", ".join(
        f"{each}: {_least(argument.type)}"
        for each, argument in field.args.items()
        if is_required_argument(argument) or each == "input"
    )
    return f"{kind} {{ {name}{f'({given})' if given else ''} {{ __typename }} }}"


def _least(type_: Any) -> str:
    inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    one = {"ID": f'"{_ID}"', "UUID": f'"{_ID}"', "String": '"a"', "Int": "1"}.get(
        get_named_type(inner).name, "{}"
    )
    return f"[{one}]" if is_list_type(inner) else one


async def call(client: Client, method: str, path: str) -> Answer:
    body = b"{}" if method in ("POST", "PUT", "PATCH") or path.endswith("/bulk") else b""
    headers = _JSON if body else []
    return await client.request(method, f"/api/v1/{path}", headers=headers, body=body)


async def test_every_address_needs_the_scope_that_it_names_and_no_other(
    application: Application, api: Client, seed: Seed, holders: Holders
) -> None:
    """S3-062, S3-078, S3-082, Q-22: before anything is said of the request itself."""
    assert isinstance(application, Edge)
    nobody = api.using(seed.tokens["acme", "nothing"])
    found = list(addresses(application._rest))
    for method, path in found:
        answer = await call(nobody, method, path)
        if path in FREE_ADDRESSES:
            assert answer.status == 200, (method, path)
            continue
        assert answer.status == 403, (method, path, answer.body)
        if method == "HEAD":
            continue
        needed = answer.problem(403)["required_scope"]
        assert needed in CATALOG.scopes
        served = path.split("/")[0].replace("-", "_").replace("api_keys", "tokens")
        assert needed.split(":")[0] == served, (method, path, needed)
        assert (await call(await holders(needed), method, path)).status != 403, (method, path)
    assert len(found) > 100


async def test_every_address_of_a_procedure_needs_the_scope_that_it_names_and_no_other(
    application: Application, api: Client, seed: Seed, holders: Holders
) -> None:
    """S3-062, S3-078: a public one needs no token, and some need nothing but a live one."""
    assert isinstance(application, Edge)
    nobody, found = api.using(seed.tokens["acme", "nothing"]), list(places(application._rest))
    for method, path, procedure in found:
        scope = scope_of(procedure)
        if isinstance(procedure, PublicProcedure):
            assert procedure.name in PUBLIC, procedure.name
            continue
        assert (await call(api.using(None), method, path)).status == 401, (method, path)
        if scope is None:
            assert procedure.name in UNSCOPED, procedure.name
            continue
        answer = await call(nobody, method, path)
        assert answer.status == 403, (method, path, answer.body)
        if method != "HEAD":
            assert answer.problem(403)["required_scope"] == scope
            assert scope in CATALOG.scopes
    assert {each.name for each in CATALOG.procedures} == {procedure.name for _, _, procedure in found}


@pytest.mark.parametrize(("kind", "name"), fields())
async def test_every_root_field_needs_the_scope_that_it_names(
    api: Client, seed: Seed, holders: Holders, kind: str, name: str
) -> None:
    """Q-28, design 7."""
    nobody = api.using(seed.tokens["acme", "nothing"])
    query = {"query": document(kind, name)}

    answer = (await nobody.post("/graphql", query)).json()

    if name in FREE_FIELDS:
        assert "errors" not in answer, answer
        return
    procedure = PROCEDURES.get(name)
    if procedure is not None and scope_of(procedure) is None:
        assert procedure.name in UNSCOPED | PUBLIC
        return
    problem = answer["errors"][0]["extensions"]["problem"]
    if name in BY_WHAT_IS_READABLE:
        assert problem["code"] == "not-found"
        return
    assert problem["code"] == "insufficient-scope", (name, problem)
    assert problem["required_scope"] in CATALOG.scopes
    again = (await (await holders(problem["required_scope"])).post("/graphql", query)).json()
    assert all(error["extensions"]["code"] != "INSUFFICIENT_SCOPE" for error in again.get("errors", ())), (
        again
    )
