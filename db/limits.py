"""What stores of budgets have in common, wherever they keep them."""

from typing import NamedTuple, Protocol


class Rates(NamedTuple):
    """What a store has to know of a policy: `quota` points at most, `refill` of them back per second.

    `burst` points at most are back within a second, and `daily` points may be taken per day (UTC), 0 for no
    such limit.
    """

    quota: float
    refill: float
    burst: float
    daily: int


class Taken(NamedTuple):
    """What came of one charge: nothing was taken if there is a `wait`, in seconds.

    `full_in` are the seconds until the quota is whole again, `today` the points taken since midnight (UTC),
    and `ends_in` the seconds until the next one.
    """

    wait: float
    full_in: float
    today: int = 0
    ends_in: float = 0.0


class Store(Protocol):
    """Where budgets are kept."""

    @property
    def lost(self) -> bool | None:
        """Tell whether the server behind it did not answer when last asked; None where there is none."""

    async def take(self, key: str, rates: Rates, cost: int) -> Taken | None:
        """Take `cost` points, all or nothing, or only look if that is 0; None while the store is lost."""

    def give(self, key: str, rates: Rates, points: int) -> None:
        """Give back `points` taken before, soon, and never more than a full bucket; lost with the store."""

    async def open(self) -> None:
        """Get ready, so that no request waits for it."""

    async def close(self) -> None:
        """End what the store holds open."""
