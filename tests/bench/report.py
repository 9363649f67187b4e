"""The tables: ratios against the goals, and below them every figure."""

# ruff: noqa: RUF001 - the tables are for people, who read a multiplication sign and a dash.

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from pathlib import Path

import psutil
import psycopg

from tests.bench import load, meter, works
from tests.bench.measuring import Figures, Results
from tests.bench.works import BULK_GOAL, GOALS, MEMORY_GOAL_MIB, REST_TWIN, SUBJECTS, SURFACE_GOAL, Work

HERE = Path(__file__).resolve().parent
OURS, BASELINE, POSTGRAPHILE, ECHO = "diptych", "baseline", "postgraphile", "echo"
NONE = "–"
MARK = "<!-- not run: measured by make bench -->"
PACKAGES = (
    "fastapi",
    "starlette",
    "strawberry-graphql",
    "sqlalchemy",
    "pydantic",
    "psycopg",
    "uvicorn",
    "uvloop",
)


def ratio_table(results: Results) -> str:
    """Return the one table of ratios and peak memory, as Markdown."""
    head = (
        "work",
        "diptych µs",
        "baseline µs",
        "baseline ÷ diptych",
        "PostGraphile µs",
        "PostGraphile ÷ diptych",
        "GraphQL ÷ REST",
        "PostgreSQL core busy",
    )
    rows = [_ratio_row(work, results) for work in Work if work in results.figures]
    return _table(head, [*rows, _memory_row(results)])


def _ratio_row(work: Work, results: Results) -> tuple[str, ...]:
    ours, baseline = _figures(results, work, OURS), _figures(results, work, BASELINE)
    peer = _figures(results, _graphql_of(work), POSTGRAPHILE)
    goal = GOALS[work]
    twin = _figures(results, REST_TWIN[work], OURS) if work in REST_TWIN else None
    return (
        f"{work} {SUBJECTS[work]}{', GraphQL' if works.is_graphql(work) else ''}",
        _cost(ours),
        _cost(baseline),
        _at_least(_ratio(baseline, ours), goal.baseline),
        _cost(peer),
        _at_least(_ratio(peer, ours), goal.postgraphile),
        _at_most(_ratio(ours, twin), SURFACE_GOAL),
        _share(ours.busy, goal.busy) if ours else NONE,
    )


def _memory_row(results: Results) -> tuple[str, ...]:
    ours, baseline, peer = (results.memory_mib.get(name) for name in (OURS, BASELINE, POSTGRAPHILE))
    met = f" (≤{MEMORY_GOAL_MIB}: {_met(ours <= MEMORY_GOAL_MIB)})" if ours else ""
    return (
        "peak memory, MiB",
        f"{ours:.0f}{met}" if ours else NONE,
        f"{baseline:.0f}" if baseline else NONE,
        f"{baseline / ours:.1f}×" if baseline and ours else NONE,
        f"{peer:.0f}" if peer else NONE,
        f"{peer / ours:.1f}×" if peer and ours else NONE,
        NONE,
        NONE,
    )


def bulk_line(results: Results) -> str:
    """Return the sentence that compares a row created in bulk with one that has its own request."""
    single, bulk = _figures(results, Work.W5, OURS), _figures(results, Work.W6, OURS)
    if not single or not bulk:
        return "Bulk creation was not compared with single creation."
    rows = works.ROWS_WRITTEN[Work.W6]
    ratio = single.server_us * rows / bulk.server_us
    return (
        f"A product created among {rows} in one request costs the server {bulk.server_us / rows:.1f} µs, "
        f"alone in its request {single.server_us:.0f} µs: {_at_least(ratio, BULK_GOAL)}. PostgreSQL spends "
        f"{bulk.database_us / rows:.0f} and {single.database_us:.0f} µs on it."
    )


def detail_table(results: Results) -> str:
    """Return every median, per work and target, as Markdown."""
    head = (
        "work",
        "target",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "server µs",
        "its spread",
        "PostgreSQL µs",
        "PostgreSQL core busy",
        "of PostgreSQL's limit",
        "body bytes",
    )
    rows = []
    for work, found in results.figures.items():
        rows += [_detail_row(work, name, figures, results) for name, figures in found.items()]
        if work in results.limits:
            rate = results.limits[work]
            rows.append((work, "pgbench, bare statement", f"{rate:.0f}", *[NONE] * 6, "100%", NONE))
    return _table(head, rows)


