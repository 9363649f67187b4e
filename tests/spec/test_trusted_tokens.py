"""Tokens that run trusted operations and nothing else, and who may bind and free them."""

import pytest

from tests.mcp.asking import Agent
from tests.spec.conftest import Workshops
from tests.support.application import running
from tests.support.client import Client
from tests.support.trusting import GRAPHQL, MAKE, OPERATIONS, READ, TOKENS, code, register, run, sha256
from tests.support.workshop import Workshop, graphql


@pytest.fixture
async def bound(workshops: Workshops) -> tuple[Workshop, Client, Client]:
    """A workspace where READ is registered, an admin, and a token bound to trusted operations."""
    shop = workshops()
    admin = shop.holder("all:write")
    await register(admin, READ)
    return shop, admin, shop.holder("all:write", trusted_only=True)


async def test_a_bound_token_runs_what_is_registered(bound: tuple[Workshop, Client, Client]) -> None:
    """By hash, or by the very text."""
    _, _, client = bound

    assert (await run(client, READ)).json()["data"] == {"brands": {"nodes": []}}
    assert (await graphql(client, READ)).json()["data"] == {"brands": {"nodes": []}}


@pytest.mark.parametrize(
    "text",
    [
        MAKE,
        READ.strip(),
        READ.replace("first: 5", "first: 500"),
        "{ __schema { queryType { name } } }",
        "{ __typename }",
        "query A {",
        "x" * 100_000,
        "",
    ],
)
async def test_a_bound_token_runs_nothing_else(bound: tuple[Workshop, Client, Client], text: str) -> None:
    """Neither another text nor one that differs by a space, introspection or nonsense; it stays unread."""
    shop, _, client = bound
    body = {"query": text, "variables": {"name": "x"}}
    hashed = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}}

    with shop.stored.unchanged():
        for sent in (body, {**body, **hashed}, hashed, {"documentId": sha256(text)}, [body]):
            answer = await client.post("/graphql", sent, headers=[("accept", GRAPHQL)])
            if isinstance(sent, list):
                assert [each["errors"][0]["extensions"]["code"] for each in answer.json()] == [
                    "OPERATION_NOT_TRUSTED"
                ]
            else:
                assert code(answer, 403) == "OPERATION_NOT_TRUSTED"
                assert sha256(text) in answer.json()["errors"][0]["message"]


async def test_what_others_sent_with_a_hash_is_not_trusted(bound: tuple[Workshop, Client, Client]) -> None:
    """Automatic persisted queries never widen the list."""
    shop, admin, client = bound
    extension = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(MAKE)}}}
    sent = {"query": MAKE, "variables": {"name": "a"}, **extension}
    assert (await admin.post("/graphql", sent)).status == 200
    assert (await admin.post("/graphql", {**extension, "variables": {"name": "b"}})).json()["data"]

    with shop.stored.unchanged():
        assert code(await run(client, MAKE, name="c"), 403) == "OPERATION_NOT_TRUSTED"


async def test_a_bound_token_has_no_other_surface(bound: tuple[Workshop, Client, Client]) -> None:
    """ADR 0011: what reads a list by REST would make the list of operations void."""
    shop, _, client = bound

    with shop.stored.unchanged():
        for answer in (
            await client.get("/api/v1/brands"),
            await client.get("/api/v1/brands/00000000-0000-4000-8000-000000000000"),
            await client.post("/api/v1/brands", {"name": "x"}),
            await client.search("brands", {}),
            await client.delete(f"{TOKENS}/{shop.id_of(client)}"),
            await client.get("/api/v1/audit-logs/export"),
            await client.get("/api/v1/entitlements/check?feature=posts"),
        ):
            assert answer.problem(403)["code"] == "operation-not-trusted", answer.body
    assert (await client.get("/api/v1/token")).status == 200


