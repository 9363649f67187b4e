"""Imports run one way, and the packages' names belong to this project alone."""

import ast
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.contracts.code import PRODUCT, ROOT, modules

LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def contracts_of(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True)


def test_the_import_contracts_hold() -> None:
    found = contracts_of(ROOT)

    assert found.returncode == 0, found.stdout
    assert "4 kept, 0 broken" in found.stdout


def test_the_import_contracts_would_notice_a_breach(tmp_path: Path) -> None:
    for name in PRODUCT:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for place, line in (
        ("rest/compat.py", "import schema.names"),
        ("schema/names.py", "import sqlalchemy"),
        ("services/gtin.py", "import fastapi"),
        ("diptych/headers.py", "import psycopg"),
    ):
        with (tmp_path / place).open("a") as file:
            file.write(f"\n{line}\n")

    found = contracts_of(tmp_path)

    assert found.returncode == 1
    assert "0 kept, 4 broken" in found.stdout


def test_no_other_distribution_brings_packages_of_our_names() -> None:
    found = packages_distributions()

    assert {owner for name in PRODUCT for owner in found.get(name, ())} == {"diptych"}


def test_the_engine_knows_no_resource() -> None:
    resources = {path.stem for path in (ROOT / "db" / "models").glob("*.py")} - {"__init__", "columns"}
    forbidden = {f"services.{name}" for name in resources} | {"services.catalog"}

    found = {
        (str(module), name)
        for module in modules("services/engine")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [item.name for item in node.names]
        )
    }

    assert len(found) > 50
    assert [each for each in found if each[1] in forbidden] == []
