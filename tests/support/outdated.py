"""A catalogue in which something of every kind is deprecated, and what was written down of its use."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg

from diptych.edge import Application, Edge
from services.brands import BRAND
from services.categories import CATEGORY
from services.customers import CUSTOMER
from services.deprecations import USAGE
from services.engine.catalog import Catalog
from services.engine.deprecation import Deprecation
from services.engine.metering import Meter
from services.engine.procedures import Output, Part
from services.engine.resource import Action, Field, Relation, Resource
from services.engine.tallying import adding
from services.order_items import ORDER_ITEM
from services.orders import ORDER
from services.products import PRODUCT
from services.token_rules import TOKEN
from services.workspaces import WORKSPACE
from tests.parity.procedures.errands import KNOCK, SEND, WEIGH

SOON = Deprecation(date(2026, 3, 1), date(2028, 3, 1), "brand.logo_url", "https://docs.example/pages")
OPEN = Deprecation(date(2026, 1, 15), None, "brand.name")
LATER = Deprecation(date(2026, 6, 1), date(2029, 6, 30), "product.stock")
WHOLE = Deprecation(date(2027, 3, 1), date(2028, 3, 1), "v2")
"""That of the whole version, as the law has it (S3-099)."""

Told = dict[str, Deprecation]


def _marked(fields: tuple[Field, ...], told: Told) -> tuple[Field, ...]:
    assert told.keys() <= {field.name for field in fields}
    return tuple(replace(field, deprecated=told.get(field.name)) for field in fields)


def _relations(resource: Resource, told: Told) -> tuple[Relation, ...]:
    return tuple(replace(each, deprecated=told.get(each.name)) for each in resource.relations)


def _actions(resource: Resource, told: Told) -> tuple[Action, ...]:
    return tuple(replace(each, deprecated=told.get(each.name)) for each in resource.actions)


def _outputs(outputs: tuple[Output, ...], told: Told) -> tuple[Output, ...]:
    return tuple(
        replace(each, fields=_outputs(each.fields, told))
        if isinstance(each, Part)
        else replace(each, deprecated=told.get(each.name))
        for each in outputs
    )


_BRAND = replace(
    BRAND,
    fields=_marked(BRAND.fields, {"website": SOON, "slug": OPEN}),
    relations=_relations(BRAND, {"products": OPEN}),
    actions=_actions(BRAND, {"restore": SOON}),
)
_PRODUCT = replace(PRODUCT, fields=_marked(PRODUCT.fields, {"quantity": LATER}))
_CATEGORY = replace(CATEGORY, deprecated=OPEN)
_ITEM = replace(ORDER_ITEM, fields=_marked(ORDER_ITEM.fields, {"product_id": OPEN}))
_ORDER = replace(ORDER, embedded=tuple(replace(each, resource=_ITEM) for each in ORDER.embedded))
_TOKEN = replace(
    TOKEN,
    actions=tuple(
        replace(
            each,
            inputs=_marked(each.inputs, {"grace_period_hours": OPEN}),
            shows=_marked(each.shows, {"grace_period_ends_at": SOON}),
        )
        if each.name == "rotate"
        else each
        for each in TOKEN.actions
    ),
)
_WEIGH = replace(
    WEIGH,
    inputs=_marked(WEIGH.inputs, {"scale": SOON}),
    outputs=_outputs(WEIGH.outputs, {"share": OPEN, "made": OPEN}),
)
_SEND = replace(SEND, deprecated=SOON, outputs=_outputs(SEND.outputs, {"notes": OPEN}))
_KNOCK = replace(KNOCK, deprecated=OPEN)

RESOURCES = (WORKSPACE, _TOKEN, _BRAND, _CATEGORY, _PRODUCT, CUSTOMER, _ORDER, _ITEM)
PROCEDURES = (_WEIGH, _SEND, _KNOCK, USAGE)
CATALOG = Catalog(RESOURCES, PROCEDURES)
NEXT = Catalog(RESOURCES, PROCEDURES, deprecated=WHOLE)
"""The same after the next version of the API is there."""

NAMES = {
    "brand.website": SOON,
    "brand.slug": OPEN,
    "brand.products": OPEN,
    "restore_brand": SOON,
    "category": OPEN,
    "product.quantity": LATER,
    "order_item.product_id": OPEN,
    "rotate_token.grace_period_hours": OPEN,
    "rotate_token.grace_period_ends_at": SOON,
    "weigh_parcel.scale": SOON,
    "weigh_parcel.share": OPEN,
    "weigh_parcel.made": OPEN,
    "send_parcel": SOON,
    "send_parcel.notes": OPEN,
    "knock": OPEN,
}
"""All that is deprecated in it."""

Row = tuple[Any, ...]


def meter(application: Application) -> Meter[Any]:
    """Return what writes down the uses that an application has counted."""
    assert isinstance(application, Edge)
    return Meter(application._notices.tally, adding, application._watch._database, "in a test")


async def uses(application: Application, database: str) -> set[tuple[str, str, str, int]]:
    """Return name, surface, operation and number of all uses, once what was counted is written down."""
    await meter(application).write()
    return {(row[0], row[1], row[2], row[3]) for row in stored(database)}


def stored(database: str) -> list[Row]:
    """Return the uses that the database holds: name, surface, operation, number, first, last, sunset."""
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT name, surface, operation, uses, first_used_at, last_used_at, sunset FROM deprecation_uses"
            " ORDER BY 1, 2, 3"
        ).fetchall()


def forget(database: str) -> None:
    """Forget all uses."""
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM deprecation_uses")


def named(uses_: Iterable[tuple[str, str, str, int]], surface: str) -> dict[str, int]:
    """Return how often each name was used by a surface."""
    found: dict[str, int] = {}
    for name, where, _, count in uses_:
        if where == surface:
            found[name] = found.get(name, 0) + count
    return found
