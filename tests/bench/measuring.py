"""Interleaved rounds: every target gets a short slice of load in turn, and medians are kept."""

import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import load, meter, works
from tests.bench.targets import Target
from tests.bench.works import Case, Work

STRIDE = 137
"""How far apart in the list of requests two rounds begin."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started target."""

    target: Target
    pid: int
    port: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one slice, or the median of several, cost; processor time in microseconds per request."""

    rate: float
    p50: float
    p99: float
    server_us: float
    database_us: float
    spread: float = 0.0
    """How far `server_us` lay apart over the rounds: the widest distance over the median."""

    @property
    def busy(self) -> float:
        """The share of PostgreSQL's core that its processes kept busy."""
        return self.rate * self.database_us / 1e6


@dataclass(slots=True)
class Results:
    """Everything a run found out."""

    figures: dict[Work, dict[str, Figures]] = field(default_factory=dict)
    memory_mib: dict[str, float] = field(default_factory=dict)
    limits: dict[Work, float] = field(default_factory=dict)
    """Statements per second of PostgreSQL alone, for the statement of a work."""

    body_bytes: dict[Work, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """How long and how often to measure, in seconds."""

    rounds: int
    seconds: float
    warm_seconds: float


def measure(
    work: Work,
    chosen: list[Case],
    running: list[Running],
    method: Method,
    database: int,
    limit: Callable[[], float] | None,
    results: Results,
    scratch: Path,
) -> None:
    """Measure `work` on every running target (and the database alone, by `limit`) into `results`."""
    files = {one.target.name: _requests(one, work, chosen, scratch) for one in running}
    for one in running:
        load.run(one.port, files[one.target.name], 0, method.warm_seconds)
        meter.settle(meter.tree(one.pid))
    slices: dict[str, list[Figures]] = defaultdict(list)
    rates = []
    for turn in range(method.rounds):
        for one in running:
            file = files[one.target.name]
            slices[one.target.name].append(
                _slice(one, file, turn * STRIDE % works.CASES, method.seconds, database)
            )
            used = meter.memory_mib(meter.tree(one.pid))
            results.memory_mib[one.target.name] = max(used, results.memory_mib.get(one.target.name, 0))
        if limit is not None:
            rates.append(limit())
    results.figures[work] = {name: _median(found) for name, found in slices.items()}
    if rates:
        results.limits[work] = statistics.median(rates)


def alternate(
    one: Running, files: dict[str, Path], rounds: int, seconds: float, database: int
) -> dict[str, Figures]:
    """Give one target several lists of requests in turn and return the medians by name."""
    slices: dict[str, list[Figures]] = {name: [] for name in files}
    for file in files.values():
        load.run(one.port, file, 0, seconds)
        meter.settle(meter.tree(one.pid))
    for turn in range(rounds):
        for name, file in files.items():
            slices[name].append(_slice(one, file, turn, seconds, database))
    return {name: _median(found) for name, found in slices.items()}


def _requests(one: Running, work: Work, chosen: list[Case], scratch: Path) -> Path:
    path = scratch / f"{one.target.name}-{work}.requests"
    load.write_requests(path, [one.target.request(work, case).raw(one.port) for case in chosen])
    return path


def _slice(one: Running, requests: Path, first: int, seconds: float, database: int) -> Figures:
    server, engine = meter.cpu_seconds(meter.tree(one.pid)), meter.cpu_seconds(meter.tree(database))
    done = load.run(one.port, requests, first, seconds)
    meter.settle(meter.tree(one.pid))
    server_used = meter.spent(server, meter.tree(one.pid))
    engine_used = meter.spent(engine, meter.tree(database))
    served = done.requests + done.abandoned
    return Figures(
        rate=done.requests / done.seconds,
        p50=done.p50,
        p99=done.p99,
        server_us=1e6 * server_used / served,
        database_us=1e6 * engine_used / served,
    )


def _median(slices: list[Figures]) -> Figures:
    names = ("rate", "p50", "p99", "server_us", "database_us")
    medians = {name: statistics.median(getattr(one, name) for one in slices) for name in names}
    costs = [one.server_us for one in slices]
    return Figures(**medians, spread=(max(costs) - min(costs)) / medians["server_us"])
