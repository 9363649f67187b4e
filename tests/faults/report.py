"""The document: what was promised, what was done to it, and what was counted."""

import datetime
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from tests.faults.bad_network import Fault
from tests.faults.clients import Counts
from tests.faults.crashes import Crashes
from tests.faults.keys import Rush
from tests.faults.moments import Deaths
from tests.faults.mutants import Mutant
from tests.faults.networks import Network
from tests.faults.outages import Outages
from tests.faults.races import Race
from tests.faults.reckoning import Findings
from tests.faults.rollbacks import Rollbacks

PACKAGES = ("fastapi", "starlette", "strawberry-graphql", "psycopg", "uvicorn", "uvloop")
KINDS = {
    "lost": "lost",
    "duplicated": "done twice",
    "events_amiss": "events amiss",
    "audits_amiss": "audit rows amiss",
    "altered": "altered",
    "keys_amiss": "keys amiss",
    "gaps": "gaps",
    "unexpected": "wrong answers",
    "leftovers": "left open",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: a trial, how much of it there was, what was found and what else was seen."""

    trial: str
    amount: str
    seen: str
    findings: Findings
    wrong: int = 0
    """Answers that broke the promise, beside what the database showed."""


def crashes(found: Crashes) -> Line:
    """Return the row of kills of the server."""
    seen = f"{_n(found.hits)} kills took answers away; {_retries(found.counts)}"
    return Line("kill -9 of the server at random moments", f"{_n(found.kills)} kills", seen, found.findings)


def deaths(found: Deaths) -> Line:
    """Return the row of deaths at every round trip."""
    each = ", ".join(f"{act.replace('_', ' ')} {count}" for act, count in found.round_trips.items())
    trial = "kill -9 of the server before, during and after each round trip of each write"
    return Line(trial, f"{_n(found.deaths)} kills", f"round trips: {each}", found.findings)


def outages(found: Outages, most_seconds: float) -> Line:
    """Return the row of crashes of PostgreSQL."""
    amount = f"{found.postmasters} postmasters, {found.backends} backends"
    seen = f"writing again after {found.longest:.1f} s at the most; {_retries(found.counts)}"
    late = int(found.longest > most_seconds)
    return Line("kill -9 of PostgreSQL while clients write", amount, seen, found.findings, late)


def rush(found: Rush, callers: int, surfaces: str) -> Line:
    """Return the row of calls at once with one key."""
    seen = (
        f"{_n(found.originals)} took effect, {_n(found.replays)} heard the same, {_n(found.told_to_wait)} "
        f"were told to wait, within {found.slowest_refusal:.2f} s"
    )
    wrong = abs(found.originals - found.keys) + found.unlike + found.others.total()
    trial = f"{callers} calls at once with one idempotency key, {surfaces}"
    return Line(trial, f"{_n(found.keys)} keys", seen, found.findings, wrong)


def race(found: Race, callers: int) -> Line:
    """Return the row of racing updates."""
    seen = f"{_n(found.won)} updates won, {_n(found.told)} were answered 412"
    trial = f"{callers} updates at once that name the same version"
    return Line(
        trial, f"{_n(found.versions)} versions", seen, found.findings, found.uneven + found.others.total()
    )


def network(found: Network, trial: str) -> Line:
    """Return the row of a bad network."""
    commits = ", ".join(f"{_n(found.commits[fault])} {fault}" for fault in Fault if found.commits[fault])
    seen = (
        f"commits {commits}; {_n(found.counts.untold)} calls without a key were answered 503, and every call "
        f"within {found.counts.slowest:.1f} s"
    )
    return Line(trial, f"{_n(found.commits.total() + found.faults.total())} messages", seen, found.findings)


def rollbacks(found: Rollbacks) -> Line:
    """Return the row of refused requests."""
    counts = found.counts
    seen = f"{_n(counts.acknowledged)} acknowledged or tried, {_n(counts.refused)} refused"
    trial = "requests of which most are refused or only tried"
    return Line(trial, f"{_n(counts.requests)} requests", seen, found.findings)


def total(lines: Iterable[Line]) -> int:
    """Return how many faults there were."""
    return sum(line.findings.faults + line.wrong for line in lines)


def table(lines: Sequence[Line]) -> str:
    """Return the table of all trials, as Markdown."""
    head = ("trial", "how much", *KINDS.values(), "what else was seen")
    rows = [
        (
            line.trial,
            line.amount,
            *(str(getattr(line.findings, kind) + line.wrong * (kind == "unexpected")) for kind in KINDS),
            line.seen,
        )
        for line in lines
    ]
    return _table(head, rows)


def told(findings: Findings) -> str:
    """Return what was found of one server, in words."""
    counted = {KINDS[kind]: count for kind, count in findings.counts().items() if count}
    return ", ".join(f"{_n(count)} {kind}" for kind, count in counted.items()) or "**nothing**"


def mutants(caught: Mapping[Mutant, str]) -> str:
    """Return the table of servers that were wrong on purpose, as Markdown."""
    return _table(("a server that is wrong on purpose", "what was found"), list(caught.items()))


def document(command: str, seconds: float, lines: Sequence[Line], caught: Mapping[Mutant, str]) -> str:
    """Return the whole document."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return f"""# Faults

Written by `{command}` on {today}, in {seconds / 60:.0f} minutes; no number here is typed by hand.

{_machine()}, {_versions()}.

Clients write products, customers and orders through REST and GraphQL at random, repeat whatever was not
answered with the same idempotency key, on either surface, and note what was acknowledged. Then the database
is held to these notes.

{table(lines)}

- *lost*: acknowledged changes that are not there; *done twice*: changes that nobody was told of, or once more
  than anybody was.
- *events amiss*, *audit rows amiss*: rows whose events or audit rows are not exactly their changes, in order,
  and events of no row.
- *altered*: rows whose last event is not, byte by byte, the document that was acknowledged.
- *keys amiss*: idempotency records without an acknowledged call, or the other way round.
- *gaps*: order numbers left out, and orders whose lines do not add up.
- *wrong answers*: a replay that differs, two calls that both took effect, an answer that did not come in
  time, any status that was not to be.
- *left open*: transactions and locks once all is over.

## Whether it would be noticed

The same trials on servers that are wrong on purpose:

{mutants(caught)}

## How to repeat it

`make faults` runs all of this; `make test` runs a small part of each. `tests/faults/reckoning.py` is the
comparison, `tests/faults/test_reckoning.py` shows that it finds every kind of harm.
"""


def _retries(counts: Counts) -> str:
    return (
        f"{_n(counts.acknowledged)} writes acknowledged; of those asked for again {_n(counts.repeated)} had "
        f"been committed and {_n(counts.redone)} had not"
    )


def _n(count: int) -> str:
    return f"{count:,}"


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} on {platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    return ", ".join([*found, *(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
