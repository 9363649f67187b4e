"""GraphQL over HTTP: methods, media types, statuses, batches, and what is told of the execution."""

from urllib.parse import urlencode

import orjson
import pytest

from schema.endpoint import GraphQL, Settings
from services.catalog import CATALOG
from services.engine.errors import CATALOGUE, Problem, Slug
from tests.schema.asking import Asker
from tests.support.client import Client
from tests.support.seed import Seed

GRAPHQL = "application/graphql-response+json"


async def test_get_reads_by_url(gql: Asker, seed: Seed) -> None:
    query = urlencode(
        {"query": "query($n: Int) { brands(first: $n) { totalCount } }", "variables": '{"n": 1}'}
    ).encode()
    reply = await gql.send(b"", method="GET", raw_query=query)
    assert reply.data == {"brands": {"totalCount": len(seed.live("brands"))}}


async def test_a_mutation_by_get_is_not_allowed(gql: Asker) -> None:
    reply = await gql.send(b"", method="GET", raw_query=urlencode({"query": "mutation { x }"}).encode())
    assert reply.response.status == 405
    assert (b"allow", b"POST") in reply.response.headers
    reply.refused("METHOD_NOT_ALLOWED")


async def test_other_methods_are_not_allowed(gql: Asker) -> None:
    reply = await gql.send(b"", method="PUT")
    assert reply.response.status == 405
    assert (b"allow", b"GET, HEAD, POST") in reply.response.headers


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        (None, 200, "application/json"),
        ("application/json", 200, "application/json"),
        (GRAPHQL, 400, GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", 400, GRAPHQL),
    ],
)
async def test_a_refused_document_has_the_status_of_its_media_type(
    gql: Asker, accept: str | None, status: int, media_type: str
) -> None:
    reply = await gql.send(b'{"query": "{ nope }"}', accept=accept)
    assert reply.response.status == status
    assert dict(reply.response.headers)[b"content-type"].decode() == f"{media_type}; charset=utf-8"
    assert "data" not in reply.json


async def test_a_failed_field_is_still_a_response(gql: Asker) -> None:
    reply = await gql.send(b'{"query": "{ product(id: \\"x\\") { id } }"}', accept=GRAPHQL)
    assert reply.response.status == 200
    assert reply.json["data"] == {"product": None}


async def test_nothing_acceptable_is_said_in_json(gql: Asker) -> None:
    reply = await gql.send(b'{"query": "{ __typename }"}', accept="text/plain")
    assert reply.response.status == 406
    reply.refused("NOT_ACCEPTABLE")


async def test_a_batch_is_answered_in_order_each_request_on_its_own(gql: Asker, seed: Seed) -> None:
    queries = [
        "{ brands { totalCount } }",
        "{ nope }",
        '{ product(id: "x") { id } }',
        "{ orders { totalCount } }",
    ]
    reply = await gql.send(orjson.dumps([{"query": query} for query in queries]))
    found = reply.json
    assert reply.response.status == 200
    assert found[0] == {"data": {"brands": {"totalCount": len(seed.live("brands"))}}}
    assert found[1]["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert found[2]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert found[3] == {"data": {"orders": {"totalCount": len(seed.live("orders"))}}}
    assert reply.way == "compiled, none, compiled, compiled"


async def test_the_way_of_execution_is_told_and_chosen_only_where_allowed(gql: Asker) -> None:
    caller = await gql.caller()
    closed = GraphQL(CATALOG, gql.running.reader, gql.running.writer, Settings())
    response = await closed.answer(
        caller,
        "POST",
        content_type="application/json",
        accept=None,
        raw_query=b"",
        body=b'{"query": "{ brands { totalCount } }"}',
        way="executor",
    )
    assert not any(name.startswith(b"x-diptych") for name, _ in response.headers)
    assert (await gql.ask("{ brands { totalCount } }", way="executor")).way == "executor"


async def test_responses_are_private_and_vary(gql: Asker) -> None:
    headers = dict((await gql.ask("{ __typename }")).response.headers)
    assert headers[b"cache-control"] == b"private, no-store"
    assert headers[b"vary"] == b"Accept, Authorization"


@pytest.mark.parametrize("slug", list(Slug))
def test_every_problem_of_the_catalogue_has_a_response(gql: Asker, slug: Slug) -> None:
    response = gql.graphql.problem(
        Problem(slug, "A sentence."), instance="/graphql", request_id="r", accept=None
    )
    (error,) = orjson.loads(response.body)["errors"]
    assert response.status == CATALOGUE[slug].status == error["extensions"]["problem"]["status"]
    assert error["extensions"]["code"] == CATALOGUE[slug].code
    assert error["extensions"]["problem"]["code"] == slug


async def test_a_request_without_a_token_hears_401_in_graphql(application, seed: Seed) -> None:
    answer = await Client(application, None).post("/graphql", {"query": "{ __typename }"})
    assert answer.status == 401
    assert answer.header("www-authenticate")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INVALID_TOKEN"


async def test_the_problem_is_the_object_of_rest(application, api: Client, seed: Seed) -> None:
    there = (await api.get("/api/v1/products/nonsense")).json()
    body = (await api.post("/graphql", {"query": '{ product(id: "nonsense") { id } }'})).json()
    here = body["errors"][0]["extensions"]["problem"]
    for own in ("instance", "request_id"):
        assert there.pop(own) != here.pop(own)
    assert here == there
