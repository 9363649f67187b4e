"""Measures Diptych beside its peers and its limits: `python -m tests.bench`, or `make bench`."""

import argparse
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from tests.bench import compare, data, limits, load, measuring, meter, report, works
from tests.bench.ledger import Ledger
from tests.bench.measuring import Method, Results, Running, Site
from tests.bench.serving import Servers
from tests.bench.stage import FOLDER, Stage, staged
from tests.bench.targets import ROOT, Baseline, Diptych, PostGraphile, Target, deep_cursors, make_tokens
from tests.bench.works import Work

TARGETS = (report.OURS, report.BASELINE, report.POSTGRAPHILE)
DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Bench:
    """One run: what was asked for, and the stage it plays on."""

    asked: argparse.Namespace
    stage: Stage


def main() -> int:
    """Run the benchmarks and return the exit status."""
    asked = _arguments().parse_args()
    _tell_means()
    with staged(data.SMALL if asked.small else data.FULL) as stage:
        return _run(Bench(asked, stage))


def _run(bench: Bench) -> int:
    servers = Servers(bench.stage.folder)
    try:
        running = [_started(servers, target) for target in _targets(bench)]
        results = _measure_all(bench, running)
    except (compare.Unequal, RuntimeError) as error:
        print(f"The benchmark stops: {error}", file=sys.stderr)
        return 1
    finally:
        servers.stop()
    print(report.ratio_table(results) + "\n\n" + report.bulk_line(results))
    if _complete(bench.asked):
        DOCUMENT.write_text(_document(bench, results))
        print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")
    else:
        print("\n" + report.detail_table(results))
    return 0


def _document(bench: Bench, results: Results) -> str:
    stage = bench.stage
    command = shlex.join(["python", "-m", "tests.bench", *sys.argv[1:]])
    ours = Diptych(stage.engine.url(), stage.folder, [""] * data.WORKSPACES)
    requests = {work: ours.example(work, stage.size) for work in Work}
    return report.document(results, command, stage.engine.dsn(), _rows(stage.size), requests)


def _complete(asked: argparse.Namespace) -> bool:
    """Return whether this run may replace the document: only one that measured everything may."""
    return asked.write and not asked.small and asked.only == tuple(Work) and asked.targets == TARGETS


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds to take medians over")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="how long each target's slice of a round is"
    )
    parser.add_argument(
        "--warm", type=float, default=4.0, help="seconds of load before each work is measured"
    )
    parser.add_argument("--only", type=_works, default=tuple(Work), help="works, such as W1,G1")
    parser.add_argument("--targets", type=_names, default=TARGETS, help=f"some of {','.join(TARGETS)}")
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    parser.add_argument("--no-limits", action="store_true", help="leave out pgbench and the echo server")
    parser.add_argument(
        "--no-write", dest="write", action="store_false", help="print every figure, leave the document alone"
    )
    return parser


def _works(text: str) -> tuple[Work, ...]:
    return tuple(Work(name) for name in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    if unknown := set(text.split(",")) - set(TARGETS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return tuple(name for name in TARGETS if name in text.split(","))


def _tell_means() -> None:
    if load.generator() != "wrk":
        print(
            "wrk is not installed, so the load comes from Python, which takes a larger part of PostgreSQL's "
            "core; install it with `apt-get install wrk` or `brew install wrk` for better figures."
        )
    if not meter.can_pin():
        print("Processes cannot be kept on one core each here, so the figures vary more.")


def _targets(bench: Bench) -> list[Target]:
    url, wanted = bench.stage.engine.url(), bench.asked.targets
    found: list[Target] = []
    if report.OURS in wanted:
        found.append(Diptych(url, bench.stage.folder, make_tokens(url, bench.stage.folder)))
    if report.BASELINE in wanted:
        found.append(Baseline(url))
    if report.POSTGRAPHILE in wanted and any(works.is_graphql(work) for work in bench.asked.only):
        if shutil.which("npm"):
            target = PostGraphile(url, FOLDER / "node")
            target.install()
            found.append(target)
        else:
            print("PostGraphile is left out: installing it needs Node.js with npm on the path.")
    echo = limits.Echo()
    if not bench.asked.no_limits and any(echo.knows(work) for work in bench.asked.only):
        found.append(echo)
    return found


def _started(servers: Servers, target: Target) -> Running:
    pid, port = servers.start(target)
    return Running(target, pid, port)


def _measure_all(bench: Bench, running: list[Running]) -> Results:
    results = Results()
    echo = next((one for one in running if isinstance(one.target, limits.Echo)), None)
    peers = [one for one in running if one is not echo]
    if Work.W2C in bench.asked.only:
        for one in peers:
            if isinstance(one.target, Diptych | Baseline):
                one.target.cursors = deep_cursors(one.target, one.port, bench.stage.size)
    for work in bench.asked.only:
        print(f"{work}: {works.SUBJECTS[work]}", flush=True)
        able = [one for one in peers if one.target.knows(work)]
        if able:
            _measure(bench, work, able, echo, results)
    return results


def _measure(bench: Bench, work: Work, able: list[Running], echo: Running | None, results: Results) -> None:
    chosen = works.cases(works.SUBJECTS[work], bench.stage.size)
    ports = {one.target: one.port for one in able}
    ledger = Ledger(bench.stage.engine.dsn())
    if works.writes(work):
        ledger.clear()
    sizes = compare.demand_equal(ports, work, chosen, ledger)
    results.body_bytes[work] = {target.name: size for target, size in sizes.items()}
    if echo is not None and echo.target.knows(work):
        assert isinstance(echo.target, limits.Echo)
        echo.target.sizes[work] = sizes[able[0].target]
        able = [*able, echo]
    asked = bench.asked
    method = Method(asked.rounds, asked.seconds, asked.warm)
    measuring.measure(
        work,
        chosen,
        able,
        method,
        Site(bench.stage.database, ledger, bench.stage.folder),
        _database_limit(bench, work),
        results,
    )


def _database_limit(bench: Bench, work: Work) -> Callable[[], float] | None:
    program = limits.find_pgbench()
    if bench.asked.no_limits or works.is_graphql(work) or works.writes(work):
        return None
    if program is None:
        print("  PostgreSQL's own limit is left out: this platform's PostgreSQL comes without pgbench.")
        return None
    script = limits.write_script(bench.stage.folder, works.SUBJECTS[work], bench.stage.size)
    return partial(
        limits.statements_per_second, program, bench.stage.engine.dsn(), script, bench.asked.seconds
    )


def _rows(size: data.Size) -> str:
    kinds = {**asdict(size), "order items": size.orders * data.ITEMS_PER_ORDER}
    counted = (f"{data.WORKSPACES * count:,} {kind}" for kind, count in kinds.items())
    return ", ".join((f"{data.WORKSPACES} workspaces", *counted))


if __name__ == "__main__":
    sys.exit(main())
