"""Rows of other workspaces: on no way in or out do they differ from rows that do not exist."""

import json
import re
import uuid
from collections.abc import Iterator

import pytest

from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.resource import ActionKind, Relation, Resource
from services.engine.versions import tag
from tests.attacks.arena import STRANGER, TENANT, WRITABLE, Arena, graphql, named, refusals
from tests.attacks.mutations import Call, by_id, written_by
from tests.support.client import Answer, Client

NOBODY = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"
"""An id that no row has."""

_UNIQUE = re.compile(rb'"(request_?[iI]d)":"[^"]+"')


def foreign(arena: Arena, resource: Resource) -> str:
    """Return the id of a live row of the other workspace; of workspaces, its own."""
    return str(arena.rows(resource)[0]["id"])


def neutral(answer: Answer, id_: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return an answer without the id that was asked for and without what differs between any two."""
    body = _UNIQUE.sub(rb'"\1":""', answer.body.replace(id_.encode(), b"<id>"))
    kept = [(name, value) for name, value in answer.headers if name not in ("x-request-id", "content-length")]
    return answer.status, body, kept


async def same_over_rest(
    client: Client, arena: Arena, id_: str, method: str, path: str, body: object
) -> Answer:
    """Return the answer for a foreign id, after checking that an absent one gets the same."""

    async def asked(each: str) -> Answer:
        sent = b"" if body is None else json.dumps(body).replace("<id>", each).encode()
        headers = [("content-type", "application/json")] if sent else []
        if method in ("PUT", "PATCH", "DELETE", "POST") and "bulk" not in path:
            headers.append(("if-match", "*"))
        return await client.request(method, path.replace("<id>", each), headers=headers, body=sent)

    with arena.untouched():
        found, absent = await asked(id_), await asked(NOBODY)
    assert neutral(found, id_) == neutral(absent, NOBODY)
    return found


def rest_reads(resource: Resource) -> Iterator[str]:
    """Yield every address that a row's id leads to."""
    path = f"/api/v1/{resource.path}/<id>"
    yield path
    for relation in resource.relations:
        yield f"{path}?include={relation.name}"
        if relation.many and relation.nested:
            yield f"{path}/{relation.name.replace('_', '-')}"


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_a_foreign_id_is_as_absent_as_an_unknown_one_over_rest(
    arena: Arena, resource: Resource
) -> None:
    """Attacks 1, 16 and 25: the same answer byte for byte but for the id of the request."""
    id_ = foreign(arena, resource)
    for target in rest_reads(resource):
        answer = await same_over_rest(arena.admin, arena, id_, "GET", target, None)
        problem = answer.problem(404)
        assert id_ not in json.dumps({**problem, "instance": ""})


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_a_foreign_id_is_as_absent_over_graphql(arena: Arena, resource: Resource) -> None:
    """Attacks 1 and 25: by the field of its type, by node and by nodes, alone and beside one's own."""
    id_ = foreign(arena, resource)
    own = str(arena.rows(resource, "acme")[0]["id"])
    type_ = pascal(resource.name)
    documents = [
        f"query($id: ID!) {{ {camel(resource.name)}(id: $id) {{ id }} }}",
        "query($id: ID!) { node(id: $id) { id } }",
        f"query($id: ID!) {{ node(id: $id) {{ ... on {type_} {{ id etag }} }} }}",
    ]
    for document in documents:
        found, absent = (
            await graphql(arena.admin, document, id=id_),
            await graphql(arena.admin, document, id=NOBODY),
        )
        assert neutral(found, id_) == neutral(absent, NOBODY)
        assert [problem["code"] for problem in refusals(found)] == ["not-found"]
    nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    mixed = (await graphql(arena.admin, nodes, ids=[own, id_, NOBODY])).json()
    assert mixed["data"]["nodes"] == [{"id": own}, None, None]


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_a_foreign_id_is_never_unchanged(arena: Arena, resource: Resource) -> None:
    """Attack 19: with the true tag of the foreign row, or any, it is 404 and never 304."""
    row = arena.rows(resource)[0]
    for sent in (tag(str(row["id"]), row["version"]), "*"):
        answer = await arena.admin.get(
            f"/api/v1/{resource.path}/{row['id']}", headers=[("if-none-match", sent)]
        )
        answer.problem(404)
        assert answer.header("etag") is None


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
async def test_no_filter_finds_a_foreign_row(arena: Arena, resource: Resource) -> None:
    """Attacks 1 and 5: neither by its id nor by ids in a list, deleted ones included."""
    id_ = foreign(arena, resource)
    for query in (
        f"filter[id]={id_}",
        f"filter[id][in]={id_},{NOBODY}",
        f"filter[id]={id_}&include_deleted=true",
    ):
        answer = await arena.admin.get(f"/api/v1/{resource.path}?{query}")
        assert answer.rows() == []
    searched = await arena.admin.search(resource.path, {"filter": {"id": {"eq": id_}}})
    assert searched.rows() == []
    document = (
        f"query($id: ID!) {{ {camel(resource.plural)}(filter: {{id: {{in: [$id]}}}}) {{ totalCount }} }}"
    )
    found = (await graphql(arena.admin, document, id=id_)).json()
    assert found["data"][camel(resource.plural)]["totalCount"] == 0


def rest_writes(resource: Resource) -> Iterator[tuple[str, str, object]]:
    """Yield every way to write a row by its id."""
    path = f"/api/v1/{resource.path}"
    for action in resource.actions:
        match action.kind:
            case ActionKind.REPLACE:
                yield "PUT", f"{path}/<id>", {}
            case ActionKind.UPDATE:
                yield "PATCH", f"{path}/<id>", {}
            case ActionKind.DELETE:
                yield "DELETE", f"{path}/<id>", None
            case ActionKind.RESTORE | ActionKind.ITEM:
                yield "POST", f"{path}/<id>/{action.name}", None


@pytest.mark.parametrize("resource", WRITABLE, ids=named)
async def test_no_action_over_rest_reaches_a_foreign_row(arena: Arena, resource: Resource) -> None:
    """Attack 13: every action of the catalogue, with an administrator's token of another workspace."""
    found = list(rest_writes(resource))
    for method, target, body in found:
        answer = await same_over_rest(arena.admin, arena, foreign(arena, resource), method, target, body)
        assert answer.problem(404)["code"] == "not-found"
    assert len(found) >= 2


@pytest.mark.parametrize("call", by_id(), ids=lambda call: call.field)
async def test_no_mutation_reaches_a_foreign_row(arena: Arena, call: Call) -> None:
    """Attacks 1 and 13: single, in bulk, and by every verb."""
    resource = written_by(call.field)
    assert resource is not None
    id_ = foreign(arena, resource)
    answers = []
    with arena.untouched():
        for each in (id_, NOBODY):
            document, variables = call.with_id(each)
            answers.append(await graphql(arena.admin, document, **variables))

    assert neutral(answers[0], id_) == neutral(answers[1], NOBODY)
    (problem,) = refusals(answers[0])
    assert problem["status"] in (404, 422)
    assert "not_found" in json.dumps(problem) or problem["code"] == "not-found"


@pytest.mark.parametrize("resource", [each for each in WRITABLE if each.bulk], ids=named)
@pytest.mark.parametrize("atomic", [True, False])
async def test_a_foreign_row_in_bulk_is_refused_as_singly(
    arena: Arena, resource: Resource, atomic: bool
) -> None:
    """Attack 13: that item is not found; without atomicity only one's own would be written."""
    if resource.tenant:
        id_ = foreign(arena, resource)
        items = {"items": [{"id": id_}, {"id": NOBODY}]}
        target = f"/api/v1/{resource.path}/bulk?atomic={str(atomic).lower()}"
        with arena.untouched():
            changed = await arena.admin.patch(target, items)
            deleted = await arena.admin.delete(target, {"ids": [id_, NOBODY]})
        for answer in (changed, deleted):
            problem = answer.problem(422)
            told = json.dumps(problem).replace(id_, "<id>").replace(NOBODY, "<id>")
            codes = re.findall(r'"(not[_-]found)"', told)
            assert len(codes) >= 2
            assert arena.seed.workspaces[STRANGER]["id"].hex not in told


def references() -> Iterator[tuple[Resource, Relation]]:
    """Yield every reference of a resource that a client may write."""
    for resource in WRITABLE:
        names = {field.name for field in resource.writable}
        for relation in resource.relations:
            if relation.one and relation.via in names:
                yield resource, relation


@pytest.mark.parametrize(("resource", "relation"), list(references()), ids=lambda each: each.name)
async def test_a_reference_to_a_foreign_row_is_a_reference_to_none(
    arena: Arena, resource: Resource, relation: Relation
) -> None:
    """Attack 14: on creation, on change and in bulk, on both surfaces, with the same words as for no row."""
    target = CATALOG.target(relation)
    id_ = foreign(arena, target)
    own = str(arena.rows(resource, "acme")[0]["id"])
    path, fixed = f"/api/v1/{resource.path}", resource.all_fields[relation.via].fixed
    told = []
    with arena.untouched():
        for each in (id_, NOBODY):
            body = {relation.via: each}
            told.append(await arena.admin.post(path, body))
            # What is written on creation alone is refused for that already.
            if not fixed:
                told.append(await arena.admin.patch(f"{path}/{own}", body))
                told.append(await arena.admin.patch(f"{path}/bulk", {"items": [{"id": own, **body}]}))
    half = len(told) // 2
    for found, absent in zip(told[:half], told[half:], strict=True):
        assert neutral(found, id_) == neutral(absent, NOBODY)
        assert f'{relation.via}":["not_found"]' in found.body.decode()

    document = (
        f"mutation($input: {pascal(resource.name)}UpdateInput!) "
        f'{{ update{pascal(resource.name)}(id: "{own}", input: $input) {{ problem {{ errors }} }} }}'
    )
    if not fixed:
        with arena.untouched():
            answer = await graphql(arena.admin, document, input={camel(relation.via): id_})
        (problem,) = refusals(answer)
        assert problem["errors"] == {relation.via: ["not_found"]}


@pytest.mark.parametrize("resource", TENANT, ids=named)
async def test_what_is_deleted_hides_behind_every_relation(arena: Arena, resource: Resource) -> None:
    """Attack 16: deleted parents are null and deleted children absent, on every way that leads there."""
    gone = {str(row["id"]) for row in arena.gone(resource)}
    assert gone
    for id_ in sorted(gone)[:3]:
        (await arena.admin.get(f"/api/v1/{resource.path}/{id_}")).problem(404)
        for execute in ("compiled", "executor"):
            answer = await arena.admin.post(
                "/graphql",
                {"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": id_}},
                headers=[("x-diptych-execute", execute)],
            )
            assert [problem["code"] for problem in refusals(answer)] == ["not-found"]
    for parent in TENANT:
        for relation in parent.relations:
            if relation.target != resource.name:
                continue
            included = await arena.admin.get(f"/api/v1/{parent.path}?include={relation.name}&per_page=100")
            links = re.compile(rb'"(?:links|[a-z_]+_id)":(?:\{[^}]*\}|"[^"]*")')
            shown = links.sub(b"", included.body).decode()
            assert included.status == 200
            assert [id_ for id_ in gone if f'"id":"{id_}"' in shown] == []
            selection = f"{{ id {camel(relation.name)} {{ {'nodes { id }' if relation.many else 'id'} }} }}"
            document = f"{{ {camel(parent.plural)}(first: 100) {{ nodes {selection} }} }}"
            for execute in ("compiled", "executor"):
                answer = await arena.admin.post(
                    "/graphql", {"query": document}, headers=[("x-diptych-execute", execute)]
                )
                body = re.sub(r'\{"id":"[^"]*",', "{", answer.body.decode())
                assert answer.status == 200
                assert "errors" not in answer.json()
                assert [id_ for id_ in gone if id_ in body] == []


