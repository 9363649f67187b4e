"""One linear pass that judges a GraphQL document before validation sees it.

The parser, the validator and every executor do work that grows faster than the text they are given:
fragments that spread fragments, equal response names, deep nesting. The guard measures a document in
time linear to its text, however its fragments multiply, and refuses it with a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLSyntaxError, parse
from graphql.language import ast

from schema.limits import DEFAULT_LIMITS, Facts, GuardViolation, Limits, OperationFacts

PLUMBING = frozenset({"edges", "node", "nodes", "pageInfo"})
"""Relay's connection fields, which carry no data of their own and so do not count towards depth."""

INTROSPECTION = frozenset({"__schema", "__type"})
"""Fields whose selections are bounded by `nesting` alone: the tools' own queries go 11 types deep."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A document within every limit, parsed, ready to be validated."""

    document: ast.DocumentNode
    facts: Facts


def admit(source: str, limits: Limits = DEFAULT_LIMITS) -> Admitted:
    """Parse a document and judge it.

    Raises GuardViolation when it passes a limit and GraphQLSyntaxError when it is not GraphQL.
    """
    document = parse_bounded(source, limits)
    return Admitted(document, judge(document, limits))


def parse_bounded(source: str, limits: Limits = DEFAULT_LIMITS) -> ast.DocumentNode:
    """Parse within the limits on characters and tokens, whatever the nesting.

    Raises GuardViolation or GraphQLSyntaxError, and never RecursionError.
    """
    if len(source) > limits.characters:
        raise GuardViolation("characters", limits.characters, len(source))
    try:
        return parse(source, max_lexical_tokens=limits.tokens)
    except GraphQLSyntaxError as error:
        # The parser has one class for all its refusals. The caller's text never opens a message.
        if error.message.startswith("Syntax Error: Document contains more than"):
            raise GuardViolation("tokens", limits.tokens, limits.tokens + 1) from None
        if error.message.startswith("Syntax Error: Document is nested too deeply"):
            raise GuardViolation("nesting", limits.nesting, _bracket_depth(source)) from None
        raise


def judge(document: ast.DocumentNode, limits: Limits = DEFAULT_LIMITS) -> Facts:
    """Measure a parsed document; raises GuardViolation at the first limit it passes."""
    return _Judge(limits).document(document)


def check_variables(variables: Mapping[str, Any], limits: Limits = DEFAULT_LIMITS) -> int:
    """Judge decoded variable values like literals and return how many values they hold.

    Raises GuardViolation for values nested too deeply or objects with too many fields.
    """
    steps, nesting = len(variables), 0
    level = [value for value in variables.values() if isinstance(value, (dict, list))]
    while level:
        nesting += 1
        _bound("value_nesting", limits.value_nesting, nesting)
        inner: list[Any] = []
        for value in level:
            steps += len(value)
            if isinstance(value, dict):
                _bound("object_fields", limits.object_fields, len(value))
            items = value.values() if isinstance(value, dict) else value
            inner += [item for item in items if isinstance(item, (dict, list))]
        level = inner
    return steps


def _bound(limit: str, allowed: int, actual: int, name: str = "") -> None:
    if actual > allowed:
        raise GuardViolation(limit, allowed, actual, name)


def _bracket_depth(source: str) -> int:
    """How deep the brackets of a document go, at least: text inside strings is not told apart."""
    depth = deepest = 0
    for character in source:
        if character in "{[(":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}])":
            depth -= 1
    return deepest


@dataclass(slots=True)
class _Place:
    """One place of the response: what a definition selects there, and the fragments it spreads there."""

    names: Counter[str] = field(default_factory=Counter)
    inner: dict[str, _Place] = field(default_factory=dict)
    spreads: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Spread:
    name: str
    depth: int | None
    nesting: int


