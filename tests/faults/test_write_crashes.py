"""The server is killed with no warning while it writes."""

from tests.faults import acts
from tests.faults.crashes import crash
from tests.faults.moments import die_at_every_moment
from tests.faults.mutants import Mutant
from tests.faults.serving import Serving

KILLS = 100
ACTS = (acts.create, acts.create_order, acts.update, acts.update_many, acts.delete, acts.partly)


async def test_nothing_is_lost_or_done_twice_when_the_server_is_killed(written: str, server: Serving) -> None:
    """S3-147, C-49: every write is repeated with its key until it is answered."""
    found = await crash(written, server, KILLS)

    assert found.findings.faults == 0, found.findings
    assert found.kills == KILLS
    # Most kills must take answers away, before the commit and behind it, or nothing was tested.
    assert found.hits > KILLS / 2
    assert found.counts.repeated > 0
    assert found.counts.redone > 0


async def test_nothing_is_lost_or_done_twice_whatever_round_trip_the_server_dies_at(
    written: str, server: Serving
) -> None:
    """S3-147, C-49: each write dies before, during and after every round trip of its transaction."""
    found = await die_at_every_moment(written, server, ACTS)

    assert found.findings.faults == 0, found.findings
    assert list(found.round_trips) == [act.__name__ for act in ACTS]
    assert min(found.round_trips.values()) > 1
    assert found.deaths == 3 * sum(found.round_trips.values())


async def test_a_server_that_keeps_its_records_too_late_is_caught_repeating(
    written: str, server: Serving
) -> None:
    found = await die_at_every_moment(written, server, [acts.create], mutant=Mutant.LATE_RECORD)

    # Dying once the commit was answered, and at two moments before that of the record.
    assert found.findings.duplicated == 3
    assert found.findings.faults == 3, found.findings


async def test_a_server_that_keeps_its_records_too_early_is_caught_losing(
    written: str, server: Serving
) -> None:
    found = await die_at_every_moment(written, server, [acts.create], mutant=Mutant.EARLY_RECORD)

    # Dying once the commit of the record was answered, and at two moments before that of the effect.
    assert found.findings.lost == 3
    assert found.findings.faults == 3, found.findings
