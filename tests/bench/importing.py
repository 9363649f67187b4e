"""Measures `diptych import` of one file into an empty workspace: `python -m tests.bench.importing FILE`."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql

from db import embedded, migrate
from tests.bench.stage import FOLDER
from tests.bench.targets import PRODUCT, inherited, product_environment

ROWS_GOAL = 5000
MEMORY_GOAL_MIB = 300


def main() -> int:
    """Import the file once, print rows per second and peak memory, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.importing", description=__doc__)
    parser.add_argument("file", type=Path, help="a CSV or NDJSON file, plain or gzipped")
    parser.add_argument("--resource", default="products", help="what the file holds")
    parser.add_argument("--rest", help="the JSONB field for columns that map to no other")
    parser.add_argument("--map", help="columns and their fields, such as code=gtin,title=name")
    asked = parser.parse_args()
    folder = FOLDER / "import"
    with embedded.start(folder) as engine:
        _empty(engine.dsn())
        environment = {**inherited(), **product_environment(engine.url(), folder)}
        _run([PRODUCT, "workspace", "create", "--slug", "import", "--name", "Import"], environment, folder)
        began = time.perf_counter()
        memory = _run([*_command(asked), "--errors", "errors.ndjson"], environment, folder)
        elapsed = time.perf_counter() - began
        rows = _count(engine.dsn(), asked.resource)
    print(
        f"{rows:,} {asked.resource} in {elapsed:.1f} s: {rows / elapsed:,.0f} rows/s (goal: {ROWS_GOAL:,}), "
        f"at most {memory:.0f} MiB resident (goal: {MEMORY_GOAL_MIB})."
    )
    return 0 if rows / elapsed >= ROWS_GOAL and memory <= MEMORY_GOAL_MIB else 1


def _command(asked: argparse.Namespace) -> list[str]:
    command = [
        PRODUCT,
        "import",
        "--workspace",
        "import",
        "--resource",
        asked.resource,
        str(asked.file.resolve()),
    ]
    if asked.rest:
        command += ["--rest", asked.rest]
    if asked.map:
        command += ["--map", asked.map]
    return command


def _empty(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    migrate.upgrade(dsn)


def _run(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """Run `command` to its end and return the most memory it was resident with, in MiB."""
    process = subprocess.Popen(command, env=environment, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"`{' '.join(command[1:])}` ended with status {process.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20


def _count(dsn: str, resource: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(resource))
        ).fetchone()
    assert row is not None
    return row[0]


if __name__ == "__main__":
    sys.exit(main())