async def test_a_bound_token_calls_no_tool_that_reads_or_writes(
    bound: tuple[Workshop, Client, Client],
) -> None:
    """The same by MCP, whose tools are REST in other words."""
    shop, _, client = bound
    agent = Agent(client)

    with shop.stored.unchanged():
        for name, arguments in (
            ("listBrands", {}),
            ("createBrand", {"name": "x"}),
            ("checkEntitlement", {"feature": "posts"}),
        ):
            refused = (await agent.calling(name, arguments)).problem(403)
            assert refused["code"] == "operation-not-trusted", name


async def test_the_bound_holds_and_ends_from_the_next_request_on(
    bound: tuple[Workshop, Client, Client],
) -> None:
    """Whatever a worker remembers of the token."""
    shop, admin, _ = bound
    client = shop.holder("all:read")
    target = f"{TOKENS}/{shop.id_of(client)}"
    other = "query B { brands { nodes { id } } }"
    for query in (other, "{ __typename }"):
        assert "data" in (await graphql(client, query)).json()

    assert (await admin.patch(target, {"trusted_only": True})).data()["trusted_only"] is True
    for query in (other, "{ __typename }", "{ viewer { token { name } } }"):
        assert (await graphql(client, query)).json()["errors"][0]["extensions"][
            "code"
        ] == "OPERATION_NOT_TRUSTED"
    assert (await client.get("/api/v1/brands")).status == 403
    assert (await run(client, READ)).status == 200

    assert (await admin.patch(target, {"trusted_only": False})).status == 200
    assert "data" in (await graphql(client, other)).json()
    assert (await client.get("/api/v1/brands")).status == 200


@pytest.mark.parametrize(
    "query", ["query B { brands { nodes { id } } }", "{ __typename }", "{ viewer { __typename } }"]
)
async def test_a_worker_that_knew_the_token_otherwise_refuses_too(
    bound: tuple[Workshop, Client, Client], query: str
) -> None:
    shop, admin, _ = bound
    client = shop.holder("all:read")
    assert "data" in (await graphql(client, query)).json()
    assert (await client.get("/api/v1/brands")).status == 200
    async with running(shop.database) as other:
        target = f"{TOKENS}/{shop.id_of(client)}"
        assert (await Client(other, admin.token).patch(target, {"trusted_only": True})).status == 200

    answer = await client.post("/graphql", {"query": query}, headers=[("accept", GRAPHQL)])

    assert code(answer, 403) == "OPERATION_NOT_TRUSTED"


async def test_a_worker_that_knew_the_token_otherwise_refuses_rest_too(
    bound: tuple[Workshop, Client, Client],
) -> None:
    shop, admin, _ = bound
    client = shop.holder("all:write")
    assert (await client.get("/api/v1/brands")).status == 200
    async with running(shop.database) as other:
        target = f"{TOKENS}/{shop.id_of(client)}"
        assert (await Client(other, admin.token).patch(target, {"trusted_only": True})).status == 200

    with shop.stored.unchanged():
        (await client.post("/api/v1/brands", {"name": "x"})).problem(403)
    assert (await client.get("/api/v1/brands")).problem(403)["code"] == "operation-not-trusted"


# Who may bind and free tokens

MAKE_TOKEN = """mutation T($name: String!, $bound: Boolean) {
  createToken(input: {name: $name, scopes: ["all:read"], trustedOnly: $bound}) {
    token { id trustedOnly } rawToken problem { code errors } } }"""
FREE = """mutation F($id: ID!, $bound: Boolean, $scopes: [String!]) {
  updateToken(id: $id, input: {trustedOnly: $bound, scopes: $scopes}) {
  token { id } problem { code errors } } }"""
ROTATE = "mutation R($id: ID!) { rotateToken(id: $id) { token { trustedOnly } rawToken problem { code } } }"
REGISTER = """mutation N($text: String!) { createTrustedOperation(input: {text: $text}) {
  trustedOperation { id } problem { code } } }"""
