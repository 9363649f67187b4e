"""What running a document by its hash costs the database, in both ways of execution."""

import hashlib

import psycopg
import pytest

from tests.schema.asking import Asker, Reply, asking
from tests.support.seed import Seed, plant

READ = "query Names($n: Int!) { brands(first: $n) { nodes { name } } products(first: 1) { totalCount } }"
MAKE = "mutation Make($n: String!) { createBrand(input: {name: $n}) { brand { name } problem { code } } }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def register(seed: Seed, *texts: str, workspace: str = "acme") -> None:
    """Register texts behind the back of every worker."""
    with psycopg.connect(seed.database) as connection:
        for text in texts:
            connection.execute(
                "INSERT INTO trusted_operations (workspace_id, name, kind, sha256, text)"
                " VALUES (%s, 'x', 'query', %s, %s)",
                [seed.workspaces[workspace]["id"], sha256(text), text],
            )


def remove(seed: Seed, text: str) -> None:
    with psycopg.connect(seed.database) as connection:
        statement = "UPDATE trusted_operations SET deleted_at = now() WHERE sha256 = %s"
        assert connection.execute(statement, [sha256(text)]).rowcount == 1


async def named(asker: Asker, text: str, value: int | str, *, scopes: str = "reader", **more: str) -> Reply:
    body = f'{{"documentId": "sha256:{sha256(text)}", "variables": {{"n": {value}}}}}'
    return await asker.send(body.encode(), scopes=scopes, **more)  # type: ignore[arg-type]  # All of them are texts.


@pytest.fixture(params=[None, "executor"], ids=["compiled", "executor"])
def way(request: pytest.FixtureRequest) -> str | None:
    found: str | None = request.param
    return found


async def test_a_known_document_takes_no_further_round_trip(database: str, way: str | None) -> None:
    """One statement more in each, which proves that the document is registered still."""
    async with asking(plant(database, ("reader",)), way) as asker:
        register(asker.seed, READ)
        by_text = [await asker.ask(READ, {"n": 3}) for _ in range(2)][1]

        first, second = await named(asker, READ, 3), await named(asker, READ, 3)

        assert second.data == first.data == by_text.data
        assert second.way == by_text.way == (way or "compiled")
        assert (first.statements, first.round_trips) == (by_text.statements + 1, by_text.round_trips + 1)
        assert second.round_trips == by_text.round_trips
        assert second.statements == by_text.statements + by_text.round_trips


async def test_a_known_mutation_takes_no_further_round_trip(database: str, way: str | None) -> None:
    async with asking(plant(database, ("writer",)), way) as asker:
        register(asker.seed, MAKE)
        await named(asker, MAKE, '"a"', scopes="writer")
        by_text = [await asker.ask(MAKE, {"n": f"b{n}"}, scopes="writer") for n in range(2)][1]

        by_hash = await named(asker, MAKE, '"c"', scopes="writer")

        assert by_hash.data["createBrand"] == {"brand": {"name": "c"}, "problem": None}
        assert (by_hash.statements, by_hash.round_trips) == (by_text.statements + 1, by_text.round_trips)


async def test_what_was_removed_behind_a_workers_back_neither_reads_nor_writes(
    database: str, way: str | None
) -> None:
    async with asking(plant(database, ("reader", "writer")), way) as asker:
        register(asker.seed, READ, MAKE)
        assert (await named(asker, READ, 1)).data
        assert (await named(asker, MAKE, '"first"', scopes="writer")).data
        remove(asker.seed, READ)
        remove(asker.seed, MAKE)

        (await named(asker, READ, 1)).refused("PERSISTED_QUERY_NOT_FOUND")
        (await named(asker, MAKE, '"second"', scopes="writer")).refused("PERSISTED_QUERY_NOT_FOUND")

        with psycopg.connect(database) as connection:
            made = connection.execute(
                "SELECT count(*) FROM brands WHERE name IN ('first', 'second')"
            ).fetchone()
        assert made == (1,)


async def test_a_document_that_reads_nothing_is_proven_too(database: str) -> None:
    text = "query A { __typename }"
    async with asking(plant(database, ("reader",))) as asker:
        register(asker.seed, text)
        assert (await named(asker, text, 1)).data == {"__typename": "Query"}
        remove(asker.seed, text)

        (await named(asker, text, 1)).refused("PERSISTED_QUERY_NOT_FOUND")


async def test_a_document_of_another_workspace_is_looked_up_there_alone(database: str) -> None:
    """Though its text is known to the worker, and compiled."""
    async with asking(plant(database, ("reader",))) as asker:
        register(asker.seed, READ, workspace="globex")
        assert (await named(asker, READ, 1, workspace="globex")).data

        reply = await named(asker, READ, 1)

        reply.refused("PERSISTED_QUERY_NOT_FOUND")
        assert (reply.statements, reply.round_trips) == (2, 2)


async def test_a_text_sent_with_its_hash_costs_nothing_more(database: str) -> None:
    """Automatic persisted queries: neither when it is sent nor when it is named."""
    extension = f'"extensions": {{"persistedQuery": {{"version": 1, "sha256Hash": "{sha256(READ)}"}}}}'
    variables = '"variables": {"n": 2}'
    async with asking(plant(database, ("reader",))) as asker:
        by_text = await asker.ask(READ, {"n": 2})
        sent = await asker.send(f'{{"query": "{READ}", {variables}, {extension}}}'.encode())

        named_alone = await asker.send(f"{{{variables}, {extension}}}".encode())

        assert named_alone.data == sent.data == by_text.data
        assert named_alone.statements == sent.statements == by_text.statements
        assert named_alone.round_trips == sent.round_trips == by_text.round_trips == 1


async def test_a_failing_field_does_not_hide_that_the_document_was_removed(database: str) -> None:
    """Nothing of the answer is seen, though each of its fields is refused by itself already."""
    async with asking(plant(database, ("products", "nothing"))) as asker:
        register(asker.seed, READ)
        assert (await named(asker, READ, 1, scopes="products")).errors[0]["path"] == ["brands"]
        remove(asker.seed, READ)

        (await named(asker, READ, 1, scopes="products")).refused("PERSISTED_QUERY_NOT_FOUND")
