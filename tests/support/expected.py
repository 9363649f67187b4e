"""What a seeded row must look like in a response, written from the law and not from the code."""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.support.seed import Row

_HIDDEN = {"workspace_id", "version", "line_items", "token_key", "token_hash", "precheck"}
_LINE = (
    "id",
    "product_id",
    "name",
    "position",
    "quantity",
    "unit_price_cents",
    "line_total_cents",
    "currency",
)

LINKS: dict[str, Callable[[Row], dict[str, str | None]]] = {
    "workspaces": lambda row: {"self": address("workspaces", row["id"])},
    "brands": lambda row: {
        "self": address("brands", row["id"]),
        "products": address("brands", row["id"], "products"),
    },
    "categories": lambda row: {
        "self": address("categories", row["id"]),
        "parent": address("categories", row["parent_id"]),
        "children": address("categories", row["id"], "children"),
        "products": address("categories", row["id"], "products"),
    },
    "products": lambda row: {
        "self": address("products", row["id"]),
        "category": address("categories", row["category_id"]),
        "brand": address("brands", row["brand_id"]),
    },
    "customers": lambda row: {
        "self": address("customers", row["id"]),
        "orders": address("customers", row["id"], "orders"),
    },
    "orders": lambda row: {
        "self": address("orders", row["id"]),
        "items": address("orders", row["id"], "items"),
        "customer": address("customers", row["customer_id"]),
    },
    "order_items": lambda row: {
        "self": address("order-items", row["id"]),
        "product": address("products", row["product_id"]),
        "order": address("orders", row["order_id"]),
    },
    "tokens": lambda row: {
        "self": address("tokens", row["id"]),
        "rotated_from": address("tokens", row["rotated_from_id"]),
    },
    "users": lambda row: {"self": address("users", row["id"])},
    "memberships": lambda row: {
        "self": address("memberships", row["id"]),
        "user": address("users", row["user_id"]),
        "invitation": address("invitations", row["invitation_id"]),
    },
    "invitations": lambda row: {
        "self": address("invitations", row["id"]),
        "accepted_by": address("users", row["accepted_by_user_id"]),
        "invited_by": address("users", row["invited_by_user_id"]),
    },
    "trusted_operations": lambda row: {"self": address("trusted-operations", row["id"])},
    "audit_logs": lambda row: {"self": address("audit-logs", row["id"])},
}


def address(path: str, id_: uuid.UUID | None, nested: str = "") -> str | None:
    """Return a relative link, None where there is nothing to link to."""
    return None if id_ is None else f"/api/v1/{path}/{id_}" + (f"/{nested}" if nested else "")


def document(plural: str, row: Row) -> dict[str, Any]:
    """Return the row as a resource object of the law."""
    shown = {name: rendered(value) for name, value in row.items() if name not in _HIDDEN}
    if "line_items" in row:
        lines = in_order(row["line_items"], "position")
        shown["line_items"] = [{name: rendered(line[name]) for name in _LINE} for line in lines]
    return {**shown, "links": LINKS[plural](row)}


def rendered(value: Any) -> Any:
    """Return one value as it stands in JSON."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime):
        # A fraction of a second has as many digits as it needs.
        whole, point, fraction = value.astimezone(UTC).isoformat().removesuffix("+00:00").partition(".")
        return f"{whole}{point}{fraction.rstrip('0')}Z"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value


def ids(rows: Iterable[Row]) -> list[str]:
    """Return the ids of rows as texts, in order."""
    return [str(row["id"]) for row in rows]


def in_order(rows: Iterable[Row], *terms: str) -> list[Row]:
    """Return rows sorted as `?sort=` would: nulls last, then by id in the last term's direction."""
    listed = list(rows)
    last = terms[-1]
    for term in reversed((*terms, "-id" if last.startswith("-") else "id")):
        name = term.removeprefix("-")
        present = [row for row in listed if row[name] is not None]
        absent = [row for row in listed if row[name] is None]
        listed = sorted(present, key=lambda row: _key(row[name]), reverse=term.startswith("-")) + absent
    return listed


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the default order."""
    return in_order(rows, "-inserted_at")


def _key(value: Any) -> Any:
    # Texts sort by bytes: the test server's databases use the C collation.
    return value.encode() if isinstance(value, str) else value
