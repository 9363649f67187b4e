"""The benchmark database: deterministic rows of fifty workspaces on the embedded PostgreSQL."""

import datetime
import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from db import embedded, migrate

WORKSPACES = 50
ITEMS_PER_ORDER = 3
PRICES = 4000
"""How many different prices there are, so that no two products of a workspace cost the same."""
LAYOUT = 5
"""Raised whenever the seeded rows change, so that an older data directory is filled anew."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows of each kind one workspace holds."""

    brands: int
    categories: int
    products: int
    customers: int
    orders: int


FULL = Size(brands=40, categories=10, products=4000, customers=1000, orders=4000)
SMALL = Size(brands=4, categories=1, products=400, customers=100, orders=400)

KEY_FUNCTION = """
create or replace function bench.key(kind text, n bigint) returns uuid language sql immutable parallel safe
return overlay(overlay(md5(kind || n) placing '4' from 13) placing '8' from 17)::uuid
"""

# Row n of every kind belongs to workspace (n - 1) % 50 and is number (n - 1) / 50 in it, so the tenants'
# rows lie interleaved on disk, as in a database that has served them all for years.
SEEDS = {
    "workspaces": """
        insert into workspaces (id, name, slug, tier, inserted_at, updated_at)
        select bench.key('workspace', n), 'Workspace ' || n, 'bench-' || n, 'enterprise', {at}, {at}
        from generate_series(1, {workspaces}) n""",
    "brands": """
        insert into brands (workspace_id, id, name, slug, description, inserted_at, updated_at)
        select bench.key('workspace', w + 1), bench.key('brand', n), 'Brand ' || n, 'brand-' || n,
            'Makers since ' || 1800 + n % 200, {at}, {at}
        from {rows}""",
    "categories": """
        insert into categories (workspace_id, id, name, slug, position, inserted_at, updated_at)
        select bench.key('workspace', w + 1), bench.key('category', n), 'Category ' || n, 'category-' || n, k,
            {at}, {at}
        from {rows}""",
    "products": """
        insert into products (workspace_id, id, gtin, name, slug, sku, description, ingredients, nutrition,
            image_url, status, price_cents, currency, quantity, category_id, brand_id, metadata, inserted_at,
            updated_at)
        select bench.key('workspace', w + 1), bench.key('product', n), lpad(n::text, 14, '0'),
            'Product ' || n, 'product-' || n, 'SKU-' || n,
            'A fine thing of kind ' || k % 97 || ', made with care.',
            'water, sugar, salt, spice ' || k % 31,
            jsonb_build_object('energy_kcal', 40 + k % 500, 'fat', k % 90, 'salt', 0.1 * (k % 20)),
            'https://images.example/' || n || '.jpg',
            (array['active', 'active', 'active', 'active', 'active', 'active', 'active', 'draft', 'draft',
                'archived'])[1 + k % 10],
            100 + 13 * (k * 1237 % {prices}), 'EUR', k % 300,
            bench.key('category', 1 + w + {workspaces} * (k * 31 % {categories})),
            bench.key('brand', 1 + w + {workspaces} * (k * 7919 % {brands})),
            jsonb_build_object('source', 'bench', 'shelf', k % 40), {at}, {at}
        from {rows}""",
    "customers": """
        insert into customers (workspace_id, id, name, email, phone, country, metadata, inserted_at,
            updated_at)
        select bench.key('workspace', w + 1), bench.key('customer', n), 'Customer ' || n,
            'customer' || n || '@example.com', '+44 20 ' || 1000000 + n,
            (array['United Kingdom', 'Germany', 'France', 'Spain'])[1 + k % 4],
            jsonb_build_object('source', 'bench'), {at}, {at}
        from {rows}""",
    "orders": """
        insert into orders (workspace_id, id, number, status, currency, subtotal_cents, tax_rate, tax_cents,
            total_cents, placed_at, customer_id, metadata, inserted_at, updated_at)
        select bench.key('workspace', w + 1), bench.key('order', n), 'ORD-' || n,
            (array['pending', 'confirmed', 'shipped', 'delivered', 'cancelled'])[1 + k % 5],
            'EUR', 1000 + k, 0.2, (1000 + k) / 5, 1000 + k + (1000 + k) / 5, {at},
            bench.key('customer', 1 + w + {workspaces} * (k * 17 % {customers})),
            jsonb_build_object('channel', 'web'), {at}, {at}
        from {rows}""",
    "order_items": """
        insert into order_items (workspace_id, id, order_id, product_id, name, position, quantity,
            unit_price_cents, line_total_cents, currency, inserted_at, updated_at)
        select bench.key('workspace', w + 1), bench.key('item', {per_order} * n + i), bench.key('order', n),
            bench.key('product', 1 + w + {workspaces} * ((k * 101 + i * 37) % {products})),
            'Line ' || n || '-' || i, i, 1 + i, 500 + k % 100, (1 + i) * (500 + k % 100), 'EUR',
            {at} + i * interval '1 second', {at} + i * interval '1 second'
        from {rows}, generate_series(0, {per_order} - 1) i""",
}
INSTANT = "(timestamptz '2026-01-01 00:00:00Z' + n * interval '37.001 seconds')"


