"""What is asked and what is answered, in words that belong to neither surface."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from services.engine.resource import Relation, Resource


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator value`; the path leads through relations and into JSON fields, in database names."""

    path: tuple[str, ...]
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined; a query string has no words for it, a search body has."""

    kind: Literal["and", "or", "not"]
    parts: tuple["Condition", ...]


Condition = Compare | Junction


@dataclass(frozen=True, slots=True)
class Owner:
    """The row that a nested collection hangs on."""

    resource: Resource
    relation: Relation
    id: str


@dataclass(frozen=True, slots=True)
class Case:
    """One read of one resource: a row if `id` is given, else the rows of a collection.

    `fields` and `related_fields` (by relation name) are sparse, None means all. `size` cuts pages, which
    are numbered by `page` or, if `keyset`, begin at `cursor`. `least` is how many rows there must be at
    least, so that no two empty answers prove anything. `in_url` is false where a query string cannot say it.

    `refusal` is the code of the problem to expect. Where the engine judges, the problems are equal as a
    whole; `spoken_first` tells that GraphQL's own validation, or REST's own grammar, speaks before it, so
    that only their kind is equal, and each detail must contain one of `naming`.
    """

    label: str
    resource: Resource
    id: str | None = None
    owner: Owner | None = None
    filter: tuple[Condition, ...] = ()
    sort: tuple[str, ...] = ()
    q: str | None = None
    fields: tuple[str, ...] | None = None
    related_fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    include: tuple[tuple[str, ...], ...] = ()
    size: int = 100
    page: int | None = None
    keyset: bool = False
    cursor: str | None = None
    backward: bool = False
    include_deleted: bool = False
    least: int = 0
    in_url: bool = True
    refusal: str | None = None
    spoken_first: bool = False
    naming: tuple[str, ...] = ()

    @property
    def by_search(self) -> bool:
        """Tell whether `POST …/search` can ask it too."""
        return self.id is None and self.owner is None

    @property
    def name(self) -> str:
        """Return what a failure is reported under."""
        return f"{self.resource.plural}: {self.label}"


Row = dict[str, Any]
"""A row in database names and values; relations are rows, lists of rows, or null."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer: a problem without what differs between any two requests, or rows and what came with them.

    `after` and `before` are the cursors to go on from, None at the ends; a count that was not delivered is
    None, and so is the entity tag of anything but a whole single row.
    """

    problem: dict[str, Any] | None = None
    rows: tuple[Row, ...] = ()
    total: int | None = None
    after: str | None = None
    before: str | None = None
    etag: str | None = None


def bare_problem(members: dict[str, Any]) -> dict[str, Any]:
    """Return a problem object without its request: `instance` and `request_id` name one request only."""
    return {name: value for name, value in members.items() if name not in ("instance", "request_id")}


KIND = ("type", "status", "title", "code")
"""The members of a problem that tell its kind."""


def kind_of(problem: dict[str, Any]) -> dict[str, Any]:
    """Return what every problem of that kind has in common."""
    return {name: problem.get(name) for name in KIND}


def tree(paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Return include paths as a tree of relation names."""
    root: dict[str, Any] = {}
    for path in paths:
        level = root
        for name in path:
            level = level.setdefault(name, {})
    return root


def only(case: Case, relation: str | None, resource: Resource) -> tuple[str, ...]:
    """Return the fields asked for of `resource`, reached by `relation`, unknown ones last."""
    asked = case.fields if relation is None else dict(case.related_fields).get(relation)
    every = tuple(item.name for item in resource.shown_fields)
    if asked is None:
        return every
    known = (name for name in every if name in asked or name in ("id", "inserted_at", "updated_at"))
    return (*known, *(name for name in asked if name not in every))


def differences(left: Any, right: Any, at: str = "") -> Iterator[str]:
    """Yield a sentence for each place where two JSON values differ, types included."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in dict.fromkeys((*left, *right)):
            if name not in left or name not in right:
                yield f"{at}.{name} is only on {'the left' if name in left else 'the right'}"
            else:
                yield from differences(left[name], right[name], f"{at}.{name}")
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        if len(left) != len(right):
            yield f"{at} has {len(left)} entries against {len(right)}"
        for place, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, other, f"{at}[{place}]")
    elif type(left) is not type(right) or left != right:
        yield f"{at} is {left!r} against {right!r}"
