"""Rules of orders: their lines, totals and numbers, and the way from pending to delivered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from db.models import OrderStatus
from db.queries import orders as queries
from services import order_lines
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid, Problem, conflict
from services.engine.resource import ActionKind, ActionRule
from services.engine.validate import MISSING
from services.engine.work import Change, Work
from services.numbering import number
from services.order_items import ORDER_ITEM
from services.order_lines import TOO_LARGE, Products
from services.totals import totals

LINES = "line_items"

_BEFORE: Mapping[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.CONFIRMED: (OrderStatus.PENDING,),
    OrderStatus.SHIPPED: (OrderStatus.CONFIRMED,),
    OrderStatus.DELIVERED: (OrderStatus.SHIPPED,),
    OrderStatus.CANCELLED: (OrderStatus.PENDING, OrderStatus.CONFIRMED),
}
"""Each state that an order moves to, and those it can come from."""

_DISCARDABLE = (OrderStatus.PENDING, OrderStatus.CANCELLED)
_UNPRICED = Invalid(
    "exclusion", "A product in this order cannot be looked up, so its price in this currency is unknown."
)
_FIXED_LATER = ("currency", "tax_rate")


@dataclass(slots=True)
class _Draft:
    """One order on its way, with the lines that it has, is sent, and will have.

    `sent` is None where the lines stay, though they may take another currency.
    """

    order: Change
    sent: list[dict[str, Any]] | None
    lines: list[Change] = field(default_factory=list)
    made: list[dict[str, Any]] = field(default_factory=list)
    altered: list[Change] = field(default_factory=list)

    @property
    def currency(self) -> str:
        return str(self.order.after["currency"])

    @property
    def touches_lines(self) -> bool:
        stored = self.order.stored
        return self.sent is not None or (stored is not None and self.currency != stored["currency"])

    def wanted(self) -> Iterable[tuple[dict[str, Any], Change | None]]:
        """Yield what was sent of each line to be, and the line that is there already."""
        if self.sent is None:
            yield from (({}, line) for line in self.lines)
            return
        known = {UUID(line.id): line for line in self.lines}
        for sent in self.sent:
            yield sent, known.get(sent["id"]) if "id" in sent else None


# Creating and changing


async def create(work: Work, changes: Sequence[Change]) -> None:
    """Complete new orders: lines from their products, totals, numbers."""
    drafts = _drafts(work, changes)
    for draft in drafts:
        if "placed_at" not in draft.order.sent:
            draft.order.values["placed_at"] = now(work)
    await _settle(work, drafts)
    await number(work, [draft.order for draft in drafts if draft.order.good])


async def change(work: Work, changes: Sequence[Change]) -> None:
    """Judge changed orders: once they are confirmed, lines, currency and tax rate stay as they are."""
    drafts = _drafts(work, changes)
    await _load_lines(work, [draft for draft in drafts if draft.touches_lines])
    pending = []
    for draft in drafts:
        if _status(draft.order) is OrderStatus.PENDING:
            pending.append(draft)
        else:
            draft.order.problem = _frozen(draft)
    await _settle(work, pending)


def _drafts(work: Work, changes: Sequence[Change]) -> list[_Draft]:
    # A replacement resets what it leaves out, so it takes the lines away.
    absent: list[dict[str, Any]] | None = [] if work.action.kind is ActionKind.REPLACE else None
    return [_Draft(each, each.values.pop(LINES, absent)) for each in changes if each.good]


async def _load_lines(work: Work, drafts: Sequence[_Draft]) -> None:
    if not drafts:
        return
    of = {draft.order.id: draft for draft in drafts}
    found = [(decoded(order), decoded(id_)) for order, id_ in await work.rows(queries.LINES, text_array(of))]
    lines = await work.load(ORDER_ITEM, [id_ for _, id_ in found]) if found else {}
    for order, id_ in found:
        if id_ in lines:
            of[order].lines.append(lines[id_])


def _frozen(draft: _Draft) -> Problem | None:
    """Return the problem of a change to what no longer changes, None where all of it is the same."""
    stored = draft.order.stored or {}
    fixed = [name for name in _FIXED_LATER if draft.order.after[name] != stored[name]]
    if draft.sent is not None and not _same_lines(draft.sent, draft.lines):
        fixed.append(LINES)
    if not fixed:
        return None
    return conflict(f"The order is {stored['status']}, so its {' and '.join(fixed)} can no longer change.")


def _same_lines(sent: Sequence[Mapping[str, Any]], lines: Sequence[Change]) -> bool:
    return len(sent) == len(lines) and all(
        str(one.get("id", line.id)) == line.id
        and not order_lines.changed({k: v for k, v in one.items() if k != "id"}, line.stored or {})
        for one, line in zip(sent, lines, strict=True)
    )


async def _settle(work: Work, drafts: Sequence[_Draft]) -> None:
    """Work out lines and totals, and write the lines of those orders that are good."""
    wanted = (
        order_lines.product_to_look_up(sent, None if line is None else line.stored, draft.currency)
        for draft in drafts
        if draft.touches_lines
        for sent, line in draft.wanted()
    )
    known = await order_lines.products(work, [id_ for id_ in wanted if id_ is not None])
    for draft in drafts:
        if draft.touches_lines:
            _make_lines(work, draft, known)
        if draft.order.good:
            _total(draft)
    good = [draft for draft in drafts if draft.order.good]
    await work.insert(ORDER_ITEM, [work.new(ORDER_ITEM, made) for draft in good for made in draft.made])
    await work.update(ORDER_ITEM, [line for draft in good for line in draft.altered])
    gone = [line for draft in good for line in _left_out(draft)]
    for line in gone:
        line.values = {"deleted_at": now(work)}
    await work.update(ORDER_ITEM, gone, "deleted")


def _make_lines(work: Work, draft: _Draft, known: Products) -> None:
    position = -1
    for place, (sent, line) in enumerate(draft.wanted()):
        if line is None and "id" in sent:
            draft.order.refuse(f"{LINES}.{place}.id", MISSING)
            continue
        stored = line.stored if line is not None else None
        values, faults = order_lines.line(sent, stored, draft.currency, known)
        for name, fault in faults.items():
            _accuse(draft, place, name, fault)
            if fault is MISSING:
                draft.order.extensions |= order_lines.lacking(work)
        # Places that are in order already stay, so that sending lines back changes none of them.
        position = max(position + 1, stored["position"] if stored is not None else 0)
        values["position"] = position
        if line is None:
            draft.made.append({**values, "order_id": UUID(draft.order.id)})
        else:
            line.values = order_lines.changed(values, line.stored or {})
            draft.altered += [line] if line.values else []


def _accuse(draft: _Draft, place: int, name: str, fault: Invalid) -> None:
    """Refuse a line, or the currency where that alone was sent."""
    if draft.sent is not None:
        draft.order.refuse(f"{LINES}.{place}.{name}", fault)
    elif "currency" not in draft.order.invalid:
        draft.order.refuse("currency", _UNPRICED if fault is MISSING else fault)


def _left_out(draft: _Draft) -> list[Change]:
    if draft.sent is None:
        return []
    kept = {str(sent["id"]) for sent in draft.sent if "id" in sent}
    return [line for line in draft.lines if line.id not in kept]


def _total(draft: _Draft) -> None:
    order = draft.order
    if draft.touches_lines or order.stored is None:
        gone = {line.id for line in _left_out(draft)}
        stay = [line.after["line_total_cents"] for line in draft.lines if line.id not in gone]
        amounts = [*stay, *(made["line_total_cents"] for made in draft.made)]
    else:
        amounts = [order.stored["subtotal_cents"]]
    found = totals(amounts, order.after["tax_rate"])
    if not found.safe:
        order.refuse(LINES if draft.sent is not None else "tax_rate", TOO_LARGE)
    order.values |= asdict(found)


# From state to state


def move_to(state: OrderStatus) -> ActionRule:
    """Return the rule of the action that moves orders to `state`."""

    async def move(work: Work, changes: Sequence[Change]) -> None:
        for each in changes:
            if each.good and _status(each) not in _BEFORE[state]:
                said = (
                    f"The order is {_status(each)}; only {_either(_BEFORE[state])} orders can become {state}."
                )
                each.problem = conflict(said)
        if state is OrderStatus.CONFIRMED:
            await _demand_lines(work, [each for each in changes if each.good])
        for each in changes:
            each.values["status"] = state
            if state is OrderStatus.CONFIRMED and each.after["placed_at"] is None:
                each.values["placed_at"] = now(work)

    return move


async def _demand_lines(work: Work, changes: Sequence[Change]) -> None:
    rows = await work.rows(queries.LINES, text_array(each.id for each in changes)) if changes else []
    filled = {decoded(order) for order, _ in rows}
    for each in changes:
        if each.id not in filled:
            each.problem = conflict("An order without lines cannot be confirmed.")


# Deleting and restoring


async def delete(work: Work, changes: Sequence[Change]) -> None:
    """Delete pending or cancelled orders together with their lines, at the same moment."""
    for each in changes:
        if each.good and _status(each) not in _DISCARDABLE:
            said = f"The order is {_status(each)}; only {_either(_DISCARDABLE)} orders can be deleted."
            each.problem = conflict(said)
    drafts = [_Draft(each, None) for each in changes if each.good]
    await _load_lines(work, drafts)
    for draft in drafts:
        for line in draft.lines:
            line.values = {"deleted_at": draft.order.values["deleted_at"]}
    await work.update(ORDER_ITEM, [line for draft in drafts for line in draft.lines], "deleted")


async def restore(work: Work, changes: Sequence[Change]) -> None:
    """Restore orders with the lines that were deleted together with them."""
    ids = [each.id for each in changes if each.good and "deleted_at" in each.values]
    if not ids:
        return
    rows = await work.rows(queries.LINES_DELETED_WITH_THEIR_ORDER, text_array(ids))
    lines = await work.load(ORDER_ITEM, [decoded(id_) for (id_,) in rows], deleted=True)
    for line in lines.values():
        line.values["deleted_at"] = None
    await work.update(ORDER_ITEM, list(lines.values()), "restored")


def now(work: Work) -> datetime:
    """Return the moment of the request, in UTC."""
    return datetime.fromtimestamp(work.caller.now, UTC)


def _status(order: Change) -> OrderStatus:
    return OrderStatus((order.stored or {})["status"])


def _either(states: Sequence[OrderStatus]) -> str:
    return " or ".join(states)
