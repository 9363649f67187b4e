"""Where the surfaces differ on purpose: here, and in the scopes of nested collections (test_access)."""

import pytest

from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.parity import cases
from tests.parity.comparing import Asked, ask
from tests.parity.graphql_side import camel
from tests.parity.neutral import Case
from tests.parity.world import World

NAMES = [resource.name for resource in CATALOG]


def told(asked: Asked) -> tuple[int, str] | None:
    """Return status and code of a problem, None for rows."""
    problem = asked.outcome.problem
    return None if problem is None else (problem["status"], problem["code"])


async def answers(world: World, case: Case) -> dict[str, Asked]:
    """Return what a reader of everything is answered."""
    return await ask(world, await world.client("all:read"), case)


@pytest.mark.parametrize("name", NAMES)
async def test_includes_go_three_deep_and_selections_as_deep_as_the_guard_allows(
    world: World, name: str
) -> None:
    """S3-226, S3-234 bound the includes of REST; a selection is bounded by its depth and cost."""
    resource = world.catalog[name]
    deep = next((path for path in cases.paths(world, resource, 4) if len(path) == 4), None)
    if deep is None:
        assert not resource.relations
        return
    known = world.live(resource)[0]["id"]
    case = Case("four deep", resource, id=known, fields=("id",), include=(deep,))
    found = await answers(world, case)
    assert told(found["REST"]) == (400, "bad-request")
    assert told(found["GraphQL"]) is None
    assert found["GraphQL"].traffic == (1, 1)


@pytest.mark.parametrize("name", NAMES)
async def test_sizes_below_one_are_clamped_by_rest_and_taken_at_their_word_by_relay(
    world: World, name: str
) -> None:
    """S3-171 clamps; Relay's `first: 0` is an empty page, and a negative one makes no sense."""
    resource = world.catalog[name]
    none = await answers(world, Case("no rows", resource, size=0, keyset=True))
    assert len(none["REST"].outcome.rows) == len(none["REST search"].outcome.rows) == 1
    assert none["GraphQL"].outcome.rows == ()
    negative = await answers(world, Case("fewer", resource, size=-1, keyset=True))
    assert len(negative["REST"].outcome.rows) == 1
    assert told(negative["GraphQL"]) == (400, "bad-request")


@pytest.mark.parametrize("name", NAMES)
async def test_a_nul_in_an_id_leads_nowhere_in_a_path_and_is_refused_in_a_body(
    world: World, name: str
) -> None:
    """Q-01: what cannot be an id belongs to no row; a body with a NUL is refused before it is understood."""
    found = await answers(world, Case("a NUL", world.catalog[name], id="a\0b"))

    assert told(found["REST"]) == (404, "not-found")
    assert told(found["GraphQL"]) == (400, "bad-request")


@pytest.mark.parametrize("name", NAMES)
async def test_an_empty_cursor_begins_in_rest_and_is_malformed_in_graphql(world: World, name: str) -> None:
    """S3-175: `cursor=` asks for the first page of a walk, which Relay says by leaving `after` out."""
    found = await answers(world, Case("empty cursor", world.catalog[name], keyset=True, cursor=""))

    assert told(found["REST"]) is None
    assert told(found["GraphQL"]) == (400, "bad-request")


def deleted_row(world: World, resource: Resource) -> str | None:
    """Return the id of a deleted row, if there is one."""
    rows = world.deleted(resource)
    return rows[0]["id"] if rows else None


@pytest.mark.parametrize("name", NAMES)
async def test_one_deleted_row_is_shown_by_rest_alone(world: World, name: str) -> None:
    """S3-319: `include_deleted` goes with a single row too; in GraphQL deleted rows are found by listing."""
    resource = world.catalog[name]
    id_ = deleted_row(world, resource)
    if id_ is None:
        return
    client = await world.client("all:read")

    shown = await client.get(f"/api/v1/{resource.path}/{id_}?include_deleted=true")
    query = f'{{ {camel(resource.name)}(id: "{id_}", includeDeleted: true) {{ id }} }}'
    refused = (await client.post("/graphql", {"query": query})).json()

    assert shown.json()["data"]["deleted_at"] is not None
    assert refused["errors"][0]["extensions"]["problem"]["status"] == 400
    assert "includeDeleted" in refused["errors"][0]["message"]


async def test_lines_are_embedded_by_rest_and_a_connection_in_graphql(world: World) -> None:
    """C-45: `line_items` is a part of REST's body; GraphQL takes `lineItems` and answers `items`."""
    client = await world.client("all:read")
    query = "{ orders { nodes { id items { nodes { id quantity lineTotalCents currency position } } } } }"

    embedded = (await client.get("/api/v1/orders")).rows()
    answer = (await client.post("/graphql", {"query": query})).json()
    refused = (await client.post("/graphql", {"query": "{ orders { nodes { lineItems { id } } } }"})).json()

    connected = {node["id"]: node["items"]["nodes"] for node in answer["data"]["orders"]["nodes"]}
    assert connected == {
        row["id"]: [
            {
                "id": line["id"],
                "quantity": line["quantity"],
                "lineTotalCents": line["line_total_cents"],
                "currency": line["currency"],
                "position": line["position"],
            }
            for line in row["line_items"]
        ]
        for row in embedded
    }
    assert any(connected.values())
    assert refused["errors"][0]["extensions"]["problem"]["status"] == 400
