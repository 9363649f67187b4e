"""What a caller asks for, in one form for every surface and still unchecked.

A surface parses its syntax into an intent and judges nothing. Values of the request stand outside it, as
leaves, so that equal shapes share one intent and thereby one plan.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from db.query import Count as Count


@dataclass(frozen=True, slots=True)
class Leaf:
    """The n-th value that came with the request."""

    index: int


Scalar: TypeAlias = Leaf | Any
"""A leaf, or a value written into the request's own text (hashable)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; a path leads through relations and into JSONB fields."""

    path: tuple[str, ...]
    operator: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `and` or `or`, or a single one turned round by `not`."""

    kind: Literal["and", "or", "not"]
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Some row that `relation` leads to meets the whole condition."""

    relation: str
    condition: "Condition"


Condition: TypeAlias = Comparison | Junction | Within


@dataclass(frozen=True, slots=True)
class SortTerm:
    """One field to sort by."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Paging:
    """Which part of a collection: by page or offset, or from a cursor on.

    `keyset` asks for cursors; `cursor` is the leaf of a decoded `cursor.Cursor`, and `nulls` tells which of
    its keys are null, since that changes the statement. `backward` walks towards the beginning. `relay` takes
    a size of zero at its word and refuses a negative one, where otherwise both mean one row (S3-171).
    """

    size: Scalar = None
    page: Scalar = None
    offset: Scalar = None
    keyset: bool = False
    cursor: Leaf | None = None
    nulls: tuple[bool, ...] = ()
    backward: bool = False
    relay: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What narrows, orders and cuts a collection; an absent sort means the resource's own."""

    filter: Condition | None = None
    sort: tuple[SortTerm, ...] = ()
    q: Scalar = None
    paging: Paging = Paging()
    include_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Pick:
    """One output: a field, a relation, or a part of a connection, under the caller's own name for it.

    The parts of a connection are `nodes`, `edges` (with `cursor` and `node`), `pageInfo` and `totalCount`;
    `__typename` and `etag` are picked like fields; `text` is the answer to `__typename`.
    """

    alias: str
    name: str
    text: str = ""
    picks: tuple["Pick", ...] = ()
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """The row that a nested collection hangs on."""

    resource: str
    relation: str
    id: Scalar


# Roots


@dataclass(frozen=True, slots=True)
class Fetch:
    """One resource as a document: sparse fields as (type key, name), and include paths.

    `base` is what the addresses in its links begin with.
    """

    resource: str
    id: Scalar
    base: str
    fields: tuple[tuple[str, str], ...] | None = None
    include: tuple[tuple[str, ...], ...] = ()
    include_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A collection of documents; `base`, `fields` and `include` as in Fetch."""

    resource: str
    listing: Listing
    base: str
    fields: tuple[tuple[str, str], ...] | None = None
    include: tuple[tuple[str, ...], ...] = ()
    count: Count = Count.EXACT
    parent: Parent | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """One resource as a graph of picks."""

    resource: str
    id: Scalar
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class SelectAny:
    """Resources of whatever type by their global ids; an id that leads nowhere answers null in its place.

    A candidate is a resource, what global ids call its type, and its picks.
    """

    ids: Scalar
    candidates: tuple[tuple[str, str, tuple[Pick, ...]], ...]


@dataclass(frozen=True, slots=True)
class SelectMany:
    """A collection as a connection of picks."""

    resource: str
    listing: Listing
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Resources by their ids, or by the ids of their parents where `relation` is given."""

    resource: str
    ids: Scalar
    picks: tuple[Pick, ...]
    relation: str | None = None
    listing: Listing | None = None


Intent: TypeAlias = Fetch | Search | Select | SelectAny | SelectMany | Load
