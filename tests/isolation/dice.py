"""Chance: one number of Hypothesis decides everything about a step."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice(random.Random):
    """A source of decisions; the same number always decides the same."""

    def chance(self, percent: int) -> bool:
        """Tell whether something happens that does so in `percent` of a hundred cases."""
        return self.random() * 100 < percent

    def some(self, items: Sequence[T], most: int, least: int = 0) -> list[T]:
        """Return a few of the items in any order."""
        return self.sample(list(items), min(self.randint(least, max(least, most)), len(items)))

    def of(self, *weighed: tuple[int, T]) -> T:
        """Return one of several, each with its weight."""
        return self.choices([item for _, item in weighed], [weight for weight, _ in weighed])[0]
