"""Many callers change one row at once."""

from tests.faults.mutants import Mutant
from tests.faults.races import race
from tests.faults.serving import Serving

VERSIONS, CALLERS = 100, 8


async def test_each_version_is_changed_by_one_caller_alone(written: str, server: Serving) -> None:
    """C-54, RFC 9110 section 13.1.1: all the others are told that their version is no longer there."""
    found = await race(written, server, VERSIONS, callers=CALLERS)

    assert found.findings.faults == 0, found.findings
    assert found.others == {}
    assert found.uneven == 0
    assert found.won == VERSIONS
    assert found.told == VERSIONS * (CALLERS - 1)


async def test_a_server_that_does_not_lock_rows_is_caught(written: str, server: Serving) -> None:
    """Some versions are then changed by several callers, and what follows on them by none."""
    found = await race(written, server, 20, mutant=Mutant.NO_ROW_LOCK)

    assert found.uneven > 0
