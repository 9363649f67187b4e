"""Files with one line per order line become orders, with the customers and products they mention."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.importing import Order, groups, run

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
LINES = """\
1,A1,Red mug,6,1/12/2010 8:26,2.55,17850,United Kingdom
1,B2,,2,1/12/2010 8:26,0.07,17850,United Kingdom
2,B2,Blue mug,1,1/12/2010,10,,France
C3,A1,Red mug,-6,2/12/2010,2.55,17850,United Kingdom
4,X9,,1,31/12/2010 23:59,1.1,12583,France
"""


@pytest.fixture
def url(database: str) -> str:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO workspaces (name, slug) VALUES ('A', 'a')")
    return database


def order(folder: Path, lines: str, **options: Any) -> Order:
    path = folder / "orders.csv"
    path.write_text(HEADER + lines)
    return Order("a", "orders", path, folder / "errors", **options)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def counts(url: str) -> tuple[int, ...]:
    tables = ("orders", "order_items", "customers", "products")
    return tuple(int(rows(url, f"SELECT count(*) FROM {table}")[0][0]) for table in tables)


def errors(folder: Path) -> list[tuple[int, str, str]]:
    path = folder / "errors"
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [(each["line"], each["field"], each["code"]) for each in found]


def test_lines_become_orders_with_exact_totals(url: str, tmp_path: Path) -> None:
    report = run(url, order(tmp_path, LINES))

    assert (report.good, report.rejected) == (5, 0)
    found = rows(
        url,
        "SELECT number, status, o.currency, subtotal_cents, tax_rate, tax_cents, total_cents, placed_at,"
        " c.name, o.metadata FROM orders o LEFT JOIN customers c ON c.id = customer_id ORDER BY number",
    )
    rate = Decimal(0)
    first = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert found == [
        (
            "1",
            "delivered",
            "GBP",
            1544,
            rate,
            0,
            1544,
            first,
            "Customer 17850",
            {"country": "United Kingdom"},
        ),
        (
            "2",
            "delivered",
            "GBP",
            1000,
            rate,
            0,
            1000,
            datetime(2010, 12, 1, tzinfo=UTC),
            None,
            {"country": "France"},
        ),
        (
            "4",
            "delivered",
            "GBP",
            110,
            rate,
            0,
            110,
            datetime(2010, 12, 31, 23, 59, tzinfo=UTC),
            "Customer 12583",
            {"country": "France"},
        ),
        (
            "C3",
            "cancelled",
            "GBP",
            -1530,
            rate,
            0,
            -1530,
            datetime(2010, 12, 2, tzinfo=UTC),
            "Customer 17850",
            {"country": "United Kingdom"},
        ),
    ]


def test_lines_refer_to_products_by_their_stock_code(url: str, tmp_path: Path) -> None:
    run(url, order(tmp_path, LINES))

    found = rows(
        url,
        "SELECT o.number, i.position, i.name, i.quantity, unit_price_cents, line_total_cents, p.sku, p.name"
        " FROM order_items i JOIN orders o ON o.id = order_id JOIN products p ON p.id = product_id"
        " ORDER BY 1, 2",
    )
    assert found == [
        ("1", 0, "Red mug", 6, 255, 1530, "A1", "Red mug"),
        ("1", 1, "Blue mug", 2, 7, 14, "B2", "Blue mug"),
        ("2", 0, "Blue mug", 1, 1000, 1000, "B2", "Blue mug"),
        ("4", 0, "X9", 1, 110, 110, "X9", "X9"),
        ("C3", 0, "Red mug", -6, 255, -1530, "A1", "Red mug"),
    ]
    assert rows(url, "SELECT name, country, metadata FROM customers ORDER BY name") == [
        ("Customer 12583", "France", {"customer_id": "12583"}),
        ("Customer 17850", "United Kingdom", {"customer_id": "17850"}),
    ]


def test_importing_orders_again_duplicates_nothing(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, LINES)
    run(url, given)
    before = counts(url)

    report = run(url, given)

    assert (report.good, report.rejected) == (0, 5)
    assert errors(tmp_path) == [(line, "number", "already_taken") for line in range(2, 7)]
    assert counts(url) == before == (4, 5, 2, 3)


def test_customers_and_products_that_exist_are_used(url: str, tmp_path: Path) -> None:
    run(url, order(tmp_path, LINES))
    more = "5,A1,Another name,1,3/12/2010,1,17850,Spain\n5,N1,New,1,3/12/2010,1,17850,Spain\n"

    assert run(url, order(tmp_path, more)).good == 2

    assert counts(url) == (5, 7, 2, 4)
    assert rows(url, "SELECT name FROM products WHERE sku = 'A1'") == [("Red mug",)]


def test_an_order_with_a_bad_line_is_left_out_whole(url: str, tmp_path: Path) -> None:
    bad = """\
