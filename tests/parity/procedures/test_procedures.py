"""Every procedure, shipped or not, decides alike on both surfaces: made from the declarations alone."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from db.embedded import Embedded
from services.catalog import CATALOG
from services.engine.procedures import (
    AnyProcedure,
    Method,
    PublicProcedure,
    scope_of,
)
from tests.parity.procedures import errands
from tests.parity.procedures.cases import bad, least, whole
from tests.parity.procedures.sides import Told, over_graphql, over_rest
from tests.parity.world import World, opened
from tests.support.client import Client
from tests.support.databases import copied

SHIPPED = {each.name: each for each in CATALOG.procedures}
EVERY = {**SHIPPED, **{each.name: each for each in errands.ERRANDS}}
SCOPED = [name for name, each in EVERY.items() if scope_of(each) is not None]
WITH_TOKEN = [name for name, each in EVERY.items() if not isinstance(each, PublicProcedure)]


@pytest.fixture(scope="module")
async def errand_world(postgres: Embedded, migrated_template: str) -> AsyncIterator[World]:
    """A world whose catalogue holds procedures that nothing else knows of."""
    async with opened(copied(postgres, migrated_template), errands.CATALOG) as made:
        yield made


@pytest.fixture
def world_of(world: World, errand_world: World) -> dict[str, World]:
    """The world that serves each procedure."""
    return {name: world if name in SHIPPED else errand_world for name in EVERY}


async def client_for(world: World, procedure: AnyProcedure) -> Client:
    """Return a client that may call a procedure, whose token nobody else uses, as calls may end it."""
    if isinstance(procedure, PublicProcedure):
        return Client(world.application, None)
    scope = scope_of(procedure)
    return Client(world.application, world.fresh_token([scope] if scope else []))


async def both(world: World, procedure: AnyProcedure, sent: dict[str, object]) -> tuple[Told, Told]:
    """Return what each surface answers."""
    rest = await over_rest(await client_for(world, procedure), procedure, sent)
    return rest, await over_graphql(await client_for(world, procedure), procedure, sent)


@pytest.mark.parametrize("name", [name for name, each in EVERY.items() if list(bad(each))])
async def test_both_surfaces_refuse_the_same_inputs(world_of: dict[str, World], name: str) -> None:
    """Design 2: one problem, whichever surface tells it."""
    procedure = EVERY[name]
    for label, sent in bad(procedure):
        rest, graphql = await both(world_of[name], procedure, sent)
        assert rest.problem is not None, label
        assert rest == graphql, label


@pytest.mark.parametrize("name", [name for name, each in EVERY.items() if each.method is Method.GET])
async def test_both_surfaces_answer_the_same(world_of: dict[str, World], name: str) -> None:
    """The least that may be asked, and everything at once."""
    procedure = EVERY[name]
    client = await client_for(world_of[name], procedure)
    for sent in (least(procedure), whole(procedure)):
        assert await over_rest(client, procedure, sent) == await over_graphql(client, procedure, sent)


@pytest.mark.parametrize("name", SCOPED)
async def test_both_surfaces_demand_the_same_scope(world_of: dict[str, World], name: str) -> None:
    """S3-078, S3-079: nothing is said of inputs to one who may not ask."""
    procedure, world = EVERY[name], world_of[name]
    scope = scope_of(procedure) or ""
    resource, _, word = scope.partition(":")
    others = [f"other:{word}", f"{resource}:{'read' if word != 'read' else 'delete'}"]
    client = Client(world.application, world.fresh_token(others))
    for sent in (least(procedure), *(sent for _, sent in bad(procedure))):
        rest, graphql = await over_rest(client, procedure, sent), await over_graphql(client, procedure, sent)
        assert rest == graphql
        assert rest.problem is not None
        assert (rest.problem["code"], rest.problem["required_scope"]) == ("insufficient-scope", scope)


@pytest.mark.parametrize("name", WITH_TOKEN)
async def test_both_surfaces_tell_a_dead_token_nothing_else(world_of: dict[str, World], name: str) -> None:
    """S3-080: a token that has been used before and is revoked, whatever it asks."""
    procedure, world = EVERY[name], world_of[name]
    inputs = [least(procedure), *(sent for _, sent in bad(procedure))]
    for sent in inputs[:3]:
        for ask in (over_rest, over_graphql):
            raw = world.fresh_token(["all:write"])
            client = Client(world.application, raw)
            assert (await client.get("/api/v1/token")).status == 200
            with psycopg.connect(world.database) as connection:
                connection.execute(
                    "UPDATE tokens SET revoked_at = now(), version = version + 1 WHERE token_key = %s",
                    [raw.split("_")[2][:16]],
                )
            told = await ask(client, procedure, sent)
            assert told.problem is not None, sent
            assert told.problem["code"] == "invalid-token", sent


@pytest.mark.parametrize("name", EVERY)
async def test_a_member_that_does_not_exist_is_named(world_of: dict[str, World], name: str) -> None:
    """Q-02: in a body it is a field error, in a query a bad request."""
    procedure = EVERY[name]
    told = await over_rest(
        await client_for(world_of[name], procedure), procedure, {**least(procedure), "sesame": "open"}
    )
    assert told.problem is not None
    assert "sesame" in told.problem["detail"] or "sesame" in told.problem.get("errors", {})


# What only procedures of tests can be made to do


async def counted(world: World) -> int:
    """Return how many errands have been counted in the workspace of the tokens."""
    with psycopg.connect(world.database) as connection:
        found = connection.execute(
            "SELECT value FROM counters WHERE workspace_id = %s AND name = 'errands'",
            [world.workspaces["acme"]],
        ).fetchone()
    return 0 if found is None else int(found[0])


async def test_every_kind_of_value_is_answered_alike(errand_world: World) -> None:
    """Numbers, exact numbers, times, enums, lists, objects, and lists that are maps over REST."""
    client = await errand_world.client("errands:read")
    rest = await over_rest(client, errands.WEIGH, whole(errands.WEIGH))
    assert rest == await over_graphql(client, errands.WEIGH, whole(errands.WEIGH))
    assert rest.document["since"] == "2026-05-06T07:08:09Z"
    assert rest.document["exact"] == "2.50"
    assert rest.document["share"] == 50.01
    assert rest.document["lines"] == [{"code": "a", "grams": 0}, {"code": "b", "grams": 5}]
    least_told = await over_rest(client, errands.WEIGH, least(errands.WEIGH))
    assert least_told.document["since"] == "2026-01-02T03:04:05.6Z"
    bare = await client.get(f"/api/v1/errands/parcels/{errands.LOST[:-1]}1/weight?word=a")
    assert bare.json()["data"]["lines"] == {"a": {"grams": 0}, "b": {"grams": 5}}


@pytest.mark.parametrize("ask", [over_rest, over_graphql])
async def test_a_key_makes_a_repetition_safe_and_keeps_no_secret(errand_world: World, ask: object) -> None:
    """S3-288: the same answer again, without what is shown once; nothing is done twice."""
    client, sent = await errand_world.client("errands:write"), {"label": "once", "stops": ["a", "b"]}
    key = f"key-{ask.__name__}"  # type: ignore[attr-defined]
    before = await counted(errand_world)
    first = await ask(client, errands.SEND, sent, key)  # type: ignore[operator]
    for again in (over_rest, over_graphql):
        second = await again(client, errands.SEND, sent, key)
        assert second.replayed
        assert second.document == {
            **first.document,
            "secret": None,
            "inside": {**first.document["inside"], "secret": None},
        }
    assert first.document["secret"] == f"s{before + 1}"
    assert await counted(errand_world) == before + 1
    other = await ask(client, errands.SEND, {"label": "twice"}, key)  # type: ignore[operator]
    assert other.problem["code"] == "idempotency-key-mismatch"
    with psycopg.connect(errand_world.database) as connection:
        kept = connection.execute("SELECT outcome FROM idempotency_records").fetchall()
    assert "'label': 'once'" in str(kept)
    assert f"'s{before + 1}'" not in str(kept)
    assert f"'i{before + 1}'" not in str(kept)


@pytest.mark.parametrize("ask", [over_rest, over_graphql])
async def test_a_refusal_is_kept_and_leaves_nothing(errand_world: World, ask: object) -> None:
    """S3-289: also where the rule had written something before it refused."""
    client, key = await errand_world.client("errands:write"), f"stuck-{ask.__name__}"  # type: ignore[attr-defined]
    before = await counted(errand_world)
    for again in (False, True):
        told = await ask(client, errands.SEND, {"label": "stuck"}, key)  # type: ignore[operator]
        assert told.problem["code"] == "conflict"
        assert told.replayed is again
    assert (await ask(client, errands.SEND, {"label": "stuck"})).problem["code"] == "conflict"  # type: ignore[operator]
    assert await counted(errand_world) == before


async def test_the_same_key_at_the_same_time_is_done_once(errand_world: World) -> None:
    """S3-290: the others hear that the first is still under way, or its answer."""
    client, before = await errand_world.client("errands:write"), await counted(errand_world)
    told = await asyncio.gather(
        *(over_rest(client, errands.SEND, {"label": "rival"}, "rivals") for _ in range(10))
    )
    assert sum(each.document is not None and not each.replayed for each in told) == 1
    assert all(each.problem is None or each.problem["code"] == "conflict" for each in told)
    assert await counted(errand_world) == before + 1


async def test_a_procedure_proves_its_token_in_the_round_trip_of_its_first_statement(
    errand_world: World,
) -> None:
    """Design 3: one for that, one for the commit, and one more where a key is claimed first."""
    client = await errand_world.client("errands:write", "errands:read")
    for procedure, sent, key, trips in (
        (errands.WEIGH, least(errands.WEIGH), None, 2),
        (errands.SEND, {"label": "counted"}, None, 2),
        (errands.SEND, {"label": "counted"}, "counted", 3),
    ):
        for ask in (over_rest, over_graphql):
            before = errand_world.traffic()[1]
            told = await ask(client, procedure, sent, key and f"{key}-{ask.__name__}")
            assert told.problem is None
            assert errand_world.traffic()[1] - before == trips, (procedure.name, ask)


async def test_a_key_that_would_go_unheeded_is_refused(errand_world: World) -> None:
    """A client that trusts in it would repeat what must not be done twice."""
    client = await errand_world.client("errands:write")
    told = await over_rest(client, errands.GO_ROUND, {"house": "globex"}, "unheeded")
    assert told.problem is not None
    assert (told.problem["status"], "Idempotency-Key" in told.problem["detail"]) == (400, True)


@pytest.mark.parametrize("ask", [over_rest, over_graphql])
async def test_a_procedure_at_the_desk_works_in_several_workspaces(errand_world: World, ask: object) -> None:
    """Each transaction is of one workspace, and the audit row of a foreign one names no token."""
    client, before = await errand_world.client("errands:write"), await counted(errand_world)
    told = await ask(client, errands.GO_ROUND, {"house": "globex"})  # type: ignore[operator]
    assert told.document == {"house": "globex"}
    assert await counted(errand_world) == before + 1
    with psycopg.connect(errand_world.database) as connection:
        tokens = connection.execute(
            "SELECT token_id IS NULL FROM audit_logs WHERE action = 'errand.made'"
            " ORDER BY inserted_at DESC LIMIT 2"
        ).fetchall()
    assert sorted(tokens) == [(False,), (True,)]


@pytest.mark.parametrize("ask", [over_rest, over_graphql])
async def test_a_public_procedure_grants_a_cookie_to_whoever_knows_the_word(
    errand_world: World, ask: object
) -> None:
    """Without a token, with a dead one, and with a live one alike; over TLS the cookie is secure."""
    sent = {"house": "acme", "password": errands.PASSWORD}
    live = errand_world.fresh_token([])
    for token in (None, "dk_test_nonsense", live):
        client = Client(errand_world.application, token, peer="198.51.100.7")
        told = await ask(client, errands.KNOCK, sent)  # type: ignore[operator]
        assert told.document == {"house": "acme", "seen_from": "198.51.100.7"}
        assert told.cookie == "access_token=the-raw-key; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
        wrong = await ask(client, errands.KNOCK, {**sent, "password": "sesame"})  # type: ignore[operator]
        assert wrong.problem["code"] == "invalid-token"
        assert wrong.cookie is None
    secure = Client(errand_world.application, None, scheme="https")
    told = await ask(secure, errands.KNOCK, sent)  # type: ignore[operator]
    assert told.cookie.endswith("; Secure")


@pytest.mark.parametrize("ask", [over_rest, over_graphql])
async def test_public_procedures_are_charged_to_the_address(
    postgres: Embedded, migrated_template: str, ask: object
) -> None:
    """C-59: each call by its cost, whichever surface it comes by, however right it is."""
    database = copied(postgres, migrated_template)
    async with opened(database, errands.CATALOG, limits="on", address_limit=20) as limited:
        client = Client(limited.application, None, peer="198.51.100.7")
        for place in range(10):
            told = await ask(client, errands.KNOCK, {"house": "acme", "password": "no"})  # type: ignore[operator]
            assert told.problem["code"] == "invalid-token", place
        for sent in ({"house": "acme", "password": errands.PASSWORD}, {}):
            told = await ask(client, errands.KNOCK, sent)  # type: ignore[operator]
            assert told.problem["code"] == "rate-limit-exceeded"
        assert await counted(limited) == 0


async def test_a_document_of_more_than_public_procedures_needs_a_token(errand_world: World) -> None:
    """Nothing of it runs, and nothing is told of the schema."""
    client, before = Client(errand_world.application, None), await counted(errand_world)
    knock = f'knock(input: {{house: "acme", password: "{errands.PASSWORD}"}}) {{ house }}'
    for query in (
        f'mutation {{ {knock} sendParcel(input: {{label: "a"}}) {{ label }} }}',
        f"mutation {{ {knock} }} query other {{ countErrands {{ count }} }}",
        "{ lookInside(pane: 1) { pane } __schema { types { name } } }",
        "{ __typename }",
        "mutation { knock(",
    ):
        answer = await client.post("/graphql", {"query": query, "operationName": None})
        assert answer.status == 401, query
    assert await counted(errand_world) == before


@pytest.mark.parametrize("path", ["doors", "gates"])
async def test_a_procedure_answers_at_each_of_its_addresses(errand_world: World, path: str) -> None:
    """Addresses of older conventions lead to the same."""
    answer = await Client(errand_world.application, None).post(
        f"/api/v1/errands/{path}", {"house": "acme", "password": errands.PASSWORD}
    )
    assert answer.data()["house"] == "acme"
    assert answer.header("cache-control") == "no-store"


async def test_other_methods_are_told_which_there_are(errand_world: World) -> None:
    """RFC 9110, section 15.5.6; addresses below or beside lead nowhere."""
    client = await errand_world.client("errands:read")
    answer = await client.request("PUT", "/api/v1/errands/parcels")
    assert answer.problem(405)["code"] == "method-not-allowed"
    assert answer.header("allow") == "POST, OPTIONS"
    options = await Client(errand_world.application, None).request(
        "OPTIONS", f"/api/v1/errands/parcels/{errands.LOST}"
    )
    assert (options.status, options.header("allow")) == (204, "DELETE, OPTIONS")
    for path in ("errands/parcels/a/b", "errands/nowhere/", "errands/parcels//weight"):
        assert (await client.get(f"/api/v1/{path}")).status == 404
