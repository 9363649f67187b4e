"""Limits: how many points a token may spend, what is left of them, and the store of a single process.

Two buckets are taken from together (C-58): a quota of points that refills over a minute, and a burst that
refills within a second. A limit per day is a third counter.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from db.limits import Rates as Rates
from db.limits import Store as Store
from db.limits import Taken as Taken
from db.models import RateTier
from services.engine.errors import Problem, Slug

_DAY = 86_400
_LEAST_BURST = 40
_MOST_KEPT = 100_000
_UNEVEN_SECONDS = 0.000002
_UNEVEN_POINTS = 0.005


class Standing(NamedTuple):
    """What is left of a budget; `reset` are the whole seconds until the quota is full, or until a retry.

    `policy` is what is said of the whole budget in the header RateLimit-Policy.
    """

    limit: int
    remaining: int
    reset: int
    policy: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How many points may be spent: `limit` per minute, `burst` per second, `per_day` if that is limited.

    `text` says so as the header RateLimit-Policy does (S3-246, S0-034).
    """

    limit: int
    burst: int
    per_day: int | None
    rates: Rates
    text: str

    def standing(self, taken: Taken) -> Standing:
        """Return what is left after a charge, of the quota or of the day, whichever has less."""
        rates = self.rates
        if taken.wait:
            limit = self.limit
            if self.per_day is not None and taken.wait >= taken.ends_in - _UNEVEN_SECONDS:
                limit = self.per_day
            return Standing(limit, 0, max(1, math.ceil(taken.wait - _UNEVEN_SECONDS)), self.text)
        points = int(rates.quota - taken.full_in * rates.refill + _UNEVEN_POINTS)
        remaining = min(max(points, 0), self.limit)
        if self.per_day is not None and self.per_day - taken.today < remaining:
            remaining = max(self.per_day - taken.today, 0)
            return Standing(self.per_day, remaining, math.ceil(taken.ends_in), self.text)
        return Standing(self.limit, remaining, math.ceil(taken.full_in - _UNEVEN_SECONDS), self.text)

    def exceeded(self, standing: Standing, now: float) -> Problem:
        """Return the 429 problem (S3-247, S2-058); `now` is in seconds since the epoch."""
        span = "day" if standing.limit == self.per_day and standing.limit != self.limit else "minute"
        seconds = "1 second" if standing.reset == 1 else f"{standing.reset} seconds"
        return Problem(
            Slug.RATE_LIMIT_EXCEEDED,
            f"You have exceeded the rate limit of {standing.limit} requests per {span}. "
            f"Retry after {seconds}.",
            extensions={
                "retry_after": standing.reset,
                "limit": standing.limit,
                "remaining": 0,
                "reset_at": datetime.fromtimestamp(int(now) + standing.reset, UTC).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
            },
            retry_after=standing.reset,
        )


@dataclass(slots=True)
class Account:
    """What the requests of one batch were given back so far, and what the latest of their charges has left.

    Charges are numbered as they are sent, since the answers of a store may come in another order.
    """

    charges: int = 0
    returned: int = 0
    latest: int = 0
    left: "Left | None" = None

    def note(self, number: int, left: "Left") -> None:
        """Note what the charge of that number has left."""
        if number > self.latest:
            self.latest, self.left = number, left


@dataclass(frozen=True, slots=True)
class Left:
    """What a charge has left of a policy's budget, given back `since` points of the account before it."""

    policy: Policy
    taken: Taken
    account: Account = field(default_factory=Account)
    since: int = 0

    def standing(self) -> Standing:
        """Return what is left now, as the store will have counted it."""
        returned = self.account.returned - self.since
        if not returned:
            return self.policy.standing(self.taken)
        full_in = max(self.taken.full_in - returned / self.policy.rates.refill, 0.0)
        today = max(self.taken.today - returned, 0)
        return self.policy.standing(self.taken._replace(full_in=full_in, today=today))


def policy(
    limit: int, burst: int | None = None, per_day: int | None = None, *, allowance: float = 0.0
) -> Policy:
    """Return a policy; `allowance` is the share by which its quota exceeds the limit (C-58)."""
    limit = max(limit, 1)
    burst = burst or min(limit, max(_LEAST_BURST, math.ceil(limit / 6)))
    rates = Rates(round(limit * (1 + allowance), 6), limit / 60, float(burst), per_day or 0)
    text = f"{limit};w=60" + (f", {per_day};w={_DAY}" if per_day is not None else "")
    return Policy(limit, burst, per_day, rates, text)


