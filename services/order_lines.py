"""Lines of orders: what a line becomes from what was sent, the line before, and the product sold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db.models.columns import LARGEST_SAFE_INTEGER
from db.queries import orders as queries
from services.engine.access import Permission, allows
from services.engine.encoding import decoded, text_array
from services.engine.errors import Invalid
from services.engine.validate import BLANK, MISSING
from services.engine.work import Work
from services.products import PRODUCT

TOO_LARGE = Invalid("less_than", f"The amount would exceed {LARGEST_SAFE_INTEGER}.")

_TAKEN_OVER = ("name", "unit_price_cents")
"""What a line takes from its product unless it is sent."""

_TOO_FEW = Invalid("greater_than", "This must be at least 1.")
_UNPRICED = Invalid("cant_be_blank", "A line needs a price where it has no product with one.")
_UNNAMED = Invalid("cant_be_blank", "A line needs a name where it has no product.")


@dataclass(frozen=True, slots=True)
class Sold:
    """What an order takes from a product."""

    name: str
    price_cents: int | None
    currency: str | None


Products = Mapping[UUID, Sold]


async def products(work: Work, ids: Iterable[UUID]) -> dict[UUID, Sold]:
    """Return the live products of these ids that the caller may read."""
    wanted = {str(id_) for id_ in ids}
    if not wanted or lacking(work):
        return {}
    rows = await work.rows(queries.PRODUCTS, text_array(sorted(wanted)))
    return {
        UUID(decoded(id_)): Sold(
            decoded(name),
            None if price is None else int(price),
            None if currency is None else currency.decode(),
        )
        for id_, name, price, currency in rows
    }


def lacking(work: Work) -> dict[str, str]:
    """Return what tells a caller who may not read products so."""
    if allows(work.caller.principal.scopes, PRODUCT, Permission.READ):
        return {}
    return {"required_scope": f"{PRODUCT.scope}:{Permission.READ}"}


def product_to_look_up(
    sent: Mapping[str, Any], stored: Mapping[str, Any] | None, currency: str
) -> UUID | None:
    """Return the product that a line needs to know of.

    That is a new one, one whose currency may differ now, or one that gives anew what a replacement resets,
    which is sent as null.
    """
    wanted: UUID | None = sent.get("product_id", stored and stored["product_id"])
    if stored is None or wanted != stored["product_id"] or currency != stored["currency"]:
        return wanted
    return wanted if any(sent.get(name, "") is None for name in _TAKEN_OVER) else None


def line(
    sent: Mapping[str, Any], stored: Mapping[str, Any] | None, currency: str, known: Products
) -> tuple[dict[str, Any], dict[str, Invalid]]:
    """Return the columns of a line and what is wrong with it by field.

    What was not sent stays as it is stored, or comes from the product if that is another than before; a line
    that loses its product stays what it was. The quantity of a return, which only imports bring, may stay as
    it is.
    """
    faults: dict[str, Invalid] = {}
    product_id = sent.get("product_id", stored and stored["product_id"])
    kept = {}
    if stored is not None and product_id in (None, stored["product_id"]):
        kept = {name: stored[name] for name in _TAKEN_OVER if name not in sent}
    product = None
    if product_to_look_up(sent, stored, currency) is not None:
        product = known.get(product_id)
        faults |= _unsold(product, currency)
    name = _first(sent.get("name"), kept.get("name"), product and product.name)
    price = _first(
        sent.get("unit_price_cents"), kept.get("unit_price_cents"), product and product.price_cents
    )
    if "product_id" not in faults:
        faults |= {"name": _UNNAMED} if name is None else {}
        faults |= {"unit_price_cents": _UNPRICED} if price is None else {}
    quantity = _first(sent.get("quantity"), stored and stored["quantity"])
    faults |= _wrong_quantity(quantity, stored, price)
    total = 0 if faults else quantity * price
    values = {
        "product_id": product_id,
        "name": name,
        "quantity": quantity,
        "unit_price_cents": price,
        "line_total_cents": total,
        "currency": currency,
    }
    return values, faults


def _first(*candidates: Any) -> Any:
    return next((value for value in candidates if value is not None), None)


def _unsold(product: Sold | None, currency: str) -> dict[str, Invalid]:
    if product is None:
        return {"product_id": MISSING}
    if product.price_cents is None or product.currency == currency:
        return {}
    said = f"The product is priced in {product.currency}, but its order is in {currency}."
    return {"product_id": Invalid("exclusion", said)}


def _wrong_quantity(
    quantity: int | None, stored: Mapping[str, Any] | None, price: int | None
) -> dict[str, Invalid]:
    if quantity is None:
        return {"quantity": BLANK}
    if quantity < 1 and (stored is None or quantity != stored["quantity"]):
        return {"quantity": _TOO_FEW}
    if price is not None and abs(quantity * price) > LARGEST_SAFE_INTEGER:
        return {"quantity": TOO_LARGE}
    return {}


def changed(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ from the stored ones."""
    return {name: value for name, value in values.items() if stored[name] != value}
