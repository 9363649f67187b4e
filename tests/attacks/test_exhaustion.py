"""Exhaustion: small requests that were made to cost much are refused before they do, on both surfaces."""

import asyncio
import contextlib
import json

import pytest
from graphql import GraphQLSyntaxError

from diptych.edge import Application
from schema.guard import _Judge, parse_bounded
from schema.http import BATCH_LIMIT
from schema.limits import DEFAULT_LIMITS, GuardViolation
from schema.names import camel
from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.attacks.arena import WRITABLE, Arena, graphql, named, refusals
from tests.attacks.bombs import LARGEST, corpus, doubling, fragment, fuzzed
from tests.support.application import driver_of

JSON = [("content-type", "application/json")]
STEPS_PER_TOKEN = 8
FUZZED = 300
BOMBS = {
    "a thousand aliases": "{" + " ".join(f"a{n}: brands {{ totalCount }}" for n in range(1_000)) + "}",
    "aliases": "{" + " ".join(f"a{n}: brands {{ totalCount }}" for n in range(16)) + "}",
    "aliases times fragments": "{" + " ".join(f"...F{n}" for n in range(8)) + "}"
    + "".join(fragment(f"F{n}", f"a{n}: brands {{ __typename }} b{n}: brands {{ id }}") for n in range(8)),
    "a doubling chain": doubling(21),
    "a long doubling chain": doubling(300),
    "a circle": "{ ...A }" + fragment("A", "brands { totalCount } ...B") + fragment("B", "...A"),
    "a circle of one": "{ ...A }" + fragment("A", "...A"),
    "equal fields": "{" + "brands { totalCount } " * 240 + "}",
    "equal object fields": "{ brands(filter: {" + "name: {eq: 1} " * 240 + "}) { totalCount } }",
    "directives": "{ brands " + "@include(if: true) " * 51 + "{ totalCount } }",
    "depth": "{ categories { nodes { " + "children { nodes { " * 12 + "id " + "} } " * 12 + "} } }",
    "nesting": "{" * 3_000,
    "operations": " ".join(f"query Q{n} {{ viewer {{ __typename }} }}" for n in range(11)),
    "characters": "{ viewer { __typename } }" + " " * 15_000,
    "introspection of everything, nested": "{ __schema { types { "
    + "fields { type { " * 30 + "name " + "} } " * 30 + "} } }",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json"])
async def test_a_bomb_is_refused_for_the_price_of_looking(
    arena: Arena, besieged: Application, bomb: str, accept: str
) -> None:
    """Attacks 30, 31, 32 and 34, promise 25: 400, by one statement, which proves the token alone."""
    driver = driver_of(besieged)
    client = arena.reader
    await client.get("/api/v1/whoami")
    before = driver.statements_sent
    answer = await client.request(
        "POST",
        "/graphql",
        headers=[*JSON, ("accept", accept)],
        body=json.dumps({"query": BOMBS[bomb]}).encode(),
    )

    assert answer.status == (400 if "graphql" in accept else 200)
    problems = refusals(answer)
    assert {problem["code"] for problem in problems} == {"bad-request"}
    assert len(answer.body) < 10_000
    assert driver.statements_sent - before <= 1


async def test_a_batch_of_a_thousand_runs_none(arena: Arena, besieged: Application) -> None:
    """Attack 33."""
    driver = driver_of(besieged)
    one = {"query": "{ brands { totalCount } }"}
    assert (await arena.reader.post("/graphql", [one] * BATCH_LIMIT)).status == 200
    before = driver.statements_sent
    for batch in ([one] * (BATCH_LIMIT + 1), [one] * 1_000, [], [[one]], [[[]]]):
        answer = await arena.reader.post("/graphql", batch)
        assert answer.status == 400, batch[:1]

    assert driver.statements_sent - before == 5


@pytest.mark.parametrize("text", list(corpus()), ids=lambda text: text[:20])
def test_the_steps_of_judging_grow_with_the_text_alone(text: str) -> None:
    """Promise 24: of every known kind; `python -m tests.attacks.judging` measures the time."""
    steps, tokens = measured(text)

    assert steps <= STEPS_PER_TOKEN * tokens


def test_no_random_document_takes_more_steps_than_its_text_allows() -> None:
    """Promise 24: whatever is made of fragments, aliases, values and directives."""
    found = [(steps / tokens, text) for text in fuzzed(FUZZED) for steps, tokens in [measured(text)]]

    assert len(found) == FUZZED
    assert max(found)[0] <= STEPS_PER_TOKEN, max(found)[1]
    # Many of them must come as far as to be judged.
    assert sum(ratio > 0 for ratio, _ in found) > FUZZED // 3


def measured(text: str) -> tuple[int, int]:
    """Return the steps that judging a document takes before it ends, and how many tokens it has."""
    assert len(text) <= LARGEST or len(text) > DEFAULT_LIMITS.characters
    try:
        document = parse_bounded(text)
    except (GuardViolation, GraphQLSyntaxError):
        return 0, 1
    judge = _Judge(DEFAULT_LIMITS)
    with contextlib.suppress(GuardViolation):
        judge.document(document)
    return judge.steps, document.token_count


# Pages, lists and patterns


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_no_page_is_larger_than_a_page(arena: Arena, resource: Resource) -> None:
    """Attack 36: sizes are clamped or refused, far pages are empty or refused."""
    path, many = f"/api/v1/{resource.path}", camel(resource.plural)
    for query in (
        "per_page=99999999",
        "limit=99999999",
        "page=1000000000",
        "page=99999999999999999999",
        "offset=99999999999",
        "per_page=-1",
        "page=0",
        "per_page=1e9",
        "per_page=٣",
        "per_page=0x10",
    ):
        answer = await arena.reader.get(f"{path}?{query}")
        assert answer.status == 400 or len(answer.rows()) <= 500, query
    for given in ("first: 99999999", "last: 99999999", "page: 1000000000", "perPage: 99999999", "first: -1"):
        found = (await graphql(arena.reader, f"{{ {many}({given}) {{ nodes {{ id }} }} }}")).json()
        assert "errors" in found or len(found["data"][many]["nodes"]) <= 500, given


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_no_list_of_values_is_longer_than_it_may_be(arena: Arena, resource: Resource) -> None:
    """Attack 36: ten thousand values, and a thousand conditions."""
    ids = [f"7d3f8a52-0f6b-4c1e-9d2a-{n:012x}" for n in range(10_000)]
    listed = await arena.reader.search(resource.path, {"filter": {"id": {"in": ids}}})
    assert listed.status == 400
    many = f"query($i: [ID!]) {{ {camel(resource.plural)}(filter: {{id: {{in: $i}}}}) {{ totalCount }} }}"
    (problem,) = refusals(await graphql(arena.reader, many, i=ids))
    assert problem["status"] == 400
    deep: object = {"id": {"null": False}}
    for _ in range(40):
        deep = {"not": deep}
    for body in (
        {"filter": {"or": [{"id": {"eq": ids[0]}}] * 1_000}},
        {"filter": {"and": [{"or": [{"id": {"null": True}}] * 60}] * 60}},
        {"filter": deep},
        {"sort": ["id"] * 100},
        {"fields": ["id"] * 100_000},
        {"include": ["x"] * 1_000},
        {"q": "x" * 100_000},
        {"q": "% " * 5_000},
        {"q": "a " * 5_000},
        {"q": "!" * 1_000 + "(((&|"},
    ):
        answer = await arena.reader.search(resource.path, body)
        assert answer.status in (200, 400), (body, answer.body)


async def test_a_pattern_of_wildcards_is_a_text(arena: Arena) -> None:
    """Attack 36: they are sought as they stand, so no pattern runs for ever."""
    for text in ("%_%_%_%_%_%_%_%_%_%_%_%_%", "%" * 1_000, "_" * 1_000, "\\" * 255, "%\\%"):
        found = await arena.reader.search("products", {"filter": {"name": {"like": text}}})
        assert found.status == 400 or found.rows() == [], text
    percent = await arena.reader.search("products", {"filter": {"name": {"like": "100% R"}}})
    assert [row["name"] for row in percent.rows()] == ["100% Rye_Bread"]


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_relations_are_followed_so_far_and_no_further(arena: Arena, resource: Resource) -> None:
    """Attack 36."""
    for relation in resource.relations:
        for way in (".".join([relation.name] * 30), ".".join(["parent", "children"] * 20)):
            assert (await arena.reader.get(f"/api/v1/{resource.path}?include={way}")).status == 400
            assert (await arena.reader.get(f"/api/v1/{resource.path}?filter[{way}.id]=x")).status == 400


# Bodies


BODIES = {
    "depth of lists": b"[" * 100_000 + b"]" * 100_000,
    "depth of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "depth that does not end": b'{"a":' * 100_000,
    "not a number": b'{"name": NaN}',
    "infinity": b'{"name": Infinity}',
    "a huge integer": b'{"name": ' + b"9" * 5_000 + b"}",
    "a huge exponent": b'{"name": 1e999}',
    "a tiny exponent": b'{"metadata": 1e-99999}',
    "a lone surrogate": b'{"name": "\\ud800"}',
    "half a pair": b'{"name": "\\udc00\\ud800"}',
    "a zero character": b'{"name": "a\\u0000b"}',
    "a zero character in a name": b'{"a\\u0000b": 1}',
    "equal names": b'{"name": "a", "name": "b"}',
    "equal names within": b'{"metadata": {"a": 1, "a": 2}}',
    "equal names, escaped": b'{"name": "a", "n\\u0061me": "b"}',
    "bytes that are no text": b'{"name": "\xff\xfe"}',
    "an overlong slash": b'{"name": "\xc0\xaf"}',
    "a surrogate in bytes": b'{"name": "\xed\xa0\x80"}',
    "another encoding": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "a comment": b'{"name": "x"} // x',
    "two objects": b'{"name": "x"}{"name": "y"}',
    "a comma behind": b'{"name": "x",}',
    "single quotes": b"{'name': 'x'}",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "a control character": b'{"name": "a\x01b"}',
    "blanks": b" " * 1_000_000,
    "thousands of names": b"{" + b",".join(b'"%d":1' % n for n in range(20_000)) + b"}",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_no_strict_json_is_refused_everywhere(arena: Arena, body: str) -> None:
    """Attack 37: 400 or 422, never a failure, on every address that takes one, and on GraphQL as well."""
    raw = BODIES[body]
    with arena.untouched():
        for resource in WRITABLE:
            path = f"/api/v1/{resource.path}"
            own = f"{path}/{arena.rows(resource, 'acme')[0]['id']}"
            for method, target in (("POST", path), ("PATCH", own), ("PUT", own), ("POST", f"{path}/search")):
                headers = [*JSON, ("if-match", "*")] if method == "PUT" else JSON
                answer = await arena.admin.request(method, target, headers=headers, body=raw)
                if answer.status == 405 or (body == "blanks" and target.endswith("search")):
                    # No such action, or nothing that is asked for beside the page.
                    continue
                assert answer.status in (400, 422), (method, target, answer.body[:300])
                assert answer.header("content-type") == "application/problem+json"
        answer = await arena.admin.request("POST", "/graphql", headers=JSON, body=raw)
        assert answer.status in (400, 200)
        assert {problem["code"] for problem in refusals(answer)} == {"bad-request"}


@pytest.mark.parametrize("resource", WRITABLE, ids=named)
async def test_a_refusal_is_no_larger_than_what_was_sent(arena: Arena, resource: Resource) -> None:
    """Promise 28: a body of invented fields is told of the first thousand, and no more is kept of it."""
    body = {f"n{n}": 1 for n in range(20_000)}
    path, key = f"/api/v1/{resource.path}", f"many-{resource.name}"
    answer = await arena.admin.post(path, body, headers=[("idempotency-key", key)])
    if answer.status != 405:
        assert len(answer.problem(422)["errors"]) == 1_000
        assert len(answer.body) < len(json.dumps(body))
    document = f"mutation {{ {'x' * 10_000} }}"
    assert len((await graphql(arena.admin, document)).body) < 2_000


@pytest.mark.parametrize("resource", WRITABLE, ids=named)
async def test_a_body_beyond_its_limit_is_not_read(arena: Arena, resource: Resource) -> None:
    """Promise 28: whether its length is told, told wrongly or not told at all."""
    path = f"/api/v1/{resource.path}"
    large = b'{"name":"' + b"x" * 1_048_576 + b'"}'
    with arena.untouched():
        for headers in (JSON, [*JSON, ("content-length", "2")], [*JSON, ("transfer-encoding", "chunked")]):
            for target in (path, f"{path}/search", "/graphql"):
                answer = await arena.admin.request("POST", target, headers=headers, body=large)
                assert answer.status == 413


# Health


async def test_readiness_is_asked_once_however_many_ask(arena: Arena, besieged: Application) -> None:
    """Attack 35: it is no field of GraphQL, and a crowd waits for one answer."""
    driver = driver_of(besieged)
    before = driver.statements_sent
    answers = await asyncio.gather(*(arena.anybody.get("/health/ready") for _ in range(200)))

    assert {answer.status for answer in answers} == {200}
    assert driver.statements_sent - before <= 2
    found = await graphql(arena.reader, "{ health { status } ready: health { status } }")
    assert {problem["code"] for problem in refusals(found)} == {"bad-request"}
