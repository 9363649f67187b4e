"""What the documentation names exists, and what exists is documented."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from diptych.cli import main
from services.engine.errors import CATALOGUE
from tests.contracts.code import PRODUCT, ROOT
from tests.contracts.documented import (
    GUIDE,
    WRITING,
    code_rows,
    counted,
    difference,
    procedure_rows,
    resource_rows,
    setting_rows,
)

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAME = re.compile(rf"`((?:{'|'.join(PRODUCT)})(?:\.\w+)+)`")
PLACE = re.compile(r"`((?:diptych|rest|schema|services|db|tests|docs)/[\w./-]*)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
GENERATED = {"docs/benchmarks.md", "resources/index.md"}


def test_every_setting_is_in_the_readme() -> None:
    rows = list(setting_rows())

    assert [line for line in README.splitlines() if line.startswith("| `DIPTYCH_")] == rows


def test_every_resource_is_in_the_readme() -> None:
    rows = list(resource_rows())
    first = README.index("| Resource |")
    table = README[first:].split("\n\n")[0].splitlines()[2:]

    assert table == rows


def test_every_procedure_is_in_the_readme() -> None:
    first = README.index("| Procedure |")
    table = README[first:].split("\n\n")[0].splitlines()[2:]

    assert table == list(procedure_rows())


def test_every_code_of_a_field_error_is_in_the_guide() -> None:
    page = WRITING.read_text()
    first = page.index("| Code |")

    assert page[first:].split("\n\n")[0].splitlines()[2:] == list(code_rows())


def test_the_committed_graphql_schema_is_the_one_served() -> None:
    """`make contracts` writes it anew."""
    assert (ROOT / "docs" / "schema.graphql").read_text() == CliRunner().invoke(main, ["sdl"]).stdout


def test_every_command_is_documented() -> None:
    pages = "".join(page.read_text() for page in PAGES)

    assert [name for name in main.commands if f"diptych {name}" not in pages] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_code_lead_to_code(page: Path) -> None:
    for name in NAME.findall(page.read_text()):
        _resolve(name)


def test_the_architecture_names_its_functions() -> None:
    assert len(NAME.findall((ROOT / "docs" / "architecture.md").read_text())) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_places_and_links_exist(page: Path) -> None:
    text = page.read_text()

    gone = [place for place in PLACE.findall(text) if not (ROOT / place).exists()]
    gone += [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert set(gone) - GENERATED == set()


def test_decisions_have_four_headings() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [path.name[:4] for path in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        headings = [line[3:] for line in path.read_text().splitlines() if line.startswith("## ")]
        assert headings == ["Context", "Decision", "Consequences", "Revisit when"], path.name


def test_the_error_catalogue_is_drawn_whole() -> None:
    module = sys.modules["services.engine.errors"]
    drawn = re.findall(r"^[├└]── (\d+) ([\w-]+) ", module.__doc__ or "", re.M)

    assert drawn == [(str(kind.status), kind.slug) for kind in CATALOGUE.values()]


def test_the_difference_that_adds_a_resource_is_the_one_shown() -> None:
    """`make contracts` writes it anew."""
    page = GUIDE.read_text()

    assert f"```diff\n{difference()}```" in page
    assert counted(difference()) in page


def test_without_the_difference_there_is_a_sound_server_without_that_resource(tmp_path: Path) -> None:
    for name in PRODUCT:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))

    undo = ["git", "apply", "--reverse", "--unsafe-paths", "--directory", str(tmp_path), "-"]
    subprocess.run(undo, cwd=tmp_path, input=difference(), text=True, check=True)
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert told.stdout == "12 sound, brands in none of them\n", told.stderr


WITHOUT = """
from pathlib import Path
import services
from services.catalog import CATALOG
from services.engine.verify import verify
from schema.build import build
from rest.router import Rest
verify(CATALOG)
assert Path(services.__file__).is_relative_to(Path.cwd())
assert all("brand" not in name for resource in CATALOG for name in (resource.name, *resource.all_fields))
assert Rest(CATALOG, None, None).route(("brands",)) is None
assert "Brand" not in build(CATALOG).strawberry.as_str()
print(len(CATALOG.resources), "sound, brands in none of them")
"""


def _resolve(name: str) -> object:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"there is no {name}")
