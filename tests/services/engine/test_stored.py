"""A row as PostgreSQL spells it in JSON gets the types that a write has."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from services.engine.stored import stored_values
from services.orders import ORDER
from services.products import PRODUCT

ID = uuid.UUID("7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20")


def as_json(database: str, query: str, values: list[Any]) -> dict[str, Any]:
    with psycopg.connect(database, options="-c timezone=UTC") as connection:
        row = connection.execute(f"SELECT row_to_json(r) FROM ({query}) r", values).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


@pytest.mark.parametrize("microseconds", [0, 500_000, 120, 123_456])
def test_times_ids_and_numerics_are_typed(database: str, microseconds: int) -> None:
    placed = datetime(2026, 1, 31, 12, 0, 0, microseconds, UTC)
    query = (
        "SELECT %s::uuid AS id, %s::timestamptz AS placed_at, %s::numeric(9,6) AS tax_rate,"
        " %s::bigint AS total_cents, %s::jsonb AS metadata, NULL::uuid AS customer_id, 'x'::text AS search"
    )
    row = as_json(database, query, [ID, placed, Decimal("0.087500"), 2**53 - 1, '{"id": "1"}'])

    assert stored_values(ORDER, row) == {
        "id": ID,
        "placed_at": placed,
        "tax_rate": Decimal("0.0875"),
        "total_cents": 2**53 - 1,
        "metadata": {"id": "1"},
        "customer_id": None,
        "search": "x",
    }


@pytest.mark.parametrize("rate", ["9.999999", "0.000001", "1.100000", 0.087501, 0])
def test_a_numeric_is_exact_whether_it_came_as_text_or_as_number(rate: Any) -> None:
    assert stored_values(ORDER, {"tax_rate": rate}) == {"tax_rate": Decimal(str(rate))}


def test_the_row_itself_is_left_alone() -> None:
    row = {"id": str(ID), "name": "Oats"}

    assert stored_values(PRODUCT, row) == {"id": ID, "name": "Oats"}
    assert row == {"id": str(ID), "name": "Oats"}
