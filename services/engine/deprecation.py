"""What is deprecated: said once beside a declaration, and told by every surface in the same words."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Deprecation:
    """When something became deprecated, when it may be gone, and what takes its place.

    `since` and `sunset` are days in UTC; without a `sunset` no end is planned. `instead` is what to use, such
    as `order.remarks`, and completes the sentence "Migrate to …". `link` leads to a page about it.
    """

    since: date
    sunset: date | None
    instead: str
    link: str | None = None

    @property
    def reason(self) -> str:
        """Return what descriptions say of it, as sentences."""
        end = f", may be gone after {self.sunset.isoformat()}" if self.sunset else ""
        return f"Deprecated since {self.since.isoformat()}{end}. Migrate to {self.instead}."


class Deprecated(NamedTuple):
    """Something deprecated by the name that it has on every surface, such as `order.notes`."""

    name: str
    told: Deprecation

    @property
    def warning(self) -> str:
        """Return what a warning says of it (S3-099)."""
        end = f" by {self.told.sunset.isoformat()}" if self.told.sunset else ""
        return f"{self.name} is deprecated. Migrate to {self.told.instead}{end}."

    def members(self) -> dict[str, str | None]:
        """Return it as an object of JSON."""
        told = self.told
        return {
            "name": self.name,
            "since": told.since.isoformat(),
            "sunset": None if told.sunset is None else told.sunset.isoformat(),
            "instead": told.instead,
        }


class Noticed(NamedTuple):
    """One use of something deprecated: where, which is empty where the address tells, and of what."""

    operation: str
    used: Deprecated


def beginning(day: date) -> datetime:
    """Return the moment in which a day begins."""
    return datetime.combine(day, time(), UTC)


def each_once(noticed: tuple[Noticed, ...]) -> tuple[Deprecated, ...]:
    """Return what was used, each once and in the order of its name."""
    return tuple(sorted({each.used.name: each.used for each in noticed}.values(), key=_name))


def _name(one: Deprecated) -> str:
    return one.name
