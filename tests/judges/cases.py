"""Schemathesis on a live server: requests drawn from its own description, and what comes of them."""

import json
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.judges.stage import HERE, House, ran
from tests.judges.verdicts import Verdict, timed

CONFIGURATION = ("schemathesis.toml", "schemathesis_hooks.py")
_HARMLESS = ("missing_test_data", "validation_mismatch", "missing_auth", "low_valid_rate", "rate_limited")
_MOST_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is asked of one run: which description, in which phases, how often and from which seed.

    `examples` is how many cases each operation gets in a phase that draws; `options` are further ones of
    `st run`, and `settings` environment variables of the hooks.
    """

    location: str
    phases: str
    examples: int
    seed: int
    options: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def drawn(house: House, drawing: Drawing, matter: str, seconds: float = 3_600) -> Verdict:
    """Return what Schemathesis finds of a server."""
    with timed(Verdict("Schemathesis", version("schemathesis"), matter)) as verdict:
        folder = _prepared(house)
        report = folder / "report.json"
        command = [
            *(Path(sys.executable).parent / "st", "--config-file", CONFIGURATION[0], "run"),
            f"{house.base}{drawing.location}",
            *("--phases", drawing.phases, "--max-examples", str(drawing.examples)),
            *("--seed", str(drawing.seed), "--report-json-path", report, *drawing.options),
        ]
        spared = json.dumps(sorted(_own_ids(house)))
        done = ran(command, folder, seconds, DIPTYCH_SPARED=spared, **dict(drawing.settings))
        if not report.exists():
            verdict.findings.append(f"Schemathesis did not finish: {(done.out + done.err)[-2_000:]}")
            return verdict
        _read(verdict, json.loads(report.read_text()), done.out)
    return verdict


def _prepared(house: House) -> Path:
    """Return a folder with the configuration and the tokens of both workspaces."""
    folder = house.folder / "schemathesis"
    folder.mkdir(exist_ok=True)
    for name in CONFIGURATION:
        shutil.copy(HERE / name, folder)
    told = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in house.tokens.items()
    ]
    (folder / "tokens.json").write_text(json.dumps({"auth": told}))
    return folder


def _own_ids(house: House) -> set[str]:
    """Return the ids of the tokens and workspaces that ask."""
    found = set()
    for token in house.tokens.values():
        status, answer = house.server.get("/api/v1/whoami", token)
        assert status == 200, answer
        assert isinstance(answer, dict)
        found |= {answer["data"]["token"]["id"], answer["data"]["workspace"]["id"]}
    return found


def _read(verdict: Verdict, report: dict[str, Any], told: str) -> None:
    cases, operations = report["test_cases"], report["operations"]
    verdict.cases = cases["generated"]
    verdict.amount = f"{cases['generated']:,} cases of {operations['tested']} operations"
    verdict.seen = f"seed {report['seed']}, {report['filtered']:,} refusals that no schema can foresee"
    for kind in report["failures"]:
        said = f"{kind['code']} {kind['title']}"
        verdict.findings += [f"{said}: {operation}" for operation in kind["operations"]]
    verdict.findings += [f"error: {each}" for each in report["errors"]]
    for kind, found in report["warnings"].items():
        if found and kind not in _HARMLESS:
            verdict.findings.append(f"warning {kind}: {found}")
    if verdict.findings:
        _, _, shown = told.partition("= FAILURES =")
        verdict.findings.append(shown[:_MOST_SHOWN])
    elif not report["complete"]:
        verdict.findings.append(f"It ended early: {report['stop_reason']}")
