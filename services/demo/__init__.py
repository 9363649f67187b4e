"""The demo: an invented grocer's workspace, the same on every machine."""

from collections.abc import Iterator
from uuid import UUID

from db.auditing import Note
from db.bulk import connect
from db.models import Brand, Category, Customer, Model, Order, OrderItem, Product, Tier, Workspace
from services.demo.catalogue import OPENED, Row, brands, categories, products, stamped
from services.demo.dice import fixed_id
from services.demo.trade import Trade

SLUG = "demo"
WORKSPACE_ID = fixed_id("workspace", 0)
PRODUCTS = 50_000


def fill(url: str, *, count: int = PRODUCTS) -> UUID:
    """Make the demo workspace with `count` products, if there is none yet, and return its id.

    There is one customer for 25 products and one order for ten. All is one transaction, so a demo is whole
    or absent. Raises `BulkFailed` when the database cannot be reached.
    """
    with connect(url) as bulk:
        with bulk.transaction():
            bulk.lock("demo")
            found = bulk.workspace_id(SLUG)
            if found is not None:
                return found
            tables = _tables(count)
            bulk.copy(Workspace, [_workspace()])
            for model, rows in tables.items():
                bulk.copy(model, ({"workspace_id": WORKSPACE_ID, **row} for row in rows))
            told = {"slug": SLUG, "name": _workspace()["name"], "products": count}
            bulk.note(WORKSPACE_ID, Note("workspace.created", "workspace", WORKSPACE_ID, after=told))
        bulk.settle(Workspace, *tables)
    return WORKSPACE_ID


def _workspace() -> Row:
    settings = {"timezone": "Europe/Vienna", "locale": "en_GB"}
    return {
        "id": WORKSPACE_ID,
        "name": "Demo Grocer",
        "slug": SLUG,
        "tier": Tier.PRO,
        "settings": settings,
        **stamped(OPENED),
    }


def _tables(count: int) -> dict[type[Model], Iterator[Row]]:
    trade = Trade(products=count, customers=max(10, count // 25), orders=max(20, count // 10))
    return {
        Brand: brands(),
        Category: categories(),
        Product: products(count),
        Customer: trade.customers(),
        Order: trade.orders(),
        OrderItem: trade.order_items(),
    }
