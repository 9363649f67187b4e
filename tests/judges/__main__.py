"""Asks judges and writes what they find into docs/judges.md: `make judges`, `python -m tests.judges rest`.

`python -m tests.judges released` keeps the contracts of a release instead.
"""

import argparse
import importlib
import sys
import time

from tests.judges import released, report
from tests.judges.stage import ROOT, Stage
from tests.judges.verdicts import Verdict, table

_MOST_SHOWN = 120
DOCUMENT = ROOT / "docs" / "judges.md"
GROUPS: dict[str, tuple[str, ...]] = {
    "lint": ("tests.judges.lint", "tests.judges.released"),
    "rest": ("tests.judges.rest", "tests.judges.specmatic", "tests.judges.answers"),
    "graphql": ("tests.judges.graphql_cases", "tests.judges.graphql"),
    "mcp": ("tests.judges.mcp",),
    "pages": ("tests.judges.pages",),
}
"""The modules of each group; the judges of a module are its `JUDGES`, functions of a `Stage`."""


def main() -> int:
    """Ask the judges of the groups that are named, or all; return 1 where any objects to anything."""
    if sys.argv[1:] == ["released"]:
        released.keep()
        return 0
    asked = _arguments().parse_args()
    verdicts: list[Verdict] = []
    for group in asked.groups or GROUPS:
        began = time.monotonic()
        found = _judged(group, Stage(asked.seed, asked.cases))
        if asked.write:
            _write(group, f"--seed {asked.seed} --cases {asked.cases}", time.monotonic() - began, found)
        verdicts += found
    print(table(verdicts))
    return 1 if any(verdict.findings for verdict in verdicts) else 0


def _write(group: str, options: str, seconds: float, verdicts: list[Verdict]) -> None:
    command = f"python -m tests.judges {group} {options}"
    written = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    told = {group: report.section(command, seconds, verdicts)}
    DOCUMENT.write_text(report.document(written, list(GROUPS), told))


def _judged(group: str, stage: Stage) -> list[Verdict]:
    found = []
    for module in GROUPS[group]:
        for judge in importlib.import_module(module).JUDGES:
            for verdict in judge(stage):
                found.append(verdict)
                told = f"{verdict.amount}, {len(verdict.findings)} findings, {verdict.seconds:.0f} s"
                print(f"{verdict.judge} on {verdict.matter}: {told}", file=sys.stderr, flush=True)
                for finding in verdict.findings[:_MOST_SHOWN]:
                    print(f"  {finding}", file=sys.stderr, flush=True)
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
