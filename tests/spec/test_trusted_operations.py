"""Trusted operations: documents registered ahead, run by their hash, and servers that run nothing else."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from db.models.trusted_operations import LONGEST_OPERATION
from schema.limits import DEFAULT_LIMITS
from tests.spec.conftest import Workshops
from tests.support.application import driver_of, running
from tests.support.client import Client
from tests.support.seed import Seed
from tests.support.trusting import GRAPHQL, MAKE, OPERATIONS, READ, TOKENS, code, register, run, sha256
from tests.support.workshop import graphql

CREATE = """mutation($input: TrustedOperationCreateInput!) { createTrustedOperation(input: $input) {
  trustedOperation { name kind sha256 text client } problem { status code errors } } }"""
DELETE = "mutation($id: ID!) { deleteTrustedOperation(id: $id) { problem { status code } } }"


# Registering


async def test_a_document_is_registered_byte_for_byte(workshops: Workshops) -> None:
    """Issue 5, trusted documents: clients hash what they send, so not a newline may change."""
    shop = workshops()
    admin = shop.holder("all:write")
    text = "\n  # déjà vu\u0301\nquery Names { brands { nodes { name } } }\n\n"

    made = await register(admin, text, client="web@1.4")

    assert (made["name"], made["kind"], made["client"]) == ("Names", "query", "web@1.4")
    assert (made["sha256"], made["text"]) == (sha256(text), text)
    assert shop.stored.row("trusted_operations", made["id"])["text"] == text
    shop.stored.settled(made["id"], 1)
    found = await admin.get(f"{OPERATIONS}?filter[sha256]={sha256(text)}")
    assert [row["id"] for row in found.rows()] == [made["id"]]


async def test_both_surfaces_register_the_same(workshops: Workshops) -> None:
    admin = workshops().holder("all:write")

    told = (await graphql(admin, CREATE, input={"text": MAKE})).json()["data"]["createTrustedOperation"]

    assert told["problem"] is None
    assert told["trustedOperation"] == {
        "name": "Make",
        "kind": "MUTATION",
        "sha256": sha256(MAKE),
        "text": MAKE,
        "client": None,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query A {", "Syntax Error"),
        ("{ brands { nodes { name } } }", "exactly one operation"),
        ("query A { __typename } query B { __typename }", "several operations"),
        ("query A { nothing }", "Cannot query field 'nothing'"),
        ("query A { brands { nodes { name(x: 1) } } }", "Unknown argument 'x'"),
        ("type A { b: Int }", "defines types"),
        ("query A { " + " ".join(f"a{n}: __typename" for n in range(16)) + " }", "16 aliases"),
        ("subscription A { brands { name } }", "subscription"),
        ("query A { ...F } fragment F on Query { ...F }", "spreads itself"),
    ],
)
async def test_what_would_be_refused_when_it_runs_is_refused_now(
    workshops: Workshops, text: str, said: str
) -> None:
    """With a sentence on the field `text`, and nothing is stored; the same sentence as at run time."""
    shop = workshops()
    admin = shop.holder("all:write")

    with shop.stored.unchanged():
        problem = (await admin.post(OPERATIONS, {"text": text})).invalid(text=["invalid_format"])

    assert said in problem["error_messages"]["text"][0]


async def test_every_fault_of_a_document_is_told(workshops: Workshops) -> None:
    admin = workshops().holder("all:write")

    found = (await admin.post(OPERATIONS, {"text": "query A { one two }"})).problem(422)

    assert found["errors"] == {"text": ["invalid_format", "invalid_format"]}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"text": ["cant_be_blank"]}),
        ({"text": " \n"}, {"text": ["cant_be_blank"]}),
        ({"text": 1}, {"text": ["invalid_format"]}),
        ({"text": "x" * (LONGEST_OPERATION + 1)}, {"text": ["too_long"]}),
        ({"text": READ, "client": "x" * 256}, {"client": ["too_long"]}),
    ],
)
async def test_fields_are_judged_as_everywhere(
    workshops: Workshops, body: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    shop = workshops()
    admin = shop.holder("all:write")

    with shop.stored.unchanged():
        (await admin.post(OPERATIONS, body)).invalid_at(errors)


def test_a_document_may_be_as_long_as_those_that_run() -> None:
    assert DEFAULT_LIMITS.characters == LONGEST_OPERATION


async def test_a_text_is_registered_once_among_live_ones(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    first = await register(admin, READ)

    with shop.stored.unchanged():
        (await admin.post(OPERATIONS, {"text": READ})).invalid(text=["already_taken"])
    assert (await admin.delete(f"{OPERATIONS}/{first['id']}")).status == 204
    assert (await register(admin, READ))["id"] != first["id"]


async def test_many_are_registered_at_once_or_none(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    texts = [f"query Q{n} {{ __typename }}" for n in range(3)]

    with shop.stored.unchanged():
        twice = await admin.post(
            f"{OPERATIONS}/bulk", {"items": [{"text": each} for each in [*texts, texts[0]]]}
        )
        assert twice.problem(422)["errors"] == {"items.3.text": ["already_taken"]}
    made = await admin.post(f"{OPERATIONS}/bulk", {"items": [{"text": each} for each in texts]})

    assert made.status == 201
    assert len(shop.stored.rows("trusted_operations", shop.id, "workspace_id")) == 3


async def test_labels_change_and_the_text_does_not(workshops: Workshops) -> None:
    admin = workshops().holder("all:write")
    made = await register(admin, READ)
    target = f"{OPERATIONS}/{made['id']}"

    assert (await admin.patch(target, {"client": "ios@2"})).data()["client"] == "ios@2"
    (await admin.patch(target, {"text": MAKE})).invalid(text=["exclusion"])
    for ignored in ({"sha256": sha256(MAKE)}, {"name": "Other"}, {"kind": "mutation"}):
        found = (await admin.patch(target, ignored)).data()
        assert (found["sha256"], found["name"], found["kind"]) == (sha256(READ), "Names", "query")


async def test_registering_demands_its_scope(workshops: Workshops) -> None:
    shop = workshops()

    with shop.stored.unchanged():
        refused = await shop.holder("all:read").post(OPERATIONS, {"text": READ})
    assert refused.problem(403)["required_scope"] == "trusted_operations:write"


# Running by hash


async def test_an_operation_runs_by_its_hash(workshops: Workshops) -> None:
    """GraphQL over HTTP, persisted documents; and Apollo's extension in the same words."""
    shop = workshops()
    admin = shop.holder("all:write")
    for text in (READ, MAKE):
        await register(admin, text)

    made = await run(admin, MAKE, name="Alpine")
    read = await run(admin, READ)

    assert made.json()["data"] == {"createBrand": {"brand": {"name": "Alpine"}, "problem": None}}
    assert read.json()["data"] == {"brands": {"nodes": [{"name": "Alpine"}]}}
    extension = {"persistedQuery": {"version": 1, "sha256Hash": sha256(READ)}}
    for body in (
        {"extensions": extension},
        {"documentId": sha256(READ).upper()},
        {"documentId": f"sha256:{sha256(READ)}", "extensions": extension},
        {"documentId": f"sha256:{sha256(READ)}", "query": READ},
        {"documentId": sha256(READ), "operationName": "Names"},
    ):
        assert (await admin.post("/graphql", body)).json()["data"] == read.json()["data"], body
    for query in (
        f"documentId=sha256:{sha256(READ)}",
        f"extensions={quote(orjson.dumps(extension).decode(), safe='')}",
    ):
        assert (await admin.get(f"/graphql?{query}")).json()["data"] == read.json()["data"], query


