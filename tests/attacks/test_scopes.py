"""Scopes under attack: edges, payloads, replays, and writing or granting more than one may."""

import json
import uuid
from typing import Any

import pytest

from schema.names import camel, pascal
from services.catalog import CATALOG
from services.engine.resource import Relation, Resource, Shown
from tests.attacks.arena import CHANGING, TENANT, WRITABLE, Arena, graphql, named, refusals
from tests.attacks.mutations import SCHEMA, by_id, takes

EDGES = [(resource, relation) for resource in CATALOG for relation in resource.relations]
MASS = {
    "workspace_id": "00000000-0000-4000-8000-000000000000",
    "version": 99,
    "search": "x",
    "token_hash": "x",
    "token_key": "x",
    "precheck": "x",
    "owner": "x",
    "is_admin": True,
    "is_platform_admin": True,
    "__proto__": {"admin": True},
    "role": "owner",
}
"""What a body may not bring along, whatever the resource."""


@pytest.mark.parametrize(("resource", "relation"), EDGES, ids=lambda each: each.name)
async def test_an_edge_needs_the_scope_of_what_it_leads_to(
    arena: Arena, resource: Resource, relation: Relation
) -> None:
    """Attack 2, C-09: by include, by a filter through it and by selection, with the same code."""
    target = CATALOG.target(relation)
    if target is resource:
        # Whoever may read it may read what it leads to.
        return
    holder = arena.holder(f"{resource.plural}:read")
    path = f"/api/v1/{resource.path}"
    refused = [
        await holder.get(f"{path}?include={relation.name}"),
        await holder.get(f"{path}?filter[{relation.name}.id]={uuid.uuid4()}"),
        await holder.search(resource.path, {"include": [relation.name]}),
    ]
    inner = "totalCount" if relation.many else "id"
    document = f"{{ {camel(resource.plural)} {{ nodes {{ id {camel(relation.name)} {{ {inner} }} }} }} }}"
    told = [answer.problem(403) for answer in refused] + refusals(await graphql(holder, document))

    assert len(told) == 4
    for problem in told:
        assert (problem["code"], problem["required_scope"]) == ("insufficient-scope", f"{target.plural}:read")


@pytest.mark.parametrize("call", by_id(), ids=lambda call: call.field)
async def test_a_reader_writes_nothing(arena: Arena, call: Any) -> None:
    """Attack 4: with the right to read everything, every mutation is refused before it looks at anything."""
    document, variables = call.with_id(str(uuid.uuid4()))
    with arena.untouched():
        answer = await graphql(arena.reader, document, **variables)

    (problem,) = refusals(answer)
    assert problem["code"] == "insufficient-scope"


@pytest.mark.parametrize("field", list(SCHEMA.mutation_type.fields))  # type: ignore[union-attr]
async def test_a_safe_method_runs_no_mutation(arena: Arena, field: str) -> None:
    """Attack 4: by GET and by HEAD, named or not, even where the text is known from a POST."""
    text = f"mutation M {{ {field}(id: 1) {{ replayed }} }}"
    with arena.untouched():
        for query in (f"query={text}", f"query=query Q {{ viewer {{ kind }} }} {text}&operationName=M"):
            for method in ("GET", "HEAD"):
                answer = await arena.admin.request(method, f"/graphql?{query}")
                assert answer.status in (400, 405)
    assert answer.header("allow") in (None, "POST")


async def test_a_mutation_by_a_safe_method_is_refused_though_its_text_is_kept(arena: Arena) -> None:
    """Attack 4: documents are kept by their text, whichever method brought them."""
    text = 'mutation { updateBrand(id: "x", input: {}) { problem { code } } }'
    assert (await graphql(arena.admin, text)).status == 200
    with arena.untouched():
        answer = await arena.admin.get(f"/graphql?query={text}")

    assert answer.status == 405
    assert answer.header("allow") == "POST"


