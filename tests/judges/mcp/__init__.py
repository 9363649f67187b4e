"""Other people's tools on the MCP surface: the inspector, and the suite of conformance."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.judges.mcp.proxy import adding
from tests.judges.stage import House, Ran, Stage, ran
from tests.judges.verdicts import Verdict, timed

HERE = Path(__file__).parent
TOOLS = HERE / "node_modules" / ".bin"

SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-polling",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
)
"""Those of the suite's that any server can meet; the others call tools that the suite itself names."""

ABOUT_STREAMS = ("server-sse-polling", "server-sse-multiple-streams")
"""They warn once each of a server without sessions and streams, as the revision of 2026 wants it."""

READ_ONLY = ("listBrands", "listOrders", "whoami", "entitlementSummary", "searchProducts")
"""Tools that the inspector calls, without arguments."""

_PASSED = re.compile(r"Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings")
_WARNED = re.compile(r"(\d+) errors?, (\d+) warnings?")
_UNAUTHORISED = 3


def _version(package: str) -> str:
    text = (HERE / "node_modules" / "@modelcontextprotocol" / package / "package.json").read_text()
    return str(json.loads(text)["version"])


def _ran(tool: str, *words: str) -> Ran:
    # Beside the tools there is a Node.js that is new enough for them, where one could be installed.
    path = os.pathsep.join((str(TOOLS), os.environ["PATH"]))
    return ran([TOOLS / tool, *words], HERE, 120, PATH=path)


def inspector(stage: Stage) -> Iterator[Verdict]:
    """List everything, hold every schema against the inspector's rules, and call some tools."""
    with stage.house("--demo") as house:
        verdict = Verdict("MCP inspector", _version("inspector"), "MCP: schemas, lists and calls")
        with timed(verdict):
            _inspect(house, verdict)
    yield verdict


def _inspect(house: House, verdict: Verdict) -> None:
    def asked(method: str, *words: str, token: str | None = house.server.announced("Token")) -> Ran:
        header = () if token is None else ("--header", f"Authorization: Bearer {token}")
        place = (f"{house.base}/mcp", "--transport", "http", "--method", method)
        return _ran("mcp-inspector", "--cli", *place, *words, *header)

    listed = asked("tools/list", "--strict")
    tools = listed.json()["tools"] if listed.code == 0 else []
    verdict.findings += [] if tools else [f"tools/list --strict ends with {listed.code}: {listed.err[-300:]}"]
    for errors, warnings in _WARNED.findall(listed.err):
        verdict.findings += [f"{errors} errors and {warnings} warnings on schemas"]
    counts = {"tools": len(tools)}
    for method, name in (
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("prompts/list", "prompts"),
    ):
        found = asked(method)
        counts[name] = len(found.json()[name]) if found.code == 0 else 0
        verdict.findings += [] if counts[name] else [f"{method} ends with {found.code}: {found.err[-300:]}"]
    for name in READ_ONLY:
        found = asked("tools/call", "--tool-name", name)
        if found.code != 0 or found.json().get("isError"):
            verdict.findings.append(f"{name} ends with {found.code}: {found.out[-300:]}")
    refused = asked("tools/list", token=None)
    if refused.code != _UNAUTHORISED:
        verdict.findings.append(f"Without a token it ends with {refused.code} instead of {_UNAUTHORISED}.")
    verdict.amount = ", ".join(f"{count} {name}" for name, count in counts.items())


def conformance(stage: Stage) -> Iterator[Verdict]:
    """Run the scenarios of the conformance suite that any server can meet."""
    verdict = Verdict("MCP conformance", _version("conformance"), "MCP: the protocol itself")
    passed = warnings = 0
    with stage.house() as house, adding(house.tokens["own"], house.base) as base, timed(verdict):
        for scenario in SCENARIOS:
            found = _ran("conformance", "server", "--url", f"{base}/mcp", "--scenario", scenario)
            ends = _PASSED.findall(found.out + found.err)
            right, of, failed, warned = map(int, ends[-1]) if ends else (0, 1, 1, 0)
            passed, warnings = passed + right, warnings + warned
            if found.code != 0 or right < of or failed or warned > (scenario in ABOUT_STREAMS):
                verdict.findings.append(f"{scenario} ends with {found.code}: {found.out[-300:]}")
    verdict.seen = f"{warnings} warnings: there are no sessions and no streams" if warnings else ""
    verdict.amount = f"{len(SCENARIOS)} scenarios, {passed} checks passed"
    yield verdict


JUDGES = (inspector, conformance)
