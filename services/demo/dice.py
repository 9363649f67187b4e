"""Chance that falls the same way on every machine and with every version of Python."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar
from uuid import UUID

Item = TypeVar("Item")


class Dice:
    """A short series of rolls that depends on `key` alone; enough for about forty rolls."""

    __slots__ = ("_rest",)

    def __init__(self, kind: str, number: int) -> None:
        self._rest = int.from_bytes(blake2b(f"{kind}:{number}".encode()).digest(), "big")

    def roll(self, sides: int) -> int:
        """Return a number from 0 to `sides` - 1."""
        self._rest, rolled = divmod(self._rest, sides)
        return rolled

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of `items`."""
        return items[self.roll(len(items))]

    def between(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included."""
        return low + self.roll(high - low + 1)


def fixed_id(kind: str, number: int) -> UUID:
    """Return the identifier of the row `number` of its kind, in the form of a random UUID (RFC 9562)."""
    return UUID(bytes=blake2b(f"diptych demo {kind} {number}".encode(), digest_size=16).digest(), version=4)
