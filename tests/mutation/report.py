"""What became of the mutants, as a table in docs/mutation.md."""

import re
from pathlib import Path
from typing import NamedTuple

_ROW = re.compile(r"^\| `(?P<module>[^`]+)` \| (\d+) \| (\d+) \| (\d+) \| [^|]+ \| (\d+) \|$", re.MULTILINE)
_HEAD = "| Module | Killed | Timed out or crashed | Survived | Killed of those tried | Refused by mypy |\n"
_RULE = "|---|---:|---:|---:|---:|---:|\n"
_BEGIN, _END = "<!-- mutants -->\n", "<!-- end of mutants -->\n"


class Tally(NamedTuple):
    """How many mutants of one module met which end."""

    killed: int
    stopped: int
    survived: int
    typed: int

    @property
    def share(self) -> float:
        """Return the share of those tried that did not survive."""
        return 1 - self.survived / ((sum(self) - self.typed) or 1)


def write(found: dict[str, Tally], path: Path) -> None:
    """Replace the rows of these modules in the table of the document."""
    text = path.read_text()
    before, rest = text.split(_BEGIN)
    table, after = rest.split(_END)
    known = {row["module"]: Tally(*map(int, row.groups()[1:])) for row in _ROW.finditer(table)}
    known |= found
    whole = Tally(*map(sum, zip(*known.values(), strict=True)))
    rows = [_row(f"`{module}`", known[module]) for module in sorted(known)]
    path.write_text(before + _BEGIN + _HEAD + _RULE + "".join(rows) + _row("**all**", whole) + _END + after)


def _row(name: str, tally: Tally) -> str:
    killed, stopped, survived, typed = tally
    return f"| {name} | {killed} | {stopped} | {survived} | {tally.share:.1%} | {typed} |\n"
