"""Connections page as Relay's cursor specification says, and by number where a table wants to jump."""

import pytest

from tests.schema.asking import Asker
from tests.support.seed import Seed

PAGE = """
query Page($s: [ProductSort!], $first: Int, $after: String, $last: Int, $before: String) {
  products(sort: $s, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
SORTS = (["PRICE_CENTS_ASC"], ["PRICE_CENTS_DESC"], ["SKU_ASC", "NAME_DESC"], ["INSERTED_AT_DESC"], [])


async def _page(gql: Asker, **variables) -> dict:
    reply = await gql.ask(PAGE, variables)
    assert (reply.way, reply.statements) == ("compiled", 1)
    return reply.data["products"]


def _ids(page: dict) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.mark.parametrize("sort", SORTS)
async def test_walking_forward_meets_every_row_once(gql: Asker, seed: Seed, sort: list[str]) -> None:
    whole = _ids(await _page(gql, s=sort, first=500))
    assert sorted(whole) == sorted(str(row["id"]) for row in seed.live("products"))
    walked: list[str] = []
    after, previous = None, False
    while True:
        page = await _page(gql, s=sort, first=7, after=after)
        info = page["pageInfo"]
        assert info["hasPreviousPage"] is previous
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        walked += _ids(page)
        after, previous = info["endCursor"], True
        if not info["hasNextPage"]:
            break
    assert walked == whole


@pytest.mark.parametrize("sort", SORTS)
async def test_walking_backward_meets_every_row_once(gql: Asker, sort: list[str]) -> None:
    whole = _ids(await _page(gql, s=sort, first=500))
    walked: list[str] = []
    before, following = None, False
    while True:
        page = await _page(gql, s=sort, last=7, before=before)
        info = page["pageInfo"]
        assert info["hasNextPage"] is following
        walked = _ids(page) + walked
        before, following = info["startCursor"], True
        if not info["hasPreviousPage"]:
            break
    assert walked == whole


async def test_every_cursor_continues_after_its_own_row(gql: Asker) -> None:
    page = await _page(gql, s=["PRICE_CENTS_DESC"], first=500)
    whole = _ids(page)
    for place, edge in enumerate(page["edges"]):
        after = _ids(await _page(gql, s=["PRICE_CENTS_DESC"], first=2, after=edge["cursor"]))
        before = _ids(await _page(gql, s=["PRICE_CENTS_DESC"], last=2, before=edge["cursor"]))
        assert after == whole[place + 1 : place + 3]
        assert before == whole[max(place - 2, 0) : place]


async def test_a_cursor_written_into_the_document_works_alike(gql: Asker) -> None:
    page = await _page(gql, first=3)
    reply = await gql.ask(
        f'{{ products(first: 2, after: "{page["edges"][0]["cursor"]}") {{ edges {{ node {{ id }} }} }} }}'
    )
    assert reply.way == "compiled"
    assert _ids(reply.data["products"]) == _ids(page)[1:]


async def test_nested_connections_continue_from_their_own_cursors(gql: Asker, seed: Seed) -> None:
    brand = str(seed.live("brands")[0]["id"])
    query = (
        "query($id: ID!, $a: String, $n: Int) { brand(id: $id) { products(first: $n, after: $a,"
        " sort: [NAME_ASC]) { nodes { id } pageInfo { endCursor hasNextPage hasPreviousPage } } } }"
    )
    whole = (await gql.ask(query, {"id": brand, "n": 500})).data["brand"]["products"]["nodes"]
    first = (await gql.ask(query, {"id": brand, "n": 2})).data["brand"]["products"]
    cursor = first["pageInfo"]["endCursor"]
    rest = (await gql.ask(query, {"id": brand, "n": 500, "a": cursor})).data["brand"]["products"]
    assert len(whole) > 2
    assert first["nodes"] + rest["nodes"] == whole
    assert rest["pageInfo"] == {**rest["pageInfo"], "hasNextPage": False, "hasPreviousPage": True}


async def test_an_empty_page_has_no_cursors(gql: Asker) -> None:
    reply = await gql.ask(
        '{ products(filter: {name: {eq: "none such"}}) { edges { cursor } nodes { id } totalCount'
        " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    )
    found = reply.data["products"]
    assert (found["edges"], found["nodes"], found["totalCount"]) == ([], [], 0)
    assert list(found["pageInfo"].values()) == [False, False, None, None]


async def test_first_zero_returns_no_rows_but_counts_them(gql: Asker, seed: Seed) -> None:
    found = (await gql.ask("{ products(first: 0) { nodes { id } totalCount } }")).data["products"]
    assert found == {"nodes": [], "totalCount": len(seed.live("products"))}


async def test_pages_by_number_have_the_rows_and_order_of_cursors(gql: Asker, seed: Seed) -> None:
    whole = _ids(await _page(gql, s=["NAME_ASC"], first=500))
    walked: list[str] = []
    for number in range(1, 6):
        reply = await gql.ask(
            "query($p: Int) { products(sort: [NAME_ASC], page: $p, perPage: 9) { edges { node { id } }"
            " pageInfo { hasNextPage hasPreviousPage } totalCount } }",
            {"p": number},
        )
        found = reply.data["products"]
        walked += _ids(found)
        assert found["pageInfo"] == {"hasNextPage": len(walked) < len(whole), "hasPreviousPage": number > 1}
        assert found["totalCount"] == len(whole)
    assert walked == whole


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 1, last: 1",
        'first: 1, before: "x"',
        'last: 1, after: "x"',
        'after: "x", before: "x"',
        "page: 1, first: 1",
        'perPage: 1, after: "x"',
    ],
)
async def test_ways_of_paging_exclude_each_other(gql: Asker, arguments: str) -> None:
    reply = await gql.ask(f"{{ products({arguments}) {{ totalCount }} }}")
    names = [each.split(":")[0] for each in arguments.split(", ")]
    reply.refused("BAD_REQUEST", "exclude each other", *names)


async def test_a_negative_page_size_is_refused(gql: Asker) -> None:
    for argument in ("first", "last"):
        reply = await gql.ask(f"{{ products({argument}: -1) {{ totalCount }} }}")
        reply.refused("BAD_REQUEST", "-1")


@pytest.mark.parametrize("way", [None, "executor"])
async def test_a_cursor_of_another_query_is_refused(gql: Asker, way: str | None) -> None:
    cursor = (await _page(gql, first=1))["pageInfo"]["endCursor"]
    for other in ("sort: [NAME_ASC], ", "filter: {status: {eq: ACTIVE}}, ", 'search: "bread", '):
        query = f"query($c: String) {{ products({other}first: 1, after: $c) {{ nodes {{ id }} }} }}"
        (await gql.ask(query, {"c": cursor}, way=way)).refused("BAD_REQUEST", "another query")
    brands = "query($c: String) { brands(first: 1, after: $c) { nodes { id } } }"
    (await gql.ask(brands, {"c": cursor}, way=way)).refused("BAD_REQUEST", "another query")


@pytest.mark.parametrize("cursor", ["", "x", "é", "e30", "A" * 5000, "eyJ2IjoxfQ=="])
@pytest.mark.parametrize("way", [None, "executor"])
async def test_a_malformed_cursor_spoils_its_own_field_alone(
    gql: Asker, seed: Seed, cursor: str, way: str | None
) -> None:
    reply = await gql.ask(
        "query($c: String) { products(after: $c) { nodes { id } } brands { totalCount } }",
        {"c": cursor},
        way=way,
    )
    assert reply.json["data"] == {"products": None, "brands": {"totalCount": len(seed.live("brands"))}}
    assert reply.refused("BAD_REQUEST", "cursor")["path"] == ["products"]


async def test_rest_cursors_continue_here_and_ours_continue_there(gql: Asker, api) -> None:
    whole = _ids(await _page(gql, s=["NAME_ASC"], first=500))
    answer = (await api.get("/api/v1/products?sort=name&per_page=5&pagination=cursor")).json()
    there = answer["pagination"]["next_cursor"]
    assert _ids(await _page(gql, s=["NAME_ASC"], first=5, after=there)) == whole[5:10]
    here = (await _page(gql, s=["NAME_ASC"], first=5))["pageInfo"]["endCursor"]
    answer = (await api.get(f"/api/v1/products?sort=name&per_page=5&pagination=cursor&cursor={here}")).json()
    assert [row["id"] for row in answer["data"]] == whole[5:10]
