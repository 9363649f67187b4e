"""What writes and calls use of what is deprecated, and everything that a catalogue says is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.engine.asking import Asked
from services.engine.catalog import Catalog
from services.engine.deprecation import Deprecated, Deprecation
from services.engine.procedures import AnyProcedure, fields_of
from services.engine.resource import Action, Field, Resource
from services.engine.writing import Write

API = "API v1"
"""The name of the version of the whole REST surface, where that is deprecated itself (S3-094)."""

_NOTHING: tuple[Deprecated, ...] = ()


@dataclass(frozen=True, slots=True)
class _Watched:
    """What to look for in what is sent: used `always`, by the name of a member, and in the rows of a list."""

    always: tuple[Deprecated, ...]
    members: Mapping[str, Deprecated]
    rows: "Mapping[str, _Watched]"

    def among(self, values: Mapping[str, Any]) -> Iterator[Deprecated]:
        """Yield what the members of one row use."""
        yield from (told for name, told in self.members.items() if name in values)
        for name, inner in self.rows.items():
            listed = values.get(name)
            if isinstance(listed, list):
                yield from inner.always
                for row in listed:
                    yield from inner.among(row) if isinstance(row, dict) else ()


def written(asked: Write) -> tuple[Deprecated, ...]:
    """Return what a write uses that is deprecated: resource, action, and the members that it sends."""
    watched = _of_action(asked.resource, asked.action.name)
    if watched is None:
        return _NOTHING
    found = dict.fromkeys(watched.always)
    for item in asked.items:
        found |= dict.fromkeys(watched.among(item.values))
    return tuple(found)


def called(asked: Asked) -> tuple[Deprecated, ...]:
    """Return what a call uses that is deprecated: the procedure, and the inputs that it sends."""
    watched = _of_procedure(asked.procedure)
    if watched is None:
        return _NOTHING
    return (*watched.always, *watched.among(asked.sent))


def action_name(resource: Resource, action: Action) -> str:
    """Return the name that the deprecation of an action goes by, such as `confirm_order`."""
    return f"{action.name}_{resource.name}"


@lru_cache(maxsize=1024)
def declared(catalog: Catalog) -> tuple[Deprecated, ...]:
    """Return all that a catalogue says is deprecated, in the order of its declarations."""
    own = () if catalog.deprecated is None else (Deprecated(API, catalog.deprecated),)
    of_resources = (each for resource in catalog for each in _of_resource(resource))
    of_procedures = (each for procedure in catalog.procedures for each in _all_of(procedure))
    return tuple(dict.fromkeys((*own, *of_resources, *of_procedures)))


def _of_resource(resource: Resource) -> Iterator[Deprecated]:
    yield from _named(resource.name, resource.deprecated)
    yield from resource.outdated_members.values()
    for action in resource.actions:
        name = action_name(resource, action)
        yield from _named(name, action.deprecated)
        yield from _of_fields(name, (*action.inputs, *action.shows))


def _all_of(procedure: AnyProcedure) -> Iterator[Deprecated]:
    yield from _named(procedure.name, procedure.deprecated)
    yield from _of_fields(procedure.name, (*procedure.inputs, *fields_of(procedure.outputs)))


def _named(name: str, told: Deprecation | None) -> tuple[Deprecated, ...]:
    return () if told is None else (Deprecated(name, told),)


def members(owner: str, fields: Iterable[Field]) -> dict[str, Deprecated]:
    """Return the deprecated ones of an action's or a procedure's fields, by their own names."""
    return {each.name.rpartition(".")[2]: each for each in _of_fields(owner, fields)}


def _of_fields(owner: str, fields: Iterable[Field]) -> Iterator[Deprecated]:
    for each in fields:
        yield from _named(f"{owner}.{each.name}", each.deprecated)


@lru_cache(maxsize=1024)
def _of_action(resource: Resource, verb: str) -> _Watched | None:
    action = resource.actions_by_name[verb]
    name = action_name(resource, action)
    always = tuple(each for each in (resource.outdated, *_named(name, action.deprecated)) if each is not None)
    if action.inputs:
        return _watched(always, members(name, action.inputs), {})
    rows = {each.name: _rows_of(each.resource) for each in resource.embedded}
    return _watched(
        always,
        resource.outdated_members,
        {name: found for name, found in rows.items() if found is not None},
    )


def _rows_of(resource: Resource) -> _Watched | None:
    return _watched(() if resource.outdated is None else (resource.outdated,), resource.outdated_members, {})


@lru_cache(maxsize=512)
def _of_procedure(procedure: AnyProcedure) -> _Watched | None:
    always = _named(procedure.name, procedure.deprecated)
    return _watched(always, members(procedure.name, procedure.inputs), {})


def _watched(
    always: tuple[Deprecated, ...], named: Mapping[str, Deprecated], rows: Mapping[str, _Watched]
) -> _Watched | None:
    return _Watched(always, named, rows) if always or named or rows else None
