"""What a resource is: frozen data from which every surface is derived."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from db.describe import ColumnFacts, columns, is_tenant, settable
from db.describe import Kind as Kind
from db.models import Model
from services.engine.deprecation import Deprecated, Deprecation
from services.engine.errors import Invalid

if TYPE_CHECKING:
    from services.engine.catalog import Catalog
    from services.engine.work import Change, Work


class Operator(StrEnum):
    """The ten filter operators (S3-214 to S3-217)."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NIN = "nin"
    LIKE = "like"
    NULL = "null"


_DIGITS, _FRACTION_DIGITS = 30, 10

EQUALITY = (Operator.EQ, Operator.NEQ, Operator.IN, Operator.NIN)
_ORDER = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)

OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.UUID: (*EQUALITY, Operator.NULL),
    Kind.STRING: (*EQUALITY, *_ORDER, Operator.LIKE, Operator.NULL),
    Kind.INTEGER: (*EQUALITY, *_ORDER, Operator.NULL),
    Kind.BIG_INTEGER: (*EQUALITY, *_ORDER, Operator.NULL),
    Kind.DECIMAL: (*EQUALITY, *_ORDER, Operator.NULL),
    Kind.BOOLEAN: (Operator.EQ, Operator.NEQ, Operator.NULL),
    Kind.DATETIME: (*EQUALITY, *_ORDER, Operator.NULL),
    Kind.JSON: (*EQUALITY, *_ORDER, Operator.LIKE, Operator.NULL),
}


class Shown(StrEnum):
    """When a field appears in output: always, once (on creation), or never."""

    ALWAYS = "always"
    ONCE = "once"
    NEVER = "never"


Check = Callable[[Any], Any]
"""Takes a value of the column's type and returns it, perhaps normalised, or an `Invalid`."""

Rule = Callable[[Mapping[str, Any]], Mapping[str, Invalid]]
"""Takes the valid values of a row and returns what is wrong between them, by field."""


Fallback = Callable[[Mapping[str, Any], int], Any]
"""Takes the values of a row and how often its result was taken already, and returns a value for the field."""


Among = Callable[["Catalog"], Collection[str]]
"""Returns the texts that a list may hold, or that one text may be, in the catalogue at hand."""


@dataclass(frozen=True, slots=True)
class Members:
    """What a map holds that is not open to anything: these texts; `name` is what machines call its type.

    Null stands for the default of a text where it is sent.
    """

    name: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource; type, length and nullability come from its column.

    `minimum` and `maximum` bound a number, `check` judges a value of the right type. `fallback` makes the
    value that nobody sent. A `fixed` field is written when the row is made and never again. `among`
    returns what a text or the members of a list may be, which the catalogue decides. A filter on a field
    that `reveals` shows deleted rows too. An input of an action, and what its answer alone shows, has no
    column: there `kind` says what it holds, and `default` what it is unless it is sent. `many` says that
    an answer holds a list of it, and `sparse` that REST leaves it out of an answer where it is null. An
    `exact` text is stored byte for byte, where others lose their outer spaces. A map with `members` holds
    those alone. `pattern` says what `check` demands of a text, as far as a regular expression (ECMA-262)
    can, and `shortest` and `longest` bound the length of one without a column, for clients to know
    beforehand. Whatever is `deprecated` works as before, and every surface tells whoever uses it.
    """

    name: str
    doc: str
    writable: bool = False
    required: bool = False
    filterable: bool = False
    sortable: bool = False
    searchable: bool = False
    shown: Shown = Shown.ALWAYS
    enum: type[StrEnum] | None = None
    minimum: int | Decimal | None = None
    maximum: int | Decimal | None = None
    check: Check | None = None
    fallback: Fallback | None = None
    fixed: bool = False
    among: "Among | None" = None
    reveals: bool = False
    kind: Kind | None = None
    default: Any = None
    example: Any = None
    many: bool = False
    sparse: bool = False
    exact: bool = False
    members: Members | None = None
    pattern: str | None = None
    shortest: int | None = None
    longest: int | None = None
    deprecated: Deprecation | None = None

    @property
    def own_facts(self) -> ColumnFacts:
        """Return the facts of a field without a column; raises ValueError where it has one."""
        if self.kind is None:
            raise ValueError(f"{self.name} has no kind of its own.")
        return ColumnFacts(
            self.name,
            self.kind,
            not self.required,
            self.longest,
            self.default is not None,
            precision=_DIGITS,
            scale=_FRACTION_DIGITS,
            default=self.default,
        )


@dataclass(frozen=True, slots=True)
class Relation:
    """A way from one resource to another.

    Give `one` (the target's name, reached by our column `via`) or `many` (the target's name, whose column
    `via` points at us). `nested` also serves a to-many relation as `GET /parents/{id}/{relation}`; `sort`
    is the default order of a to-many relation, in the grammar of `?sort=`.
    """

    name: str
    doc: str
    via: str
    one: str | None = None
    many: str | None = None
    nested: bool = False
    sort: str | None = None
    deprecated: Deprecation | None = None

    @property
    def target(self) -> str:
        """Return the name of the resource this leads to."""
        return self.one or self.many or ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Rows of a to-many relation that stand as a list in the body of their parent, in and out.

    `relation` is the name of that relation and `resource` what it leads to. `fields` are those of its fields
    that may be sent, beside the id of a row that is already there, and `shown` those that are answered.
    """

    name: str
    doc: str
    relation: str
    resource: "Resource"
    fields: tuple[str, ...]
    shown: tuple[str, ...]
    most: int = 500


