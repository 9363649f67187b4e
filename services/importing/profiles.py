"""Files in which several lines make one row: how they look, declared as data."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from db.models import Currency, OrderStatus
from services.customers import CUSTOMER
from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.validate import read_field
from services.engine.values import clean_text
from services.order_items import ORDER_ITEM
from services.orders import ORDER
from services.products import PRODUCT
from services.totals import totals

Read = Callable[[str], Any]
"""Takes the text of a cell and returns the value to store, or an `Invalid`."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that comes from a column; an `optional` one may be blank though its field may not."""

    column: str
    read: Read
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """Rows made where absent, known by the text in `column`, and referred to by `via`.

    `key` is the field that holds that text, or a JSON field and its member. A new row is called what the
    cell `name` says or else after its key by the `template`; a referring row without a name takes this one.
    """

    resource: Resource
    column: str
    via: str
    key: tuple[str, ...]
    template: str = "{}"
    name: Cell | None = None
    values: Mapping[str, Cell] = field(default_factory=dict)


Finish = Callable[[dict[str, Any], list[dict[str, Any]]], Mapping[str, Invalid]]
"""Completes a parent and its children, and returns what is wrong with the parent by field."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of grouped file: consecutive lines with the same `group` make a row of `parent`.

    The parent is read from the first line, a child, which refers to it by `link`, from every one. Constants
    are values that the file implies without saying them. `rest` may collect further columns.
    """

    name: str
    group: str
    parent: Resource
    parent_cells: Mapping[str, Cell]
    parent_constants: Mapping[str, Any]
    parent_made: Made
    child: Resource
    child_cells: Mapping[str, Cell]
    child_constants: Mapping[str, Any]
    child_made: Made
    link: str
    finish: Finish
    rest: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that such a file has."""
        made = (self.parent_made, self.child_made)
        cells = (*self.parent_cells.values(), *self.child_cells.values())
        cells += tuple(cell for item in made for cell in item.values.values())
        names = (self.group, *(cell.column for cell in cells), *(item.column for item in made))
        return tuple(dict.fromkeys(names))


_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?: ([0-9]{1,2}):([0-9]{2}))?")


def moment(text: str) -> datetime | Invalid:
    """Return the UTC moment written as day/month/year, with or without hour:minute."""
    found = _DAY.fullmatch(text.strip())
    if found is None:
        return Invalid("invalid_date", "This must be a date such as 31/12/2010 or 31/12/2010 8:26.")
    day, month, year, hour, minute = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return Invalid("invalid_date", f"There is no such moment as {text.strip()}.")


def minor_units(text: str) -> int | Invalid:
    """Return an amount of pounds as pence, exactly; a fraction of a penny is refused, never rounded."""
    try:
        amount = Decimal(text.strip()) * 100
    except InvalidOperation:
        return Invalid("not_a_number", "This must be an amount such as 2.55.")
    if not amount.is_finite() or amount.adjusted() > 20:
        return Invalid("not_a_number", "This must be an amount such as 2.55.")
    if amount != amount.to_integral_value():
        return Invalid("invalid_format", "The amount has a fraction of the smallest unit.")
    return int(amount)


def whole(text: str) -> int | Invalid:
    """Return an integer."""
    if re.fullmatch(r"[+-]?[0-9]{1,20}", text.strip()):
        return int(text)
    return Invalid("not_an_integer", "This must be an integer.")


def text_or_nothing(text: str) -> str | Invalid | None:
    """Return the text, or None when it is blank."""
    return clean_text(text) or None


def status_of_invoice(number: str) -> str:
    """Return the status of an invoice: C leads the numbers of cancellations, all others were sold."""
    return OrderStatus.CANCELLED if number.strip().upper().startswith("C") else OrderStatus.DELIVERED


def country_member(text: str) -> Any:
    """Return the country as a member of a metadata map."""
    country = text_or_nothing(text)
    return {"country": country} if isinstance(country, str) else country or {}


def order_totals(order: dict[str, Any], items: list[dict[str, Any]]) -> Mapping[str, Invalid]:
    """Number the lines of an order and compute its totals."""
    for position, item in enumerate(items):
        item["position"] = position
        item["line_total_cents"] = item["quantity"] * item["unit_price_cents"]
    found = totals((item["line_total_cents"] for item in items), order["tax_rate"])
    order.update(asdict(found))
    # The subtotal and the total can be safe though a line is not, as lines may be negative.
    lines = (read_field(ORDER_ITEM, "line_total_cents", item["line_total_cents"]) for item in items)
    amounts = (read_field(ORDER, "total_cents", found.total_cents), *lines)
    fault = next((amount for amount in amounts if isinstance(amount, Invalid)), None)
    return {"total_cents": fault} if fault else {}


RETAIL_ORDERS = Profile(
    name="retail orders",
    group="InvoiceNo",
    parent=ORDER,
    parent_cells={
        "number": Cell("InvoiceNo", text_or_nothing),
        "status": Cell("InvoiceNo", status_of_invoice),
        "placed_at": Cell("InvoiceDate", moment),
        "metadata": Cell("Country", country_member),
    },
    parent_constants={"currency": Currency.GBP, "tax_rate": Decimal(0)},
    parent_made=Made(
        CUSTOMER,
        column="CustomerID",
        via="customer_id",
        key=("metadata", "customer_id"),
        template="Customer {}",
        values={"country": Cell("Country", text_or_nothing)},
    ),
    child=ORDER_ITEM,
    child_cells={
        "name": Cell("Description", text_or_nothing, optional=True),
        "quantity": Cell("Quantity", whole),
        "unit_price_cents": Cell("UnitPrice", minor_units),
    },
    child_constants={"currency": Currency.GBP},
    child_made=Made(
        PRODUCT,
        column="StockCode",
        via="product_id",
        key=("sku",),
        name=Cell("Description", text_or_nothing, optional=True),
    ),
    link="order_id",
    finish=order_totals,
    rest="metadata",
)

PROFILES = (RETAIL_ORDERS,)
