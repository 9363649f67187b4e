"""What processes spend: processor time and memory of a server with all its children."""

import os
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil

SETTLED_SECONDS = 0.05
PATIENCE_SECONDS = 20.0
MIB = 2**20


@cache
def can_pin() -> bool:
    """Return whether this process could keep others on one core each when it began."""
    return hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) >= 2


def pin(pids: Iterable[int], core: int) -> None:
    """Keep every thread of the processes `pids` on `core`."""
    for pid in pids:
        for thread in _threads(pid):
            os.sched_setaffinity(thread, {core})


def tree(pid: int) -> list[int]:
    """Return `pid` and all its descendants."""
    try:
        root = psutil.Process(pid)
        return [pid, *(child.pid for child in root.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """Return the processor time that each of the processes `pids` has used so far.

    On Linux it is the scheduler's own account in nanoseconds; elsewhere the system's coarser one.
    """
    return {pid: _cpu_of(pid) for pid in pids}


def spent(before: dict[int, float], pids: Iterable[int]) -> float:
    """Return the seconds that the processes `pids` have used since `before`; new ones count whole."""
    return sum(max(0.0, now - before.get(pid, 0.0)) for pid, now in cpu_seconds(pids).items())


def settle(pids: Iterable[int]) -> None:
    """Wait until the processes `pids` rest, so that abandoned requests are charged to whom they belong."""
    pids = list(pids)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        before = cpu_seconds(pids)
        time.sleep(SETTLED_SECONDS)
        if spent(before, pids) < 0.05 * SETTLED_SECONDS:
            return


def memory_mib(pids: Iterable[int]) -> float:
    """Return the memory of the processes `pids` together, shared pages counted once where Linux tells."""
    return sum(_memory_of(pid) for pid in pids) / MIB


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def _cpu_of(pid: int) -> float:
    if sys.platform == "linux":
        return sum(_scheduled(pid, thread) for thread in _threads(pid)) / 1e9
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def _scheduled(pid: int, thread: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _memory_of(pid: int) -> float:
    try:
        if sys.platform == "linux":
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        return psutil.Process(pid).memory_info().rss
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return 0.0
