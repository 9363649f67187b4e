"""What is to be written and what came of it, in words that belong to neither surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.engine.resource import Action, ActionKind, Resource
from tests.parity.neutral import Row

WHATEVER = "whatever"
"""A refusal that depends on the resource's own rules: both surfaces must decide alike, whichever way."""

BULK = (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.DELETE)
"""The kinds of action that also take many rows at once."""

VALUED = (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE)
"""The kinds of action that take values."""


def in_bulk(resource: Resource, action: Action) -> bool:
    """Tell whether an action also takes many rows of a resource at once."""
    return resource.bulk and action.kind in BULK


@dataclass(frozen=True, slots=True)
class Item:
    """One row to write: its id, and its values by database name as REST's JSON holds them.

    `named` is false for an item of a bulk request that leaves its id out.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    id: Any = None
    named: bool = True


@dataclass(frozen=True, slots=True)
class WriteCase:
    """One write: an action on one row, or on many at once.

    `refusal` is the code of the problem to expect, None for success. `errors` are the codes to expect by
    path, None for a path whose code the resource's own checks decide. `typed` tells that GraphQL's type
    system speaks before the engine: it answers 400 and names one of `naming`, whatever REST says. `in_json`
    tells that it is the JSON of the body that is wrong. `still` tells that a success leaves the row as it is.
    """

    label: str
    resource: Resource
    action: Action
    items: tuple[Item, ...] = (Item(),)
    bulk: bool = False
    atomic: bool = True
    if_match: str | None = None
    key: str | None = None
    dry_run: bool = False
    merge: bool = False
    refusal: str | None = None
    errors: Mapping[str, str | None] | None = None
    typed: bool = False
    naming: tuple[str, ...] = ()
    in_json: bool = False
    still: bool = False

    @property
    def name(self) -> str:
        """Return what a failure is reported under."""
        many = " in bulk" if self.bulk else ""
        return f"{self.resource.plural}: {self.action.name}{many}: {self.label}"

    @property
    def kind(self) -> ActionKind:
        """Return what the action does to rows."""
        return self.action.kind


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one item of a bulk request."""

    index: int
    id: str | None
    status: str
    row: Row | None = None
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """One answer: a problem without its request, or the row, or an entry for each of many rows.

    `id` is the row's, also where it was deleted; that of an action's answer may be another one's. `once` are
    the secrets that only this answer shows, and `beside` is what it shows beside the row and may tell again.
    `versions` are those that entity tags stand for, by row.
    """

    problem: dict[str, Any] | None = None
    id: str | None = None
    row: Row | None = None
    once: Row | None = None
    beside: Row | None = None
    entries: tuple[Entry, ...] = ()
    summary: dict[str, int] | None = None
    replayed: bool = False
    versions: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def code(self) -> str | None:
        """Return the code of the problem, None for success."""
        return None if self.problem is None else str(self.problem["code"])


_OF_A_REQUEST = ("instance", "request_id")


def without_request(value: Any) -> Any:
    """Return a value without the members by which problems name their request, at any depth."""
    if isinstance(value, dict):
        return {name: without_request(one) for name, one in value.items() if name not in _OF_A_REQUEST}
    return [without_request(one) for one in value] if isinstance(value, list) else value
