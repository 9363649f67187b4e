"""Deterministic rows for reading tests: two workspaces and a third below the first, every resource filled.

The rows are kept in memory as they were inserted, so that tests compute what they expect from them and not
from the code under test.
"""

import hashlib
import random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from diptych.runtime import precheck_key
from diptych.settings import Settings
from services import tokens
from services.tokens import Environment

Row = dict[str, Any]

SECRET = "a key that only tests know, long enough"
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
LARGEST_SAFE_INTEGER = 2**53 - 1

SCOPE_SETS: dict[str, tuple[str, ...]] = {
    "reader": ("all:read",),
    "writer": ("all:write",),
    "nothing": (),
    "products": ("products:read",),
    "orders": ("orders:read",),
    "order_lines": ("orders:read", "order_items:read"),
    "orders_and_customers": ("orders:read", "customers:read"),
    "product_writer": ("products:write",),
    "product_deleter": ("products:delete",),
}

_JSON = {"metadata", "nutrition", "settings", "before", "after", "scopes"}
_ORDER = (
    "brands",
    "categories",
    "products",
    "customers",
    "orders",
    "order_items",
    "audit_logs",
    "users",
    "tokens",
    "invitations",
    "memberships",
    "trusted_operations",
)
_NO_HASH = "no hash at all"


def settings(database: str, **changes: Any) -> Settings:
    """Return the settings of an application under test."""
    values: dict[str, Any] = {
        "env": "test",
        "database_url": database,
        "secret_key": SECRET,
        "database_connections": 4,
        # Nothing is to change by itself between two looks at a token.
        "token_use_seconds": 0,
        "usage_seconds": 0,
        # Suites ask more than any token may; those that are about limits set them.
        "limits": "off",
        **changes,
    }
    return Settings(_env_file=None, **values)


@dataclass(frozen=True, slots=True)
class Seed:
    """What was inserted: rows by workspace and resource (plural), and raw tokens by workspace and scope set.

    The workspaces are `acme`, `globex` (a stranger) and `labs` (created by acme).
    """

    database: str
    workspaces: dict[str, Row]
    rows: dict[str, dict[str, list[Row]]] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    def all(self, plural: str, workspace: str = "acme") -> list[Row]:
        """Return every row of a resource, deleted ones too, in no particular order."""
        return self.rows[workspace][plural]

    def live(self, plural: str, workspace: str = "acme") -> list[Row]:
        """Return the rows of a resource that are not deleted."""
        return [row for row in self.all(plural, workspace) if row["deleted_at"] is None]

    def deleted(self, plural: str, workspace: str = "acme") -> list[Row]:
        """Return the rows of a resource that are deleted."""
        return [row for row in self.all(plural, workspace) if row["deleted_at"] is not None]


