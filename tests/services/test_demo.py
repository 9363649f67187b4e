"""The demo is whole, valid and the same everywhere."""

import hashlib

import psycopg
import pytest

from services import demo, gtin
from services.demo.catalogue import product
from services.demo.dice import fixed_id
from services.engine.validate import validate
from services.products import PRODUCT

COUNTS = {"brands": 600, "categories": 179, "products": 200, "customers": 10, "orders": 20}


def fingerprint(url: str) -> str:
    digest = hashlib.sha256()
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        for table in ("workspaces", *COUNTS, "order_items"):
            for (row,) in connection.execute(f"SELECT x::text FROM {table} x ORDER BY id"):
                digest.update(row.encode())
    return digest.hexdigest()


def test_the_demo_is_whole_and_filling_it_again_changes_nothing(database: str) -> None:
    assert demo.fill(database, count=200) == demo.WORKSPACE_ID
    first = fingerprint(database)

    assert demo.fill(database, count=200) == demo.WORKSPACE_ID

    assert fingerprint(database) == first
    with psycopg.connect(database) as connection:
        found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in COUNTS}
        assert found == {table: (count,) for table, count in COUNTS.items()}
        depth = connection.execute(
            "SELECT count(*) FROM categories a JOIN categories b ON b.parent_id = a.id"
            " JOIN categories c ON c.parent_id = b.id"
        ).fetchone()
        assert depth == (136,)
        audits = connection.execute("SELECT action, token_id, left(request_id, 4), after FROM audit_logs")
        told = {"slug": "demo", "name": "Demo Grocer", "products": 200}
        assert audits.fetchall() == [("workspace.created", None, "cli:", told)]


def test_the_demo_is_the_same_on_every_machine() -> None:
    digest = hashlib.sha256()
    for rows in demo._tables(200).values():
        for row in rows:
            digest.update(repr(sorted((name, str(value)) for name, value in row.items())).encode())

    assert digest.hexdigest() == "958f2d5d4f0f5f053c99f2233268fbeb97baf34a7391305137bda41f84925bc2"


def test_totals_and_currencies_of_the_demo_agree_with_its_lines(database: str) -> None:
    demo.fill(database, count=200)

    with psycopg.connect(database) as connection:
        wrong = connection.execute(
            "SELECT count(*) FROM orders o WHERE total_cents <> subtotal_cents + tax_cents"
            " OR subtotal_cents <> (SELECT sum(line_total_cents) FROM order_items i WHERE i.order_id = o.id)"
            " OR EXISTS (SELECT FROM order_items i JOIN products p ON p.id = product_id"
            " WHERE i.order_id = o.id AND"
            " (i.currency <> o.currency OR p.currency <> o.currency"
            " OR i.line_total_cents <> i.quantity * i.unit_price_cents))"
        ).fetchone()
    assert wrong == (0,)


@pytest.mark.parametrize("number", [0, 1, 4_999, 49_999])
def test_every_product_of_the_demo_could_have_been_sent_by_a_client(number: int) -> None:
    row = product(number)
    sent = {
        name: str(value) if name.endswith("_id") else value
        for name, value in row.items()
        if value is not None and name != "version"
    }

    clean, invalid = validate(PRODUCT, sent)

    assert invalid == {}
    assert clean["gtin"] == row["gtin"] == gtin.normalise(row["gtin"][1:])
    assert row["gtin"].startswith("0041")


def test_no_two_products_of_the_demo_share_a_name() -> None:
    assert len({product(number)["name"] for number in range(50_000)}) == 50_000


def test_fixed_identifiers_look_random() -> None:
    found = fixed_id("product", 7)

    assert (found.version, found.variant) == (4, "specified in RFC 4122")
    assert found == fixed_id("product", 7) != fixed_id("brand", 7)
