"""The fenced blocks of the documentation: their language, their text and the mark before each."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.diptych.server_on_trial import ROOT

MARKS = ("answers", "answered", "variables", "schema:", "in:", "not run:")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)(?P<told>[^`\n]*)$")
_MARK = re.compile(rf"^ *<!-- (?P<name>{'|'.join(MARKS)}) ?(?P<value>[^>]*?) ?-->$")
_COMMENT = re.compile(r"^ *<!-- (?P<text>.*?) -->$")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a comment before a block says of it: `name` is one of `MARKS`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `line` is that of its opening fence, from 1."""

    page: Path
    line: int
    language: str
    text: str
    mark: Mark | None

    @property
    def place(self) -> str:
        """Return where the block is, as a reader of a failure looks for it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def marked(self, name: str) -> str | None:
        """Return the value of the mark of that name, None where the block has no such mark."""
        return self.mark.value if self.mark is not None and self.mark.name == name else None


def pages() -> list[Path]:
    """Return every page whose blocks are tested here; the README has a test of its own."""
    return sorted((ROOT / "docs").rglob("*.md"))


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order; raises ValueError for a fence that is never closed."""
    return list(_blocks(page, page.read_text().splitlines()))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    at = 0
    while at < len(lines):
        opened = _FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        close = f"{opened['indent']}```"
        end = next((n for n in range(at + 1, len(lines)) if lines[n].rstrip() == close), None)
        if end is None:
            raise ValueError(f"{page}:{at + 1}: this fence is never closed")
        text = textwrap.dedent("\n".join(lines[at + 1 : end])) + "\n"
        yield Block(page, at + 1, opened["language"], text, _mark(lines[at - 1] if at else ""))
        at = end + 1


def _mark(line: str) -> Mark | None:
    found = _MARK.match(line)
    if found is not None:
        return Mark(found["name"], found["value"])
    comment = _COMMENT.match(line)
    if comment is not None:
        raise ValueError(f"no such mark: {comment['text']}")
    return None
