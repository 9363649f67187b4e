"""The harness's side of the nursery: workers are forked, killed and ended by their own parent."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.faults.mutants import Mutant
from tests.faults.suicide import Moment

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
CONNECTIONS = 3


class Serving:
    """Workers that share one port; `workers` are the pids of those that should be alive."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port
        self.workers: list[int] = []

    async def fork(
        self, *, mutant: Mutant | None = None, round_trip: int | None = None, moment: Moment | None = None
    ) -> int:
        """Return the pid of a new worker, wrong in that way, or dying at that round trip, if one is given."""
        options = {"mutant": mutant, "round_trip": round_trip, "moment": moment}
        pid = await self._ask(fork=options)
        self.workers.append(pid)
        return pid

    async def kill(self, pid: int) -> None:
        """Kill a worker with no warning."""
        assert await self._end(pid, signal.SIGKILL) == -signal.SIGKILL

    async def end(self, pid: int) -> None:
        """End a worker as an operator would; fails when it does not end cleanly."""
        assert await self._end(pid, signal.SIGTERM) == 0

    async def ended(self, pid: int) -> int:
        """Wait until a worker has ended by itself, and return its status."""
        self.workers.remove(pid)
        return await self._ask(**{"await": pid})

    async def rest(self) -> None:
        """End all workers as an operator would."""
        for pid in list(self.workers):
            await self.end(pid)

    @asynccontextmanager
    async def running(self, workers: int, mutant: Mutant | None = None) -> AsyncIterator[None]:
        """Have so many workers serve meanwhile."""
        for _ in range(workers):
            await self.fork(mutant=mutant)
        yield
        await self.rest()

    async def _end(self, pid: int, number: int) -> int:
        self.workers.remove(pid)
        return await self._ask(end=pid, signal=number)

    async def _ask(self, **command: Any) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await _number(self._process)


@asynccontextmanager
async def serving(database: str, *, connections: int = CONNECTIONS) -> AsyncIterator[Serving]:
    """Start a nursery on a database and leave none of its processes running."""
    options = {"database": database, "connections": connections}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.nursery",
        json.dumps(options),
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Serving(process, await _number(process))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await process.wait()


async def _number(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError("The nursery has ended; what it complained of is above.")
    return int(line)
