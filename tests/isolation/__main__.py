"""Takes all steps and writes docs/isolation.md: `python -m tests.isolation`, or `make isolation`."""

import argparse
import shlex
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import Phase
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db.embedded import Embedded
from db.migrate import upgrade
from db.walls import Rls
from services.catalog import CATALOG
from tests.faults.stage import embedded
from tests.isolation import absent, leaks, timing
from tests.isolation.dropped import drop
from tests.isolation.machine import LeakFound, Trial, run, tried
from tests.isolation.report import Results, document
from tests.isolation.walls import Breach, read_everything, write_everything

DOCUMENT = Path(__file__).parents[2] / "docs" / "isolation.md"
_CHUNK = 1_000
_MOST_STEPS = 4_000
_TIMES = 100


@contextmanager
def fresh(engine: Embedded, **changes: Any) -> Iterator[Trial]:
    """Return a trial over a database of its own; `changes` are settings."""
    name = f"isolation_{uuid.uuid4().hex}"
    with psycopg.connect(engine.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    database = make_conninfo(engine.dsn(), dbname=name)
    upgrade(database, Rls(changes.get("rls", "writes")))
    with tried(database, CATALOG, **changes) as trial:
        yield trial


def step(trial: Trial, steps: int) -> None:
    """Take so many steps, telling how far it is."""
    for goal in range(_CHUNK, steps + _CHUNK, _CHUNK):
        run(trial, min(goal, steps), phases=(Phase.generate,))
        print(f"{trial.figures.steps:,} steps", file=sys.stderr, flush=True)


def without_fences(engine: Embedded, rls: str, *, writing: bool) -> Breach:
    """Return what came of everything where no statement is fenced."""
    with pytest.MonkeyPatch.context() as patch:
        drop(patch)
        with fresh(engine, rls=rls) as trial:
            return write_everything(trial) if writing else read_everything(trial)


def caught(engine: Embedded, leak: leaks.Leak) -> int | None:
    """Return after how many steps a planted leak was found, None if it was not."""
    with pytest.MonkeyPatch.context() as patch:
        leak.plant(patch)
        with fresh(engine, **leak.settings) as trial:
            try:
                run(trial, _MOST_STEPS, phases=(Phase.generate,), derandomize=True)
            except LeakFound:
                return trial.first
    return None


def main() -> int:
    """Run all of it; return the exit status, which is 1 where anything of others was seen or changed."""
    asked = _arguments().parse_args()
    with embedded(durable=False) as engine:
        with fresh(engine) as trial:
            began = time.monotonic()
            try:
                step(trial, asked.steps)
            except LeakFound as leak:
                print(leak, file=sys.stderr)
                return 1
            # What follows counts its pairs of answers by itself.
            results = Results(replace(trial.figures), time.monotonic() - began)
            results.ratio = timing.ratio(trial, _TIMES)
            results.compared, unlike = absent.compared(trial)
        print(f"Foreign takes {results.ratio[0]:.3f} times as long as absent.")
        print(*unlike[:10], sep="\n", file=sys.stderr)
        results.unlike = len(unlike)
        results.guarded = without_fences(engine, "writes", writing=True)
        results.unguarded = without_fences(engine, "off", writing=True)
        results.hidden = without_fences(engine, "full", writing=False)
        results.shown = without_fences(engine, "off", writing=False)
        steps = {leak.plant.__name__: (leak, caught(engine, leak)) for leak in leaks.LEAKS}
    missed = [name for name, (_, found) in steps.items() if found is None]
    results.caught = {
        name: ((leak.plant.__doc__ or name).rstrip("."), found or 0) for name, (leak, found) in steps.items()
    }
    if asked.write:
        DOCUMENT.write_text(document(shlex.join(["python", "-m", "tests.isolation", *sys.argv[1:]]), results))
    for name in missed:
        print(f"The leak {name} was not found.", file=sys.stderr)
    bad = missed or unlike or results.guarded.changed or results.hidden.seen
    return 1 if bad else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.isolation", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="how many random steps to take")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave the document as it is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
