"""Compares page 1 with page 1,000 in cursor mode: `python -m tests.bench.depth`."""

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import quote

from tests.bench import data, load, measuring, wire
from tests.bench.ledger import Ledger
from tests.bench.measuring import Figures, Running, Site
from tests.bench.serving import Servers
from tests.bench.stage import Stage, staged
from tests.bench.targets import Diptych, make_tokens
from tests.bench.works import Work

PAGES = 1000
WORKSPACES = 5
GOAL = 1.3


def main() -> int:
    """Walk to page 1,000, measure it beside page 1, print the ratio, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.depth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds to take medians over")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each slice of a round is")
    parser.add_argument("--small", action="store_true", help="a tenth of the rows")
    asked = parser.parse_args()
    with staged(data.SMALL if asked.small else data.FULL) as stage:
        servers = Servers(stage.folder)
        try:
            return _compare(stage, servers, asked.rounds, asked.seconds)
        except RuntimeError as error:
            print(f"The comparison stops: {error}", file=sys.stderr)
            return 1
        finally:
            servers.stop()


def _compare(stage: Stage, servers: Servers, rounds: int, seconds: float) -> int:
    url = stage.engine.url()
    target = Diptych(url, stage.folder, make_tokens(url, stage.folder))
    running = Running(target, *servers.start(target))
    per_page = stage.size.orders * data.ITEMS_PER_ORDER // (PAGES + PAGES // 5)
    last = [_walk(running, workspace, per_page) for workspace in range(WORKSPACES)]
    files = {
        "page 1": _write(running, stage.folder / "first.requests", [""] * WORKSPACES, per_page),
        f"page {PAGES:,}": _write(running, stage.folder / "last.requests", last, per_page),
    }
    site = Site(stage.database, Ledger(stage.engine.dsn()), stage.folder)
    found = measuring.alternate(running, Work.W2C, files, rounds, seconds, site)
    print(_table(found, per_page))
    first, deep = found.values()
    ratio = _cost(deep) / _cost(first)
    print(f"\nPage {PAGES:,} costs {ratio:.2f} times page 1 (goal: at most {GOAL}).")
    return 0 if ratio <= GOAL else 1


def _request(target: Diptych, workspace: int, cursor: str, per_page: int) -> wire.Request:
    path = f"/api/v1/order-items?cursor={quote(cursor)}&per_page={per_page}"
    return wire.get(path, {"Authorization": f"Bearer {target.tokens[workspace]}"})


def _walk(running: Running, workspace: int, per_page: int) -> str:
    """Follow the cursors from page to page and return the one that page 1,000 starts from."""
    assert isinstance(running.target, Diptych)
    cursor = ""
    for page in range(1, PAGES):
        status, body = wire.ask(running.port, _request(running.target, workspace, cursor, per_page))
        if status != 200:
            raise RuntimeError(f"Page {page} was answered with {status}: {body[:300]!r}")
        cursor = json.loads(body)["pagination"]["next_cursor"]
    return cursor


def _write(running: Running, path: Path, cursors: list[str], per_page: int) -> Path:
    assert isinstance(running.target, Diptych)
    requests = [
        _request(running.target, workspace, cursor, per_page).raw(running.port)
        for workspace, cursor in enumerate(cursors)
    ]
    load.write_requests(path, requests)
    return path


def _cost(figures: Figures) -> float:
    return figures.server_us + figures.database_us


def _table(found: dict[str, Figures], per_page: int) -> str:
    lines = [f"| {per_page} order items | server µs | PostgreSQL µs | p50 ms |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {one.server_us:.0f} | {one.database_us:.0f} | {one.p50:.2f} |"
        for name, one in found.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
