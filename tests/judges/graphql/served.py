"""Judges that ask a live server: graphql-http's audits, and what introspection tells."""

from collections.abc import Iterator

from graphql import build_schema, lexicographic_sort_schema, print_schema

from tests.judges.graphql.tools import HERE, SCHEMA, amount, node_version
from tests.judges.stage import PYTHON_TOOLS, House, Stage, python_version, ran
from tests.judges.verdicts import Verdict, timed

_ALL = 61
"""How many audits there are; a release of the judge with fewer must not go unnoticed."""


def live(stage: Stage) -> Iterator[Verdict]:
    """Audit a server of its own, and compare what it tells of itself with what is committed."""
    with stage.house() as house:
        yield _audited(house)
        yield _introspected(house)


def _audited(house: House) -> Verdict:
    """Ask for every audit; one that the specification only recommends counts like any other."""
    with timed(Verdict("graphql-http", node_version("graphql-http"), "`/graphql`, live")) as verdict:
        url, token = f"{house.base}/graphql", house.tokens["own"]
        found = ran(["node", "audit.mjs"], HERE, URL=url, TOKEN=token).json()
        passed = [each for each in found if each["status"] == "ok"]
        verdict.amount = f"{len(passed)} of {len(found)} audits"
        verdict.findings = [
            f"{each['id']} {each['name']}: {each['reason']}" for each in found if each not in passed
        ]
        if len(found) != _ALL:
            verdict.findings.append(f"there are {len(found)} audits, not {_ALL}")
    return verdict


def _introspected(house: House) -> Verdict:
    matter = "introspection, live, beside `docs/schema.graphql`"
    with timed(Verdict("gql-cli", python_version("gql"), matter, amount())) as verdict:
        headers = ("--headers", f"Authorization:Bearer {house.tokens['own']}")
        options = ("--schema-download", "specified_by_url:true", "input_value_deprecation:true")
        asked = (f"{house.base}/graphql", "--print-schema", *headers, *options)
        done = ran([PYTHON_TOOLS / "gql-cli", *asked])
        if done.code:
            verdict.findings.append(done.out + done.err)
        elif print_schema(lexicographic_sort_schema(build_schema(done.out))) + "\n" != SCHEMA.read_text():
            verdict.findings.append("what introspection tells is not what is committed")
    return verdict