REMOVE = "mutation D($id: ID!) { deleteTrustedOperation(id: $id) { problem { code } } }"


async def test_a_bound_token_makes_and_frees_none(bound: tuple[Workshop, Client, Client]) -> None:
    """No escalation, even where the operations that could do it are registered."""
    shop, admin, client = bound
    for text in (MAKE_TOKEN, FREE):
        await register(admin, text)
    own = shop.id_of(client)
    meek = shop.holder("brands:read")

    with shop.stored.unchanged():
        for text, variables in (
            (MAKE_TOKEN, {"name": "free", "bound": False}),
            (MAKE_TOKEN, {"name": "silent"}),
            (FREE, {"id": own, "bound": False, "scopes": ["all:write"]}),
            (FREE, {"id": shop.id_of(meek), "bound": False, "scopes": ["all:read"]}),
        ):
            (told,) = (await run(client, text, **variables)).json()["data"].values()
            assert told["problem"]["errors"] == {"trusted_only": ["exclusion"]}, (text, variables)
    (told,) = (await run(client, MAKE_TOKEN, name="bound", bound=True)).json()["data"].values()
    assert told["token"]["trustedOnly"] is True


async def test_a_bound_token_rotates_bound_ones_alone(bound: tuple[Workshop, Client, Client]) -> None:
    """What replaces an unbound token would be in its hands; the bound is carried by every rotation."""
    shop, admin, client = bound
    await register(admin, ROTATE)
    free, tied = shop.holder("brands:read"), shop.holder("brands:read", trusted_only=True)

    with shop.stored.unchanged():
        refused = (await run(client, ROTATE, id=shop.id_of(free))).json()
        assert refused["errors"][0]["extensions"]["code"] == "OPERATION_NOT_TRUSTED"
    (told,) = (await run(client, ROTATE, id=shop.id_of(tied))).json()["data"].values()

    assert told["token"]["trustedOnly"] is True
    replaced = client.using(told["rawToken"])
    assert (await run(replaced, READ)).status == 200
    assert code(await run(replaced, MAKE, name="x"), 403) == "OPERATION_NOT_TRUSTED"
    by_rest = (await admin.post(f"{TOKENS}/{shop.id_of(client)}/rotate", {})).data()
    assert by_rest["trusted_only"] is True


async def test_a_bound_token_changes_no_list(bound: tuple[Workshop, Client, Client]) -> None:
    shop, admin, client = bound
    for text in (REGISTER, REMOVE):
        await register(admin, text)
    (row,) = [each for each in (await admin.get(OPERATIONS)).rows() if each["name"] == "Names"]

    with shop.stored.unchanged():
        for answer in (await run(client, REGISTER, text=MAKE), await run(client, REMOVE, id=row["id"])):
            assert answer.json()["errors"][0]["extensions"]["code"] == "OPERATION_NOT_TRUSTED"


async def test_freeing_a_token_demands_its_scopes(workshops: Workshops) -> None:
    """C-07: whoever frees it grants what it may do beyond the list."""
    shop = workshops()
    tied = shop.holder("all:read", trusted_only=True)
    target = f"{TOKENS}/{shop.id_of(tied)}"

    with shop.stored.unchanged():
        refused = await shop.holder("tokens:write").patch(target, {"trusted_only": False})
        assert refused.problem(403)["required_scope"] == "all:read"
    freed = await shop.holder("tokens:write", "all:read").patch(target, {"trusted_only": False})
    assert freed.data()["trusted_only"] is False


async def test_the_last_admin_is_not_bound(workshops: Workshops) -> None:
    """S3-089: a bound token keeps no workspace open."""
    shop = workshops()
    admin = shop.holder("all:write")
    shop.holder("all:write", trusted_only=True)
    target = f"{TOKENS}/{shop.id_of(admin)}"

    with shop.stored.unchanged():
        (await admin.patch(target, {"trusted_only": True})).problem(409)
        (await admin.delete(target)).problem(409)
