"""The server is killed again and again while clients write, and then every effect is counted."""

import asyncio
import random
from dataclasses import dataclass

from tests.faults.acts import MOSTLY_WRITING
from tests.faults.clients import Counts
from tests.faults.reckoning import Findings
from tests.faults.serving import Serving
from tests.faults.stage import Load, crowds

LONGEST_LIFE = 0.05
SHARE_KILLED_EARLY = 0.1


@dataclass(frozen=True, slots=True)
class Crashes:
    """What a series of crashes came to; `hits` are those that took at least one answer away."""

    kills: int
    hits: int
    counts: Counts
    findings: Findings


async def crash(dsn: str, server: Serving, kills: int, *, seed: int = 1) -> Crashes:
    """Kill the server so many times at random moments, and reckon afterwards."""
    chance = random.Random(seed)
    load = Load(crowds(dsn), server.port, MOSTLY_WRITING)
    async with server.running(1):
        await load.begin()
        await server.kill(server.workers[0])
        async with load.running():
            hits = 0
            for _ in range(kills):
                before = load.losses
                await _one_life(server, load, chance)
                hits += load.losses > before
            await server.fork()
    return Crashes(kills, hits, load.counts, await load.reckon(dsn))


async def _one_life(server: Serving, load: Load, chance: random.Random) -> None:
    """Fork a worker and kill it: mostly while it answers, now and then while it still gets ready."""
    pid = await server.fork()
    if chance.random() > SHARE_KILLED_EARLY:
        await load.answered()
    await asyncio.sleep(chance.uniform(0, LONGEST_LIFE))
    await server.kill(pid)
    # The clients notice before the next worker is there, so that each loss is told of its own crash.
    await asyncio.sleep(0.002)
