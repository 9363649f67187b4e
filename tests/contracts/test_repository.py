"""What is committed works on any machine: no addresses of package indexes, no paths, no secrets."""

import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.contracts.code import ROOT

ELSEWHERE = {
    "an address of a package index": re.compile(
        r"https?://[\w.:@-]*(?:pypi|registry\.npmjs|/simple\b)|(?:index-url|find-links|trusted-host)\s*=",
        re.I,
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:root|home|work|Users)/[a-z]"),
    "a secret": re.compile(r"dip_(?:prod|dev|test)_[0-9a-f]{80,}|-----BEGIN [A-Z ]*PRIVATE KEY"),
}
TARGETS = re.compile(r"^([a-z-]+):.*?(?:## (.*))?$", re.M)


def committed() -> dict[str, str]:
    # A checkout may belong to another account than the one that tests it.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            texts[name] = path.read_text(errors="replace")
    return texts


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_no_committed_file_holds(kind: str) -> None:
    texts = committed()

    assert len(texts) > 100
    assert {name: found[0] for name, text in texts.items() if (found := ELSEWHERE[kind].search(text))} == {}


def test_the_patterns_find_what_they_look_for() -> None:
    found = {
        "an address of a package index": "see https:" + "//pypi.org/simple",
        "a path of one machine": "cd /" + "home/anna",
        "a secret": "dip_dev_" + "0" * 88,
    }

    for kind, text in found.items():
        assert ELSEWHERE[kind].search(text)


def test_every_requirement_is_pinned_without_an_address() -> None:
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        requirement = Requirement(line)
        assert requirement.url is None
        assert [each.operator for each in requirement.specifier] == ["=="]
        pinned[requirement.name] = next(iter(requirement.specifier)).version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
        *project["build-system"]["requires"],
        "uv",
    ]

    for text in asked:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), text


def test_the_makefile_explains_its_few_targets() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = dict(TARGETS.findall(text))
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True)

    assert len(targets) <= 20
    assert {"help", "serve", "test", "check", "bench"} <= set(targets)
    for name, meaning in targets.items():
        assert meaning
        assert f"make {name.ljust(12)} {meaning}" in shown.stdout.splitlines()


def test_continuous_integration_runs_the_documented_command() -> None:
    assert "\nmake test\n" in (ROOT / "README.md").read_text()
    assert "make test;" in (ROOT / ".ci" / "run").read_text()
