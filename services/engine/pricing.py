"""Prices: the points that a read takes before it runs, and how many of them what it found leaves over.

Every resource touched costs a point, which pays for a page of it, the largest there is. Only nested lists can
hold more than that, so they alone are paid for by what they may hold, and settled by what they held.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from db.included import INCLUDED_LIMIT
from services.engine.encoding import LARGEST_PAGE_SIZE

ROWS_PER_POINT = LARGEST_PAGE_SIZE
"""The rows of nested lists that a point pays for."""


class Price(NamedTuple):
    """What a read takes: `points` in all, `held` of them for what its `lists` may hold beyond a page each."""

    points: int
    held: int = 0
    lists: int = 0

    def unused(self, rows: int) -> int:
        """Return how many of the points held are left over by so many rows of nested lists."""
        return max(0, self.held - _beyond(rows, self.lists))


FREE = Price(0)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many rows a nested list may hold: the product of the page sizes in `slots`.

    `unsized` counts the lists on the way to it, and itself, that have no page size and count as the largest.
    """

    slots: tuple[int, ...]
    unsized: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a plan costs by the page sizes of a request: a point for each resource, and its nested lists."""

    resources: int
    reaches: tuple[Reach, ...] = ()

    def price(self, bound: Sequence[bytes | None], rows: int) -> Price:
        """Return the price of a request with such slots, for `rows` resources of its kind at once."""
        if not self.reaches:
            return Price(self.resources)
        most = sum(_most(reach, bound) for reach in self.reaches) * rows
        held = _beyond(min(most, INCLUDED_LIMIT), len(self.reaches))
        return Price(self.resources + held, held, len(self.reaches))


def together(prices: Iterable[Price]) -> tuple[int, int]:
    """Return the points of several prices, and those held among them."""
    points = held = 0
    for each in prices:
        points, held = points + each.points, held + each.held
    return points, held


def _beyond(rows: int, lists: int) -> int:
    """Return the points for rows that the lists' own points do not pay for."""
    return max(0, -(-rows // ROWS_PER_POINT) - lists)


def _most(reach: Reach, bound: Sequence[bytes | None]) -> int:
    return prod([LARGEST_PAGE_SIZE] * reach.unsized + [int(bound[slot] or 0) for slot in reach.slots])
