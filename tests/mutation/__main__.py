"""Tries the tests on mutants: `make mutants`, or `python -m tests.mutation limits scopes` for some groups.

Each group is mutated in a copy of the tree, one mutant at a time; docs/mutation.md keeps what came of it.
With `--again` first, only those that have survived are tried, by the tests as they are now.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from db.embedded import start
from db.migrate import upgrade
from tests.conftest import KEPT_POSTGRES, TEMPLATE
from tests.mutation.groups import GROUPS, Group
from tests.mutation.report import Tally, write

ROOT = Path(__file__).parents[2]
COPIED = ("db", "diptych", "docs", "rest", "schema", "services", "tests", "pyproject.toml", "README.md")
FOLDER = ROOT / ".diptych" / "mutation"
KILLED, BY_TYPES, SURVIVED = frozenset({1, 3}), 37, frozenset({0, 5, 33})


def main(names: list[str]) -> int:
    """Try the groups of these names, or all; returns 1 if any of them has no such name or cannot be tried."""
    again, names = names[:1] == ["--again"], [name for name in names if name != "--again"]
    unknown = set(names) - set(GROUPS)
    if unknown:
        print(f"There is no group {sorted(unknown)[0]!r}; there are {', '.join(GROUPS)}.", file=sys.stderr)
        return 1
    for name in names or GROUPS:
        write(tried(name, GROUPS[name], again=again), ROOT / "docs" / "mutation.md")
    return 0


def tried(name: str, group: Group, *, again: bool) -> dict[str, Tally]:
    """Return what became of the mutants of each module of a group."""
    tree = FOLDER / name
    results = {module: tree / "mutants" / f"{module}.meta" for module in group.modules}
    only: list[str] = []
    if again:
        only = [mutant for path in results.values() for mutant, code in _codes(path) if code in SURVIVED]
        shutil.rmtree(tree / "tests")
        _lay_out(tree, "tests")
    else:
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        _lay_out(tree, *COPIED)
        _configure(tree, group)
    with _postgres(group) as environment:
        command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1"]
        if only or not again:
            subprocess.run(
                [*command, *only], cwd=tree, env=environment, check=True, preexec_fn=lambda: os.nice(10)
            )
    return {module: _tally(path) for module, path in results.items()}


def _lay_out(tree: Path, *items: str) -> None:
    for item in items:
        source, target = ROOT / item, tree / item
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _configure(tree: Path, group: Group) -> None:
    settings = {
        "source_paths": ["services", "db"],
        "only_mutate": list(group.modules),
        "also_copy": [item for item in COPIED if item not in ("services", "db")],
        "pytest_add_cli_args_test_selection": list(group.tests),
        "type_check_command": [sys.executable, "-m", "mypy", "--output", "json", "--no-warn-unused-ignores"],
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    text = (ROOT / "pyproject.toml").read_text()
    (tree / "pyproject.toml").write_text(text.replace("[tool.mutmut]\n", "[tool.mutmut]\n" + lines))


@contextmanager
def _postgres(group: Group) -> Iterator[dict[str, str]]:
    """Yield the environment of the tests, with a server that they share if they may."""
    if not group.shared:
        yield dict(os.environ)
        return
    folder = Path(tempfile.mkdtemp(prefix="diptych-test-"))
    folder.chmod(0o755)
    with start(folder, durable=False) as server:
        with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        upgrade(make_conninfo(server.dsn(), dbname=TEMPLATE))
        yield {**os.environ, KEPT_POSTGRES: str(folder)}
    shutil.rmtree(folder)


def _codes(results: Path) -> list[tuple[str, int | None]]:
    """Return the mutants of one module, and what the tests ended with."""
    return list(json.loads(results.read_text())["exit_code_by_key"].items())


def _tally(results: Path) -> Tally:
    found = Counter(code for _, code in _codes(results))
    killed = sum(found[code] for code in KILLED)
    survived = sum(found[code] for code in SURVIVED)
    typed = found[BY_TYPES]
    return Tally(killed, sum(found.values()) - killed - survived - typed, survived, typed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