class _Maker:
    """Makes the rows of one workspace; the same letter always makes the same rows."""

    def __init__(self, workspace: uuid.UUID, letter: str) -> None:
        self.workspace, self.letter = workspace, letter
        self._random = random.Random(f"diptych {letter}")

    def row(self, n: int, **values: Any) -> Row:
        """Return a row with what every resource has; moments tie in threes and some have microseconds."""
        inserted = BEGINNING + timedelta(minutes=n // 3, microseconds=123_456 if n % 9 == 8 else 0)
        return {
            "workspace_id": self.workspace,
            "id": self.id(),
            **values,
            "version": 1 + n % 4,
            "inserted_at": inserted,
            "updated_at": inserted + timedelta(seconds=n),
            "deleted_at": values.get("deleted_at"),
        }

    def id(self) -> uuid.UUID:
        """Return the next identifier."""
        return uuid.UUID(int=self._random.getrandbits(128), version=4)


def _deleted(n: int, every: int) -> datetime | None:
    return BEGINNING + timedelta(days=30, minutes=n) if n % every == every - 1 else None


def _brands(maker: _Maker) -> list[Row]:
    names = ("Alpine Dairy", "Bäckerei Süß", "Crumb & Co", "Delta 50%", "Echo_Foods", "Gone Brand")
    return [
        maker.row(
            n,
            name=name,
            slug=f"brand-{n}",
            description=None if n % 3 == 2 else f"Makes good things, number {n}.",
            website=f"https://brand-{n}.example" if n % 2 else None,
            logo_url=None,
            deleted_at=_deleted(n, 6),
        )
        for n, name in enumerate(names)
    ]


def _categories(maker: _Maker) -> list[Row]:
    made: list[Row] = []
    above = (None, None, 0, 0, 0, 1, 2, 0)
    for n, parent in enumerate(above):
        made.append(
            maker.row(
                n,
                name=f"Category {n}",
                slug=f"category-{n}",
                description="Everything sweet." if n % 2 else None,
                position=(3 * n) % 4,
                parent_id=None if parent is None else made[parent]["id"],
                deleted_at=_deleted(n, 8),
            )
        )
    return made


_ODD_NAMES = {
    3: "100% Rye_Bread",
    4: "100 Rye Bread",
    5: "Rye\\Bread, sliced",
    6: "Käse, jung",
    7: 'O\'Brien "Best" 🍺 Ale',
    8: "RYE BREAD",
}
_ADJECTIVES = ("Fresh", "Organic", "Dark", "Sweet")
_NOUNS = ("Oats", "Milk", "Bread", "Juice", "Tea")


def _gtin(n: int) -> str:
    body = f"{4_006_381_000_000 + n:013d}"
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(body))
    return f"{body}{-weighted % 10}"


def _metadata(n: int) -> dict[str, Any] | None:
    found: list[dict[str, Any] | None] = [
        {"source": "linkedin", "score": n, "flag": True, "deep": {"a": {"b": n % 3}}},
        {"source": "import", "score": str(n), "flag": "true", "tags": ["x", "y"]},
        {"source": None, "score": n + 0.5, "deep": {"a": {"b": "1"}}},
        {},
        None,
    ]
    return found[n % 5]


def _products(maker: _Maker, categories: list[Row], brands: list[Row]) -> list[Row]:
    made = []
    for n in range(40):
        price = None if n % 5 == 4 else LARGEST_SAFE_INTEGER if n == 10 else 100 * (n % 6) + 49
        made.append(
            maker.row(
                n,
                gtin=None if n % 3 == 2 else _gtin(n),
                name=_ODD_NAMES.get(n, f"{_ADJECTIVES[n % 4]} {_NOUNS[n % 5]}"),
                slug=f"product-{n}",
                sku=None if n % 4 == 3 else f"SKU-{n % 10:03d}",
                description=f"Rolled slowly, batch {n}." if n % 2 else None,
                ingredients="oats, salt" if n % 3 == 0 else None,
                nutrition={"sugars_100g": n / 2, "energy": {"kcal": 10 * n}},
                image_url=f"https://images.example/{n}.jpg" if n % 4 == 0 else None,
                status=("draft", "active", "archived")[n % 3],
                price_cents=price,
                currency=None if price is None else ("EUR", "GBP", "USD")[n % 3],
                quantity=n % 7,
                category_id=None if n % 6 == 5 else categories[n % len(categories)]["id"],
                brand_id=None if n % 7 == 6 else brands[n % len(brands)]["id"],
                metadata=_metadata(n),
                deleted_at=_deleted(n, 13),
            )
        )
    return made


def _customers(maker: _Maker) -> list[Row]:
    countries = ("United Kingdom", "Germany", None, "France")
    return [
        maker.row(
            n,
            name=f"Customer {n % 5}",
            email=None if n % 4 == 3 else f"buyer{n}@{'example.com' if n % 2 else 'mail.example'}",
            phone=f"+44 20 7946 000{n}" if n % 2 else None,
            country=countries[n % 4],
            metadata={"vip": n % 2 == 0},
            deleted_at=_deleted(n, 9),
        )
        for n in range(9)
    ]