1,A1,Mug,one,1/12/2010,2.555,17850,United Kingdom
1,B2,Cup,1,1/12/2010,1,17850,United Kingdom
2,A1,Mug,1,32/12/2010,1,,United Kingdom
3,A1,Mug,1,1/12/2010,1,,United Kingdom
,A1,Mug,1,1/12/2010,1,,United Kingdom
4,A1,Mug,2000000000,1/12/2010,90000000000,,United Kingdom
5,,,1,1/12/2010,1,,United Kingdom
6,A1,Mug,1,1/12/2010,1,,United Kingdom
"""

    report = run(url, order(tmp_path, bad))

    assert (report.good, report.rejected) == (1, 7)
    assert errors(tmp_path) == [
        (2, "quantity", "not_an_integer"),
        (2, "unit_price_cents", "invalid_format"),
        (3, "", "incomplete_group"),
        (4, "placed_at", "invalid_date"),
        (5, "", "incomplete_group"),
        (6, "InvoiceNo", "cant_be_blank"),
        (7, "total_cents", "less_than"),
        (8, "product_id", "cant_be_blank"),
    ]
    assert counts(url) == (1, 1, 0, 1)


def test_an_order_whose_lines_are_apart_is_imported_once(url: str, tmp_path: Path) -> None:
    apart = "1,A1,Mug,1,1/12/2010,1,,France\n2,A1,Mug,1,1/12/2010,1,,France\n1,A1,Mug,1,1/12/2010,1,,France\n"

    report = run(url, order(tmp_path, apart))

    assert (report.good, report.rejected) == (2, 1)
    assert errors(tmp_path) == [(4, "number", "already_taken")]
    assert counts(url) == (2, 2, 0, 1)


def test_columns_of_other_names_are_mapped_and_more_are_kept_in_the_metadata(
    url: str, tmp_path: Path
) -> None:
    given = order(tmp_path, "", columns={"Invoice": "InvoiceNo"}, rest="metadata")
    given.path.write_text(
        HEADER.replace("InvoiceNo", "Invoice").replace("Country", "Country,Shop")
        + "1,A1,Mug,1,1/12/2010,1,,France,7\n"
    )

    assert run(url, given).good == 1
    assert rows(url, "SELECT metadata FROM orders") == [({"country": "France", "Shop": 7},)]


def test_an_order_larger_than_memory_allows_is_left_out(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "LARGEST_GROUP", 3)
    line = "{},A1,Mug,1,1/12/2010,1,,France\n"

    report = run(url, order(tmp_path, line.format(1) * 3 + line.format(2) * 5 + line.format(3)))

    assert (report.good, report.rejected) == (4, 5)
    assert errors(tmp_path) == [(5, "", "too_long")]
    assert counts(url) == (2, 4, 0, 1)


def test_resuming_goes_on_after_the_last_whole_order(url: str, tmp_path: Path) -> None:
    given = order(tmp_path, LINES)
    run(url, given)
    with psycopg.connect(url) as connection:
        # The state after a batch that held the first two orders alone.
        connection.execute(
            "DELETE FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE number IN ('4', 'C3'))"
        )
        connection.execute("DELETE FROM orders WHERE number IN ('4', 'C3')")
        position = len(HEADER) + sum(len(line) + 1 for line in LINES.splitlines()[:3])
        connection.execute(
            "UPDATE imports SET position = %s, line = 4, good = 3, finished_at = NULL", (position,)
        )

    report = run(url, replace(given, resume=True))

    assert (report.good, report.rejected, report.handled) == (5, 0, 2)
    assert counts(url) == (4, 5, 2, 3)
