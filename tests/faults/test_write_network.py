"""The connection to the database fails while the server writes, above all while it commits."""

from tests.faults import acts
from tests.faults.bad_network import Fault
from tests.faults.mutants import Mutant
from tests.faults.networks import HOLES, RESETS, spoil

COMMITS, SWALLOWED = 40, 2


async def test_nothing_is_lost_or_done_twice_when_connections_are_reset(written: str) -> None:
    """C-49: with a key the server itself finds out what became of a commit; without one nothing repeats."""
    found = await spoil(written, COMMITS)

    assert found.findings.faults == 0, found.findings
    assert sum(found.commits[fault] for fault in RESETS) >= COMMITS
    assert found.counts.untold > 0


async def test_every_call_is_answered_when_the_network_swallows_what_is_sent(written: str) -> None:
    """C-49: a peer that falls silent is given up, and what it left open is rolled back."""
    found = await spoil(written, SWALLOWED, holes=True)

    assert found.findings.faults == 0, found.findings
    assert sum(found.commits[fault] for fault in HOLES) >= SWALLOWED


async def test_a_server_that_repeats_commits_without_a_key_is_caught(written: str) -> None:
    found = await spoil(written, COMMITS, mix={acts.create_keyless: 1}, mutant=Mutant.BLIND_RETRY)

    assert found.commits[Fault.RESET_ANSWERED] > 0
    assert found.findings.duplicated > 0
