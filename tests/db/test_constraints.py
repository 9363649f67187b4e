"""Every constraint of the migrated database speaks of a column, by the name that PostgreSQL reports."""

import uuid

import psycopg
import pytest
from psycopg import sql

from db.constraints import Fault, FaultKind, Unique, absent, faults, references, uniques
from db.describe import table
from db.models import Brand, Category, Customer, Model, Order, OrderItem, Product, Workspace
from services.catalog import CATALOG
from services.engine.errors import Invalid
from services.engine.validate import ERROR_CODES, invalid_of

MODELS: dict[str, type[Model]] = {
    mapper.class_.__tablename__: mapper.class_
    for mapper in Model.registry.mappers
    # Those that tests add have tables of their own.
    if mapper.class_.metadata is Model.metadata
}
NAMES = """
    SELECT conname FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype <> 'n'
    UNION
    SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %(table)s::regclass AND indisunique
"""
FILLED = """
    SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND attnotnull
"""
ONE, TWO = (uuid.UUID(int=number, version=4) for number in (1, 2))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_constraint_of_a_table_is_mapped(database: str, name: str) -> None:
    """Design 6."""
    model = MODELS[name]
    with psycopg.connect(database) as connection:
        named = {row[0] for row in connection.execute(NAMES, {"table": name})}
        filled = {row[0] for row in connection.execute(FILLED, {"table": name})}

    assert set(faults(model)) == named
    assert {fault.column for fault in faults(model).values()} <= set(table(model).columns.keys())
    assert {column.name for column in table(model).columns if not column.nullable} == filled


def test_the_tables_of_all_resources_are_among_them() -> None:
    assert {table(resource.model).name for resource in CATALOG} <= set(MODELS)


def test_a_table_is_mapped_completely() -> None:
    """The names are those of migrations, which never change."""
    taken, missing = FaultKind.TAKEN, FaultKind.MISSING

    assert faults(Product) == {
        "pk_products": Fault("id", taken),
        "ux_products_gtin": Fault("gtin", taken),
        "ux_products_slug": Fault("slug", taken),
        "fk_products_workspace_id": Fault("workspace_id", missing),
        "fk_products_category_id": Fault("category_id", missing),
        "fk_products_brand_id": Fault("brand_id", missing),
        "ck_products_gtin": refused("gtin", "invalid_format"),
        "ck_products_price_currency": refused("currency", "cant_be_blank"),
        "ck_products_status": refused("status", "inclusion"),
        "ck_products_currency": refused("currency", "inclusion"),
        "ck_products_price_cents": refused("price_cents", "less_than"),
    }
    assert len(faults(Order)) == 10
    assert len(faults(OrderItem)) == 7


def refused(column: str, code: str) -> Fault:
    return Fault(column, FaultKind.REFUSED, code)


def test_every_fault_has_a_standard_code_and_a_sentence() -> None:
    """S3-268."""
    told = [invalid_of(fault) for model in MODELS.values() for fault in faults(model).values()]

    assert {found.code for found in told} == {
        "already_taken",
        "cant_be_blank",
        "greater_than",
        "inclusion",
        "invalid_format",
        "less_than",
        "not_found",
    }
    assert {found.code for found in told} <= set(ERROR_CODES)
    assert all(found.message.endswith(".") for found in told)


@pytest.mark.parametrize(
    ("name", "changes", "column", "code"),
    [
        ("brands", {"slug": "taken"}, "slug", "already_taken"),
        ("brands", {"id": ONE, "slug": "other"}, "id", "already_taken"),
        ("products", {"brand_id": TWO}, "brand_id", "not_found"),
        ("products", {"category_id": ONE}, "category_id", "not_found"),
        ("products", {"gtin": "123"}, "gtin", "invalid_format"),
        ("products", {"price_cents": 1}, "currency", "cant_be_blank"),
        ("products", {"price_cents": -1, "currency": "EUR"}, "price_cents", "less_than"),
        ("products", {"currency": "XXX"}, "currency", "inclusion"),
        ("products", {"status": "new"}, "status", "inclusion"),
        ("products", {"name": None}, "name", "cant_be_blank"),
        ("products", {"quantity": None}, "quantity", "cant_be_blank"),
    ],
)
def test_a_violation_is_told_of_its_column(
    database: str, name: str, changes: dict[str, object], column: str, code: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO workspaces (id, name, slug) VALUES (%s, 'A', 'a')", [ONE])
        connection.execute(
            "INSERT INTO brands (workspace_id, id, name, slug) VALUES (%s, %s, 'Taken', 'taken')", [ONE, ONE]
        )
        with pytest.raises(psycopg.IntegrityError) as failure:
            insert(connection, name, {"workspace_id": ONE, "name": "New", "slug": "new", **changes})
        left = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()

    said = failure.value.diag
    assert said.table_name == name
    fault = (
        faults(MODELS[name])[said.constraint_name] if said.constraint_name else absent(said.column_name or "")
    )
    assert (fault.column, invalid_of(fault).code) == (column, code)
    assert left == (1 if name == "brands" else 0,)


def insert(connection: psycopg.Connection, name: str, row: dict[str, object]) -> None:
    """Insert one row into a table by its columns."""
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(name),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )


def test_groups_that_are_unique_among_live_rows() -> None:
    assert uniques(Product) == (Unique("ux_products_gtin", ("gtin",)), Unique("ux_products_slug", ("slug",)))
    assert uniques(Order) == (Unique("ux_orders_number", ("number",)),)
    assert uniques(Workspace) == (Unique("ux_workspaces_slug", ("slug",)),)
    assert uniques(Customer) == ()


def test_references_stay_inside_the_workspace() -> None:
    assert references(Product) == {"brand_id": Brand, "category_id": Category}
    assert references(OrderItem) == {"order_id": Order, "product_id": Product}
    assert references(Category) == {"parent_id": Category}
    assert references(Workspace) == {}


def test_a_null_speaks_like_a_value_that_is_missing() -> None:
    assert invalid_of(absent("name")) == Invalid("cant_be_blank", "This is required.")
