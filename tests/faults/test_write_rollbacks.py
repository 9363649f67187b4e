"""Requests of which most are refused or only tried."""

from tests.faults.mutants import Mutant
from tests.faults.rollbacks import refuse
from tests.faults.serving import Serving

OPERATIONS = 600


async def test_what_is_refused_or_only_tried_leaves_nothing(written: str, server: Serving) -> None:
    """No event without a change, no change without an event."""
    found = await refuse(written, server, OPERATIONS)

    assert found.findings.faults == 0, found.findings
    assert found.counts.refused > OPERATIONS / 4
    assert found.counts.acknowledged > OPERATIONS / 4


async def test_a_server_that_commits_what_should_be_rolled_back_is_caught(
    written: str, server: Serving
) -> None:
    found = await refuse(written, server, 100, mutant=Mutant.LASTING_TRIALS)

    assert found.findings.duplicated > 0