@pytest.mark.parametrize(
    ("resource", "relation"),
    [
        (each, relation)
        for each, relation in EDGES
        if each in CHANGING and CATALOG.target(relation) is not each
    ],
    ids=lambda each: each.name,
)
async def test_a_payload_that_selects_what_is_unreadable_writes_nothing(
    arena: Arena, resource: Resource, relation: Relation
) -> None:
    """Attack 3: refused before the write, in either way of execution."""
    holder = arena.holder(f"{resource.plural}:write")
    own = str(arena.rows(resource, "acme")[0]["id"])
    inner = "totalCount" if relation.many else "id"
    document = (
        f"mutation($id: ID!) {{ update{pascal(resource.name)}(id: $id, input: {{}}) "
        f"{{ {camel(resource.name)} {{ {camel(relation.name)} {{ {inner} }} }} {_PROBLEM} }} }}"
    )
    with arena.untouched():
        for way in ("compiled", "executor"):
            answer = await holder.post(
                "/graphql",
                {"query": document, "variables": {"id": own}},
                headers=[("x-diptych-execute", way)],
            )
            (problem,) = refusals(answer)
            assert problem["code"] == "insufficient-scope"


_PROBLEM = "problem { code extensions }"


# Mass assignment


@pytest.mark.parametrize("resource", WRITABLE, ids=named)
async def test_no_body_sets_what_is_not_for_writing(arena: Arena, resource: Resource) -> None:
    """Attack 12: on creation, change, replacement and in bulk: 422 that names the fields."""
    own = str(arena.rows(resource, "acme")[0]["id"])
    path, body = (
        f"/api/v1/{resource.path}",
        {name: value for name, value in MASS.items() if name not in resource.all_fields},
    )
    with arena.untouched():
        answers = [
            await arena.admin.post(path, body),
            await arena.admin.patch(f"{path}/{own}", body),
            await arena.admin.patch(f"{path}/{own}", body, merge=True),
            await arena.admin.put(f"{path}/{own}", body, headers=[("if-match", "*")]),
        ]
        if resource.bulk:
            bulk = await arena.admin.post(f"{path}/bulk", {"items": [body]})
            told = bulk.problem(422)["errors"]
            assert {name: told[f"items.0.{name}"] for name in body} == {
                key: ["unknown_field"] for key in body
            }
    for answer in answers:
        if answer.status == 405:
            continue
        told = answer.problem(422)["errors"]
        assert [name for name in body if told.get(name) != ["unknown_field"]] == []


@pytest.mark.parametrize("resource", CHANGING, ids=named)
async def test_what_only_the_server_sets_stays_as_it_is(arena: Arena, resource: Resource) -> None:
    """Attack 12, Q-02: what was read may be sent back, and sets nothing; deletion is no field."""
    row = arena.rows(resource, "acme")[0]
    path = f"/api/v1/{resource.path}/{row['id']}"
    fixed = [
        field.name
        for field in resource.all_fields.values()
        if not field.writable and field.shown is Shown.ALWAYS and field.name not in ("deleted_at",)
    ]
    with arena.untouched():
        sent = dict.fromkeys(fixed, "2020-01-01T00:00:00Z")
        changed = await arena.admin.patch(f"{path}?dry_run=true", sent)
        deleted = await arena.admin.patch(path, {"deleted_at": "2020-01-01T00:00:00Z"})

    before = (await arena.admin.get(path)).data()
    after = changed.data()
    assert {name: after[name] for name in fixed if name != "updated_at"} == {
        name: before[name] for name in fixed if name != "updated_at"
    }
    assert deleted.problem(422)["errors"] == {"deleted_at": ["exclusion"]}