async def test_a_mutation_is_not_run_by_a_safe_method(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    await register(admin, MAKE)
    variables = quote('{"name":"x"}', safe="")

    with shop.stored.unchanged():
        answer = await admin.get(f"/graphql?documentId={sha256(MAKE)}&variables={variables}")
        assert code(answer, 405) == "METHOD_NOT_ALLOWED"
    assert answer.header("allow") == "POST"


async def test_what_nobody_registered_is_not_found(workshops: Workshops) -> None:
    """Apollo's and urql's clients know the message and the code, and send the text; 200 for plain JSON."""
    reader = workshops().holder("all:read")

    answer = await run(reader, READ)

    assert code(answer, 404) == "PERSISTED_QUERY_NOT_FOUND"
    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert code(await run(reader, READ, "application/json"), 200) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"documentId": "sha256:12"}, "documentId must be"),
        ({"documentId": f"md5:{'0' * 64}"}, "documentId must be"),
        ({"documentId": 7}, "'documentId' must be a string"),
        ({"documentId": "0" * 64, "query": READ}, "another SHA-256"),
        (
            {
                "documentId": "0" * 64,
                "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "1" * 64}},
            },
            "diff",
        ),
        (
            {"query": READ, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
            "another",
        ),
        (
            {"query": READ, "extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}},
            "version",
        ),
        ({"query": READ, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, "sha256Hash"),
        ({"query": READ, "extensions": {"persistedQuery": "x"}}, "must be an object"),
        ({"query": READ, "extensions": {"persistedQuery": {"version": True}}}, "must be an object"),
        ({}, "'query' is missing"),
    ],
)
async def test_what_names_no_document_is_a_bad_request(
    workshops: Workshops, body: dict[str, Any], said: str
) -> None:
    """A hash of another text too: 400 whatever the client accepts, and nothing ran."""
    reader = workshops().holder("all:read")

    answer = await reader.post("/graphql", body)

    assert code(answer, 400) == "BAD_REQUEST"
    assert said in answer.json()["errors"][0]["message"]


async def test_no_workspace_runs_what_another_registered(workshops: Workshops) -> None:
    """Nor does it learn that anybody did: the answer is that to a hash which nobody knows."""
    ours, theirs = workshops(), workshops()
    await register(theirs.holder("all:write"), READ)
    assert (await run(theirs.holder("all:read"), READ)).status == 200
    stranger = ours.holder("all:write")

    answer, unknown = await run(stranger, READ), await run(stranger, MAKE)

    assert code(answer, 404) == code(unknown, 404) == "PERSISTED_QUERY_NOT_FOUND"
    assert answer.json()["errors"][0]["message"] == unknown.json()["errors"][0]["message"]


@pytest.mark.parametrize("surface", ["rest", "graphql"])
async def test_what_was_removed_runs_no_more_from_the_next_request(
    workshops: Workshops, surface: str
) -> None:
    """Exactly, on a worker that knows the text, and on one that does not hear of it."""
    shop = workshops()
    admin = shop.holder("all:write")
    read, make = await register(admin, READ), await register(admin, MAKE)
    assert (await run(admin, READ)).status == 200
    assert (await run(admin, MAKE, name="first")).status == 200
    for made in (read, make):
        if surface == "rest":
            assert (await admin.delete(f"{OPERATIONS}/{made['id']}")).status == 204
        else:
            assert (await graphql(admin, DELETE, id=made["id"])).json()["data"]["deleteTrustedOperation"] == {
                "problem": None
            }

    with shop.stored.unchanged():
        assert code(await run(admin, READ), 404) == "PERSISTED_QUERY_NOT_FOUND"
        assert code(await run(admin, MAKE, name="second"), 404) == "PERSISTED_QUERY_NOT_FOUND"


async def test_another_worker_hears_of_a_removal_too(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    made = await register(admin, READ)
    async with running(shop.database) as other:
        there = Client(other, admin.token)
        assert (await run(there, READ)).status == 200
        assert (await admin.delete(f"{OPERATIONS}/{made['id']}")).status == 204

        assert code(await run(there, READ), 404) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_batch_names_and_brings_documents(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    made = await register(admin, READ)
    batch = [{"documentId": sha256(READ)}, {"query": READ}, {"documentId": sha256(MAKE)}]
    assert (await admin.post("/graphql", batch)).status == 200
    assert (await admin.delete(f"{OPERATIONS}/{made['id']}")).status == 204

    answers = (await admin.post("/graphql", batch)).json()

    told = [each["errors"][0]["extensions"]["code"] if "errors" in each else each["data"] for each in answers]
    assert told == ["PERSISTED_QUERY_NOT_FOUND", {"brands": {"nodes": []}}, "PERSISTED_QUERY_NOT_FOUND"]


async def test_an_idempotency_key_repeats_a_named_mutation(workshops: Workshops) -> None:
    shop = workshops()
    admin = shop.holder("all:write")
    await register(admin, MAKE)
    body, key = {"documentId": sha256(MAKE), "variables": {"name": "once"}}, [("idempotency-key", "k-1")]

    answers = [(await admin.post("/graphql", body, headers=key)).json()["data"] for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(shop.stored.rows("brands", shop.id, "workspace_id")) == 1


# Automatic persisted queries


async def test_a_text_sent_with_its_hash_is_known_afterwards(workshops: Workshops) -> None:
    """Apollo's protocol: hash, not found, text and hash, hash."""
    shop = workshops()
    reader = shop.holder("all:read")
    extension = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(READ)}}}

    assert (await reader.post("/graphql", extension)).json()["errors"][0][
        "message"
    ] == "PersistedQueryNotFound"
    assert (await reader.post("/graphql", {"query": READ, **extension})).status == 200
    answer = await reader.post("/graphql", extension)

    assert answer.json()["data"] == {"brands": {"nodes": []}}
    assert shop.stored.rows("trusted_operations", shop.id, "workspace_id") == []
    stranger = workshops().holder("all:read")
    assert code(await run(stranger, READ), 404) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("text", ["query A { nothing }", "query A {", "query A { ...F }"])
async def test_only_what_is_good_is_remembered(workshops: Workshops, text: str) -> None:
    reader = workshops().holder("all:read")
    extension = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}}

    assert "errors" in (await reader.post("/graphql", {"query": text, **extension})).json()

    assert (await reader.post("/graphql", extension)).json()["errors"][0][
        "message"
    ] == "PersistedQueryNotFound"


