"""What REST answers to every kind of read is what the OpenAPI document says, and nothing else."""

from itertools import islice

import pytest

from services.catalog import CATALOG
from tests.parity import cases, rest_side
from tests.parity.world import World
from tests.support.described import Described

MOST = 6
"""How many questions of a group are asked; parity asks them all."""


@pytest.fixture(scope="module")
def described() -> Described:
    """The document of the shipped catalogue."""
    return Described(CATALOG)


@pytest.mark.parametrize("group", cases.READS)
@pytest.mark.parametrize("name", [resource.name for resource in CATALOG])
async def test_reads_are_answered_as_described(
    world: World, described: Described, name: str, group: str
) -> None:
    """S3-010, S3-014: status, headers, media type, and each member of the document."""
    client, found = await world.client("all:read"), list[str]()
    for case in islice(cases.READS[group](world, world.catalog[name]), MOST):
        requests = [rest_side.by_search(case)] if case.id is None and case.owner is None else []
        if not any(not isinstance(part, rest_side.Compare) for part in case.filter):
            requests.append(rest_side.by_url(case))
        for request in requests:
            method = "GET" if request.body is None else "POST"
            answer = await request.send(client)
            faults = described.faults_of_answer(method, request.target, answer)
            if request.body is not None and answer.status == 200:
                faults += described.faults_of_body(method, request.target, request.body)
            found += [f"{case.label}, {method} {request.target} {request.body}: {fault}" for fault in faults]
    assert found == [], "\n".join(found[:10])
