"""Specmatic on the named examples of the document, each about a row of its own on a live server."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

from tests.judges.schemathesis_hooks import flatten
from tests.judges.seeded import Seeds
from tests.judges.stage import NODE_TOOLS, House, Stage, node_version, ran
from tests.judges.verdicts import Verdict, timed

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
JAR = NODE_TOOLS / "specmatic" / "specmatic.jar"
WITHOUT_EXAMPLES = re.compile(
    r"^/(admin|auth)/|^/mcp/|^/health|^/(agents|schema\.graphql|audit-logs/export|openapi\.json)$"
)
"""Operations that need the session of a person, are not below the base path, or answer other than with JSON.

Of the document itself Specmatic takes the first of many unlike members for the form of all.
"""

_CONFIGURATION = """\
version: 2
contracts:
  - provides: [openapi.json]
security:
  OpenAPI:
    securitySchemes:
      BearerAuth: {{type: bearer, token: {token}}}
"""
_FIXED = ("line_items", "order_id", "text")
_SUMMARY = re.compile(r"Tests run: (\d+), Successes: (\d+), Failures: (\d+)")


def exemplified(stage: Stage) -> Iterator[Verdict]:
    """Let Specmatic run every example that can be about a row of the judge's own."""
    with stage.house() as house:
        folder = house.folder / "specmatic"
        folder.mkdir()
        with timed(Verdict("Specmatic", node_version("specmatic"), "REST: the named examples")) as verdict:
            whole, count = prepared(house)
            (folder / "openapi.json").write_text(json.dumps(whole))
            (folder / "specmatic.yaml").write_text(_CONFIGURATION.format(token=house.tokens["own"]))
            base = f"--testBaseURL={house.base}/api/v1"
            done = ran(["java", "-jar", JAR, "test", "--strict", base], folder, 900)
            _read(verdict, done.out, count)
        yield verdict


def _read(verdict: Verdict, told: str, count: int) -> None:
    found = _SUMMARY.search(told)
    if found is None:
        verdict.findings.append(f"Specmatic did not finish: {told[-3_000:]}")
        return
    run, passed, failed = map(int, found.groups())
    verdict.cases = run
    verdict.amount = f"{run} examples of {count} operations"
    verdict.seen = f"{passed} passed"
    verdict.findings += (
        re.findall(r"^\s*(?:Scenario|In scenario).*FAILED.*$", told, re.M) or ["failed"] * failed
    )


def prepared(house: House) -> tuple[Json, int]:
    """Return a copy of the served document whose examples are about live rows, and how many have some."""
    with urlopen(f"{house.base}/api/v1/openapi.json", timeout=60) as response:
        whole: Json = json.load(response)
    seeds = Seeds(house, whole)
    kept: Json = {}
    count = 0
    for path, item in whole["paths"].items():
        if WITHOUT_EXAMPLES.search(path):
            continue
        for method in METHODS:
            if method in item:
                _exemplify(seeds, whole, path, method, item[method])
                count += 1
        kept[path] = item
    flatten(whole["components"]["schemas"])
    for response in whole["components"]["responses"].values():
        for content in response.get("content", {}).values():
            content.pop("examples", None)
    return {**whole, "paths": kept}, count


def _exemplify(seeds: Seeds, whole: Json, path: str, method: str, operation: Json) -> None:
    """Name values for what an operation needs, under the name of its example."""
    name = operation["operationId"]
    given = {"X-Request-Id": f"example-{name}", **_given(seeds, path, method)}
    operation["parameters"] = [_parameter(whole, each, name, given) for each in operation["parameters"]]
    done = [status for status in operation["responses"] if status.startswith("2")]
    for status in done[1:]:
        del operation["responses"][status]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["examples"] = {name: {"value": _body(seeds, path, method, operation)}}


def _given(seeds: Seeds, path: str, method: str) -> Json:
    plural, _, rest = path[1:].partition("/{id}")
    found: Json = {}
    if "{id}" in path:
        found["id"] = seeds.row(plural, rest[1:])
    if method == "put":
        found["If-Match"] = "*"
    if path == "/entitlements/check":
        found["feature"] = "storage"
    return found


def _parameter(whole: Json, parameter: Json, name: str, given: Json) -> Json:
    if "$ref" in parameter:
        parameter = whole["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    if parameter["name"] not in given:
        return parameter
    return {**parameter, "examples": {name: {"value": given[parameter["name"]]}}}


def _body(seeds: Seeds, path: str, method: str, operation: Json) -> Any:
    sent = seeds.example(operation)
    plural = path[1:].partition("/")[0]
    if path.endswith("/search"):
        return sent
    if "ids" in sent:
        return {"ids": [seeds.row(plural)]}
    if path.endswith("/bulk") and method == "patch":
        return {"items": [{**_changed(seeds, each), "id": seeds.row(plural)} for each in sent["items"][:1]]}
    return _changed(seeds, sent) if method in ("patch", "put") else seeds.fresh(sent)


def _changed(seeds: Seeds, sent: Json) -> Json:
    """Return what is to change of a row, but for what stands in other rows."""
    return {name: value for name, value in seeds.fresh(sent).items() if name not in _FIXED}


JUDGES = (exemplified,)
