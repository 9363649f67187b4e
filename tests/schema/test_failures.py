"""What goes wrong below the surface: too many rows, and a database that fails."""

import psycopg
import pytest

from db.driver import DatabaseError
from tests.schema.asking import asking
from tests.support.application import running
from tests.support.client import Client
from tests.support.seed import plant

WAYS = (None, "executor")
_LINES = """
INSERT INTO order_items (workspace_id, order_id, name, position, quantity, unit_price_cents, line_total_cents,
                         currency)
SELECT o.workspace_id, o.id, 'Line ' || n, n, 1, 1, 1, 'EUR'
FROM (SELECT * FROM orders WHERE workspace_id = %s AND deleted_at IS NULL ORDER BY id LIMIT 11) o,
     generate_series(1, 500) n
"""


@pytest.mark.parametrize("way", WAYS)
async def test_more_nested_rows_than_a_response_may_hold_are_refused(database: str, way: str | None) -> None:
    seed = plant(database, ("reader",))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_LINES, [seed.workspaces["acme"]["id"]])
    query = "query($n: Int) { orders(first: $n) { nodes { number items(first: 500) { nodes { id } } } } }"
    async with asking(seed) as asker:
        reply = await asker.ask(query, {"n": 500}, way=way)
        assert reply.json["data"] == {"orders": None}
        assert reply.refused("BAD_REQUEST", "5000")["path"] == ["orders"]
        few = (await asker.ask(query, {"n": 5}, way=way)).data["orders"]["nodes"]
        assert len(few) == 5


@pytest.mark.parametrize("way", WAYS)
async def test_an_unforeseen_failure_leaves_the_surface_whole_to_be_logged(
    database: str, way: str | None
) -> None:
    async with asking(plant(database, ("reader",))) as asker:
        _break(database)
        with pytest.raises(DatabaseError):
            await asker.ask("{ brands { nodes { name } } products { totalCount } }", way=way)


async def test_an_unforeseen_failure_tells_the_caller_nothing_but_the_request_id(database: str) -> None:
    seed = plant(database, ("reader",))
    async with running(database) as application:
        client = Client(application, seed.tokens["acme", "reader"])
        _break(database)
        answer = await client.post("/graphql", {"query": "{ brands { nodes { name } } }"})
        assert answer.status == 500
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "INTERNAL_ERROR"
        assert answer.header("x-request-id") in error["message"]
        assert b"name" not in answer.body.replace(b'"instance"', b"")


def _break(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE brands RENAME COLUMN name TO gone")