@dataclass(slots=True)
class _Measure:
    """What one definition holds; first alone, then with the fragments it spreads added."""

    depth: int = 0
    nesting: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    root_names: set[str] = field(default_factory=set)
    root: _Place = field(default_factory=_Place)
    crowded: list[_Place] = field(default_factory=list)
    spreads: list[_Spread] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A selection set still to be walked; `depth` is None inside introspection, where it is not counted."""

    selections: ast.SelectionSetNode
    place: _Place
    depth: int | None
    nesting: int
    at_root: bool


class _Judge:
    """The pass itself. Walks keep their own stacks, so that no document can exhaust Python's."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.steps = 0
        self.fragments: dict[str, _Measure] = {}

    def document(self, document: ast.DocumentNode) -> Facts:
        operations = self._operations(document)
        measured = [(operation, self._alone(operation)) for operation in operations]
        for name in self._spread_order():
            self._complete(self.fragments[name])
        for _, measure in measured:
            self._complete(measure)
            _bound("depth", self.limits.depth, measure.depth)
        return Facts(
            operations=tuple(_facts(operation, measure) for operation, measure in measured),
            fragment_names=frozenset(self.fragments),
            steps=self.steps,
        )

    def _operations(self, document: ast.DocumentNode) -> list[ast.OperationDefinitionNode]:
        """The operations of a document, after its fragments were measured each alone."""
        operations: list[ast.OperationDefinitionNode] = []
        for definition in document.definitions:
            if isinstance(definition, ast.OperationDefinitionNode):
                operations.append(definition)
            elif isinstance(definition, ast.FragmentDefinitionNode):
                if definition.name.value in self.fragments:
                    raise GuardViolation("equal_fragments", 1, 2, definition.name.value)
                self.fragments[definition.name.value] = self._alone(definition)
            else:
                raise GuardViolation("schema_definitions", 0, 1)
        _bound("operations", self.limits.operations, len(operations))
        return operations

    def _alone(self, definition: ast.OperationDefinitionNode | ast.FragmentDefinitionNode) -> _Measure:
        """Measure one definition without the fragments it spreads."""
        measure = _Measure()
        self._directives(definition.directives, measure)
        for variable in definition.variable_definitions or ():
            self._directives(variable.directives, measure)
            self._value(variable.type)
            self._value(variable.default_value)
        pending = [_Visit(definition.selection_set, measure.root, 0, 0, at_root=True)]
        while pending:
            pending.extend(self._selections(pending.pop(), measure))
        self._check(measure)
        return measure

    def _selections(self, visit: _Visit, measure: _Measure) -> Iterable[_Visit]:
        """Measure the selections of one set and yield the sets inside them."""
        nesting = visit.nesting + 1
        for node in visit.selections.selections:
            self.steps += 1
            self._directives(node.directives, measure)
            _bound("nesting", self.limits.nesting, nesting)
            measure.nesting = max(measure.nesting, nesting)
            if isinstance(node, ast.FieldNode):
                inner = self._field(node, visit, measure)
                if inner is not None:
                    yield inner
            elif isinstance(node, ast.InlineFragmentNode):
                yield _Visit(node.selection_set, visit.place, visit.depth, nesting, visit.at_root)
            elif isinstance(node, ast.FragmentSpreadNode):
                self._spread(node.name.value, visit, measure)

    def _field(self, node: ast.FieldNode, visit: _Visit, measure: _Measure) -> _Visit | None:
        """Measure one field; its own selection set, if any, is still to be walked."""
        field_name = node.name.value
        response_name = node.alias.value if node.alias else field_name
        place = visit.place
        place.names[response_name] += 1
        _bound("equal_names", self.limits.equal_names, place.names[response_name], response_name)
        measure.fields += 1
        measure.aliases += node.alias is not None
        if visit.at_root:
            measure.root_names.add(field_name)
        for argument in node.arguments or ():
            self._value(argument.value)
        depth = _depth_at(visit.depth, field_name)
        measure.depth = max(measure.depth, depth or 0)
        if node.selection_set is None:
            return None
        inner = place.inner.setdefault(response_name, _Place())
        return _Visit(node.selection_set, inner, depth, visit.nesting + 1, at_root=False)

    def _spread(self, name: str, visit: _Visit, measure: _Measure) -> None:
        measure.spreads.append(_Spread(name, visit.depth, visit.nesting + 1))
        if not visit.place.spreads:
            measure.crowded.append(visit.place)
        visit.place.spreads.append(name)

    def _directives(self, directives: Iterable[ast.DirectiveNode] | None, measure: _Measure) -> None:
        for directive in directives or ():
            self.steps += 1
            measure.directives += 1
            for argument in directive.arguments or ():
                self._value(argument.value)

    def _value(self, node: ast.Node | None) -> None:
        """Judge a literal, or a variable's type, whose lists nest like values."""
        pending: list[tuple[ast.Node | None, int]] = [(node, 0)]
        while pending:
            value, nesting = pending.pop()
            self.steps += 1
            if isinstance(value, ast.IntValueNode | ast.FloatValueNode):
                _bound("number_digits", self.limits.number_digits, len(value.value))
                continue
            inner = self._inner_values(value)
            if inner is not None:
                _bound("value_nesting", self.limits.value_nesting, nesting + 1)
                pending.extend((item, nesting + 1) for item in inner)

    def _inner_values(self, value: ast.Node | None) -> Iterable[ast.Node] | None:
        """The values inside a list, an object or a wrapped type; None for a single value."""
        if isinstance(value, ast.ObjectValueNode):
            _bound("object_fields", self.limits.object_fields, len(value.fields))
            name, times = _most_common(Counter(item.name.value for item in value.fields))
            _bound("equal_object_fields", 1, times, name)
            return [item.value for item in value.fields]
        if isinstance(value, ast.ListValueNode):
            return value.values
        if isinstance(value, ast.ListTypeNode | ast.NonNullTypeNode):
            return [value.type]
        return None

    def _spread_order(self) -> list[str]:
        """The fragments, each after those it spreads; raises GuardViolation for a circle."""
        order: list[str] = []
        finished: dict[str, bool] = {}
        pending = [(name, False) for name in self.fragments]
        while pending:
            name, left = pending.pop()
            if left:
                finished[name] = True
                order.append(name)
            elif name not in finished:
                finished[name] = False
                pending.append((name, True))
                pending.extend(self._unfinished(name, finished))
        return order

    def _unfinished(self, name: str, finished: dict[str, bool]) -> Iterable[tuple[str, bool]]:
        for spread in self.fragments[name].spreads:
            self.steps += 1
            if finished.get(spread.name) is False:
                raise GuardViolation("fragment_cycles", 0, 1, spread.name)
            if spread.name in self.fragments and spread.name not in finished:
                yield spread.name, False

    def _complete(self, measure: _Measure) -> None:
        """Add what the spread fragments hold; they were completed before."""
        at_root = set(measure.root.spreads)
        for spread in measure.spreads:
            self.steps += 1
            fragment = self.fragments.get(spread.name)
            if fragment is None:
                continue
            if spread.depth is not None:
                measure.depth = max(measure.depth, spread.depth + fragment.depth)
            measure.nesting = max(measure.nesting, spread.nesting + fragment.nesting)
            measure.fields += fragment.fields
            measure.aliases += fragment.aliases
            measure.directives += fragment.directives
            if spread.name in at_root:
                measure.root_names |= fragment.root_names
        self._check(measure)
        for place in measure.crowded:
            self._merge(place)

    def _check(self, measure: _Measure) -> None:
        for limit in ("nesting", "fields", "aliases", "directives"):
            _bound(limit, getattr(self.limits, limit), getattr(measure, limit))

    def _merge(self, place: _Place) -> None:
        """Count the response names of a place together with those its fragments bring there."""
        for name in place.spreads:
            if name in self.fragments:
                brought = self.fragments[name].root.names
                self.steps += len(brought)
                place.names.update(brought)
        self.steps += len(place.names)
        response_name, times = _most_common(place.names)
        _bound("equal_names", self.limits.equal_names, times, response_name)


def _most_common(names: Counter[str]) -> tuple[str, int]:
    return max(names.items(), key=lambda item: item[1], default=("", 0))


def _depth_at(depth: int | None, field_name: str) -> int | None:
    if depth is None or field_name in INTROSPECTION:
        return None
    return depth if field_name in PLUMBING else depth + 1


def _facts(operation: ast.OperationDefinitionNode, measure: _Measure) -> OperationFacts:
    return OperationFacts(
        kind=operation.operation.value,
        name=operation.name.value if operation.name else None,
        root_fields=measure.root.names.total(),
        root_names=frozenset(measure.root_names),
        depth=measure.depth,
        nesting=measure.nesting,
        fields=measure.fields,
        aliases=measure.aliases,
        directives=measure.directives,
    )
