"""Plans: how much of each feature a workspace may have, and the check of rows that count against one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from db.counting import counting
from db.driver import Row
from db.execute import Call, Prepared, prepared
from db.queries import entitlements as queries
from services.engine.encoding import decoded
from services.engine.errors import Problem, Slug
from services.engine.resource import Resource


@dataclass(frozen=True, slots=True)
class Plans:
    """The limits by tier and feature; a feature without one is unlimited. `labels` are for people."""

    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def limit(self, tier: str, feature: str) -> int | None:
        """Return how much of a feature a tier has, None where that is unlimited."""
        return self.limits.get(tier, {}).get(feature)

    def exceeded(self, feature: str, used: int, limit: int) -> str:
        """Return the sentence that says that a limit does not suffice."""
        return f"{self.labels.get(feature, feature)} limit exceeded. Used: {used}, Limit: {limit}"

    def reached(self, feature: str, used: int, limit: int, upgrade_url: str) -> Problem:
        """Return the 403 of whoever needs more than the plan has left (S2-057, C-88)."""
        return Problem(
            Slug.FEATURE_LIMIT_REACHED,
            self.exceeded(feature, used, limit),
            extensions={
                "feature": feature,
                "current_usage": used,
                "limit": limit,
                "upgrade_url": upgrade_url,
            },
        )


class Asking(Protocol):
    """What can ask statements within a transaction."""

    async def rows(self, prepared: Prepared, *parameters: bytes | None) -> list[Row]:
        """Return the rows of one statement."""


def looking(resource: Resource, limit: int) -> list[Call]:
    """Return the calls that count the live rows of a resource while nobody else adds any.

    The second one answers the number of rows, one more than the limit at most.
    """
    found = resource.counted
    if found is None:
        return []
    # The count is a statement of its own, since the snapshot of one that waits may be older than the lock.
    return [
        Call(queries.LOCK, (found.feature.encode(),)),
        Call(prepared(counting(resource.model, found.only)), (b"%d" % (limit + 1),)),
    ]


async def claim(work: Asking, plans: Plans, resource: Resource, quantity: int, upgrade_url: str) -> None:
    """Raise the 403 problem unless so many more rows may be added beside an action, until the commit."""
    if resource.counted is None:
        return
    feature = resource.counted.feature
    limit = plans.limit(decoded((await work.rows(queries.TIER))[0][0]), feature)
    if limit is None:
        return
    lock, count = looking(resource, limit)
    await work.rows(lock.prepared, *lock.slots)
    used = int((await work.rows(count.prepared, *count.slots))[0][0] or 0)
    if used + quantity > limit:
        raise plans.reached(feature, min(used, limit), limit, upgrade_url)
