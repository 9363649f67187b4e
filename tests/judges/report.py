"""The document: which judges were asked, what they judged, and what they found."""

import datetime
from collections.abc import Sequence

from tests.judges.verdicts import Verdict, table


def document(command: str, seconds: float, verdicts: Sequence[Verdict]) -> str:
    """Return the whole document."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    total = sum(len(verdict.findings) for verdict in verdicts)
    return f"""# Judges

Written by `{command}` on {today}, in {seconds / 60:.0f} minutes; no number here is typed by hand.

Other people's tools judge what Diptych says of itself, and whether it does what it says. Together they have
{total:,} findings.

{table(verdicts)}

What each judge looks at, and which of its objections are not taken, is told in
[the guide](guides/judges.md); the reasons stand in the configurations in `tests/judges/`.

## How to repeat it

`make judges` asks all of them; `make judges ARGS="lint rest"` some, and `ARGS="rest --seed 7"` with other
cases.
"""
