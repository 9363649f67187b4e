"""Compiled mutations: payloads of nothing but what a written document holds, made without an executor.

The fields run in order, each a transaction of its own, and one that fails does not stop the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    SelectionSetNode,
)

from schema.build import Built
from schema.errors import Failure
from schema.resolvers import Writing
from schema.roots import locations
from schema.selections import InexpressibleError, Selections
from schema.writing import Mutation
from services.engine.context import Caller
from services.engine.deprecation import Deprecated, Noticed
from services.engine.errors import Problem
from services.engine.intent import Leaf, Select
from services.engine.pricing import Price

_Show = Callable[[Any], Any]
_DEFINITION = "strawberry-definition"
_MOST_PERMITTED = 64


@dataclass(eq=False, slots=True)
class _Field:
    """One mutation of a shape: its arguments, which may be placeholders, and how its payload is shown.

    `selected` is what the payload shows of rows, and `outdated` what it shows beside them that is deprecated.
    `_permitted` holds what that costs, and all that is deprecated, by the scopes that may read it.
    """

    alias: str
    locations: list[dict[str, int]]
    mutation: Mutation
    given: dict[str, Any]
    show: _Show
    selected: list[Select]
    outdated: tuple[Deprecated, ...] = ()
    _permitted: dict[frozenset[str], tuple[Price, tuple[Noticed, ...]]] = field(default_factory=dict)

    async def answer(self, writing: Writing, values: Sequence[Any], *, alone: bool) -> Any:
        """Return the field's data; raises the problems that no payload tells."""

        given, permit = _filled(self.given, values), partial(self._permit, writing)
        return self.show(await self.mutation.answer(writing, given, permit, alone=alone))

    def _permit(self, writing: Writing, caller: Caller) -> Price:
        scopes = caller.principal.scopes
        known = self._permitted.get(scopes)
        if known is None:
            before = len(caller.outdated)
            price = self.mutation.judge(writing.reader, caller, self.selected, [])
            caller.notice(self.outdated, self.mutation.name)
            if len(self._permitted) >= _MOST_PERMITTED:
                self._permitted.clear()
            self._permitted[scopes] = price, caller.outdated[before:]
            return price
        price, noticed = known
        caller.outdated += noticed
        return price


@dataclass(frozen=True, slots=True)
class WritingShape:
    """A mutation operation under one structure of variables: its fields, or constants, by response name."""

    fields: dict[str, _Field | str]
    count: int

    async def run(self, writing: Writing, values: Sequence[Any]) -> tuple[bytes, list[Failure]]:
        """Return the JSON of what the fields answer, and what went wrong."""
        data: dict[str, Any] = {}
        failures: list[Failure] = []
        for alias, each in self.fields.items():
            if isinstance(each, str):
                data[alias] = each
                continue
            try:
                data[alias] = await each.answer(writing, values, alone=self.count == 1)
            except Problem as problem:
                data[alias] = None
                failures.append(Failure(problem, (alias,), each.locations))
        return orjson.dumps(data), failures


def writing_shape(built: Built, selections: Selections, chosen: SelectionSetNode) -> WritingShape | None:
    """Return an operation's shape, None where it writes nothing; raises InexpressibleError, GraphQLError."""
    fields: dict[str, _Field | str] = {}
    for alias, nodes in selections.collect("Mutation", (chosen,)).items():
        name = nodes[0].name.value
        fields[alias] = name if name == "__typename" else _field(built, selections, alias, nodes)
    count = sum(isinstance(each, _Field) for each in fields.values())
    fields = {alias: "Mutation" if isinstance(each, str) else each for alias, each in fields.items()}
    return WritingShape(fields, count) if count else None


def _field(built: Built, selections: Selections, alias: str, nodes: list[FieldNode]) -> _Field:
    mutation = built.mutations.get(nodes[0].name.value)
    if mutation is None:
        raise InexpressibleError
    payload = built.graphql.type_map[mutation.payload.type.__name__]
    show = _object(selections, payload, nodes)
    given = selections.arguments("Mutation", nodes[0])
    outdated = mutation.outdated(selections, nodes)
    selected = mutation.selected(selections, nodes)
    return _Field(alias, locations(nodes), mutation, given, show, selected, outdated)


# Showing


def _object(selections: Selections, type_: Any, nodes: list[FieldNode]) -> _Show:
    """Return what shows the selected fields of an object; raises InexpressibleError if any must be read."""
    picks: list[tuple[str, str, _Show | None]] = []
    for alias, found in selections.collect(type_.name, (node.selection_set for node in nodes)).items():
        name = found[0].name.value
        if name == "__typename":
            picks.append((alias, name, _constant(type_.name)))
            continue
        declared = type_.fields[name].extensions[_DEFINITION]
        if declared.base_resolver is not None:
            raise InexpressibleError
        picks.append((alias, declared.python_name, _value(selections, type_.fields[name].type, found)))

    def show(row: Any) -> Any:
        if row is None:
            return None
        get = row.get
        return {alias: get(name) if shown is None else shown(get(name)) for alias, name, shown in picks}

    return show


def _value(selections: Selections, type_: Any, nodes: list[FieldNode]) -> _Show | None:
    """Return what shows a value of a type, None where it is shown as it is."""
    if isinstance(type_, GraphQLNonNull):
        return _value(selections, type_.of_type, nodes)
    if isinstance(type_, GraphQLObjectType):
        return _object(selections, type_, nodes)
    if isinstance(type_, GraphQLEnumType):
        return {None: None, **{each.value: name for name, each in type_.values.items()}}.__getitem__
    if isinstance(type_, GraphQLList):
        item = _value(selections, type_.of_type, nodes)
        return None if item is None else lambda rows: None if rows is None else [item(row) for row in rows]
    return None


def _constant(text: str) -> _Show:
    return lambda _: text


def _filled(value: Any, values: Sequence[Any]) -> Any:
    """Return arguments with the values of a request in their places."""
    if isinstance(value, Leaf):
        return values[value.index]
    if isinstance(value, dict):
        return {name: _filled(item, values) for name, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value
