"""Compiled execution: operations kept ready by their text, each request only split, bound and sent.

An operation made of resource fields alone becomes one request to the engine per root field, all in one round
trip; the JSON that comes back is passed through untouched.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    Visitor,
    is_non_null_type,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues
from graphql.utilities.coerce_input_value import coerce_default_value

from schema.arguments import Arguments
from schema.build import Built
from schema.compiled_writes import WritingShape, writing_shape
from schema.errors import Failure
from schema.resolvers import Writing
from schema.roots import Root, root
from schema.selections import InexpressibleError, Selections
from schema.variables import Decode, MismatchError, Placing, Reading, Role, Splitter, Splitters
from services.engine.context import Caller
from services.engine.errors import Problem, Slug
from services.engine.read import Answer, Reader, Request

WHOLE = frozenset({Slug.INVALID_TOKEN, Slug.RATE_LIMIT_EXCEEDED, Slug.OPERATION_NOT_TRUSTED})
"""The problems of whole requests; every other one belongs to a field."""

ENDING = frozenset({Slug.INVALID_TOKEN})
"""The problems of whole requests even after a mutation, whose answer must not be lost for less."""

_MOST_SHAPES = 64
_ABSENT = ...
_ROLES = {"after": Role.CURSOR, "before": Role.CURSOR, "search": Role.SEARCH, "path": Role.PATH}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an execution brought: the JSON of `data`, and what went wrong."""

    data: bytes
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class Shape:
    """An operation under one structure of variables: its root fields, or constants, in order.

    `heads` are their names in JSON, each with what stands before it; `read` counts the fields to be read.
    """

    heads: tuple[bytes, ...]
    roots: tuple[Root | bytes, ...]
    read: int


@dataclass(frozen=True, slots=True)
class _Variable:
    """A declared variable, or a cursor literal, which is one in all but name.

    `standby` is split where the request gives no value; `default` is part of the shape instead.
    """

    name: str
    splitter: Splitter
    required: bool = False
    standby: Any = _ABSENT
    default: Any = _ABSENT


