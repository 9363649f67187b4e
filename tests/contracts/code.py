"""The Python sources of the repository, parsed."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("diptych", "rest", "schema", "services", "db")

_NO_CODE = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


@dataclass(frozen=True)
class Module:
    """One source file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How long the file is."""
        return len(self.text.splitlines())

    @property
    def code_lines(self) -> int:
        """How many lines hold code: no blank lines, comments or docstrings."""
        numbers: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in _NO_CODE:
                numbers.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(self.tree):
            match node:
                case ast.Expr(value=ast.Constant(value=str())):
                    numbers.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
        return len(numbers)

    @property
    def functions(self) -> Iterator[tuple[str, int]]:
        """The name and length of every function."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, (node.end_lineno or 0) - node.lineno + 1


def modules(*folders: str) -> list[Module]:
    """Return the modules below `folders`, in order, but for what tools have installed or made there."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [Module(path) for path in sorted(found) if not _is_foreign(path.relative_to(ROOT))]


def _is_foreign(path: Path) -> bool:
    return any(part == "node_modules" or part.startswith(".") for part in path.parts)