class ActionKind(StrEnum):
    """What an action does to rows, from which its address and its mutation follow."""

    CREATE = "create"
    REPLACE = "replace"
    UPDATE = "update"
    DELETE = "delete"
    RESTORE = "restore"
    ITEM = "item"


ActionRule = Callable[["Work", Sequence["Change"]], Awaitable[None]]
"""Judges and completes changes before they are written, all of one request at once."""


@dataclass(frozen=True, slots=True)
class Action:
    """One way to write: `event` is the last word of its events' type, such as `created`.

    An ITEM action is named by its verb, such as `confirm`: `POST /orders/{id}/confirm`, `confirmOrder`; it
    may take `inputs`. The answer holds `shows` beside the row; of these, a field that is shown once is a
    secret, which no repetition tells. What is `on_oneself` a token may do to itself without any scope.
    """

    kind: ActionKind
    name: str
    event: str
    doc: str
    rule: ActionRule | None = None
    inputs: tuple[Field, ...] = ()
    shows: tuple[Field, ...] = ()
    on_oneself: bool = False
    deprecated: Deprecation | None = None


_IDENTITY = (Field("id", "Identifier, a UUID version 4.", filterable=True, sortable=True),)
_LIFE_CYCLE = (
    Field("inserted_at", "When it was created, in UTC.", filterable=True, sortable=True),
    Field("updated_at", "When it last changed, in UTC.", filterable=True, sortable=True),
    Field("deleted_at", "When it was deleted, in UTC; null while it lives.", filterable=True),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Live rows count against a feature of the workspace's plan: all, or `only` those with these values."""

    feature: str
    only: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource, declared once.

    `type` is its name in relationships and events, where that differs from `name` (C-45). `aliases` maps
    names that are accepted in filters, sorts and fields to the canonical ones (C-28, C-29). `rules` judge
    the fields of a row together. `embedded` lists are part of its REST documents and of what is written.
    Without `actions` it can only be read, and without `bulk` it is written row by row. One that is `exported`
    can be had as a file. What is `counted` can be made and restored as far as the plan goes.
    """

    name: str
    plural: str
    model: type[Model]
    doc: str
    fields: tuple[Field, ...]
    relations: tuple[Relation, ...] = ()
    type: str = ""
    sort: str = "-inserted_at"
    aliases: dict[str, str] = field(default_factory=dict, hash=False)
    rules: tuple[Rule, ...] = ()
    actions: tuple[Action, ...] = ()
    embedded: tuple[Embedded, ...] = ()
    bulk: bool = True
    counted: Counted | None = None
    exported: bool = False
    deprecated: Deprecation | None = None

    def __post_init__(self) -> None:
        if not self.type:
            object.__setattr__(self, "type", self.name)

    @property
    def path(self) -> str:
        """Return the path segment, such as `order-items`."""
        return self.plural.replace("_", "-")

    @property
    def scope(self) -> str:
        """Return the resource part of its scopes, such as `order_items`."""
        return self.plural

    @cached_property
    def facts(self) -> dict[str, ColumnFacts]:
        """Return what the columns say of the fields, by column name."""
        return columns(self.model)

    @cached_property
    def tenant(self) -> bool:
        """Tell whether its rows belong to one workspace each."""
        return is_tenant(self.model)

    @cached_property
    def all_fields(self) -> dict[str, Field]:
        """Return every field by name, in output order, with the ones that all resources share."""
        return {item.name: item for item in (*_IDENTITY, *self.fields, *_LIFE_CYCLE)}

    @cached_property
    def shown_fields(self) -> tuple[Field, ...]:
        """Return the fields that appear in reads, in output order."""
        return tuple(item for item in self.all_fields.values() if item.shown is Shown.ALWAYS)

    @cached_property
    def settable(self) -> frozenset[str]:
        """Return the id and the columns that a write may set, among them those that no field shows."""
        return frozenset(("id", *settable(self.model)))

    def shown_by(self, action: Action) -> tuple[Field, ...]:
        """Return what the answer to `action` shows beside what reads show."""
        made = self.fields if action.kind is ActionKind.CREATE else ()
        return (*(item for item in made if item.shown is Shown.ONCE), *action.shows)

    @cached_property
    def beside(self) -> frozenset[str]:
        """Return the names of what answers to some action show beside the row."""
        return frozenset(item.name for action in self.actions for item in action.shows)

    def facts_of(self, item: Field) -> ColumnFacts:
        """Return what `item` holds, whether it has a column or not."""
        return self.facts[item.name] if item.kind is None else item.own_facts

    @cached_property
    def relations_by_name(self) -> dict[str, Relation]:
        """Return the relations by name."""
        return {relation.name: relation for relation in self.relations}

    @cached_property
    def embedded_by_name(self) -> dict[str, Embedded]:
        """Return the embedded lists by name."""
        return {item.name: item for item in self.embedded}

    @cached_property
    def actions_by_name(self) -> dict[str, Action]:
        """Return the actions by name, such as `create` or `confirm`."""
        return {action.name: action for action in self.actions}

    @cached_property
    def writable(self) -> tuple[Field, ...]:
        """Return the fields that a client may write."""
        return tuple(item for item in self.fields if item.writable)

    @cached_property
    def fallbacks(self) -> tuple[str, ...]:
        """Return the names of the writable fields that get a value of their own when none is sent."""
        return tuple(item.name for item in self.writable if item.fallback is not None)

    @cached_property
    def searchable(self) -> tuple[str, ...]:
        """Return the names of the fields that `q` looks into."""
        return tuple(item.name for item in self.fields if item.searchable)

    @cached_property
    def outdated(self) -> Deprecated | None:
        """Return itself under its name if it is deprecated."""
        return None if self.deprecated is None else Deprecated(self.name, self.deprecated)

    @cached_property
    def outdated_members(self) -> dict[str, Deprecated]:
        """Return its deprecated fields and relations by their own names, each under its full name."""
        told = {name: each.deprecated for name, each in self.all_fields.items()}
        told |= {each.name: each.deprecated for each in self.relations}
        return {
            name: Deprecated(f"{self.name}.{name}", each) for name, each in told.items() if each is not None
        }

    def canonical(self, name: str) -> str:
        """Return the canonical name behind an accepted alias, or `name` itself."""
        if name == "created_at":
            return "inserted_at"
        if name not in self.all_fields and f"{name}_cents" in self.all_fields:
            return f"{name}_cents"
        return self.aliases.get(name, name)

    def operators(self, item: Field) -> tuple[Operator, ...]:
        """Return the operators that `item` takes; an enum knows equality only."""
        if item.enum is not None:
            return (*EQUALITY, Operator.NULL)
        return OPERATORS[self.facts[item.name].kind]
