"""Asks every judge and writes docs/judges.md: `make judges`, or `python -m tests.judges lint rest`."""

import argparse
import importlib
import importlib.util
import shlex
import sys
import time
from collections.abc import Sequence

from tests.judges import report
from tests.judges.stage import ROOT, Stage
from tests.judges.verdicts import Verdict, table

DOCUMENT = ROOT / "docs" / "judges.md"
GROUPS: dict[str, tuple[str, ...]] = {
    "lint": ("tests.judges.lint", "tests.judges.released"),
    "rest": ("tests.judges.rest",),
    "graphql": ("tests.judges.graphql_cases", "tests.judges.graphql"),
    "mcp": ("tests.judges.mcp",),
    "pages": ("tests.judges.pages",),
}
"""The modules of each group; the judges of a module are its `JUDGES`, functions of a `Stage`."""


def main() -> int:
    """Ask the judges of the groups that are named, or all; return 1 where any objects to anything."""
    asked = _arguments().parse_args()
    began = time.monotonic()
    verdicts = _judged(asked.groups or list(GROUPS), Stage(asked.seed, asked.cases))
    print(table(verdicts))
    for verdict in verdicts:
        for finding in verdict.findings[:20]:
            print(f"{verdict.judge}, {verdict.matter}: {finding}", file=sys.stderr)
    if asked.write and not asked.groups:
        command = shlex.join(["python", "-m", "tests.judges", *sys.argv[1:]])
        DOCUMENT.write_text(report.document(command, time.monotonic() - began, verdicts))
        print(f"\nWritten to {DOCUMENT.relative_to(ROOT)}.")
    return 1 if any(verdict.findings for verdict in verdicts) else 0


def _judged(groups: Sequence[str], stage: Stage) -> list[Verdict]:
    found = []
    modules = [module for group in groups for module in GROUPS[group]]
    for module in (each for each in modules if importlib.util.find_spec(each)):
        for judge in importlib.import_module(module).JUDGES:
            for verdict in judge(stage):
                found.append(verdict)
                told = f"{verdict.amount}, {len(verdict.findings)} findings, {verdict.seconds:.0f} s"
                print(f"{verdict.judge} on {verdict.matter}: {told}", file=sys.stderr, flush=True)
    return found


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.judges", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", type=_group, metavar="GROUP", help=f"some of {', '.join(GROUPS)}"
    )
    parser.add_argument("--seed", type=int, default=1, help="of whatever is drawn at random")
    parser.add_argument("--cases", type=int, default=5_000, help="how many requests for each surface")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave the document alone")
    return parser


def _group(text: str) -> str:
    if text not in GROUPS:
        raise argparse.ArgumentTypeError(f"unknown: {text}")
    return text


if __name__ == "__main__":
    sys.exit(main())
