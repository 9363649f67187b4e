"""Order items: the lines of an order."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from db.models import Currency, OrderItem, OrderStatus
from db.queries import orders as queries
from services import order_lines
from services.engine.actions import writes
from services.engine.encoding import decoded, text_array
from services.engine.errors import conflict
from services.engine.resource import ActionKind, Field, Relation, Resource
from services.engine.validate import MISSING
from services.engine.work import Change, Work
from services.order_lines import TOO_LARGE
from services.totals import totals


def _orders() -> Resource:
    """Return the resource of orders, which embeds this one and so can only be imported later."""
    from services.orders import ORDER

    return ORDER


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Judge lines that are written on their own, and let their orders follow: totals and version.

    A line is written while its order is pending; what is sent back unchanged is welcome at any time.
    """
    # A line that stays as it is leaves its order alone.
    good = [each for each in changes if each.good and not _is_same(each)]
    orders = await _orders_of(work, good)
    for each in good:
        _judge_order(work, each, orders)
    good = [each for each in good if each.good]
    if work.action.kind is not ActionKind.DELETE:
        await _complete(work, good, orders)
    await _add_up(work, [each for each in good if each.good], orders)


async def _orders_of(work: Work, changes: Sequence[Change]) -> dict[str, Change]:
    ids = {_order_id(each) for each in changes}
    return await work.load(_orders(), sorted(ids)) if ids else {}


def _judge_order(work: Work, line: Change, orders: Mapping[str, Change]) -> None:
    order = orders.get(_order_id(line))
    if order is None and line.stored is None:
        line.refuse("order_id", MISSING)
    elif order is None:
        line.problem = conflict("The order of this line is deleted.")
    elif (order.stored or {})["status"] != OrderStatus.PENDING:
        said = f"The order is {(order.stored or {})['status']}, so its lines can no longer change."
        line.problem = conflict(said)


def _is_same(line: Change) -> bool:
    return line.stored is not None and not order_lines.changed(line.values, line.stored)


async def _complete(work: Work, changes: Sequence[Change], orders: Mapping[str, Change]) -> None:
    def currency(line: Change) -> str:
        return str((orders[_order_id(line)].stored or {})["currency"])

    wanted = (order_lines.product_to_look_up(each.values, each.stored, currency(each)) for each in changes)
    known = await order_lines.products(work, [id_ for id_ in wanted if id_ is not None])
    for each in changes:
        values, faults = order_lines.line(each.values, each.stored, currency(each), known)
        each.values |= values
        for name, fault in faults.items():
            if work.action.kind is ActionKind.RESTORE:
                each.problem = conflict(f"The line no longer fits its order: {fault.message}")
            else:
                each.refuse(name, fault)


async def _add_up(work: Work, changes: Sequence[Change], orders: Mapping[str, Change]) -> None:
    """Place new lines last, and compute the totals of every order touched."""
    if not changes:
        return
    touched = {_order_id(each): orders[_order_id(each)] for each in changes}
    own = text_array(each.id for each in changes)
    rows = await work.rows(queries.SUMS, text_array(touched), own)
    others = {decoded(id_): (int(total or 0), int(last or 0)) for id_, total, last in rows}
    for id_, order in touched.items():
        lines = [each for each in changes if _order_id(each) == id_]
        total, last = others.get(id_, (0, -1))
        for place, line in enumerate((each for each in lines if each.stored is None), last + 1):
            line.values["position"] = place
        amounts = [
            each.after["line_total_cents"] for each in lines if work.action.kind is not ActionKind.DELETE
        ]
        found = totals([total, *amounts], (order.stored or {})["tax_rate"])
        order.values |= asdict(found)
        for line in lines if not found.safe else ():
            line.refuse("quantity", TOO_LARGE)
    good = {_order_id(each) for each in changes if each.good}
    work.afterwards(_orders(), [touched[id_] for id_ in sorted(good)])


def _order_id(line: Change) -> str:
    return str(line.after["order_id"])


ORDER_ITEM = Resource(
    name="order_item",
    plural="order_items",
    type="item",
    model=OrderItem,
    doc="One line of an order.",
    fields=(
        Field(
            "order_id",
            "The order it belongs to; a line never moves to another one.",
            writable=True,
            required=True,
            filterable=True,
            fixed=True,
        ),
        Field("product_id", "The product sold, or null.", writable=True, filterable=True),
        Field(
            "name",
            "What was sold, as it was called then; the product's name unless sent.",
            writable=True,
            filterable=True,
            sortable=True,
            searchable=True,
            example="Oat flakes 500 g",
        ),
        Field("position", "Place in the order, ascending.", filterable=True, sortable=True, example=0),
        Field(
            "quantity",
            "Units sold, at least 1; negative in imported returns.",
            writable=True,
            required=True,
            filterable=True,
            sortable=True,
            example=6,
        ),
        Field(
            "unit_price_cents",
            "Price of one unit, in minor units of `currency`; the product's price unless sent.",
            writable=True,
            filterable=True,
            sortable=True,
            example=249,
        ),
        Field(
            "line_total_cents",
            "Quantity times unit price, in minor units of `currency`.",
            filterable=True,
            sortable=True,
            example=1494,
        ),
        Field("currency", "Currency of the order (ISO 4217).", enum=Currency, example="EUR"),
    ),
    relations=(
        Relation("product", "The product sold.", one="product", via="product_id"),
        Relation("order", "The order it belongs to.", one="order", via="order_id"),
    ),
    actions=writes(creating=change, changing=change, deleting=change, restoring=change),
)
