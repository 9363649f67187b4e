"""The contracts of the last release, and whether today's break whoever relies on them."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.judges.stage import DOCS, HERE, Stage, node_tool, node_version, ran, scratch
from tests.judges.verdicts import Verdict, timed

RELEASED = HERE / "released"
CONTRACTS = ("openapi.json", "schema.graphql")
Json = dict[str, Any]


def keep() -> None:
    """Keep today's contracts as those of a release: `python -m tests.judges released`."""
    RELEASED.mkdir(exist_ok=True)
    for name in CONTRACTS:
        shutil.copy(DOCS / name, RELEASED / name)


def compared(stage: Stage) -> Iterator[Verdict]:
    """Let Redocly look for breaks since the release, and for one that is planted."""
    with scratch() as folder:
        yield _since_the_release(folder)
        yield _planted(folder)


def _since_the_release(folder: Path) -> Verdict:
    before = RELEASED / CONTRACTS[0]
    with timed(_verdict("REST against the last release")) as verdict:
        if not before.exists():
            verdict.amount = "there is no release yet"
            return verdict
        found = _breaks(folder, before, DOCS / CONTRACTS[0])
        verdict.amount = f"{found['summary']['major'] + found['summary']['minor']} changes"
        verdict.findings += [_said(each) for each in found["changes"] if each["impact"] == "major"]
    return verdict


def _planted(folder: Path) -> Verdict:
    """Return a verdict with a finding for every planted break that goes unnoticed, and for a false alarm."""
    whole: Json = json.loads((DOCS / CONTRACTS[0]).read_text())
    with timed(_verdict("REST with planted breaks")) as verdict:
        verdict.amount = f"{len(_BREAKS)} breaks, 1 addition"
        for said, plant in _BREAKS.items():
            if not _impact(folder, whole, plant)["major"]:
                verdict.findings.append(f"{said} was not noticed.")
        if _impact(folder, whole, _added)["major"]:
            verdict.findings.append("A new optional member is taken for a break.")
        verdict.seen = "all of the breaks noticed" if not verdict.findings else ""
    return verdict


def _verdict(matter: str) -> Verdict:
    return Verdict("Redocly diff", node_version("@redocly/cli"), matter)


def _impact(folder: Path, whole: Json, change: Callable[[Json], None]) -> dict[str, int]:
    before, after = folder / "before.json", folder / "after.json"
    changed = copy.deepcopy(whole)
    change(changed)
    before.write_text(json.dumps(whole))
    after.write_text(json.dumps(changed))
    found: dict[str, int] = _breaks(folder, before, after)["summary"]
    return found


def _breaks(folder: Path, before: Path, after: Path) -> Json:
    # Redocly would take the configuration of its lint for that of this, were it beside it.
    found: Json = ran([node_tool("redocly"), "diff", before, after, "--format", "json"], folder).json()
    return found


def _said(change: Json) -> str:
    return f"{change['path']}: " + "; ".join(each["message"] for each in change["verdicts"])


def _without_an_operation(whole: Json) -> None:
    del whole["paths"]["/brands/{id}"]["get"]


def _with_a_demand(whole: Json) -> None:
    whole["components"]["schemas"]["BrandCreate"]["required"].append("website")


def _without_a_member(whole: Json) -> None:
    del whole["components"]["schemas"]["Brand"]["properties"]["slug"]


def _without_a_choice(whole: Json) -> None:
    whole["components"]["schemas"]["ProductStatus"]["enum"].remove("draft")


def _with_another_type(whole: Json) -> None:
    whole["components"]["schemas"]["Product"]["properties"]["quantity"]["type"] = "string"


def _added(whole: Json) -> None:
    whole["components"]["schemas"]["BrandCreate"]["properties"]["motto"] = {"type": "string"}


_BREAKS: dict[str, Callable[[Json], None]] = {
    "An operation that is gone": _without_an_operation,
    "A member that is newly demanded": _with_a_demand,
    "A member that is no longer answered": _without_a_member,
    "A choice that is no longer taken": _without_a_choice,
    "A member of another type": _with_another_type,
}

JUDGES = (compared,)
