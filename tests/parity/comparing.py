"""Asking both surfaces and holding their answers against each other."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import orjson
import pytest

from db.cursors import DIGEST_BYTES
from services.engine.catalog import Catalog
from tests.parity import graphql_side, rest_side
from tests.parity.neutral import Case, Outcome, differences, kind_of
from tests.parity.world import World
from tests.support.client import Answer, Client

ONE_OF_EACH = (1, 1)
_MOST_SHOWN = 12


Way = tuple[rest_side.Request | graphql_side.Request, Callable[[Case, Answer, Catalog], Outcome]]
"""A request, and how its response is read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer, and what it took: statements and round trips."""

    outcome: Outcome
    traffic: tuple[int, int]


def ways(world: World, case: Case) -> dict[str, Way]:
    """Return the ways of asking, REST's first.

    Every third case is also asked with literals, which are read like variables once they are coerced; bad
    input is always asked both ways, since coercing is where it may differ.
    """
    found: dict[str, Way] = {}
    if case.in_url:
        found["REST"] = rest_side.by_url(case), rest_side.outcome
    if case.by_search:
        found["REST search"] = rest_side.by_search(case), rest_side.outcome
    found["GraphQL"] = graphql_side.with_variables(case, world.catalog), graphql_side.outcome
    if case.refusal is not None or crc32(case.name.encode()) % 3 == 0:
        found["GraphQL literals"] = graphql_side.with_literals(case, world.catalog), graphql_side.outcome
    return found


async def ask(world: World, client: Client, case: Case) -> dict[str, Asked]:
    """Return what each way of asking answers, in the order of `ways`."""
    return {name: await ask_by(world, client, case, way) for name, way in ways(world, case).items()}


async def ask_by(world: World, client: Client, case: Case, way: Way) -> Asked:
    """Return what one way of asking answers."""
    request, read = way
    before = world.traffic()
    answer = await request.send(client)
    statements, trips = (now - then for now, then in zip(world.traffic(), before, strict=True))
    return Asked(read(case, answer, world.catalog), (statements, trips))


async def compare(world: World, client: Client, case: Case) -> list[str]:
    """Return a sentence for each way in which the answers to a case are not equal, or not those expected."""
    return contrast(case, await ask(world, client, case))


def contrast(case: Case, answers: Mapping[str, Asked]) -> list[str]:
    """Return a sentence for each difference.

    Every read takes one statement in one round trip, whatever it includes; so does every refusal, which
    proves the token alive.
    """
    found = [text for name, asked in answers.items() for text in _unlike(case, name, asked)]
    (first, reference), *others = answers.items()
    for name, asked in others:
        unequal = differences(_plain(case, reference.outcome), _plain(case, asked.outcome))
        found += [f"{first} against {name}: {text}" for text in unequal]
    return [f"{case.name}: {text}" for text in found]


def _unlike(case: Case, name: str, asked: Asked) -> Iterator[str]:
    """Yield how one answer is not what the case asks for."""
    problem = asked.outcome.problem
    code = None if problem is None else problem["code"]
    if code != case.refusal:
        yield f"{name} answers {problem or 'rows'} and not {case.refusal or 'rows'}"
    elif problem is not None and case.naming and not any(text in problem["detail"] for text in case.naming):
        yield f"{name} names none of {case.naming} in {problem['detail']!r}"
    if len(asked.outcome.rows) < case.least:
        yield f"{name} has {len(asked.outcome.rows)} rows and not at least {case.least}"
    if asked.traffic != ONE_OF_EACH:
        yield f"{name} took {asked.traffic[0]} statements in {asked.traffic[1]} round trips"


async def all_equal(world: World, client: Client, cases: Iterable[Case]) -> int:
    """Compare every case and fail with all that differ; returns how many there were."""
    count, found = 0, []
    for case in cases:
        count += 1
        found += await compare(world, client, case)
    report(found)
    return count


def report(found: list[str]) -> None:
    """Fail with the first few of what was found."""
    if found:
        more = [f"… and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else []
        pytest.fail("\n".join([*found[:_MOST_SHOWN], *more]), pytrace=False)


def _plain(case: Case, outcome: Outcome) -> dict[str, Any]:
    if outcome.problem is not None and case.spoken_first:
        return kind_of(outcome.problem)
    # Both surfaces walk backwards from `before`; REST's cursor also remembers the direction, so that a
    # client need not, and the same place is therefore spelled with one letter of difference.
    return asdict(outcome) | {"before": outcome.before and place(outcome.before)}


def place(cursor: str) -> dict[str, Any]:
    """Return where a cursor points, without the direction in which it was handed out."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    found = orjson.loads(raw[:-DIGEST_BYTES])
    assert isinstance(found, dict)
    return {name: value for name, value in found.items() if name != "d"}
