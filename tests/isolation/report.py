"""The document: what was tried, and what of other workspaces was seen or changed."""

import datetime
import importlib.metadata
import platform
from dataclasses import dataclass, field

import psutil

from tests.isolation.machine import Figures
from tests.isolation.walls import Breach

PACKAGES = ("fastapi", "starlette", "strawberry-graphql", "psycopg", "hypothesis")


@dataclass(slots=True)
class Results:
    """Everything that one run counted; `caught` are planted leaks with the steps until they were found."""

    steps: Figures
    seconds: float
    compared: int = 0
    unlike: int = 0
    guarded: Breach = field(default_factory=Breach)
    unguarded: Breach = field(default_factory=Breach)
    hidden: Breach = field(default_factory=Breach)
    shown: Breach = field(default_factory=Breach)
    caught: dict[str, tuple[str, int]] = field(default_factory=dict)
    ratio: tuple[float, float] = (0.0, 0.0)


def document(command: str, found: Results) -> str:
    """Return the whole document."""
    figures = found.steps
    taken = (
        f"{figures.steps:,} steps, {figures.bytes:,} bytes of answers, {figures.rows:,} rows,"
        f" {figures.lines:,} lines of log"
    )
    guarded_writes, guarded_reads = (f"{each.requests:,}" for each in (found.guarded, found.hidden))
    guarded, unguarded = (len(each.changed or ()) for each in (found.guarded, found.unguarded))
    most = ", ".join(f"{status}: {count:,}" for status, count in sorted(figures.statuses.items()))
    caught = "\n".join(f"| {doc} | {steps:,} |" for doc, steps in found.caught.values())
    return f"""# Isolation

Written by `{command}` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}; no number here is typed by hand.

{_machine()}, {_versions()}.

Three workspaces share one database: ours, a stranger's, and one that ours created. Every text, number and id
in every row of each is a mark that no other workspace has. The workspaces read and write at random over REST
and GraphQL, in both executions, with each other's ids, cursors, entity tags, idempotency keys and names.
After each step every mark is looked for: in the answer's body and headers, in whatever was logged, and in
each row that was written, events, audit rows and idempotency records among them. No row of another workspace
may have been written, deleted or even locked. The steps are generated from the catalogue.

| what was tried | how much | seen or changed of others |
| --- | --- | --- |
| random steps | {taken} | 0 |
| steps again, with what nobody has in the place of what others have | {figures.twins:,} equal answers | 0 |
| every address, for ids of others and of nobody | {found.compared:,} pairs of answers | {found.unlike:,} |
| every write, without a fence, behind `rls=writes` | {guarded_writes} writes | {guarded:,} tables |
| every read, without a fence, behind `rls=full` | {guarded_reads} reads | {found.hidden.seen:,} marks |

Answers are compared byte for byte, but for ids of requests. Without fences and without row-level security
the same writes changed rows in {unguarded:,} tables of others, and the same reads showed
{found.shown.seen:,} of their marks.

Statuses of the steps: {most}. They took {found.seconds:,.0f} seconds.

Being refused a row of another workspace took {found.ratio[0]:.3f} times as long as being refused a row of
nobody's, by the medians, which lay {found.ratio[1]:.3f} ms apart.

## Whether it would be noticed

Leaks planted on purpose, and the steps after which each was found:

| leak | steps |
| --- | --- |
{caught}

## How to repeat it

`make isolation` runs all of this; `make test` takes 5,000 steps and finds every leak.
`tests/isolation/machine.py` is the machine, and `tests/isolation/leaks.py` holds the leaks.
"""


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} on {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    return ", ".join([*found, *(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)])
