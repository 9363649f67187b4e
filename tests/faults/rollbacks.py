"""Most of what clients ask for is refused, or only tried: nothing of it may leave an event or a row."""

from dataclasses import dataclass

from tests.faults.acts import MOSTLY_REFUSED
from tests.faults.clients import Counts
from tests.faults.mutants import Mutant
from tests.faults.reckoning import Findings
from tests.faults.serving import Serving
from tests.faults.stage import Load, crowds


@dataclass(frozen=True, slots=True)
class Rollbacks:
    """What the requests came to."""

    counts: Counts
    findings: Findings


async def refuse(dsn: str, server: Serving, operations: int, *, mutant: Mutant | None = None) -> Rollbacks:
    """Let clients do so many things in all, two thirds of which come to nothing."""
    load = Load(crowds(dsn), server.port, MOSTLY_REFUSED)
    async with server.running(2, mutant):
        await load.begin()
        async with load.running(most=-(-operations // len(load.clients))):
            pass
    return Rollbacks(load.counts, await load.reckon(dsn))
