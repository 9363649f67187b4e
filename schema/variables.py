"""Variables split into structure and values: what shapes a statement, and what is only bound to it.

Strings and numbers are values; booleans, enums, nulls, the keys of input objects and absence are structure,
and so is what decides how a text is used: whether a search is blank, which keys of a cursor are null.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    get_named_type,
    is_required_input_field,
)

from schema.arguments import CursorLeaf, TextLeaf
from schema.inputs import JSON_FILTER
from services.engine.cursor import Cursor
from services.engine.errors import Problem
from services.engine.intent import Leaf

Decode = Callable[[str], Cursor]


class MismatchError(Exception):
    """A value does not fit its variable's type; the specification's own coercion says how."""


class Role(Enum):
    """What a variable of a text is used for beside being compared."""

    SEARCH = "search"
    CURSOR = "cursor"
    PATH = "path"


@dataclass(slots=True)
class Reading:
    """The values of one request as they are found, and how to decode its cursors."""

    values: list[Any]
    decode: Decode


@dataclass(slots=True)
class Placing:
    """Numbers the values of a shape, in the order in which a reading finds them."""

    count: int = 0

    def leaf(self) -> Leaf:
        """Return the next value's place."""
        self.count += 1
        return Leaf(self.count - 1)


@dataclass(slots=True)
class _Filling(Placing):
    """Gives the values themselves instead of their places."""

    values: list[Any] = field(default_factory=list)

    def leaf(self) -> Any:
        """Return the next value."""
        self.count += 1
        return self.values[self.count - 1]


class Splitter(Protocol):
    """Splits values of one type."""

    def part(self, value: Any, reading: Reading) -> Hashable:
        """Return the structure of a value and add its values to the reading; raises MismatchError."""

    def placed(self, part: Any, placing: Placing) -> Any:
        """Return the coerced value of that structure, with placeholders for its values."""


@dataclass(frozen=True, slots=True)
class _Scalar:
    type: GraphQLScalarType

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            return None
        try:
            reading.values.append(self.type.coerce_input_value(value))
        except Exception:
            raise MismatchError from None
        return True

    def placed(self, part: Any, placing: Placing) -> Any:
        return None if part is None else placing.leaf()


@dataclass(frozen=True, slots=True)
class _Text:
    """A string whose content matters to the shape."""

    roles: frozenset[Role]

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            return None
        if not isinstance(value, str):
            raise MismatchError
        if Role.PATH in self.roles:
            return value
        reading.values.append(value)
        blank = not value.strip()
        if Role.CURSOR not in self.roles:
            return blank, None
        try:
            cursor = reading.decode(value)
        except Problem as problem:
            return blank, problem.detail, problem.slug
        reading.values.append(cursor)
        return blank, cursor.nulls

    def placed(self, part: Any, placing: Placing) -> Any:
        if part is None or isinstance(part, str):
            return part
        leaf, blank, found = placing.leaf(), part[0], part[1]
        if isinstance(found, str):
            return TextLeaf(leaf, blank, Problem(part[2], found))
        return TextLeaf(leaf, blank, None if found is None else CursorLeaf(placing.leaf(), found))


@dataclass(frozen=True, slots=True)
class _Switch:
    """A boolean, all structure."""

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None or value is True or value is False:
            return value
        raise MismatchError

    def placed(self, part: Any, placing: Placing) -> Any:
        return part


@dataclass(frozen=True, slots=True)
class _Choice:
    """An enum value, all structure."""

    type: GraphQLEnumType

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None or (isinstance(value, str) and value in self.type.values):
            return value
        raise MismatchError

    def placed(self, part: Any, placing: Placing) -> Any:
        return None if part is None else self.type.coerce_input_value(part)


@dataclass(frozen=True, slots=True)
class _Values:
    """A list of scalars: one value as a whole."""

    type: GraphQLScalarType
    nullable: bool

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        if self.nullable or None in items:
            raise MismatchError
        try:
            reading.values.append([self.type.coerce_input_value(item) for item in items])
        except Exception:
            raise MismatchError from None
        return True

    def placed(self, part: Any, placing: Placing) -> Any:
        return None if part is None else placing.leaf()


@dataclass(frozen=True, slots=True)
class _List:
    item: Splitter

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        return tuple(self.item.part(each, reading) for each in items)

    def placed(self, part: Any, placing: Placing) -> Any:
        return None if part is None else [self.item.placed(each, placing) for each in part]


@dataclass(frozen=True, slots=True)
class _NonNull:
    inner: Splitter

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            raise MismatchError
        return self.inner.part(value, reading)

    def placed(self, part: Any, placing: Placing) -> Any:
        return self.inner.placed(part, placing)


@dataclass(slots=True)
class _Object:
    """An input object: which of its fields are there, and the structure of each."""

    fields: dict[str, Splitter]
    required: frozenset[str]

    def part(self, value: Any, reading: Reading) -> Hashable:
        if value is None:
            return None
        if not isinstance(value, dict) or not self.required <= value.keys():
            raise MismatchError
        fields = self.fields
        try:
            return tuple([(name, fields[name].part(item, reading)) for name, item in value.items()])
        except KeyError:
            raise MismatchError from None

    def placed(self, part: Any, placing: Placing) -> Any:
        if part is None:
            return None
        found = {name: self.fields[name].placed(item, placing) for name, item in part}
        # Coercion orders fields as the type does, whatever the order they came in.
        return {name: found[name] for name in self.fields if name in found}


@dataclass(frozen=True, slots=True)
class _Whole:
    """An input that is one value, whatever its structure."""

    inner: Splitter

    def part(self, value: Any, reading: Reading) -> Hashable:
        inside = Reading([], reading.decode)
        part = self.inner.part(value, inside)
        if part is None:
            return None
        reading.values.append(self.inner.placed(part, _Filling(values=inside.values)))
        return True

    def placed(self, part: Any, placing: Placing) -> Any:
        return None if part is None else placing.leaf()


class Splitters:
    """The splitters of a schema's input types; those of input objects are made once."""

    def __init__(self) -> None:
        self._objects: dict[str, _Object] = {}

    def of(self, type_: Any, roles: frozenset[Role] = frozenset()) -> Splitter:
        """Return the splitter of an input type whose texts have those roles."""
        if isinstance(type_, GraphQLNonNull):
            return _NonNull(self.of(type_.of_type, roles))
        if isinstance(type_, GraphQLList):
            inner = type_.of_type
            named = inner.of_type if isinstance(inner, GraphQLNonNull) else inner
            if isinstance(named, GraphQLScalarType) and named.name != "Boolean":
                return _Values(named, nullable=named is inner)
            return _List(self.of(inner))
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_)
        if isinstance(type_, GraphQLEnumType):
            return _Choice(type_)
        if type_.name == "Boolean":
            return _Switch()
        return _Text(roles) if roles and type_.name == "String" else _Scalar(type_)

    def whole(self, type_: Any) -> Splitter:
        """Return the splitter of an input type none of whose objects shapes a statement."""
        inner = self.of(type_)
        return _Whole(inner) if isinstance(get_named_type(type_), GraphQLInputObjectType) else inner

    def _object(self, type_: GraphQLInputObjectType) -> _Object:
        made = self._objects.get(type_.name)
        if made is None:
            required = frozenset(name for name, item in type_.fields.items() if is_required_input_field(item))
            made = self._objects[type_.name] = _Object({}, required)
            for name, item in type_.fields.items():
                path = type_.name == JSON_FILTER and name == "path"
                made.fields[name] = self.of(item.type, frozenset({Role.PATH}) if path else frozenset())
        return made