@pytest.mark.parametrize("resource", WRITABLE, ids=named)
def test_no_input_type_has_a_field_that_is_not_for_writing(resource: Resource) -> None:
    """Attack 12: over GraphQL such a field does not even exist."""
    writable = {camel(field.name) for field in resource.writable}
    embedded = {camel(each.name) for each in resource.embedded}
    for kind in ("Create", "Replace", "Update"):
        taken = set(takes(f"{pascal(resource.name)}{kind}Input"))
        assert taken <= writable | embedded, kind
        unwritten = {*MASS, "deleted_at", "id", "inserted_at"} - {field.name for field in resource.writable}
        assert taken.isdisjoint(map(camel, unwritten))
    assert set(takes(f"{pascal(resource.name)}BulkUpdateInput")) <= writable | embedded | {"id"}


# Replays


@pytest.mark.parametrize("surface", ["REST", "GraphQL"])
async def test_a_weaker_token_hears_no_replay(arena: Arena, surface: str) -> None:
    """Attack 18: the scope is asked for before the record is looked for."""
    key = uuid.uuid4().hex
    keyed = [("idempotency-key", key)]
    body = {"name": f"Secret {key}"}
    made = (await arena.admin.post("/api/v1/brands", body, headers=keyed)).data(201)
    document = (
        "mutation($i: BrandCreateInput!) { createBrand(input: $i) { brand { id } replayed "
        + _PROBLEM
        + " } }"
    )
    weaker = [arena.holder(*each) for each in ((), ("all:read",), ("products:write",), ("brands:delete",))]
    with arena.untouched():
        for holder in weaker:
            if surface == "REST":
                problem = (await holder.post("/api/v1/brands", body, headers=keyed)).problem(403)
            else:
                answer = await holder.post(
                    "/graphql", {"query": document, "variables": {"i": body}}, headers=keyed
                )
                assert made["id"] not in answer.body.decode()
                (problem,) = refusals(answer)
            assert problem["code"] == "insufficient-scope"
            assert key not in json.dumps(problem)


async def test_another_workspace_hears_no_replay(arena: Arena) -> None:
    """Attack 18, promise 3: a key belongs to its workspace."""
    key = uuid.uuid4().hex
    keyed, body = [("idempotency-key", key)], {"name": f"B {key}"}
    mine = await arena.admin.post("/api/v1/brands", body, headers=keyed)
    theirs = await arena.stranger.post("/api/v1/brands", body, headers=keyed)

    assert mine.data(201)["id"] != theirs.data(201)["id"]
    assert theirs.header("idempotency-replayed") is None


async def test_a_replay_never_tells_a_token(arena: Arena) -> None:
    """Attack 18, C-51: to whoever knows the key, the stored answer holds no secret."""
    keyed = [("idempotency-key", uuid.uuid4().hex)]
    body = {"name": "bot", "scopes": ["brands:read"]}
    first = (await arena.admin.post("/api/v1/tokens", body, headers=keyed)).data(201)
    second = await arena.anybody.using(arena.seed.tokens["acme", "owner"]).post(
        "/api/v1/tokens", body, headers=keyed
    )

    assert first["token"]
    assert second.data(201)["token"] is None
    assert first["token"] not in second.body.decode()


# Escalation


ESCALATING = [
    ("products:write", ["orders:read"]),
    ("all:read", ["all:write"]),
    ("products:write", ["all:read"]),
    ("all:delete", ["all:write"]),
    ("brands:read", ["brands:write"]),
    ("brands:delete", ["brands:write"]),
]


