"""PostgreSQL is killed again and again while clients write; the server lives on and so do its promises."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import psycopg

from tests.faults import acts
from tests.faults.clients import Client, Counts
from tests.faults.reckoning import Findings
from tests.faults.serving import serving
from tests.faults.stage import Load, crowds

_BACKENDS = """SELECT pid FROM pg_stat_activity WHERE application_name = 'diptych'
    ORDER BY state = 'idle', random() LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Outages:
    """What crashes of PostgreSQL came to; `longest` is in seconds, from a crash to a new write."""

    postmasters: int
    backends: int
    longest: float
    counts: Counts
    findings: Findings


async def black_out(dsn: str, crashes: int, *, rest: float = 0.5, seed: int = 1) -> Outages:
    """Crash the server behind `dsn`, in turn its postmaster and a backend, up to `rest` seconds apart."""
    chance = random.Random(seed)
    async with serving(dsn) as server, server.running(1):
        load = Load(crowds(dsn), server.port, acts.MOSTLY_WRITING, strict=False)
        await load.begin()
        probe = Client("probe", server.port, load.crowds[0], {}, strict=False)
        longest = 0.0
        async with load.running():
            for place in range(crashes):
                await asyncio.sleep(chance.uniform(rest / 5, rest))
                victim = backend if place % 2 else postmaster
                longest = max(longest, await _time_to_write(dsn, victim, probe))
        findings = await load.reckon(dsn)
        probe.line.close()
    return Outages(-(-crashes // 2), crashes // 2, longest, load.counts, findings)


async def _time_to_write(dsn: str, victim: Callable[[str], int], probe: Client) -> float:
    """Kill a process of PostgreSQL; return after how many seconds a write asked for then is answered."""
    process = psutil.Process(await asyncio.to_thread(victim, dsn))
    began = asyncio.get_running_loop().time()
    process.kill()
    await asyncio.to_thread(process.wait)
    entry = await acts.create(probe)
    assert entry is not None, probe.crowd.ledger.unexpected
    return asyncio.get_running_loop().time() - began


def postmaster(dsn: str) -> int:
    """Return the pid of the server's first process."""
    with psycopg.connect(dsn) as connection:
        return psutil.Process(connection.info.backend_pid).ppid()


def backend(dsn: str) -> int:
    """Return the pid of a backend that works for the application, if one does."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(_BACKENDS).fetchone()
    assert found is not None
    return int(found[0])
