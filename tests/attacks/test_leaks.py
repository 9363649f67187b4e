"""Leaks: no refusal shows the inside of the server, whatever is sent to whatever address or field."""

import json
import os
import re
from typing import Any

import pytest
from graphql import GraphQLObjectType

from services.catalog import CATALOG
from services.engine.procedures import AnyProcedure
from services.engine.resource import Resource
from tests.attacks.arena import Arena, named
from tests.attacks.mutations import SCHEMA
from tests.attacks.throwing import TEXTS, VALUES, Dice, document, roots, throw
from tests.support.client import Answer
from tests.support.logins import somewhere

ROUNDS = int(os.environ.get("ATTACK_ROUNDS", "40"))
"""Random requests per resource; a longer search asks for more of them."""

_PRODUCTS = (
    "psycopg|sqlalchemy|asyncpg|libpq|postgres|pg_catalog|strawberry|orjson|uvicorn|starlette|pydantic"
)
_STATEMENTS = (
    r"\bSELECT\b.+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\w+\s+SET\b|\bJOIN\b.+\bON\b|\bWHERE\s+\w+\.\w+"
)
_DATABASE = (
    r"sqlstate|(?:relation|column|constraint)\s+\"\w+\"|syntax\s+error\s+at\s+or\s+near|\bpq\b"
    r"|workspace_id\s*="
)
_PYTHON = (
    r"Traceback|File\s+\"|\.py\b|line\s+\d+,\s+in\b|site-packages|0x[0-9a-f]{6,}|<\w+(?:\.\w+)+\s+object"
    r"|\bNoneType\b|\w+Error\b|\bdb\.\w+|services\.\w+\.\w+|graphql\.\w+"
)
_SECRETS = r"token_hash|token_key|precheck|password_hash|totp_secret|\$argon2|/usr/|/home/|/root/|/tmp/"
INSIDE = re.compile("|".join((_PRODUCTS, _STATEMENTS, _DATABASE, _PYTHON, _SECRETS)), re.IGNORECASE)
"""What must stand in no answer to a mistake."""


def judge(answer: Answer, sent: str) -> None:
    """Fail the test if an answer is a failure of the server, or shows its inside."""
    assert answer.status < 500, (sent, answer.status, answer.body[:500])
    kind = answer.header("content-type") or ""
    if answer.status >= 400:
        assert kind.startswith(
            ("application/problem+json", "application/json", "application/graphql-response")
        )
        told = json.loads(answer.body)
        text = json.dumps(without_echo(told), ensure_ascii=False)
    else:
        problems = (
            json.loads(answer.body).get("errors", [])
            if kind.startswith("application/json") and b'"errors"' in answer.body
            else []
        )
        text = json.dumps(without_echo(problems), ensure_ascii=False)
    found = INSIDE.search(text)
    assert found is None, (sent, found and found[0], text[:800])
    for name, value in answer.headers:
        assert "\r" not in value
        assert "\n" not in value
        assert name != "x-injected"


def without_echo(told: Any) -> Any:
    """Return a problem without what it quotes of the request, its address and its id."""
    if isinstance(told, dict):
        left_out = ("instance", "request_id", "requestId", "type", "locations", "path")
        return {name: without_echo(value) for name, value in told.items() if name not in left_out}
    if isinstance(told, list):
        return [without_echo(each) for each in told]
    if isinstance(told, str):
        for text in sorted((each for each in TEXTS if len(each) > 3), key=len, reverse=True):
            told = told.replace(text, "").replace(repr(text)[1:-1], "").replace(json.dumps(text)[1:-1], "")
        # A long quotation is shortened in its middle.
        return re.sub(r"x{20,}|\u2026", "", told)
    return told


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_nothing_that_is_sent_over_rest_shows_the_inside(arena: Arena, resource: Resource) -> None:
    """Promise 29: no failure, no SQL, no stack, no path, for a token that may do everything."""
    dice = Dice(f"rest {resource.name}")
    for _ in range(ROUNDS):
        answer, sent = await throw(arena.anybody.using(arena.seed.tokens["acme", "fuzzer"]), resource, dice)
        if answer.status != 204 and answer.body:
            judge(answer, sent)


