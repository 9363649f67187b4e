"""Linters on the committed schema, and what changed in it since the last release."""

import re
from collections.abc import Iterator

from tests.diptych.server_on_trial import ROOT
from tests.judges.graphql.tools import HERE, SCHEMA, amount, node_tool, node_version
from tests.judges.stage import Stage, ran
from tests.judges.verdicts import Verdict, timed

RELEASED = HERE.parent / "released" / "schema.graphql"
_AMONG_NODES = "Relay's store knows a row by its `id` alone; what is no node calls it `rowId`."
_ONE_ENUM = "The same value is of this enum everywhere else."
_TEXTS = "It was a list of texts all along, which typed clients could not know."
ACCEPTED = {
    r"Field id was removed from object type \w+": _AMONG_NODES,
    r"Field (AllWorkspacesWorkspaces\.tier|ViewerToken\.kind|ViewerUser\.role) changed type .*": _ONE_ENUM,
    r"(Field|Input field) Token\w*\.scopes changed type from JSON!? to \[String!\]!?": _TEXTS,
}
"""What is allowed to break those who wrote for the last release, as inspector says it, and why."""

_MATTER = "`docs/schema.graphql`"


def written(stage: Stage) -> Iterator[Verdict]:
    """Let the linters read the committed schema, and compare it with the last release's."""
    yield _eslint()
    yield _schema_linter()
    yield _since_release()


def _eslint() -> Verdict:
    told = node_version("@graphql-eslint/eslint-plugin")
    name = "graphql-eslint (schema-recommended, schema-relay)"
    with timed(Verdict(name, told, _MATTER, amount())) as verdict:
        config = HERE.relative_to(ROOT) / "eslint.config.mjs"
        options = ("--config", config, "--format", "json", SCHEMA.relative_to(ROOT))
        (found,) = ran([node_tool("eslint"), *options], ROOT).json()
        verdict.findings = [
            f"{each['ruleId']} in line {each['line']}: {each['message']}" for each in found["messages"]
        ]
    return verdict


def _schema_linter() -> Verdict:
    told = node_version("graphql-schema-linter")
    with timed(Verdict("graphql-schema-linter (all rules)", told, _MATTER, amount())) as verdict:
        done = ran([node_tool("graphql-schema-linter"), "--format", "json", SCHEMA], HERE)
        verdict.findings = [f"{each['rule']}: {each['message']}" for each in done.json()["errors"]]
    return verdict


def _since_release() -> Verdict:
    told = node_version("@graphql-inspector/cli")
    with timed(Verdict("graphql-inspector diff", told, f"{_MATTER} after the last release's")) as verdict:
        done = ran([node_tool("graphql-inspector"), "diff", RELEASED, SCHEMA], HERE)
        lines = [line.partition("] ")[2] or line for line in done.out.splitlines()]
        breaking = [line.removeprefix("✖").strip() for line in lines if line.startswith("✖")]
        verdict.findings = [each for each in breaking if not any(re.fullmatch(one, each) for one in ACCEPTED)]
        changes = [line for line in lines if line.startswith(("✖", "⚠", "✔"))]
        verdict.amount = f"{len(changes)} changes"
        dangerous = sum(line.startswith("⚠") for line in changes)
        verdict.seen = (
            f"{dangerous} of them dangerous, {len(breaking)} breaking for a reason that is written down"
        )
        if done.code and not breaking:
            verdict.findings.append(done.out + done.err)
    return verdict