async def test_two_workspaces_asking_at_once_share_no_loader(arena: Arena) -> None:
    """Attack 17: what one request has loaded is never another's answer."""
    import asyncio

    document = "{ orders(first: 20) { nodes { id customer { id } items { nodes { id product { id } } } } } }"
    clients = [arena.admin, arena.stranger] * 6

    async def asked(client: Client) -> bytes:
        headers = [("x-diptych-execute", "executor")]
        return (await client.post("/graphql", {"query": document}, headers=headers)).body

    answers = await asyncio.gather(*(asked(client) for client in clients))

    own, others = set(answers[::2]), set(answers[1::2])
    assert len(own) == len(others) == 1
    ids = {str(row["id"]).encode() for each in TENANT for row in arena.rows(each)}
    mine = {str(row["id"]).encode() for each in TENANT for row in arena.rows(each, "acme")}
    assert [id_ for id_ in ids if id_ in own.copy().pop()] == []
    assert [id_ for id_ in mine if id_ in others.copy().pop()] == []


@pytest.mark.parametrize("resource", CATALOG.resources, ids=named)
@pytest.mark.parametrize("way", ["id", "slug", "shouted", "both", "sql", "empty"])
async def test_no_header_switches_the_workspace(arena: Arena, resource: Resource, way: str) -> None:
    """Attack 20, C-11: a header that names another one is 404 and opens nothing."""
    stranger = arena.seed.workspaces[STRANGER]
    sent = {
        "id": [str(stranger["id"])],
        "slug": ["globex"],
        "shouted": [str(stranger["id"]).upper()],
        "both": [str(arena.seed.workspaces["acme"]["id"]), str(stranger["id"])],
        "sql": ["acme' OR '1'='1"],
        "empty": [""],
    }[way]
    headers = [("x-workspace-id", each) for each in sent]
    with arena.untouched():
        read = await arena.admin.get(f"/api/v1/{resource.path}", headers=headers)
        written = await arena.admin.post(f"/api/v1/{resource.path}", {"name": "X"}, headers=headers)
        asked = await arena.admin.post(
            "/graphql", {"query": f"{{ {camel(resource.plural)} {{ totalCount }} }}"}, headers=headers
        )

    for answer in (read, written):
        assert answer.problem(404)["code"] == "not-found"
    assert asked.status == 404
    assert [problem["code"] for problem in refusals(asked)] == ["not-found"]


