"""The suite's share of the judges: some requests of each surface, drawn by Schemathesis from one seed."""

from collections.abc import Iterator

import pytest

from tests.judges.cases import Drawing, drawn
from tests.judges.rest import DOCUMENT
from tests.judges.stage import House, Stage

LEAST = 500
_SEED = 1


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with Stage().house() as house:
        yield house


def test_rest_answers_500_drawn_requests_as_its_document_says(house: House) -> None:
    """Issue: schemathesis with all checks; `make judges` draws ten times as many."""
    verdict = drawn(house, Drawing(DOCUMENT, "examples,fuzzing", 1, _SEED), "REST")

    assert not verdict.findings, "\n".join(verdict.findings)
    assert verdict.cases >= LEAST


def test_graphql_answers_500_drawn_requests_as_its_schema_says(house: House) -> None:
    """Issue: schemathesis on GraphQL; `make judges` draws ten times as many."""
    told = ("--header", f"Authorization: Bearer {house.tokens['own']}")
    verdict = drawn(house, Drawing("/graphql", "fuzzing", 4, _SEED, told), "GraphQL")

    assert not verdict.findings, "\n".join(verdict.findings)
    assert verdict.cases >= LEAST
