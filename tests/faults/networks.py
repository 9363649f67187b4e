"""Writes go through a network that fails at the worst moments; only what has a key is asked for again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults import acts
from tests.faults.bad_network import Fault, bad_network
from tests.faults.clients import Act, Counts
from tests.faults.mutants import Mutant
from tests.faults.reckoning import Findings
from tests.faults.serving import serving
from tests.faults.stage import Load, crowds

RESETS = {
    Fault.RESET_BEFORE: 2,
    Fault.RESET_WITHIN: 2,
    Fault.RESET_BEHIND: 2,
    Fault.RESET_ANSWERED: 2,
}
HOLES = {Fault.HOLE_BEFORE: 1, Fault.HOLE_BEHIND: 1}
WITH_AND_WITHOUT_KEYS: Mapping[Act, int] = acts.MOSTLY_WRITING | {acts.create_keyless: 8}


@dataclass(frozen=True, slots=True)
class Network:
    """What a bad network came to; `commits` are the commits it met, by what it did to them."""

    faults: Counter[Fault]
    commits: Counter[Fault]
    counts: Counts
    findings: Findings


async def spoil(
    dsn: str,
    commits: int,
    *,
    holes: bool = False,
    mix: Mapping[Act, int] = WITH_AND_WITHOUT_KEYS,
    mutant: Mutant | None = None,
    seed: int = 1,
) -> Network:
    """Let clients write until so many commits were spoilt, by resets or by black holes."""
    faults = HOLES if holes else RESETS
    # Black holes last, so they are rare: most of what is measured is the time until one is given up.
    calm = {Fault.NONE: 400 if holes else 150, Fault.DELAY: 10}
    in_commits = {Fault.NONE: 100 if holes else 30, Fault.DELAY: 5}
    async with (
        bad_network(dsn, calm | faults, in_commits | faults, seed=seed) as (through, network),
        serving(through) as server,
        server.running(1, mutant),
    ):
        load = Load(crowds(dsn), server.port, mix, strict=False)
        await load.begin()
        async with load.running():
            await network.spoil(commits)
        findings = await load.reckon(dsn)
    return Network(network.faults, network.commits, load.counts, findings)
