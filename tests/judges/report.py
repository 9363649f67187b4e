"""The document: which judges were asked, what they judged, and what they found, group by group."""

import datetime
import re
from collections.abc import Mapping, Sequence

from tests.judges.verdicts import Verdict, table

_HEAD = """\
# Judges

Other people's tools judge what Diptych says of itself, and whether it does what it says. `make judges` asks
all of them, `make judges ARGS="lint rest"` some groups, whose tables are then written anew; no number here is
typed by hand. What each judge looks at, and which of its objections are not taken, is told in
[the guide](guides/judges.md); the reasons stand in the configurations in `tests/judges/`.
"""
_SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def section(command: str, seconds: float, verdicts: Sequence[Verdict]) -> str:
    """Return what is told of one group."""
    today = datetime.datetime.now(tz=datetime.UTC).date()
    total = sum(len(verdict.findings) for verdict in verdicts)
    return f"\n`{command}` on {today}, in {seconds:,.0f} seconds: {total:,} findings.\n\n{table(verdicts)}\n"


def document(written: str, groups: Sequence[str], sections: Mapping[str, str]) -> str:
    """Return the document as it was written, with these sections in place of the old ones."""
    kept = {found[1]: found[2].rstrip("\n") + "\n" for found in _SECTION.finditer(written)}
    told = {**kept, **sections}
    return _HEAD + "".join(f"\n## {group}\n{told[group]}" for group in groups if group in told)
