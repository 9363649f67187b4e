"""Who still uses what is deprecated: counted in memory, and added up beside the requests."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NamedTuple

import orjson

from db.execute import Call
from db.queries.deprecation_uses import ADD
from services.engine.context import Caller
from services.engine.deprecation import Noticed


class Use(NamedTuple):
    """What was used by whom and where."""

    token_id: str
    name: str
    surface: str
    operation: str


class Times(NamedTuple):
    """How often something was used, when first and last in seconds since the epoch, and its sunset."""

    uses: int
    first: float
    last: float
    sunset: date | None

    def plus(self, other: "Times") -> "Times":
        """Return both together."""
        return Times(
            self.uses + other.uses, min(self.first, other.first), max(self.last, other.last), other.sunset
        )


Uses = dict[Use, Times]
"""What one workspace has used."""


class Tally:
    """What has been used per workspace, until somebody drains it into where it is kept."""

    def __init__(self) -> None:
        self._uses: dict[str, Uses] = {}

    def note(self, caller: Caller, surface: str, noticed: Iterable[Noticed]) -> None:
        """Count what one request has used, each once however often it names it."""
        principal, now = caller.principal, caller.now
        used = {
            Use(principal.token_id, each.used.name, surface, each.operation): Times(
                1, now, now, each.used.told.sunset
            )
            for each in noticed
        }
        self.add(principal.workspace_id, used)

    def add(self, workspace_id: str, used: Uses) -> None:
        """Count uses, such as those that could not be written."""
        known = self._uses.setdefault(workspace_id, {})
        for use, times in used.items():
            before = known.get(use)
            known[use] = times if before is None else before.plus(times)

    def drain(self) -> dict[str, Uses]:
        """Return the uses per workspace since the last time, and begin anew."""
        taken, self._uses = self._uses, {}
        return taken


def adding(used: Uses) -> Call:
    """Return what adds the uses of one workspace to those that are kept."""
    rows = [
        {
            **use._asdict(),
            "uses": times.uses,
            "first_used_at": datetime.fromtimestamp(times.first, UTC),
            "last_used_at": datetime.fromtimestamp(times.last, UTC),
            "sunset": times.sunset,
        }
        for use, times in used.items()
    ]
    return Call(ADD, (orjson.dumps(rows),))
