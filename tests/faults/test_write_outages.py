"""PostgreSQL is killed with no warning while the server writes."""

from tests.faults.outages import black_out
from tests.faults.stage import embedded

CRASHES = 5
MOST_SECONDS = 10


async def test_nothing_is_lost_or_done_twice_when_postgresql_is_killed() -> None:
    """C-49: what was acknowledged outlives a crash, and the same server process soon writes again."""
    with embedded(durable=True) as engine:
        found = await black_out(engine.dsn(), CRASHES)

    assert found.findings.faults == 0, found.findings
    assert (found.postmasters, found.backends) == (3, 2)
    assert found.longest <= MOST_SECONDS