@pytest.mark.parametrize(("kind", "name"), list(roots()))
async def test_nothing_that_is_asked_over_graphql_shows_the_inside(
    arena: Arena, kind: str, name: str
) -> None:
    """Promise 29: with values of the right form and of none, as literals and as variables, either way."""
    dice = Dice(f"graphql {name}")
    root = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    assert isinstance(root, GraphQLObjectType)
    for _ in range(ROUNDS // 5):
        text, variables = document(kind, name, root.fields[name], dice)
        way = dice.pick(("compiled", "executor"))
        sent = {"query": text, "variables": variables}
        # Nobody's own session is to end by the way.
        client = arena.anybody.using(arena.seed.tokens["acme", "fuzzer"])
        answer = await client.request(
            "POST",
            "/graphql",
            headers=[("content-type", "application/json"), ("x-diptych-execute", way)],
            body=json.dumps(sent).encode(),
        )
        judge(answer, f"{text} {variables}")


# Procedures and public addresses


@pytest.mark.parametrize("procedure", CATALOG.procedures, ids=lambda each: each.name)
async def test_no_procedure_shows_the_inside(arena: Arena, procedure: AnyProcedure) -> None:
    """Promise 29: with a token and without one."""
    dice = Dice(f"procedure {procedure.name}")
    for n in range(ROUNDS // 2):
        client = somewhere(arena.anybody)
        if n % 2:
            client = client.using(arena.seed.tokens["acme", "fuzzer"])
        path = procedure.path
        for name in procedure.in_path:
            path = path.replace(
                f"{{{name}}}", dice.pick(("nope", "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20", "%00", "'"))
            )
        given = {name: dice.pick(VALUES) for name in dice.some([*procedure.inputs_by_name, "nope"], 4)}
        for field in procedure.inputs:
            if field.required and dice.chance(0.8):
                given[field.name] = dice.pick(TEXTS)
        target, sent = f"/api/v1/{path}", b""
        if procedure.method == "POST":
            sent = json.dumps(given).encode()
        else:
            target += "?" + "&".join(
                f"{name}={value}" for name, value in given.items() if isinstance(value, str)
            )
        told = target.encode("utf-8", "replace").decode()
        answer = await client.request(
            str(procedure.method),
            told,
            headers=[("content-type", "application/json")] if sent else [],
            body=sent,
        )
        if answer.body:
            judge(answer, f"{procedure.method} {target} {sent!r}")


PUBLIC = [
    "/",
    "/health",
    "/health/live",
    "/health/ready",
    "/problems/{}",
    "/{}",
    "/graphql/{}",
    "/api/{}",
    "/api/v1/{}",
    "/ui/{}",
    "/ui/workspaces/{}/tokens",
]


@pytest.mark.parametrize("pattern", PUBLIC)
async def test_no_public_address_shows_the_inside(arena: Arena, pattern: str) -> None:
    """Promise 29: nor reflects what was sent as anything but text in JSON."""
    for text in TEXTS:
        told = pattern.format(text).encode("utf-8", "replace").decode()
        for method in ("GET", "POST", "DELETE", "TRACE", "BREW"):
            answer = await arena.anybody.request(method, told)
            if answer.body and answer.status >= 400:
                judge(answer, f"{method} {told}")
            if "<script>" in text:
                assert b"<script>" not in answer.body or "json" in (answer.header("content-type") or "")


async def test_no_foreign_row_changes_by_any_of_it(arena: Arena) -> None:
    """Promise 14: whatever a token of one workspace throws, the other one keeps every row as it was."""
    tenant = [each for each in CATALOG if each.tenant]

    def theirs() -> dict[str, list[tuple[object, object]]]:
        return {each.plural: [(row["id"], row["version"]) for row in arena.rows(each)] for each in tenant}

    before, dice = theirs(), Dice("foreign")
    for resource in CATALOG:
        for _ in range(ROUNDS // 4):
            await throw(arena.anybody.using(arena.seed.tokens["acme", "fuzzer"]), resource, dice)

    assert theirs() == before