def _orders(maker: _Maker, customers: list[Row]) -> list[Row]:
    rates = ("0", "0.0875", "0.2")
    return [
        maker.row(
            n,
            number=str(1001 + n),
            status=("pending", "confirmed", "shipped", "delivered", "cancelled")[n % 5],
            currency=("GBP", "EUR")[n % 2],
            subtotal_cents=0,
            tax_rate=Decimal(rates[n % 3]),
            tax_cents=0,
            total_cents=0,
            placed_at=None if n % 4 == 3 else BEGINNING + timedelta(days=n // 2),
            customer_id=None if n % 6 == 5 else customers[n % len(customers)]["id"],
            metadata={"channel": ("web", "shop")[n % 2]},
            deleted_at=_deleted(n, 11),
        )
        for n in range(22)
    ]


def _order_items(maker: _Maker, orders: list[Row], products: list[Row]) -> list[Row]:
    made = []
    for place, order in enumerate(orders):
        order["line_items"] = []
        for position in range(place % 5):
            n = len(made)
            quantity, price = (-1 if n % 10 == 9 else 1 + n % 4), 100 * (n % 5) + 99
            product = None if n % 6 == 4 else products[(3 * n) % len(products)]
            line = maker.row(
                n,
                order_id=order["id"],
                product_id=product["id"] if product else None,
                name=product["name"] if product else f"Loose line {n}",
                # Lines are numbered backwards, so that their order is not the order of insertion.
                position=place % 5 - position,
                quantity=quantity,
                unit_price_cents=price,
                line_total_cents=quantity * price,
                currency=order["currency"],
                deleted_at=_deleted(n, 12),
            )
            made.append(line)
            if line["deleted_at"] is None:
                order["subtotal_cents"] += line["line_total_cents"]
                order["line_items"].append(line)
        order["tax_cents"] = int((order["subtotal_cents"] * order["tax_rate"]).to_integral_value())
        order["total_cents"] = order["subtotal_cents"] + order["tax_cents"]
    return made


def _audit_logs(maker: _Maker) -> list[Row]:
    """Return changes of rows that are no longer there, so that nobody counts them among those of a test."""
    rows = [maker.id() for _ in range(3)]
    tokens = (maker.id(), maker.id(), None)
    users = (None, maker.id(), maker.id())
    return [
        maker.row(
            n,
            action=f"product.{('created', 'updated', 'deleted')[n // 3 % 3]}",
            resource="product",
            resource_id=rows[n % 3],
            token_id=tokens[n % 3],
            user_id=users[n % 3],
            address="192.0.2.7" if n % 3 else None,
            request_id=f"req-{n // 2}",
            before=None if n < 3 else {"quantity": n, "metadata": _metadata(n)},
            after={"quantity": n + 1, "metadata": _metadata(n + 1)},
            deleted_at=_deleted(n, 10),
        )
        for n in range(10)
    ]


def _tokens(maker: _Maker, users: list[Row]) -> list[Row]:
    """Return tokens that nobody holds, the deleted ones revoked."""
    made: list[Row] = []
    for n in range(11):
        deleted = _deleted(n, 4)
        made.append(
            maker.row(
                n,
                name=f"Bot {n % 4}",
                kind=("api", "api", "session")[n % 3],
                token_prefix=f"dip_test_{n % 3:03x}",
                token_key=maker.id().hex[:16],
                token_hash=_NO_HASH,
                precheck=bytes(4),
                scopes=[["products:read"], [], ["all:read"], ["orders:read", "products:write"]][n % 4],
                rate_limit_tier=("standard", "pro", None)[n % 3],
                rate_limit_per_minute=100 * n if n % 4 == 1 else None,
                burst=10 if n % 4 == 1 else None,
                rate_limit_per_day=10_000 if n % 4 == 2 else None,
                last_used_at=None if n % 3 == 2 else BEGINNING + timedelta(days=1, minutes=n // 2),
                expires_at=None if n % 3 == 1 else BEGINNING + timedelta(days=400 + n // 2),
                revoked_at=deleted,
                rotated_from_id=made[n - 3]["id"] if n % 5 == 4 else None,
                created_by_token_id=made[0]["id"] if n % 2 else None,
                created_by_user_id=users[n % 3]["id"] if n % 4 == 1 else None,
                user_id=users[n % 5]["id"] if n % 3 == 2 else None,
                trusted_only=n % 3 == 1,
                deleted_at=deleted,
            )
        )
    return made


_ROLES = ("owner", "admin", "member", "viewer")


def _users(maker: _Maker) -> list[Row]:
    """Return people, of whom nobody has a password; the last two are in no workspace."""
    made = []
    for n in range(12):
        row = maker.row(
            n,
            email=f"person{n}@{maker.letter}.example",
            name=f"{('Ada', 'Grace', 'Zoë')[n % 3]} {maker.letter.upper()}{n // 2}",
            totp_enabled_at=BEGINNING + timedelta(days=n) if n % 4 == 1 else None,
            deleted_at=_deleted(n, 7),
        )
        del row["workspace_id"]
        made.append(row)
    return made


def _invitations(maker: _Maker, users: list[Row], tokens: list[Row]) -> list[Row]:
    """Return invitations: some accepted, some revoked, some overdue, some open."""
    return [
        maker.row(
            n,
            email=f"guest{n}@{maker.letter}.example",
            role=_ROLES[(n + 1) % 4],
            token_key=maker.id().hex[:16],
            token_hash=_NO_HASH,
            expires_at=BEGINNING + timedelta(days=7 if n % 4 == 2 else 4000, minutes=n // 2),
            accepted_at=BEGINNING + timedelta(days=1, minutes=n // 2) if n % 3 == 1 else None,
            accepted_by_user_id=users[n]["id"] if n % 3 == 1 else None,
            invited_by_token_id=tokens[0]["id"],
            invited_by_user_id=users[0]["id"] if n % 2 else None,
            deleted_at=_deleted(n, 6),
        )
        for n in range(9)
    ]


def _memberships(maker: _Maker, users: list[Row], invitations: list[Row]) -> list[Row]:
    """Return memberships of all but the last two; those that are deleted belong to people who left."""
    return [
        maker.row(
            n,
            user_id=user["id"],
            role=_ROLES[n % 4],
            invitation_id=invitations[n]["id"] if n % 3 == 1 else None,
            deleted_at=_deleted(n, 5),
        )
        for n, user in enumerate(users[:-2])
    ]


def _trusted_operations(maker: _Maker) -> list[Row]:
    made = []
    for n in range(9):
        kind = ("query", "query", "mutation")[n % 3]
        text = f"{kind} Operation{n // 2} {{ __typename }} # {maker.letter}{n}"
        made.append(
            maker.row(
                n,
                name=f"Operation{n // 2}",
                kind=kind,
                sha256=hashlib.sha256(text.encode()).hexdigest(),
                text=text,
                client=None if n % 4 == 3 else f"web@1.{n % 2}",
                deleted_at=_deleted(n, 5),
            )
        )
    return made


def _seen(users: list[Row], memberships: list[Row]) -> list[Row]:
    """Return the people whom their workspace sees."""
    members = {row["user_id"] for row in memberships if row["deleted_at"] is None}
    return [row for row in users if row["id"] in members]


def _tenant(maker: _Maker) -> dict[str, list[Row]]:
    brands, categories, customers = _brands(maker), _categories(maker), _customers(maker)
    products = _products(maker, categories, brands)
    orders = _orders(maker, customers)
    lines = _order_items(maker, orders, products)
    users = _users(maker)
    audit_logs, tokens = _audit_logs(maker), _tokens(maker, users)
    invitations = _invitations(maker, users, tokens)
    return {
        "brands": brands,
        "categories": categories,
        "products": products,
        "customers": customers,
        "orders": orders,
        "order_items": lines,
        "audit_logs": audit_logs,
        "tokens": tokens,
        "users": users,
        "invitations": invitations,
        "memberships": _memberships(maker, users, invitations),
        "trusted_operations": _trusted_operations(maker),
    }


def _workspaces() -> dict[str, Row]:
    maker = _Maker(uuid.UUID(int=0), "w")
    made: dict[str, Row] = {}
    for n, (slug, tier) in enumerate((("acme", "pro"), ("globex", "free"), ("labs", "starter"))):
        row = maker.row(
            n,
            name=slug.title(),
            slug=slug,
            tier=tier,
            settings={"timezone": "UTC", "locale": "en_GB"},
            parent_workspace_id=made["acme"]["id"] if slug == "labs" else None,
        )
        del row["workspace_id"]
        made[slug] = row
    return made


def plant(
    database: str,
    scope_sets: Iterable[str] = SCOPE_SETS,
    further: Mapping[tuple[str, str], Iterable[str]] | None = None,
) -> Seed:
    """Insert everything into a migrated database and return what was inserted.

    `further` are the scopes of more tokens, by workspace and name.
    """
    seed = Seed(database, _workspaces())
    key = precheck_key(settings(database))
    with psycopg.connect(database) as connection:
        insert(connection, "workspaces", seed.workspaces.values())
        for letter, slug in zip("ab", ("acme", "globex"), strict=True):
            seed.rows[slug] = _tenant(_Maker(seed.workspaces[slug]["id"], letter))
            for plural in _ORDER:
                insert(connection, plural, seed.rows[slug][plural])
            rows = seed.rows[slug]
            rows["users"] = _seen(rows["users"], rows["memberships"])
        wanted = {("acme", name): SCOPE_SETS[name] for name in scope_sets}
        wanted["globex", "reader"] = SCOPE_SETS["reader"]
        for (slug, name), scopes in {**wanted, **(further or {})}.items():
            seed.tokens[slug, name] = add_token(connection, seed.workspaces[slug]["id"], scopes, key)
        for slug, rows in seed.rows.items():
            rows["tokens"] += _held(connection, seed.workspaces[slug]["id"])
    return seed


def _held(connection: psycopg.Connection[Any], workspace: uuid.UUID) -> list[Row]:
    """Return the tokens that somebody holds."""
    text = "SELECT * FROM tokens WHERE workspace_id = %s AND token_hash <> %s"
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(text, [workspace, _NO_HASH]).fetchall()


def insert(connection: psycopg.Connection[Any], table: str, rows: Iterable[Row]) -> None:
    """Insert rows as they are; those of another table that stand inside them are inserted on their own."""
    listed = list(rows)
    names = [name for name in listed[0] if name != "line_items"]
    text = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Placeholder() * len(names)),
    )
    adapted = [
        [Jsonb(row[name]) if name in _JSON and row[name] is not None else row[name] for name in names]
        for row in listed
    ]
    with connection.cursor() as cursor:
        cursor.executemany(text, adapted)


def add_token(
    connection: psycopg.Connection[Any],
    workspace: uuid.UUID,
    scopes: Iterable[str],
    key: bytes,
    environment: Environment = Environment.TEST,
    **values: Any,
) -> str:
    """Insert a fresh token and return its raw text; `values` set further columns."""
    made = tokens.generate(environment, key)
    row = {
        "workspace_id": workspace,
        "name": "test",
        "token_prefix": made.prefix,
        "token_key": made.key,
        "token_hash": made.hash,
        "precheck": made.precheck,
        "scopes": sorted(scopes),
        **values,
    }
    insert(connection, "tokens", [row])
    return made.raw