class Operation:
    """One operation of a valid document."""

    def __init__(
        self,
        built: Built,
        splitters: Splitters,
        document: DocumentNode,
        node: OperationDefinitionNode,
    ) -> None:
        self.document, self.node = document, node
        self._built, self._schema, self._arguments = built, built.graphql, Arguments(built.surface)
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        uses = _Uses()
        if not self.writes:
            visit(document, uses)
        self._variables = [
            *(self._declared(each, uses.roles, splitters) for each in node.variable_definitions or ()),
            *(_literal(each, splitters, built) for each in uses.literals.values()),
        ]
        self._literals = tuple(uses.literals)
        self._shapes: dict[Hashable, Shape | WritingShape | None] = {}

    @property
    def writes(self) -> bool:
        """Tell whether it is a mutation."""
        return self.node.operation is OperationType.MUTATION

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the root fields, each once."""
        return tuple(dict.fromkeys(self._names(self.node.selection_set)))

    def _names(self, selected: SelectionSetNode) -> Iterator[str]:
        for each in selected.selections:
            if isinstance(each, FieldNode):
                yield each.name.value
            elif isinstance(each, FragmentSpreadNode):
                yield from self._names(self._fragments[each.name.value].selection_set)
            elif isinstance(each, InlineFragmentNode):
                yield from self._names(each.selection_set)

    def split(self, given: Mapping[str, Any], decode: Decode) -> tuple[Hashable, list[Any]]:
        """Return the structure of the variables and their values; raises MismatchError."""
        reading = Reading([], decode)
        key: list[Hashable] = []
        for variable in self._variables:
            value = given.get(variable.name, variable.standby)
            if value is not _ABSENT:
                key.append(variable.splitter.part(value, reading))
            elif variable.required:
                raise MismatchError
            else:
                key.append(_ABSENT)
        return tuple(key), reading.values

    def shape(self, key: Hashable, *, keep: bool = True) -> Shape | WritingShape | None:
        """Return the shape of that structure, None where only the executor can answer it."""
        try:
            return self._shapes[key]
        except KeyError:
            made = self._shape(key)
        if keep:
            if len(self._shapes) >= _MOST_SHAPES:
                del self._shapes[next(iter(self._shapes))]
            self._shapes[key] = made
        return made

    def _shape(self, key: Any) -> Shape | WritingShape | None:
        placing, coerced = Placing(), {}
        for variable, part in zip(self._variables, key, strict=True):
            if part is not _ABSENT:
                coerced[variable.name] = variable.splitter.placed(part, placing)
            elif variable.default is not _ABSENT:
                coerced[variable.name] = variable.default
        # Names of literals begin with a character that names of variables cannot hold.
        cursors = {place: coerced[f"#{place}"] for place in self._literals}
        variables = VariableValues({}, coerced)
        selections = Selections(
            self._schema, self._arguments, self._fragments, variables, cursors, strict=not self.writes
        )
        try:
            if self.writes:
                return writing_shape(self._built, selections, self.node.selection_set)
            return _shaped(selections, selections.collect("Query", (self.node.selection_set,)))
        except (InexpressibleError, GraphQLError):
            # The executor answers it, or says as the specification does what is wrong.
            return None

    def _declared(self, node: Any, roles: Mapping[str, set[Role]], splitters: Splitters) -> _Variable:
        signature = get_variable_signature(self._schema, node)
        if isinstance(signature, GraphQLError):
            raise signature
        name = signature.name
        if self.writes:
            splitter = splitters.whole(signature.type)
        else:
            splitter = splitters.of(signature.type, frozenset(roles.get(name, ())))
        if signature.default is None:
            return _Variable(name, splitter, required=is_non_null_type(signature.type))
        default = coerce_default_value(signature)
        if isinstance(default, str):
            return _Variable(name, splitter, standby=default)
        return _Variable(name, splitter, default=default)


class _Uses(Visitor):
    """Finds what the variables of a document are used for, and the cursors written into it."""

    def __init__(self) -> None:
        super().__init__()
        self.roles: dict[str, set[Role]] = {}
        self.literals: dict[int, StringValueNode] = {}

    def enter_argument(self, node: Any, *_: Any) -> None:
        """Note an argument that is a cursor or a search."""
        self._note(node)
        if _ROLES.get(node.name.value) is Role.CURSOR and isinstance(node.value, StringValueNode):
            self.literals[id(node.value)] = node.value

    def enter_object_field(self, node: Any, *_: Any) -> None:
        """Note the path of a JSON filter."""
        self._note(node)

    def _note(self, node: Any) -> None:
        role = _ROLES.get(node.name.value)
        if role is not None and isinstance(node.value, VariableNode):
            self.roles.setdefault(node.value.name.value, set()).add(role)


def _literal(node: StringValueNode, splitters: Splitters, built: Built) -> _Variable:
    splitter = splitters.of(built.graphql.type_map["String"], frozenset({Role.CURSOR}))
    return _Variable(f"#{id(node)}", splitter, standby=node.value)


def _shaped(selections: Selections, fields: Mapping[str, list[FieldNode]]) -> Shape | None:
    heads: list[bytes] = []
    roots: list[Root | bytes] = []
    for alias, nodes in fields.items():
        heads.append((b"," if heads else b"{") + orjson.dumps(alias) + b":")
        if nodes[0].name.value == "__typename":
            roots.append(b'"Query"')
        else:
            roots.append(root(selections, alias, nodes))
    read = sum(isinstance(each, Root) for each in roots)
    return Shape(tuple(heads), tuple(roots), read) if read else None


async def run(reader: Reader, caller: Caller, shape: Shape, values: list[Any]) -> Outcome:
    """Return what the root fields of `shape` answer; raises the 401 and 429 problems."""
    roots = [each for each in shape.roots if isinstance(each, Root)]
    requests = [Request(each, partial(each.intent, caller), values, each.name) for each in roots]
    answers = iter(await _read(reader, caller, requests))
    failures: list[Failure] = []
    pieces = []
    for head, each in zip(shape.heads, shape.roots, strict=True):
        pieces.append(head)
        if isinstance(each, bytes):
            pieces.append(each)
            continue
        pieces.append(each.body(next(answers), failures))
    pieces.append(b"}")
    return Outcome(b"".join(pieces), failures)


def raise_whole(failures: Sequence[Failure], writing: Writing) -> None:
    """Raise the problem among the failures of an operation that is one of the whole request."""
    for failure in failures:
        if failure.problem.slug in (ENDING if writing.wrote else WHOLE):
            raise failure.problem


async def _read(reader: Reader, caller: Caller, requests: Sequence[Request]) -> Sequence[Answer | Problem]:
    if len(requests) > 1:
        return await reader.read_many(caller, requests)
    try:
        return (await reader.read(caller, requests[0]),)
    except Problem as problem:
        if problem.slug in WHOLE:
            raise
        return (problem,)
