"""Interleaved rounds: every target gets a short slice of load in turn, and medians are kept."""

import statistics
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import load, meter, works
from tests.bench.ledger import Ledger
from tests.bench.targets import Diptych, Target
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


@dataclass(frozen=True, slots=True)
class Site:
    """Where load is measured: PostgreSQL's process id, what was written there, a folder for requests."""

    database: int
    ledger: Ledger
    scratch: Path


def measure(
    work: Work,
    chosen: list[Case],
    running: list[Running],
    method: Method,
    site: Site,
    limit: Callable[[], float] | None,
    results: Results,
) -> None:
    """Measure `work` on every running target (and the database alone, by `limit`) into `results`."""
    files = {one.target.name: _requests(one, work, chosen, site.scratch) for one in running}
    for one in running:
        _slice(one, work, files[one.target.name], 0, method.warm_seconds, site)
    slices: dict[str, list[Figures]] = defaultdict(list)
    rates = []
    for turn in range(method.rounds):
        for one in running:
            file = files[one.target.name]
            slices[one.target.name].append(
                _slice(one, work, file, turn * STRIDE % works.CASES, method.seconds, site)
            )
            used = meter.memory_mib(meter.tree(one.pid))
            results.memory_mib[one.target.name] = max(used, results.memory_mib.get(one.target.name, 0))
        if limit is not None:
            rates.append(limit())
    results.figures[work] = {name: _median(found) for name, found in slices.items()}
    if rates:
        results.limits[work] = statistics.median(rates)


def alternate(
    one: Running, work: Work, files: dict[str, Path], rounds: int, seconds: float, site: Site
) -> dict[str, Figures]:
    """Give one target several lists of requests of a work in turn and return the medians by name."""
    slices: dict[str, list[Figures]] = {name: [] for name in files}
    for file in files.values():
        _slice(one, work, file, 0, seconds, site)
    for turn in range(rounds):
        for name, file in files.items():
            slices[name].append(_slice(one, work, file, turn, seconds, site))
    return {name: _median(found) for name, found in slices.items()}


def _requests(one: Running, work: Work, chosen: list[Case], scratch: Path) -> Path:
    path = scratch / f"{one.target.name}-{work}.requests"
    load.write_requests(path, [one.target.request(work, case).raw(one.port) for case in chosen])
    return path


def _slice(one: Running, work: Work, requests: Path, first: int, seconds: float, site: Site) -> Figures:
    server, engine = meter.cpu_seconds(meter.tree(one.pid)), meter.cpu_seconds(meter.tree(site.database))
    done = load.run(one.port, requests, first, seconds, works.status(work))
    meter.settle(meter.tree(one.pid))
    server_used = meter.spent(server, meter.tree(one.pid))
    engine_used = meter.spent(engine, meter.tree(site.database))
    served = done.requests + done.abandoned
    if rows := works.ROWS_WRITTEN.get(work):
        site.ledger.demand(done.requests, served, rows, recorded=isinstance(one.target, Diptych))
        site.ledger.clear()
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
