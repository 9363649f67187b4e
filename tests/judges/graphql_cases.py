"""Judge of GraphQL by cases: every root field, with arguments that the schema allows, or not."""

from collections.abc import Iterator

from tests.judges.cases import Drawing, drawn
from tests.judges.stage import Stage
from tests.judges.verdicts import Verdict

_ROOT_FIELDS = 125


def cases(stage: Stage) -> Iterator[Verdict]:
    """Let Schemathesis ask for every root field."""
    each = max(1, -(-stage.cases // _ROOT_FIELDS))
    with stage.house() as house:
        told = ("--header", f"Authorization: Bearer {house.tokens['own']}")
        yield drawn(house, Drawing("/graphql", "fuzzing", each, stage.seed, told), "GraphQL: fuzzing")


JUDGES = (cases,)