def _detail_row(work: Work, name: str, figures: Figures, results: Results) -> tuple[str, ...]:
    limit = results.limits.get(REST_TWIN.get(work, work))
    silent = name == ECHO
    return (
        work,
        name,
        f"{figures.rate:.0f}",
        f"{figures.p50:.1f}",
        f"{figures.p99:.1f}",
        _cost(figures),
        f"{figures.spread:.0%}",
        NONE if silent else f"{figures.database_us:.0f}",
        NONE if silent else f"{figures.busy:.0%}",
        NONE if silent or not limit else f"{figures.rate / limit:.0%}",
        str(results.body_bytes.get(work, {}).get(name, NONE)),
    )


def document(results: Results, command: str, dsn: str, rows: str, requests: dict[Work, str]) -> str:
    """Return the whole of docs/benchmarks.md."""
    return f"""# Benchmarks

Written by `{command}` on {datetime.datetime.now(datetime.UTC).date()}; no number here is typed by hand.

{_machine()}, {_versions(dsn)}.

Every target is one server process on a core of its own; PostgreSQL and the load generator
({load.generator()}, {load.CONNECTIONS} connections, closed loop) share the other. The same rows serve all:
{rows}.
Before timing, the answers of all targets to each work were reduced to one form and found equal.
Diptych runs with everything switched on (a real token per workspace, scopes, request id, security headers,
ETags, limiter); the others check nothing and are told the workspace by the client. Diptych's writes carry a
fresh idempotency key each and also store an event, an audit row and the record of the key; the others write
the product alone, the baseline as FastAPI's guide does: add, commit, refresh. After every slice of writes the
rows are counted against the answers, then removed. The µs are medians of server processor time per request,
over interleaved rounds, warm; they are what the ratios compare. Peak memory is the largest proportional set
size of the server process and its children after any slice.

## Ratios

{ratio_table(results)}

{bulk_line(results)}

The number in parentheses is the goal. W2 and W5 are compared with PostGraphile's answers to G2 and G5, as it
has no REST. “PostgreSQL core busy” is requests per second times PostgreSQL's processor time per request.

## Every figure

{detail_table(results)}

`echo` is uvicorn answering a constant body of the same size: the server's own limit. `pgbench` runs the bare
JSON statement on eight connections: the database's limit. The spread is the distance between the dearest and
the cheapest round, over the median. Requests per second and latencies depend on what else the machine does.

## What is compared

Every work reads the full representation, every field below, on every target; creating sends every field that
can be written, the category and the brand among them.

- product: {", ".join(works.PRODUCT)}
- order: {", ".join(works.ORDER)}
- order item: {", ".join(works.ORDER_ITEM)}
- customer: {", ".join(works.CUSTOMER)}

Diptych's REST answers also carry links, and included rows once each; the baseline nests them. One of the
requests of each work, as Diptych is sent it (each `<<…>>` is filled with a fresh number):

{_examples(requests)}
"""


def _examples(requests: dict[Work, str]) -> str:
    return "\n\n".join(f"{work}\n{MARK}\n```\n{request}\n```" for work, request in requests.items())


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    pinned = "pinned" if meter.can_pin() else "not pinned: this system cannot keep a process on a core"
    cores = f"{psutil.cpu_count()} cores ({pinned})"
    return f"{platform.system()} on {platform.machine()}, {cores}, {memory:.0f} GiB"


def _versions(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        engine = connection.info.parameter_status("server_version")
    found = [f"Python {platform.python_version()}", f"PostgreSQL {engine}"]
    found += [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return ", ".join([*found, *_node_versions()])


def _node_versions() -> Iterable[str]:
    pinned = json.loads((HERE / "postgraphile" / "package.json").read_text())["dependencies"]
    return (f"{name} {pinned[name]}" for name in ("postgraphile", "node"))


def _graphql_of(work: Work) -> Work:
    # W1 and W3 have no goal against PostGraphile: only these are held to their GraphQL wording.
    return {Work.W2: Work.G2, Work.W5: Work.G5}.get(work, work)


def _figures(results: Results, work: Work, name: str) -> Figures | None:
    return results.figures.get(work, {}).get(name)


def _ratio(left: Figures | None, right: Figures | None) -> float | None:
    return left.server_us / right.server_us if left and right else None


def _cost(figures: Figures | None) -> str:
    return f"{figures.server_us:.0f}" if figures else NONE


def _at_least(ratio: float | None, goal: float | None) -> str:
    if ratio is None:
        return NONE
    return f"{ratio:.1f}×" + (f" (≥{goal:g}: {_met(ratio >= goal)})" if goal else "")


def _at_most(ratio: float | None, goal: float) -> str:
    return NONE if ratio is None else f"{ratio:.2f}× (≤{goal:g}: {_met(ratio <= goal)})"


def _share(share: float, goal: float | None) -> str:
    return f"{share:.0%}" + (f" (≥{goal:.0%}: {_met(share >= goal)})" if goal else "")


def _met(met: bool) -> str:
    return "met" if met else "**not met**"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
