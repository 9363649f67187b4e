"""Cursors belong to both surfaces: what one hands out, the other goes on from; what is wrong, both refuse."""

import base64
import hmac
import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from db.cursors import DIGEST_BYTES
from diptych.runtime import derived
from services.catalog import CATALOG
from services.engine.resource import Resource
from tests.parity.cases import EVERYTHING, nested, walks
from tests.parity.comparing import ask, compare, contrast, report
from tests.parity.neutral import Case, Compare
from tests.parity.world import World
from tests.support.client import Client
from tests.support.seed import settings

NAMES = [resource.name for resource in CATALOG]
_MOST_PAGES = 30


async def walk(world: World, client: Client, case: Case) -> list[str]:
    """Follow a walk to its end, each cursor taken from the next way of asking; return what differs.

    Its pages together must be the whole collection in order.
    """
    found: list[str] = []
    walked: list[str] = []
    for step in range(_MOST_PAGES):
        answers = await ask(world, client, case)
        found += contrast(case, answers)
        outcome = list(answers.values())[step % len(answers)].outcome
        ids = [row["id"] for row in outcome.rows]
        walked = [*ids, *walked] if case.backward else [*walked, *ids]
        cursor = outcome.before if case.backward else outcome.after
        if cursor is None:
            break
        case = replace(case, cursor=cursor)
    whole = replace(case, size=EVERYTHING, keyset=False, cursor=None, backward=False)
    answer = (await ask(world, client, whole))["REST"].outcome
    if walked != [row["id"] for row in answer.rows]:
        found.append(f"{case.name}: the walk found {walked} instead of {[row['id'] for row in answer.rows]}")
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_a_walk_may_change_surface_at_every_page(world: World, name: str) -> None:
    """C-22, S3-175 to S3-179: forwards and backwards, in every order."""
    client, found = await world.client("all:read"), list[str]()
    for case in walks(world, world.catalog[name]):
        found += await walk(world, client, replace(case, fields=("id",)))
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_a_nested_walk_may_change_surface_too(world: World, name: str) -> None:
    """C-22: the cursors of a nested address are those of the edge."""
    client, found = await world.client("all:read"), list[str]()
    for case in nested(world, world.catalog[name]):
        if case.keyset:
            found += await walk(world, client, case)
            found += await walk(world, client, replace(case, backward=True))
    report(found)


@pytest.mark.parametrize("name", NAMES)
async def test_a_turn_leads_back_where_it_came_from(world: World, name: str) -> None:
    """S3-176: from the second page backwards to the first, whichever surface hands out the cursors."""
    resource = world.catalog[name]
    client, found = await world.client("all:read"), list[str]()
    case = Case("turn", resource, sort=("id",), size=1, keyset=True, least=1)
    first = await ask(world, client, case)
    for way, asked in first.items():
        second = await ask(world, client, replace(case, cursor=asked.outcome.after))
        for other, after in second.items():
            back = replace(case, label=f"turn by {way}, {other}", cursor=after.outcome.before, backward=True)
            answers = await ask(world, client, back)
            found += contrast(back, answers)
            if answers["GraphQL"].outcome.rows != asked.outcome.rows:
                found.append(f"{back.name} does not lead back")
    report(found)


def forged(cursor: str, **changes: object) -> tuple[bytes, bytes]:
    """Return the payload of a cursor with changes, and the digest that it came with."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    return orjson.dumps(orjson.loads(raw[:-DIGEST_BYTES]) | changes), raw[-DIGEST_BYTES:]


def encoded(raw: bytes) -> str:
    """Return bytes as a cursor's text."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def malformed(world: World, cursor: str) -> Iterator[tuple[str, str]]:
    """Yield texts that are no cursors, or no longer, with what is wrong with them."""
    key = derived(settings(world.database).key, "cursors")
    changed, digest = forged(cursor, k=["x", "y"])
    old, _ = forged(cursor, t=int(time.time() // 86_400) - 8)
    yield "of nonsense", "nonsense"
    yield "of other characters", "!!!!"
    yield "not ASCII", "é" * 8
    yield "cut short", cursor[:-4]
    yield "too long", "A" * 5_000
    yield "of zeros", encoded(bytes(64))
    yield "with other keys", encoded(changed + digest)
    yield "older than a week", encoded(old + hmac.digest(key, old, "sha256")[:DIGEST_BYTES])


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_no_cursor_is_refused_alike(world: World, name: str) -> None:
    """C-22, S3-180: malformed, forged and expired ones are the same problem on both surfaces."""
    client, found = await world.client("all:read"), list[str]()
    case = Case("", world.catalog[name], sort=("id",), size=1, keyset=True)
    cursor = (await ask(world, client, case))["REST"].outcome.after
    assert cursor is not None
    for label, text in malformed(world, cursor):
        for backward in (False, True):
            bad = replace(
                case, label=f"cursor {label}", cursor=text, backward=backward, refusal="bad-request"
            )
            found += await compare(world, client, bad)
    report(found)


def strangers(world: World, resource: Resource) -> Iterator[Case]:
    """Yield other queries than the plain one by id, each with cursors of its own."""
    known = world.live(resource)[0]
    other = next(each for each in world.catalog if each is not resource)
    early = Compare(("inserted_at",), "lte", known["inserted_at"])
    plain = Case("", resource, sort=("id",), size=1, keyset=True)
    yield replace(plain, label="another direction", sort=("-id",))
    yield replace(plain, label="another order", sort=("inserted_at",))
    yield replace(plain, label="more terms", sort=("inserted_at", "updated_at"))
    yield replace(plain, label="a filter", filter=(early,))
    yield replace(plain, label="another filter", filter=(replace(early, operator="lt"),))
    yield replace(plain, label="deleted rows", include_deleted=True)
    yield replace(plain, label="another resource", resource=other)


@pytest.mark.parametrize("name", NAMES)
async def test_the_cursor_of_another_query_is_refused_alike(world: World, name: str) -> None:
    """C-22: each query's cursor goes with that query alone, on the other surface too."""
    resource = world.catalog[name]
    client, found = await world.client("all:read"), list[str]()
    plain = Case("", resource, sort=("id",), size=1, keyset=True)
    cursor = (await ask(world, client, plain))["GraphQL"].outcome.after
    for case in strangers(world, resource):
        bad = replace(case, label=f"cursor in {case.label}", cursor=cursor, refusal="bad-request")
        found += await compare(world, client, bad)
    report(found)
