"""A token's end and its new scopes hold from the next request on, whatever way and whatever was kept."""

import psycopg
import pytest

from services.engine.errors import Problem, Slug
from tests.schema.asking import Asker, asking
from tests.support.seed import plant

QUERIES = (
    "{ products { totalCount } }",
    "{ a: products { totalCount } b: brands { totalCount } }",
    "{ __typename }",
    "{ __schema { queryType { name } } }",
    "{ nope }",
)


def _change(asker: Asker, assignment: str) -> None:
    with psycopg.connect(asker.seed.database, autocommit=True) as connection:
        changed = connection.execute(
            f"UPDATE tokens SET {assignment}, version = version + 1"
            " WHERE scopes = '[\"all:read\"]' AND name = 'test'"
        )
        assert changed.rowcount == 2


@pytest.mark.parametrize("way", [None, "executor"])
async def test_a_revoked_token_reads_nothing_more(database: str, way: str | None) -> None:
    async with asking(plant(database, ("reader",))) as asker:
        for query in QUERIES:
            assert (await asker.ask(query, way=way)).response.status == 200
        before = [await asker.caller() for _ in QUERIES]
        _change(asker, "revoked_at = now()")
        for query, caller in zip(QUERIES, before, strict=True):
            with pytest.raises(Problem) as caught:
                await asker.graphql.answer(
                    caller,
                    "POST",
                    content_type="application/json",
                    accept=None,
                    raw_query=b"",
                    body=b'{"query": "' + query.encode() + b'"}',
                    way=way,
                )
            assert caught.value.slug is Slug.INVALID_TOKEN


@pytest.mark.parametrize("way", [None, "executor"])
async def test_new_scopes_hold_at_once(database: str, way: str | None) -> None:
    async with asking(plant(database, ("reader",))) as asker:
        query = '{ products { totalCount } node(id: \\"x\\") { id } }'.replace("\\", "")
        assert (await asker.ask(query, way=way)).json["data"]["products"]
        _change(asker, "scopes = '[\"brands:read\"]'")
        reply = await asker.ask(query, way=way)
        codes = {tuple(error["path"]): error["extensions"]["code"] for error in reply.errors}
        assert codes == {("products",): "INSUFFICIENT_SCOPE", ("node",): "NOT_FOUND"}
