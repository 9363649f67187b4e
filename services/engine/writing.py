"""What a write asks for and what comes of it, in the words of no surface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from services.engine.errors import Problem
from services.engine.resource import Action, Resource

MOST_ITEMS = 100
"""How many rows one bulk request may write (S3-275)."""


_NO_VALUES: Mapping[str, Any] = MappingProxyType({})


class Item(NamedTuple):
    """One row to write: its values by field name as JSON held them, its id as sent, its precondition."""

    values: Mapping[str, Any] = _NO_VALUES
    id: Any = None
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One action on one row, or on many at once.

    `atomic` says that either all rows of a bulk request are written or none, `dry_run` that nothing stays,
    and `merge` that JSON fields are merged (RFC 7396) instead of replaced. `key` is the idempotency key.
    `operation` names it where its address does not.
    """

    resource: Resource
    action: Action
    items: Sequence[Item]
    bulk: bool = False
    atomic: bool = True
    dry_run: bool = False
    merge: bool = False
    key: str | None = None
    operation: str = ""


class Written(NamedTuple):
    """What became of one item: its row as a REST document without envelope, or the problem it failed with.

    `id` is null for a row that was not made, `status` one of the events' words, `failed` or `skipped`. The
    `version` is 0 where nothing was written.
    """

    id: str | None
    version: int
    status: str
    document: bytes | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write brought, one entry per item in the order of sending; `replayed` tells of a repetition."""

    items: tuple[Written, ...]
    replayed: bool = False

    @property
    def failed(self) -> int:
        """Return how many items failed."""
        return sum(item.problem is not None for item in self.items)
