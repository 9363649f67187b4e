"""Imports write good rows, tell what is wrong with the others, and can be stopped anywhere."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services import gtin
from services.importing import ImportRefused, Order, run
from services.importing.run import BATCH

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(database: str) -> str:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a'), ('B', 'b')")
    return database


def order(folder: Path, text: str | bytes, resource: str = "products", **options: Any) -> Order:
    path = folder / "rows"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Order("a", resource, path, folder / "errors", **options)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def count(url: str, table: str = "products") -> int:
    return int(rows(url, f"SELECT count(*) FROM {table}")[0][0])


def errors(folder: Path) -> list[tuple[int, str, str, str]]:
    path = folder / "errors"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(each["line"], each["field"], each["code"], each["value"]) for each in found]


def number(serial: int) -> str:
    digits = f"041{serial:09d}"
    return digits + gtin.check_digit(digits)


def test_good_rows_are_written_with_defaults_slugs_and_the_rest(url: str, tmp_path: Path) -> None:
    text = "gtin,title,price_cents,currency,sugar,note\n4006381333931, Müsli ,249,EUR,1.5,x\n,Oats,,,,\n"

    report = run(url, order(tmp_path, text, columns={"title": "name"}, rest="metadata"))

    assert (report.good, report.rejected, report.read) == (2, 0, report.size)
    query = (
        "SELECT gtin, name, slug, price_cents, currency, metadata, status, quantity, version FROM products"
    )
    first, second = rows(url, f"{query} ORDER BY gtin")
    assert first == (
        "04006381333931",
        "Müsli",
        "musli-04006381333931",
        249,
        "EUR",
        {"sugar": 1.5, "note": "x"},
        "draft",
        0,
        1,
    )
    assert second[:2] == (None, "Oats")
    assert second[2].startswith("oats-")
    assert second[3:] == (None, None, {}, "draft", 0, 1)
    assert not (tmp_path / "errors").exists()


def test_ndjson_takes_typed_values_and_members_that_the_first_object_lacks(url: str, tmp_path: Path) -> None:
    lines = [
        '{"name": "A", "price_cents": 5, "currency": "EUR"}',
        '{"name": "B", "metadata": {"a": [1]}}',
        '{"name": "C", "price_cents": "5"}',
        '{"name": "D", "colour": "red"}',
    ]

    report = run(url, order(tmp_path, "\n".join(lines)))

    assert (report.good, report.rejected) == (2, 2)
    assert rows(url, "SELECT name, price_cents, metadata FROM products ORDER BY name") == [
        ("A", 5, {}),
        ("B", None, {"a": [1]}),
    ]
    assert errors(tmp_path) == [
        (3, "price_cents", "not_an_integer", "5"),
        (4, "colour", "unknown_field", "red"),
    ]


def test_every_fault_of_a_bad_row_is_told_and_the_others_are_written(url: str, tmp_path: Path) -> None:
    text = (
        b"gtin,name,quantity,brand_id\n1,,x,\n4006381333931,A,1,\n4006381333931,B,2,\n,C,3,"
        b"7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20\n,D\xff,4,\n,E,5,\n"
    )

    report = run(url, order(tmp_path, text))

    assert (report.good, report.rejected) == (2, 4)
    assert rows(url, "SELECT name, quantity FROM products ORDER BY name") == [("A", 1), ("E", 5)]
    assert errors(tmp_path) == [
        (2, "gtin", "invalid_format", "1"),
        (2, "quantity", "not_a_number", "x"),
        (2, "name", "cant_be_blank", ""),
        (4, "gtin", "already_taken", "04006381333931"),
        (5, "brand_id", "not_found", "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"),
        (6, "", "invalid_format", ""),
    ]


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ("products", "gtin,name\n4006381333931,A\n,No key\n"),
        ("customers", "name,email\nAda,ada@example.com\nAda,ada@example.com\n"),
        ("categories", "name,slug\nA,a\nB,\n"),
    ],
)
def test_importing_a_file_again_duplicates_nothing(
    url: str, tmp_path: Path, resource: str, text: str
) -> None:
    given = order(tmp_path, text, resource)
    assert run(url, given).good == 2
    before = rows(url, f"SELECT * FROM {resource} ORDER BY id")

    report = run(url, given)

    assert (report.good, report.rejected) == (0, 2)
    assert {code for _, _, code, _ in errors(tmp_path)} == {"already_taken"}
    assert rows(url, f"SELECT * FROM {resource} ORDER BY id") == before


def test_a_deleted_row_may_be_imported_again(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, "gtin,name\n4006381333931,A\n")
    run(url, given)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE products SET deleted_at = now()")

    assert run(url, given).good == 1
    assert count(url) == 2


def test_workspaces_do_not_see_each_other(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, "gtin,name,slug\n4006381333931,A,a\n")
    run(url, given)

    assert run(url, replace(given, workspace="b")).good == 1
    assert rows(
        url, "SELECT w.slug, p.slug FROM products p JOIN workspaces w ON w.id = workspace_id ORDER BY 1"
    ) == [
        ("a", "a"),
        ("b", "a"),
    ]


@pytest.mark.parametrize(
    ("resource", "text", "options", "said"),
    [
        ("products", "name,colour\nA,red\n", {}, "The column 'colour' goes nowhere."),
        ("products", "sku\nA\n", {}, "Rows of products need 'name', and no column goes there"),
        ("products", "name,x\nA,1\n", {"rest": "name"}, "--rest needs a field that holds a map"),
        ("order_items", "quantity\n1\n", {}, "There is no resource 'order_items' to import into;"),
        (
            "workspaces",
            "name\nA\n",
            {},
            "There is no resource 'workspaces' to import into; there are"
            " brands, categories, products, customers, orders.",
        ),
        ("tokens", "name\nA\n", {}, "There is no resource 'tokens' to import into; there are brands,"),
        ("audit_logs", "action\nA\n", {}, "There is no resource 'audit_logs' to import into;"),
        ("trusted_operations", "text\nA\n", {}, "There is no resource 'trusted_operations' to import"),
        ("orders", "number,currency\n1,EUR\n", {}, "A file of retail orders has the columns InvoiceNo,"),
        ("products", "name\nA\n", {"workspace": "c"}, "There is no workspace 'c'; make one with `diptych"),
    ],
)
def test_what_cannot_be_imported_is_refused_before_anything_is_written(
    url: str, tmp_path: Path, resource: str, text: str, options: dict[str, Any], said: str
) -> None:
    given = replace(order(tmp_path, text, resource), **options)

    with pytest.raises(ImportRefused) as refusal:
        run(url, given)

    assert str(refusal.value).startswith(said)
    assert count(url) + count(url, "orders") + count(url, "order_items") + count(url, "imports") == 0
    assert not given.errors_path.exists()


def test_a_row_that_only_the_database_refuses_is_found_among_its_batch(url: str, tmp_path: Path) -> None:
    # A text search vector holds at most one MiB, however long the text that it is made from may be.
    vast = " ".join(f"w{serial:07d}" for serial in range(120_000))
    lines = [
        json.dumps({"name": f"P{serial}", "description": vast if serial == 7 else ""}) for serial in range(20)
    ]

    report = run(url, order(tmp_path, "\n".join(lines)))

    assert (report.good, report.rejected) == (19, 1)
    assert [(line, code) for line, _, code, _ in errors(tmp_path)] == [(8, "invalid_format")]
    assert count(url) == 19


def many(total: int) -> str:
    """Rows of which every tenth has no name."""
    lines = [f"{number(serial)},{'' if serial % 10 == 3 else f'P{serial}'}" for serial in range(total)]
    return "gtin,name\n" + "\n".join(lines) + "\n"


def test_an_import_goes_on_exactly_once_however_often_it_is_killed(url: str, tmp_path: Path) -> None:
    total = 4 * BATCH + 10
    given = order(tmp_path, many(total))
    script = (
        "import sys; from pathlib import Path; from services.importing import Order, run\n"
        "order = Order('a', 'products', Path(sys.argv[2]), Path(sys.argv[3]), resume=True)\n"
        "run(sys.argv[1], order, lambda report: print(report.good + report.rejected, flush=True))\n"
    )
    command = [sys.executable, "-c", script, url, str(given.path), str(given.errors_path)]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        # What a batch wrote to the error file before it was lost must not stay there.
        with given.errors_path.open("ab") as file:
            file.write(b'{"line": 1, "field": "lost", "code": "lost", "value": ""}\n{"li')

    report = run(url, replace(given, resume=True))

    assert (report.good, report.rejected) == (total - total // 10, total // 10)
    assert count(url) == total - total // 10
    assert [line for line, *_ in errors(tmp_path)] == [
        serial + 2 for serial in range(total) if serial % 10 == 3
    ]


def test_resuming_a_finished_import_only_tells_its_totals(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, many(20))
    first = run(url, given)

    again = run(url, replace(given, resume=True))

    assert (again.good, again.rejected, again.handled) == (18, 2, 0)
    assert (first.good, first.rejected, first.handled) == (18, 2, 20)
    assert len(errors(tmp_path)) == 2


def test_resuming_with_other_options_is_refused(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, many(20))
    run(url, given)

    with pytest.raises(ImportRefused, match="was begun with other options"):
        run(url, replace(given, resume=True, columns={"gtin": ""}))


def test_two_imports_of_one_file_at_once_write_each_row_once(url: str, tmp_path: Path) -> None:
    total = 2 * BATCH
    given = order(tmp_path, many(total))
    both = [replace(given, errors_path=tmp_path / name) for name in ("one", "two")]

    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(run, url, each) for each in both]

    assert any(outcome.exception() is None for outcome in outcomes)
    assert all(isinstance(outcome.exception(), ImportRefused | None) for outcome in outcomes)
    assert count(url) == total - total // 10


def test_progress_is_told_after_every_batch(url: str, tmp_path: Path) -> None:
    seen = []

    run(url, order(tmp_path, many(2 * BATCH + 1)), seen.append)

    assert [report.good + report.rejected for report in seen] == [BATCH, 2 * BATCH, 2 * BATCH + 1]
    assert seen[-1].read == seen[-1].size