def key(kind: str, number: int) -> uuid.UUID:
    """Return the id of row `number` (from 1) of `kind`, as `bench.key` computes it."""
    digest = hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest()
    return uuid.UUID(digest[:12] + "4" + digest[13:16] + "8" + digest[17:])


def number(workspace: int, index: int) -> int:
    """Return the row number of row `index` (from 0) of `workspace` (from 0)."""
    return 1 + workspace + WORKSPACES * index


def price(rank: int) -> int:
    """Return the price, in cents, that `rank` of the 4,000 prices are below."""
    return 100 + 13 * rank


def instant(number: int) -> datetime.datetime:
    """Return when row `number` was inserted."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return start + number * datetime.timedelta(seconds=37.001)


def prepare(folder: Path, size: Size) -> embedded.Embedded:
    """Start the database kept in `folder`, fill it unless it holds `size` already, and return it."""
    engine = embedded.start(folder)
    mark = folder / "seeded.json"
    if not (mark.exists() and json.loads(mark.read_text()) == _stamp(size)):
        mark.unlink(missing_ok=True)
        (folder / "tokens.json").unlink(missing_ok=True)
        with psycopg.connect(engine.dsn(), autocommit=True) as connection:
            connection.execute("drop schema public cascade")
            connection.execute("create schema public")
        migrate.upgrade(engine.dsn())
        _seed(engine.dsn(), size)
        mark.write_text(json.dumps(_stamp(size)))
    migrate.upgrade(engine.dsn())
    return engine


def _seed(dsn: str, size: Size) -> None:
    print("Filling the benchmark database (kept for later runs):", flush=True)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create schema if not exists bench")
        connection.execute(KEY_FUNCTION)
        # The rows are right by construction; checking each foreign key would only take time.
        connection.execute("set session_replication_role = replica")
        indexes = _drop_indexes(connection)
        for table, statement in SEEDS.items():
            print(f"  {table}", flush=True)
            connection.execute(_fill(statement, table, size))
        print(f"  {len(indexes)} indexes", flush=True)
        for definition in indexes:
            connection.execute(definition)
        connection.execute("vacuum (analyze, freeze)")
        connection.execute("checkpoint")


def _stamp(size: Size) -> dict[str, int]:
    return {"layout": LAYOUT, **asdict(size)}


def _fill(statement: str, table: str, size: Size) -> str:
    per_workspace = {**asdict(size), "workspaces": 1, "order_items": size.orders}[table]
    last = WORKSPACES * per_workspace
    rows = (
        f"(select n, (n - 1) % {WORKSPACES} as w, (n - 1) / {WORKSPACES} as k "
        f"from generate_series(1, {last}) n) as numbered"
    )
    return statement.format(
        at=INSTANT,
        rows=rows,
        workspaces=WORKSPACES,
        per_order=ITEMS_PER_ORDER,
        prices=PRICES,
        **asdict(size),
    )


def _drop_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop every index that no constraint owns and return their definitions: bulk building is faster."""
    found = connection.execute(
        """select format('%I.%I', schemaname, indexname), indexdef from pg_indexes
        where schemaname = 'public' and not exists
            (select from pg_constraint where conindid = format('%I.%I', schemaname, indexname)::regclass)"""
    ).fetchall()
    for name, _ in found:
        connection.execute(f"drop index {name}")
    return [definition for _, definition in found]
