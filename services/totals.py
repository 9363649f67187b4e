"""Totals of an order, computed here and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from db.models.columns import LARGEST_SAFE_INTEGER


@dataclass(frozen=True, slots=True)
class Totals:
    """Amounts in minor units of the order's currency."""

    subtotal_cents: int
    tax_cents: int
    total_cents: int

    @property
    def safe(self) -> bool:
        """Tell whether every amount survives a round trip through any JSON reader."""
        amounts = (self.subtotal_cents, self.tax_cents, self.total_cents)
        return all(abs(amount) <= LARGEST_SAFE_INTEGER for amount in amounts)


def totals(line_totals: Iterable[int], tax_rate: Decimal) -> Totals:
    """Return the totals of lines, with the tax rounded half to even once for the whole order."""
    subtotal = sum(line_totals)
    tax = int((subtotal * tax_rate).to_integral_value(ROUND_HALF_EVEN))
    return Totals(subtotal, tax, subtotal + tax)
