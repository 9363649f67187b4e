"""What judges find: one verdict per judge and matter, and the table of them all."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Verdict:
    """What one judge found of one matter.

    `amount` says how much was judged, such as "5,120 cases"; `findings` are what the judge objects to, one
    sentence each; `seen` is what else it told, such as a score; `cases` is how many requests were drawn.
    """

    judge: str
    version: str
    matter: str
    amount: str = ""
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    seen: str = ""
    cases: int = 0


Judging = Callable[..., Iterator[Verdict]]


@contextmanager
def timed(verdict: Verdict) -> Iterator[Verdict]:
    """Measure how long a verdict takes."""
    began = time.monotonic()
    try:
        yield verdict
    finally:
        verdict.seconds += time.monotonic() - began


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the table of verdicts, as Markdown."""
    head = ("judge", "version", "what it judged", "how much", "findings", "seconds", "what else it said")
    rows = [
        (
            each.judge,
            each.version,
            each.matter,
            each.amount,
            f"{len(each.findings):,}",
            f"{each.seconds:.0f}" if each.seconds >= 10 else f"{each.seconds:.1f}",
            each.seen,
        )
        for each in verdicts
    ]
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