TIERS = {
    RateTier.STANDARD: policy(240),
    RateTier.FREE: policy(60),
    RateTier.STARTER: policy(1_000, allowance=0.2),
    RateTier.PRO: policy(5_000, allowance=0.3),
    RateTier.BUSINESS: policy(5_000, allowance=0.3),
    RateTier.AGENCY: policy(20_000, allowance=0.5),
    RateTier.ENTERPRISE: policy(100_000, allowance=1.0),
}
"""The named policies of tokens (C-13, C-14)."""

STANDARD = TIERS[RateTier.STANDARD]


def policy_of(tier: str | None, per_minute: int | None, burst: int | None, per_day: int | None) -> Policy:
    """Return the policy of a token: its tier's, or the standard one, with what it overrides (S3-245)."""
    named = TIERS[RateTier(tier)] if tier in tuple(RateTier) else STANDARD
    if per_minute is not None:
        return policy(per_minute, burst, per_day)
    if burst is None and per_day is None:
        return named
    allowance = named.rates.quota / named.limit - 1
    return policy(named.limit, burst or named.burst, per_day, allowance=allowance)


def address_key(client: str) -> str:
    """Return what the requests of a client address are counted under: of IPv6, its network of 64 bits."""
    try:
        found = ipaddress.ip_address(client)
    except ValueError:
        return f"address:{client}"
    if found.version == 6 and found.ipv4_mapped is None:
        return f"address:{ipaddress.ip_network((found, 64), strict=False).network_address}"
    return f"address:{getattr(found, 'ipv4_mapped', None) or found}"


class ProcessStore:
    """Budgets in this process's memory, those used last.

    `clock` counts seconds and never goes back, `date` gives the time since the epoch.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], float] = time.time,
        *,
        most: int = _MOST_KEPT,
    ) -> None:
        self._clock, self._date, self._most = clock, date, most
        # A bucket is kept as the moment at which it will be full, so that an absent one is a full one.
        self._kept: OrderedDict[str, tuple[float, float, int, int]] = OrderedDict()

    lost = None

    def __len__(self) -> int:
        return len(self._kept)

    async def take(self, key: str, rates: Rates, cost: int) -> Taken | None:
        """Take `cost` points; see Store."""
        quota, refill, burst, daily = rates
        now = self._clock()
        full, level, day, used = self._kept.get(key, (now, now, 0, 0))
        full_in = full - now if full > now else 0.0
        level_in = level - now if level > now else 0.0
        today, ends_in = self._today() if daily else (0, 0.0)
        used = used if day == today else 0
        if not cost:
            return Taken(0.0, full_in, used, ends_in)
        # A charge larger than a bucket passes once the bucket is full, since it never could else.
        wait = full_in - (quota - cost) / refill if cost < quota else full_in
        also = level_in - (burst - cost) / burst if cost < burst else level_in
        wait = also if also > wait else wait
        if daily and used + min(cost, daily) > daily:
            wait = max(wait, ends_in)
        if wait > _UNEVEN_SECONDS:
            return Taken(wait, full_in, used, ends_in)
        full_in += cost / refill
        self._kept[key] = now + full_in, now + level_in + cost / burst, today, used + cost
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return Taken(0.0, full_in, used + cost, ends_in)

    def give(self, key: str, rates: Rates, points: int) -> None:
        """Give points back; see Store."""
        kept = self._kept.get(key)
        if kept is None:
            return
        full, level, day, used = kept
        today = self._today()[0] if rates.daily else 0
        used = max(used - points, 0) if day == today else 0
        self._kept[key] = full - points / rates.refill, level - points / rates.burst, today, used

    async def open(self) -> None:
        """Do nothing: memory needs no opening."""

    async def close(self) -> None:
        """Do nothing: memory needs no closing."""

    def _today(self) -> tuple[int, float]:
        date = self._date()
        day = int(date // _DAY)
        return day, (day + 1) * _DAY - date
