"""A token that ends, or changes its scopes, between two requests: both surfaces know at once, and alike."""

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from services.catalog import CATALOG
from tests.parity.comparing import ask, contrast, report
from tests.parity.neutral import Case
from tests.parity.world import World
from tests.support.client import Client

NAMES = [resource.name for resource in CATALOG]

ENDINGS = {
    "revoked": "revoked_at = now()",
    "expired": "expires_at = now() - interval '1 second'",
    "deleted": "deleted_at = now()",
}
NARROWED = "scopes = '[]', version = version + 1"


async def test_every_way_of_asking_hears_of_the_end_of_a_token(world: World) -> None:
    """S3-087, C-17: rows, absence and bad input alike give way to the 401, in one statement."""
    found = []
    for label, change in ENDINGS.items():
        for resource in world.catalog:
            known = world.live(resource)[0]["id"]
            client = await told(world, f"{resource.scope}:read")
            cases = (
                Case("a row", resource, id=known),
                Case("no row", resource, id="nothing"),
                Case("rows", resource, size=3),
                Case("bad input", resource, sort=("no_such_thing",)),
                Case("a bad cursor", resource, keyset=True, cursor="nonsense"),
            )
            before = await ask(world, client, cases[0])
            assert before["REST"].outcome.problem is None
            change_token(world, client, change)
            for case in cases:
                gone = replace(case, label=f"{case.label}, {label}", refusal="invalid-token")
                found += contrast(gone, await ask(world, client, gone))
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_scopes_that_were_taken_away_are_missed_at_once(world: World, name: str) -> None:
    """S3-079: the first request after the change is refused on whichever surface it comes."""
    resource = world.catalog[name]
    case = Case("a page", resource, size=3)
    problems = []
    for way in await ask(world, await world.client("all:read"), case):
        client = await told(world, f"{resource.scope}:read")
        assert (await ask(world, client, case))[way].outcome.problem is None
        change_token(world, client, NARROWED)
        problems.append((await ask(world, client, case))[way].outcome.problem)
    expected = {"required_scope": f"{resource.scope}:read", "token_scopes": []}
    assert all(problem == problems[0] for problem in problems)
    assert problems[0] is not None
    assert problems[0]["code"] == "insufficient-scope"
    assert problems[0].items() >= expected.items()


async def told(world: World, *scopes: str) -> Client:
    """Return a client with a token that nobody else uses and the application has seen."""
    client = Client(world.application, world.fresh_token(scopes))
    await client.get("/api/v1/")
    return client


def change_token(world: World, client: Client, change: str) -> None:
    """Change the row of a client's token, as another process might."""
    assert client.token is not None
    key = client.token.split("_")[2][:16]
    with psycopg.connect(world.database) as connection:
        text = sql.SQL("UPDATE tokens SET {} WHERE token_key = %s").format(sql.SQL(change))  # type: ignore[arg-type]  # One of the texts above.
        assert connection.execute(text, [key]).rowcount == 1
