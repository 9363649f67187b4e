"""`diptych import` prints the totals and tells by its exit code whether any row was good."""

from pathlib import Path

import psycopg
import pytest

from diptych.importing import parse_map, run_import
from services.importing import ImportRefused


@pytest.fixture
def url(database: str) -> str:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a')")
    return database


def test_totals_are_printed_and_errors_lie_beside_the_file(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "products.csv"
    path.write_text("code,title,x\n4006381333931,A,1\n1,B,2\n")

    code = run_import(
        url, workspace="a", resource="products", path=path, columns=["code=gtin,title=name", "x="]
    )

    assert code == 0
    errors = tmp_path / "products.csv.errors.ndjson"
    assert (
        capsys.readouterr().out == f"1 rows imported, 1 rejected. What was wrong with each is in {errors}.\n"
    )
    assert len(errors.read_text().splitlines()) == 1


def test_an_import_without_a_good_row_fails(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "products.csv"
    path.write_text("gtin,name\n1,B\n")

    assert run_import(url, workspace="a", resource="products", path=path) == 1
    assert capsys.readouterr().out.startswith("0 rows imported, 1 rejected.")


def test_a_refused_import_fails_with_its_sentence_on_the_error_stream(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "products.csv"
    path.write_text("name,colour\nA,red\n")

    assert run_import(url, workspace="a", resource="products", path=path) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "diptych import: The column 'colour' goes nowhere." in shown.err


def test_an_unreachable_database_fails_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "products.csv"
    path.write_text("name\nA\n")

    code = run_import(f"host={tmp_path} dbname=absent", workspace="a", resource="products", path=path)

    assert code == 1
    assert "diptych import: The database ended the work: " in capsys.readouterr().err


@pytest.mark.parametrize("given", ["gtin", "=gtin", "a=b,c"])
def test_a_map_without_pairs_is_refused(given: str) -> None:
    with pytest.raises(ImportRefused, match="--map takes column=field pairs"):
        parse_map([given])


def test_a_map_may_name_columns_that_hold_an_equals_sign() -> None:
    assert parse_map(["a=b=name, c = sku", "d="]) == {"a=b": "name", "c": "sku", "d": ""}
