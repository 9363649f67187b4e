"""A token that ends, or changes its scopes, between two requests: both surfaces know at once, and alike."""

from dataclasses import replace
from itertools import cycle

import psycopg
import pytest
from psycopg import sql

from services.catalog import CATALOG
from tests.parity.comparing import ask_by, contrast, report, ways
from tests.parity.neutral import Case
from tests.parity.world import World
from tests.support.client import Client

NOT_FOUND = 404
NAMES = [resource.name for resource in CATALOG]

ENDINGS = {
    "revoked": "revoked_at = now()",
    "expired": "expires_at = now() - interval '1 second'",
    "deleted": "deleted_at = now()",
}
ALIVE = "revoked_at = NULL, expires_at = NULL, deleted_at = NULL"
NARROWED = "scopes = '[]', version = version + 1"


@pytest.mark.parametrize(("name", "ending"), list(zip(NAMES, cycle(ENDINGS), strict=False)))
async def test_every_way_of_asking_hears_of_the_end_of_a_token(world: World, name: str, ending: str) -> None:
    """S3-060, S3-087: rows, absence and bad input alike give way to the 401, in one statement."""
    resource, found = world.catalog[name], list[str]()
    client = await told(world, f"{resource.scope}:read")
    for case in (
        Case("a row", resource, id=world.live(resource)[0]["id"]),
        Case("rows", resource, size=3),
        Case("bad input", resource, sort=("no_such_thing",)),
        Case("a bad cursor", resource, keyset=True, cursor="nonsense"),
    ):
        gone = replace(case, label=f"{case.label}, {ending}", refusal="invalid-token")
        answers = {}
        for way, asking in ways(world, gone).items():
            # The application has just seen the token live; nothing but this request can tell it otherwise.
            assert (await client.get("/api/v1/nowhere")).status == NOT_FOUND
            change_token(world, client, ENDINGS[ending])
            answers[way] = await ask_by(world, client, gone, asking)
            change_token(world, client, ALIVE)
        found += contrast(gone, answers)
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_scopes_that_were_taken_away_are_missed_at_once(world: World, name: str) -> None:
    """S3-079: the first request after the change is refused on whichever surface it comes."""
    resource = world.catalog[name]
    case = Case("a page", resource, size=3)
    problems = []
    client = await told(world, f"{resource.scope}:read")
    for way in ways(world, case).values():
        assert (await ask_by(world, client, case, way)).outcome.problem is None
        change_token(world, client, NARROWED)
        problems.append((await ask_by(world, client, case, way)).outcome.problem)
        change_token(world, client, f"scopes = '[\"{resource.scope}:read\"]', version = version + 1")
    expected = {"required_scope": f"{resource.scope}:read", "token_scopes": []}
    assert all(problem == problems[0] for problem in problems)
    assert problems[0] is not None
    assert problems[0]["code"] == "insufficient-scope"
    assert problems[0].items() >= expected.items()


async def told(world: World, *scopes: str) -> Client:
    """Return a client with a token that nobody else uses and the application has seen."""
    client = Client(world.application, world.fresh_token(scopes))
    await client.get("/api/v1/nowhere")
    return client


def change_token(world: World, client: Client, change: str) -> None:
    """Change the row of a client's token, as another process might."""
    assert client.token is not None
    key = client.token.split("_")[2][:16]
    with psycopg.connect(world.database) as connection:
        text = sql.SQL("UPDATE tokens SET {} WHERE token_key = %s").format(sql.SQL(change))
        assert connection.execute(text, [key]).rowcount == 1
