"""Clients can be generated from what is served, and work: one is made here, all of them by `make sdks`."""

import ast
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.sdks.rest.clients import SDKS
from tests.sdks.sdk import Step
from tests.sdks.served import served
from tests.sdks.untyped import _in_python, _in_typescript
from tests.sdks.workshop import Workshop

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


def test_a_generated_client_is_typed_and_tells_the_whole_story(tmp_path: Path) -> None:
    """S0-039, C-77."""
    (sdk,) = (each for each in SDKS if each.name == "openapi-python-client")

    with served() as at:
        made = Workshop(sdk, at.documents, at.environment, tmp_path, installed=PROGRAMS).make()

    assert made.failure == ""
    assert made.compiled
    assert made.untyped == []
    assert made.passed == list(Step)
    assert made.lines > 50_000


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "class A:\n  a: Any\n  b: int | None\n  c: list[Any]\n  additional_properties: dict[str, Any]",
            ["a", "c"],
        ),
        ("def sync(*, client: Client, a: object, b: str) -> None: ...", ["a"]),
    ],
)
def test_what_is_untyped_in_python_is_noticed(text: str, names: list[str]) -> None:
    assert list(_in_python(ast.parse(text))) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export interface A {\n  a?: unknown;\n  'b[c]': string;\n  d: Array<any>;\n}", ["a", "d"]),
        ("export interface A {\n  a?: {\n    [key: string]: unknown;\n  };\n}", ["a"]),
        ("export interface A {\n}", ["A"]),
        ("export type A = unknown;\n\nexport type B = string;", ["A"]),
    ],
)
def test_what_is_untyped_in_typescript_is_noticed(text: str, names: list[str]) -> None:
    assert list(_in_typescript(text.splitlines())) == names


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_the_guide_shows_the_command_that_is_run(sdk) -> None:
    guide = re.sub(r"\s*\\\n\s*", " ", (ROOT / "docs" / "guides" / "sdks.md").read_text())

    for command in sdk.generate:
        assert " ".join(command) in guide.splitlines()


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_versions_are_pinned_and_told(sdk) -> None:
    guide = (ROOT / "docs" / "guides" / "sdks.md").read_text()
    pins = "".join(each.read_text() for each in sdk.source.iterdir() if each.name in MANIFESTS)

    (version,) = re.findall(rf'"?{re.escape(sdk.tool)}(?:==|": ")([\d.]+)', pins)
    assert f"{sdk.tool} {version}" in guide
    assert not re.search(r'": "[\^~>*]|[><~]=', pins)


MANIFESTS = ("package.json", "requirements.txt")


def test_every_story_takes_every_step() -> None:
    for sdk in SDKS:
        (story,) = sdk.source.glob("story.*")
        passed = re.findall(r"""["']passed (\w+)["']""", story.read_text())
        assert passed == list(Step), sdk.name
        assert not re.search(r"\bas any\b|\bcast\(|type: ignore|@ts-|\bas unknown\b", story.read_text()), (
            sdk.name
        )


def test_what_is_made_is_left_out_of_the_repository() -> None:
    assert "tests/sdks/.made/" in (ROOT / ".gitignore").read_text().splitlines()
    assert shutil.which("mypy", path=str(PROGRAMS))
