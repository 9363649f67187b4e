"""What may be written, as input types derived from declarations, and how to read them in neutral words."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry

from schema.inputs import Inputs, bare_type, input_type
from schema.names import camel, constant, pascal, words
from services.engine.catalog import Catalog
from services.engine.resource import Action, ActionKind, Embedded, Field, Kind, Resource

_Made = dict[str, tuple[Any, str]]

_WRITERS = (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE)
_DOCS = {
    ActionKind.CREATE: "A new one of the {rows}. A field that is left out takes its default.",
    ActionKind.REPLACE: "All of one of the {rows}. A field that is left out takes its default anew.",
    ActionKind.UPDATE: "What changes in one of the {rows}. A field that is left out stays; null clears it.",
}


class WriteInputs:
    """The input types of one catalogue's writes; every field is nullable, since the engine judges them.

    A required field that is missing is thereby the same problem here as over REST.
    """

    def __init__(self, catalog: Catalog, inputs: Inputs) -> None:
        self._inputs = inputs
        self._embedded: dict[str, Any] = {}
        self.single: dict[tuple[str, ActionKind], Any] = {}
        self.bulk: dict[tuple[str, ActionKind], Any] = {}
        self.actions: dict[tuple[str, str], Any] = {}
        for resource in catalog:
            for action in resource.actions:
                if action.kind in _WRITERS:
                    self._add(resource, action.kind)
                elif action.inputs:
                    self.actions[resource.name, action.name] = self._own(resource, action)

    def _add(self, resource: Resource, kind: ActionKind) -> None:
        fields = self._fields(resource, kind)
        doc = _DOCS[kind].format(rows=words(resource.plural))
        made = input_type(bare_type(f"{pascal(resource.name)}{pascal(kind)}Input"), doc, fields)
        self.single[resource.name, kind] = self.bulk[resource.name, kind] = made
        if kind is ActionKind.UPDATE:
            named = {"id": (strawberry.ID | None, "Which one. Required.")} | fields
            bare = bare_type(f"{pascal(resource.name)}BulkUpdateInput")
            self.bulk[resource.name, kind] = input_type(bare, doc, named)

    def _own(self, resource: Resource, action: Action) -> Any:
        """Return the input of an action that is none of the common ones."""
        made: _Made = {
            camel(field.name): (
                self._inputs.output(resource, field) | None,
                _described(resource, field, ActionKind.CREATE),
            )
            for field in action.inputs
        }
        return input_type(bare_type(f"{pascal(action.name)}{pascal(resource.name)}Input"), action.doc, made)

    def _fields(self, resource: Resource, kind: ActionKind) -> _Made:
        made: _Made = {}
        for field in resource.writable:
            doc = _described(resource, field, kind)
            made[camel(field.name)] = (self._inputs.output(resource, field) | None, doc)
        for item in resource.embedded:
            made[camel(item.name)] = (list[self._item(resource, item)] | None, item.doc)  # type: ignore[misc]  # A type made at run time.
        return made

    def _item(self, resource: Resource, item: Embedded) -> Any:
        name = f"{pascal(resource.name)}{pascal(item.name.removesuffix('s'))}Input"
        if name not in self._embedded:
            doc = "Identifier of one that is already there; left out, a new one is made."
            fields: _Made = {"id": (strawberry.ID | None, doc)}
            for each in item.fields:
                field = item.resource.all_fields[each]
                text = _described(item.resource, field, ActionKind.CREATE, "Required in a new one.")
                fields[camel(each)] = (self._inputs.output(item.resource, field) | None, text)
            self._embedded[name] = input_type(bare_type(name), item.doc, fields)
        return self._embedded[name]


def _described(resource: Resource, field: Field, kind: ActionKind, required: str = "Required.") -> str:
    """Return the text of an input field: the declaration's, and what being left out means."""
    if kind is ActionKind.UPDATE:
        return f"{field.doc} It cannot change: any other value is refused." if field.fixed else field.doc
    facts = resource.facts_of(field)
    return described(field, facts.default, required, made=facts.has_default)


def described(field: Field, default: Any, required: str = "Required.", *, made: bool = False) -> str:
    """Return the text of a field of something new: the declaration's, and what being left out means."""
    if field.required:
        return f"{field.doc} {required}"
    if default is not None:
        default = constant(default) if field.enum is not None else default
        return f"{field.doc} Defaults to `{_shown(default)}`."
    made = made or field.fallback is not None
    return f"{field.doc} Made by the server when left out." if made else field.doc


def _shown(default: Any) -> str:
    if isinstance(default, dict | list):
        return "{…}" if default else "{}" if isinstance(default, dict) else "[]"
    return str(default).lower() if isinstance(default, bool) else str(default)


# Reading


class Neutral:
    """Reads the inputs of one resource, or of one action of it, as the values that REST's JSON would hold."""

    def __init__(self, resource: Resource, inputs: tuple[Field, ...] = ()) -> None:
        self._readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
            camel(field.name): (field.name, neutral(field, resource.facts_of(field).kind))
            for field in inputs or resource.writable
        }
        for item in () if inputs else resource.embedded:
            self._readers[camel(item.name)] = (item.name, _list_reader(item))

    def values(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of an input whose fields go by their GraphQL names."""
        return _read(self._readers, tree)


def _read(readers: Mapping[str, tuple[str, Callable[[Any], Any]]], tree: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        column, read = readers[name]
        found[column] = None if value is None else read(value)
    return found


def neutral(field: Field, kind: Kind) -> Callable[[Any], Any]:
    """Return what reads a value of an argument as the one that REST's JSON would hold."""
    if field.enum is not None:
        return _stored
    return {Kind.BIG_INTEGER: _integer, Kind.DECIMAL: _decimal}.get(kind, _same)


def _list_reader(item: Embedded) -> Callable[[Any], Any]:
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {"id": ("id", _same)}
    for name in item.fields:
        readers[camel(name)] = (name, neutral(item.resource.all_fields[name], item.resource.facts[name].kind))
    return lambda trees: [_read(readers, tree) for tree in trees]


def _same(value: Any) -> Any:
    return value


def _stored(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value


def _decimal(value: Any) -> Any:
    """Return a number as the text that REST takes, without an exponent."""
    return value if isinstance(value, str) else format(Decimal(str(value)), "f")