async def test_a_dead_token_hears_only_that(workshops: Workshops) -> None:
    """Whether a hash is known is nobody's business who has no live token."""
    shop = workshops()
    admin = shop.holder("all:write")
    await register(admin, READ)
    dead = shop.holder("all:read")
    assert (await run(dead, READ)).status == 200
    assert (await admin.delete(f"{TOKENS}/{shop.id_of(dead)}")).status == 204

    for text in (READ, MAKE):
        assert code(await run(dead, text), 401) == "INVALID_TOKEN"
        assert code(await run(Client(admin.application), text), 401) == "INVALID_TOKEN"


# Servers that run nothing else


@pytest.fixture(scope="module")
async def strict(written: Seed) -> AsyncIterator[Client]:
    """A client of a server that runs trusted operations alone; its token may do everything."""
    async with running(written.database, operations="trusted") as started:
        yield Client(started, written.tokens["acme", "second_writer"])


async def test_a_strict_server_runs_what_is_registered_alone(strict: Client) -> None:
    """REST goes on as ever: it is governed by scopes."""
    text = f"{READ}# strict"
    made = await register(strict, text)
    assert (await run(strict, text)).status == 200
    assert "data" in (await graphql(strict, text)).json()

    for other in (MAKE, "{ __schema { queryType { name } } }", f"{text} "):
        answer = await strict.post("/graphql", {"query": other}, headers=[("accept", GRAPHQL)])
        assert code(answer, 403) == "OPERATION_NOT_TRUSTED"
    assert (await strict.get("/api/v1/brands")).status == 200
    assert (await strict.delete(f"{OPERATIONS}/{made['id']}")).status == 204
    assert code(await run(strict, text), 403) == "OPERATION_NOT_TRUSTED"


async def test_a_refusal_reads_the_list_once_and_parses_nothing(strict: Client) -> None:
    """The same for nonsense of any length: the hash is all that is looked at."""
    driver = driver_of(strict.application)
    await graphql(strict, "x")
    counted = []
    for text in ("x" * 1_000_000, "query A { a }", "{" * 10_000):
        before = driver.statements_sent
        answer = await strict.post("/graphql", {"query": text}, headers=[("accept", GRAPHQL)])
        assert code(answer, 403) == "OPERATION_NOT_TRUSTED"
        counted.append(driver.statements_sent - before)

    assert counted == [2, 2, 2]
