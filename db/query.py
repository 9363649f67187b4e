"""The query tree: what a checked plan asks of the database, as frozen data.

Equal trees compile to the same statement, so a tree is also the key of the statement cache; request values
stand outside it, as numbered slots.

    Get        one row by id                        (REST document or GraphQL object)
    Page       one page of rows, finished JSON      (REST collection)
    Connect    one page of rows as a connection     (GraphQL collection)
    AnyOf      rows by id among several tables      (GraphQL node)
    Batch      rows or connections of many parents  (DataLoaders)
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from db.models.columns import Model


@dataclass(frozen=True, slots=True)
class Slot:
    """The n-th value bound at execution."""

    index: int


class Deleted(StrEnum):
    """Which rows a query sees: live ones, or all (its filter then says which)."""

    HIDDEN = "hidden"
    SHOWN = "shown"


# Conditions


@dataclass(frozen=True, slots=True)
class Compare:
    """`column operator value`; `null` takes no slot, `negated` says IS NOT NULL."""

    column: str
    operator: str
    slot: Slot | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ComparePath:
    """A comparison at a path inside a JSONB column.

    `slots` are the path (text[]) and the values; equality takes documents for containment.
    """

    column: str
    operator: str
    slots: tuple[Slot, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Full-text search: the slot holds a `to_tsquery` text."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Related:
    """Some related row meets a condition; a live one, unless the condition itself asks for deleted ones."""

    model: type[Model]
    ours: str
    theirs: str
    condition: "Condition"
    deleted: Deleted = Deleted.HIDDEN


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Never:
    """The part does not hold."""

    part: "Condition"


Condition: TypeAlias = Compare | ComparePath | Match | Related | All | Some | Never


# Rows


@dataclass(frozen=True, slots=True)
class Order:
    """One sort term; nulls come last either way."""

    column: str
    descending: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the sorted rows.

    `probe` fetches one row more, to know whether others follow. `after` holds the slots of a keyset, None
    where the key is null. `backward` walks the order the other way and turns the page round again.
    """

    limit: Slot
    probe: bool = False
    offset: Slot | None = None
    after: tuple[Slot | None, ...] | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one model, or those whose column `via` holds the parent's id."""

    model: type[Model]
    order: tuple[Order, ...]
    window: Window
    where: Condition | None = None
    deleted: Deleted = Deleted.HIDDEN
    via: str | None = None


# Output


class Render(StrEnum):
    """How a column becomes JSON."""

    PLAIN = "plain"
    TIMESTAMP = "timestamp"
    DECIMAL = "decimal"
    ENUM_NAME = "enum_name"


@dataclass(frozen=True, slots=True)
class Value:
    """A column under the name the caller asked for."""

    alias: str
    column: str
    render: Render = Render.PLAIN


@dataclass(frozen=True, slots=True)
class Constant:
    """A fixed text."""

    alias: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A relative address: `prefix` + column + `suffix`."""

    name: str
    prefix: str
    column: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a row."""

    alias: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Etag:
    """The entity tag of a row."""

    alias: str


@dataclass(frozen=True, slots=True)
class One:
    """A to-one relation as a nested object, null where there is none."""

    alias: str
    via: str
    target: "Object"


@dataclass(frozen=True, slots=True)
class Many:
    """A to-many relation as a nested connection."""

    alias: str
    connection: "Connection"


@dataclass(frozen=True, slots=True)
class Embed:
    """The live rows whose column `via` holds our id, all of them, as a list of objects in this order."""

    alias: str
    object: "Object"
    via: str
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A relation as type and id, or a list of them; `source` is the included set that holds its rows.

    `via` is our column of a to-one relation; a to-many relation has none.
    """

    name: str
    type: str
    source: int
    via: str | None = None


@dataclass(frozen=True, slots=True)
class References:
    """The relations of a row that were included."""

    alias: str
    references: tuple[Reference, ...]


Output: TypeAlias = Value | Constant | Links | Etag | One | Many | Embed | References


@dataclass(frozen=True, slots=True)
class Object:
    """One row as a JSON object."""

    model: type[Model]
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The page as a list of objects."""

    alias: str
    object: Object


@dataclass(frozen=True, slots=True)
class Edges:
    """The page as a list of edges; `parts` are (alias, `cursor`, `node` or `__typename`) and the object."""

    alias: str
    parts: tuple[tuple[str, str, "Object | str | None"], ...]


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Facts about the page: (alias, name) pairs in Relay's words."""

    alias: str
    parts: tuple[tuple[str, str], ...]
    typename: str = "PageInfo"


@dataclass(frozen=True, slots=True)
class Total:
    """The exact number of rows under the same conditions, all pages."""

    alias: str


Part: TypeAlias = Nodes | Edges | PageInfo | Total | Constant


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of rows in Relay's shape; `cursor` is the slot of the cursors' fixed beginning."""

    rows: Rows
    parts: tuple[Part, ...]
    cursor: Slot | None = None

    @property
    def objects(self) -> tuple[Object, ...]:
        """Return every object that the rows are shown as."""
        nodes = (part.object for part in self.parts if isinstance(part, Nodes))
        edges = (item for part in self.parts if isinstance(part, Edges) for *_, item in part.parts)
        return (*nodes, *(item for item in edges if isinstance(item, Object)))


# Whole queries


@dataclass(frozen=True, slots=True)
class Included:
    """One set of included rows: those that `parent` (a set number, None for the page) leads to.

    `order` sorts a to-many relation's rows; a to-one relation has none.
    """

    object: Object
    type: str
    parent: int | None
    ours: str
    theirs: str
    order: tuple[Order, ...] = ()


class Count(StrEnum):
    """How a collection is counted."""

    EXACT = "exact"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Get:
    """One row by id, with its version and the included sets."""

    object: Object
    id: Slot
    deleted: Deleted = Deleted.HIDDEN
    included: tuple[Included, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of objects, its count, its boundary cursors, and the included sets.

    `cursors` are the beginnings for going back and going on. A nested collection hangs on the row of the
    model `owner` whose id is in `parent`; it must exist.
    """

    rows: Rows
    object: Object
    count: Count
    cursors: tuple[Slot, Slot] | None = None
    included: tuple[Included, ...] = ()
    owner: type[Model] | None = None
    parent: Slot | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """A page of rows as a connection."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One row for each id, whichever table holds it; a type in the parallel list confines it to one table.

    `objects` are the candidates under the name of their type.
    """

    objects: tuple[tuple[str, Object], ...]
    ids: Slot
    types: Slot


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects by id, or connections by parent id, for the ids in a slot."""

    ids: Slot
    target: Object | Connection


@dataclass(frozen=True, slots=True)
class Estimate:
    """The planner's estimate of how many rows a collection has, below the parent in a slot if given."""

    rows: Rows
    parent: Slot | None = None


Query: TypeAlias = Get | Page | Connect | AnyOf | Batch | Estimate
