"""Asking both surfaces and holding their answers against each other."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pytest

from db.cursors import DIGEST_BYTES
from services.engine.catalog import Catalog
from tests.parity import graphql_side, rest_side
from tests.parity.neutral import Case, Outcome, differences
from tests.parity.world import World
from tests.support.client import Answer, Client

ONE_OF_EACH = (1, 1)
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer, and what it took: statements and round trips."""

    outcome: Outcome
    traffic: tuple[int, int]


async def ask(world: World, client: Client, case: Case) -> dict[str, Asked]:
    """Return what each way of asking answers, REST first."""
    ways: dict[str, tuple[Any, Callable[[Case, Answer, Catalog], Outcome]]] = {}
    if case.in_url:
        ways["REST"] = rest_side.by_url(case), rest_side.outcome
    if case.by_search:
        ways["REST search"] = rest_side.by_search(case), rest_side.outcome
    ways["GraphQL"] = graphql_side.with_variables(case, world.catalog), graphql_side.outcome
    ways["GraphQL literals"] = graphql_side.with_literals(case, world.catalog), graphql_side.outcome
    found: dict[str, Asked] = {}
    for name, (request, read) in ways.items():
        before = world.traffic()
        answer = await request.send(client)
        statements, trips = (now - then for now, then in zip(world.traffic(), before, strict=True))
        found[name] = Asked(read(case, answer, world.catalog), (statements, trips))
    return found


async def compare(world: World, client: Client, case: Case) -> list[str]:
    """Return a sentence for each way in which the answers to a case differ.

    Every read takes one statement in one round trip, whatever it includes; so does every refusal, which
    proves the token alive.
    """
    answers = await ask(world, client, case)
    (first, reference), *others = answers.items()
    expected = reference.outcome
    found = [
        f"{case.name}: {first} against {name}: {text}"
        for name, asked in others
        for text in differences(_plain(expected), _plain(asked.outcome))
    ]
    found += [
        f"{case.name}: {name} took {asked.traffic[0]} statements in {asked.traffic[1]} round trips"
        for name, asked in answers.items()
        if asked.traffic != ONE_OF_EACH
    ]
    if len(expected.rows) < case.least:
        found.append(
            f"{case.name}: {len(expected.rows)} rows, and not at least {case.least}: {expected.problem}"
        )
    return found


async def all_equal(world: World, client: Client, cases: Iterable[Case], *, refused: bool = False) -> int:
    """Compare every case and fail with all that differ; returns how many there were.

    Cases are answered with rows, or with problems if `refused`.
    """
    count, found = 0, []
    for case in cases:
        count += 1
        found += await compare(world, client, case)
    report(found)
    assert count or not refused
    return count


def report(found: list[str]) -> None:
    """Fail with the first few of what was found."""
    if found:
        more = [f"… and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
        pytest.fail("\n".join([*found[:_MOST_SHOWN], *more]), pytrace=False)


def _plain(outcome: Outcome) -> dict[str, Any]:
    # Both surfaces walk backwards from `before`; REST's cursor also remembers the direction, so that a
    # client need not, and the same place is therefore spelled with one letter of difference.
    return asdict(outcome) | {"before": outcome.before and place(outcome.before)}


def place(cursor: str) -> dict[str, Any]:
    """Return where a cursor points, without the direction in which it was handed out."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    found = orjson.loads(raw[:-DIGEST_BYTES])
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if name != "d"}
