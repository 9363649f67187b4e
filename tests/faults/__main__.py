"""Runs every fault trial in full and writes docs/faults.md: `python -m tests.faults`, or `make faults`."""

import argparse
import asyncio
import shlex
import sys
import time
from collections.abc import Awaitable, Callable

from tests.faults import acts, report
from tests.faults.crashes import crash
from tests.faults.keys import rush
from tests.faults.moments import die_at_every_moment
from tests.faults.mutants import Mutant
from tests.faults.networks import spoil
from tests.faults.operations import Surface
from tests.faults.outages import black_out
from tests.faults.races import race
from tests.faults.reckoning import Findings
from tests.faults.rollbacks import refuse
from tests.faults.serving import ROOT, Serving, serving
from tests.faults.stage import embedded

DOCUMENT = ROOT / "docs" / "faults.md"
CALLERS = 100
RACERS = 12
MOST_SECONDS = 10

Trial = Callable[[str, Serving, float], Awaitable[report.Line]]


async def _crashes(dsn: str, server: Serving, share: float) -> report.Line:
    return report.crashes(await crash(dsn, server, round(2_000 * share)))


async def _deaths(dsn: str, server: Serving, share: float) -> report.Line:
    return report.deaths(await die_at_every_moment(dsn, server))


async def _outages(dsn: str, server: Serving, share: float) -> report.Line:
    # Six postmasters that die young are too many for their watcher, so these mostly live longer.
    with embedded(durable=True) as engine:
        found = await black_out(engine.dsn(), round(100 * share), rest=6)
    return report.outages(found, MOST_SECONDS)


async def _keys(dsn: str, server: Serving, share: float) -> report.Line:
    return report.rush(await rush(dsn, server, round(1_000 * share), callers=CALLERS), CALLERS, "over REST")


async def _keys_on_both(dsn: str, server: Serving, share: float) -> report.Line:
    found = await rush(dsn, server, round(1_000 * share), callers=CALLERS, surfaces=tuple(Surface))
    return report.rush(found, CALLERS, "half over REST and half over GraphQL")


async def _races(dsn: str, server: Serving, share: float) -> report.Line:
    return report.race(await race(dsn, server, round(1_000 * share), callers=RACERS), RACERS)


async def _resets(dsn: str, server: Serving, share: float) -> report.Line:
    found = await spoil(dsn, round(1_000 * share))
    return report.network(found, "a network that delays and resets, most of all commits")


async def _holes(dsn: str, server: Serving, share: float) -> report.Line:
    found = await spoil(dsn, round(50 * share), holes=True)
    return report.network(found, "a network that swallows all that follows, most of all from commits on")


async def _rollbacks(dsn: str, server: Serving, share: float) -> report.Line:
    return report.rollbacks(await refuse(dsn, server, round(10_000 * share)))


TRIALS: dict[str, Trial] = {
    "crashes": _crashes,
    "deaths": _deaths,
    "outages": _outages,
    "keys": _keys,
    "keys-on-both": _keys_on_both,
    "races": _races,
    "resets": _resets,
    "holes": _holes,
    "rollbacks": _rollbacks,
}


async def _caught(dsn: str, server: Serving) -> dict[Mutant, Findings]:
    """Return what was found of each server that is wrong on purpose."""
    late = await die_at_every_moment(dsn, server, [acts.create], mutant=Mutant.LATE_RECORD)
    early = await die_at_every_moment(dsn, server, [acts.create], mutant=Mutant.EARLY_RECORD)
    unlocked = await rush(dsn, server, 5, mutant=Mutant.NO_KEY_LOCK)
    racing = await race(dsn, server, 10, mutant=Mutant.NO_ROW_LOCK)
    racing.findings.add("unexpected", racing.uneven, "versions that not exactly one caller changed")
    trying = await refuse(dsn, server, 100, mutant=Mutant.LASTING_TRIALS)
    blind = await spoil(dsn, 40, mix={acts.create_keyless: 1}, mutant=Mutant.BLIND_RETRY)
    return {
        Mutant.LATE_RECORD: late.findings,
        Mutant.EARLY_RECORD: early.findings,
        Mutant.NO_KEY_LOCK: unlocked.findings,
        Mutant.NO_ROW_LOCK: racing.findings,
        Mutant.LASTING_TRIALS: trying.findings,
        Mutant.BLIND_RETRY: blind.findings,
    }


def main() -> int:
    """Run what was asked for; return the exit status, which is 1 where any promise was broken."""
    asked = _arguments().parse_args()
    began = time.monotonic()
    lines, caught = asyncio.run(_run(asked))
    unnoticed = [mutant for mutant, findings in caught.items() if not findings.faults]
    print(report.table(lines))
    for example in (example for line in lines for example in line.findings.examples[:10]):
        print(example, file=sys.stderr)
    for mutant in unnoticed:
        print(f"Nothing was found of a server of which {mutant}.", file=sys.stderr)
    if asked.write and asked.share == 1 and asked.only == tuple(TRIALS):
        command = shlex.join(["python", "-m", "tests.faults", *sys.argv[1:]])
        told = {mutant: report.told(findings) for mutant, findings in caught.items()}
        DOCUMENT.write_text(report.document(command, time.monotonic() - began, lines, told))
        print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")
    return 1 if report.total(lines) or unnoticed else 0


async def _run(asked: argparse.Namespace) -> tuple[list[report.Line], dict[Mutant, Findings]]:
    lines: list[report.Line] = []
    with embedded(durable=True) as engine:
        dsn = engine.dsn()
        async with serving(dsn) as server:
            for name in asked.only:
                began = time.monotonic()
                lines.append(await TRIALS[name](dsn, server, asked.share))
                took = time.monotonic() - began
                print(
                    f"{name}: {lines[-1].amount}, {report.total(lines[-1:])} faults, {took:.0f} s", flush=True
                )
            caught = await _caught(dsn, server) if asked.mutants else {}
    return lines, caught


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--share", type=float, default=1, help="how much of everything, such as 0.05")
    parser.add_argument("--only", type=_names, default=tuple(TRIALS), help=f"some of {','.join(TRIALS)}")
    parser.add_argument("--no-mutants", dest="mutants", action="store_false", help="leave out wrong servers")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave the document alone")
    return parser


def _names(text: str) -> tuple[str, ...]:
    if unknown := set(text.split(",")) - set(TRIALS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return tuple(name for name in TRIALS if name in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