@pytest.mark.parametrize(("held", "wanted"), ESCALATING, ids=str)
@pytest.mark.parametrize("way", ["REST", "api-keys", "GraphQL", "door", "oneself"])
async def test_nobody_mints_what_they_do_not_hold(
    arena: Arena, held: str, wanted: list[str], way: str
) -> None:
    """Attack 24: by any door, nor by a change of one's own token."""
    minter = arena.holder("tokens:write", held)
    body: dict[str, Any] = {"name": "more", "scopes": wanted}
    own = (await minter.get("/api/v1/whoami")).data()["token"]["id"] if way == "oneself" else ""
    with arena.untouched():
        match way:
            case "GraphQL":
                document = (
                    "mutation($i: TokenCreateInput!) { createToken(input: $i) { rawToken " + _PROBLEM + " } }"
                )
                (problem,) = refusals(await graphql(minter, document, i=body))
            case "oneself":
                problem = (await minter.patch(f"/api/v1/tokens/{own}", {"scopes": wanted})).problem(403)
            case _:
                path = {
                    "REST": "/api/v1/tokens",
                    "api-keys": "/api/v1/api-keys",
                    "door": "/ui/workspaces/acme/tokens",
                }
                problem = (await minter.post(path[way], body)).problem(403)
    assert problem["code"] == "insufficient-scope"


async def test_an_admin_is_not_rotated_into_the_hands_of_another(arena: Arena) -> None:
    """Attack 24: what rotation answers is a token, so it is a grant."""
    admin = next(row for row in arena.rows(CATALOG["token"], "acme") if "all:write" in row["scopes"])
    minter = arena.holder("tokens:write")
    with arena.untouched():
        answers = [
            await minter.post(f"/api/v1/tokens/{admin['id']}/rotate", {}),
            await minter.delete(f"/api/v1/tokens/{admin['id']}"),
            await minter.patch(f"/api/v1/tokens/{admin['id']}", {"name": "mine"}),
        ]
    for answer in answers:
        assert answer.problem(403)["code"] == "insufficient-scope"


# What is told to whom


@pytest.mark.parametrize("resource", TENANT, ids=named)
async def test_a_missing_scope_hides_whether_a_row_is_there(arena: Arena, resource: Resource) -> None:
    """Attack 25, C-17: 403 for one's own row, a foreign one and none, in the same words."""
    holder = arena.holder()
    ids = [
        str(arena.rows(resource, "acme")[0]["id"]),
        str(arena.rows(resource)[0]["id"]),
        str(uuid.uuid4()),
        "nonsense",
    ]
    rest, nodes = set(), set()
    for id_ in ids:
        problem = (await holder.get(f"/api/v1/{resource.path}/{id_}")).problem(403)
        rest.add(json.dumps({**problem, "instance": "", "request_id": ""}))
        if id_ != "nonsense":
            (told,) = refusals(await graphql(holder, "query($id: ID!) { node(id: $id) { id } }", id=id_))
            nodes.add(json.dumps({**told, "instance": "", "request_id": ""}).replace(id_, "<id>"))
    assert len(rest) == len(nodes) == 1


async def test_the_schema_is_told_to_token_holders_alone_and_holds_no_secret(arena: Arena) -> None:
    """Attack 28: without a token not even suggestions; with one, nothing that is never shown."""
    anybody, holder = arena.anybody, arena.holder()
    for query in ("{ __schema { types { name } } }", "{ brand }", "{ brandz { id } }", "{ __typename }"):
        answer = await graphql(anybody, query)
        assert answer.status == 401
        assert b"rand" not in answer.body.replace(query.encode(), b"")
    found = await graphql(holder, "{ __schema { types { name fields { name } inputFields { name } } } }")
    hidden = {"tokenHash", "tokenKey", "precheck", "passwordHash", "totpSecret", "codeHash"}
    assert found.status == 200
    assert [name for name in hidden if f'"{name}"' in found.body.decode()] == []
    suggested = await graphql(holder, "{ tokens { nodes { tokenHas } } }")
    assert "tokenHash" not in suggested.body.decode().replace("tokenHas'", "")


async def test_the_page_for_browsers_is_off_outside_development(arena: Arena) -> None:
    """Attack 28."""
    answer = await arena.reader.get("/graphql", headers=[("accept", "text/html")])

    assert answer.status in (400, 406)
    assert b"<html" not in answer.body
    assert (await arena.reader.get("/graphql/static/page.js")).status == 404
