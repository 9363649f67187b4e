"""The works every target is given, as surface-neutral cases, and the goals each is held to."""

import datetime
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.bench import creating, data
from tests.bench.data import Size

CASES = 400
PAGE = 25
DEPTHS = 8
"""How many different depths the deep pages of one workspace start from."""

STAMPS = ("inserted_at", "updated_at", "deleted_at")
PRODUCT = (
    "id",
    "gtin",
    "name",
    "slug",
    "sku",
    "description",
    "ingredients",
    "nutrition",
    "image_url",
    "status",
    "price_cents",
    "currency",
    "quantity",
    "category_id",
    "brand_id",
    "metadata",
    *STAMPS,
)
CUSTOMER = ("id", "name", "email", "phone", "country", "metadata", *STAMPS)
ORDER = (
    "id",
    "number",
    "status",
    "currency",
    "subtotal_cents",
    "tax_rate",
    "tax_cents",
    "total_cents",
    "placed_at",
    "customer_id",
    "metadata",
    *STAMPS,
)
ORDER_ITEM = (
    "id",
    "order_id",
    "product_id",
    "name",
    "position",
    "quantity",
    "unit_price_cents",
    "line_total_cents",
    "currency",
    *STAMPS,
)


class Work(StrEnum):
    """One kind of request; G marks the GraphQL wording of the W of that number."""

    W1 = "W1"
    G1 = "G1"
    W2 = "W2"
    G2 = "G2"
    W2C = "W2c"
    W3 = "W3"
    G3 = "G3"
    W5 = "W5"
    G5 = "G5"
    W6 = "W6"


class Subject(StrEnum):
    """What a work reads or makes, on either surface."""

    PRODUCT = "one product"
    PRODUCTS = "25 products filtered, sorted, counted"
    DEEP = "deep keyset page of 25 products"
    ORDERS = "25 orders with items.product and customer"
    CREATION = "one product created"
    CREATIONS = "100 products created at once"


@dataclass(frozen=True, slots=True)
class Case:
    """One request's parameter: an id, a least price, a depth in rows, an instant or what to create."""

    workspace: int
    value: Any


@dataclass(frozen=True, slots=True)
class Goal:
    """The least ratios and the least busy share of PostgreSQL's core; None where none is set."""

    baseline: float | None
    postgraphile: float | None
    busy: float | None


SUBJECTS = {
    Work.W1: Subject.PRODUCT,
    Work.G1: Subject.PRODUCT,
    Work.W2: Subject.PRODUCTS,
    Work.G2: Subject.PRODUCTS,
    Work.W2C: Subject.DEEP,
    Work.W3: Subject.ORDERS,
    Work.G3: Subject.ORDERS,
    Work.W5: Subject.CREATION,
    Work.G5: Subject.CREATION,
    Work.W6: Subject.CREATIONS,
}
ROWS_WRITTEN = {Work.W5: 1, Work.G5: 1, Work.W6: creating.BULK}
"""How many rows one request of a work writes; the works that are missing write none."""

GOALS = {
    Work.W1: Goal(8, None, 0.25),
    Work.G1: Goal(30, 2, 0.25),
    Work.W2: Goal(12, 3.5, 0.80),
    Work.G2: Goal(30, 3, 0.80),
    Work.W2C: Goal(9, None, 0.75),
    Work.W3: Goal(25, None, 0.80),
    Work.G3: Goal(80, 4, 0.80),
    Work.W5: Goal(4, 1, None),
    Work.G5: Goal(4, 1, None),
    Work.W6: Goal(None, None, None),
}
REST_TWIN = {Work.G1: Work.W1, Work.G2: Work.W2, Work.G3: Work.W3, Work.G5: Work.W5}
GRAPHQL_TWIN = {rest: graphql for graphql, rest in REST_TWIN.items()}
SURFACE_GOAL = 1.3
"""The most a GraphQL request may cost, as a multiple of the equal REST request."""

BULK_GOAL = 20
"""How many times less a row shall cost when 100 are created at once than when each has its request."""

MEMORY_GOAL_MIB = 130


def is_graphql(work: Work) -> bool:
    """Return whether `work` is worded in GraphQL."""
    return work in REST_TWIN


def writes(work: Work) -> bool:
    """Return whether `work` writes rows."""
    return work in ROWS_WRITTEN


def status(work: Work) -> int:
    """Return the status of a right answer to `work`."""
    return 201 if writes(work) and not is_graphql(work) else 200


def cases(subject: Subject, size: Size) -> list[Case]:
    """Return the cases of `subject`, spread over all workspaces, in an order without pattern."""
    found = [_case(subject, size, position) for position in range(count(subject))]
    random.Random(7).shuffle(found)
    return found


def count(subject: Subject) -> int:
    """Return how many cases `subject` has: 400, but one per workspace where one is large."""
    return data.WORKSPACES if subject is Subject.CREATIONS else CASES


def depth_step(size: Size) -> int:
    """Return how many rows lie between two of the depths that deep pages start from."""
    return size.products // (DEPTHS + 2)


def _case(subject: Subject, size: Size, position: int) -> Case:
    workspace = position % data.WORKSPACES
    return Case(workspace, CASE_VALUES[subject](size, workspace, position))


def _product_id(size: Size, workspace: int, position: int) -> str:
    return str(data.key("product", data.number(workspace, position * 1237 % size.products)))


def _least_price(size: Size, workspace: int, position: int) -> int:
    # From 28 to 307 products of a full workspace cost as much and are active.
    dearer = (40 + position) * data.PRICES // size.products
    return data.price(max(0, data.PRICES - dearer))


def _depth(size: Size, workspace: int, position: int) -> int:
    return depth_step(size) * (2 + position // data.WORKSPACES % DEPTHS)


def _instant(size: Size, workspace: int, position: int) -> str:
    row = data.number(workspace, size.orders - 1 - position * size.orders // (2 * CASES))
    return data.instant(row).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


CASE_VALUES: dict[Subject, Callable[[Size, int, int], Any]] = {
    Subject.PRODUCT: _product_id,
    Subject.PRODUCTS: _least_price,
    Subject.DEEP: _depth,
    Subject.ORDERS: _instant,
    Subject.CREATION: creating.product,
    Subject.CREATIONS: creating.products,
}


def camel(name: str) -> str:
    """Return the GraphQL spelling of a field."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def snake(name: str) -> str:
    """Return the REST spelling of a field."""
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)


def selection(fields: tuple[str, ...]) -> str:
    """Return the GraphQL selection of `fields`."""
    return " ".join(camel(field) for field in fields)


def as_instant(text: str) -> datetime.datetime:
    """Read an RFC 3339 instant."""
    return datetime.datetime.fromisoformat(text)