async def test_the_path_of_another_workspace_opens_nothing(arena: Arena) -> None:
    """Attack 20: neither by itself, nor beside a header that says one's own."""
    with arena.untouched():
        for headers in ([], [("x-workspace-id", "acme")]):
            for method in ("GET", "POST"):
                answer = await arena.admin.request(method, "/ui/workspaces/globex/tokens", headers=headers)
                answer.problem(404)


async def test_what_another_workspace_has_taken_can_be_taken(arena: Arena) -> None:
    """Attacks 15 and 25: uniqueness is within a workspace, so that it tells nothing of others."""
    taken = uuid.uuid4().hex
    cases = {
        "brands": {"name": "B", "slug": f"b-{taken}"},
        "categories": {"name": "C", "slug": f"c-{taken}"},
        "products": {"name": "P", "slug": f"p-{taken}", "gtin": "4006381333931"},
        "customers": {"name": "X", "email": f"{taken}@example.com"},
    }
    for path, body in cases.items():
        there = await arena.stranger.post(f"/api/v1/{path}", body)
        here = await arena.admin.post(f"/api/v1/{path}", body)
        assert (there.status, here.status) == (201, 201), (there.body, here.body)
        assert here.data(201).get("slug") == body.get("slug")


async def test_a_line_within_an_order_cannot_name_a_foreign_product(arena: Arena) -> None:
    """Attack 14: nor can it be a foreign line, given by its id."""
    product, line = foreign(arena, CATALOG["product"]), foreign(arena, CATALOG["order_item"])
    answers, line_of_mine = {}, {"name": "x", "unit_price_cents": 1, "quantity": 1}
    with arena.untouched():
        for name, bad in (("product_id", (product, NOBODY)), ("id", (line, NOBODY))):
            for each in bad:
                body = {"currency": "EUR", "line_items": [{**line_of_mine, name: each}]}
                answers[name, each] = await arena.admin.post("/api/v1/orders", body)

    for name, known in (("product_id", product), ("id", line)):
        found, absent = answers[name, known], answers[name, NOBODY]
        assert neutral(found, known) == neutral(absent, NOBODY)
        assert f"line_items.0.{name}" in found.problem(422)["errors"]
