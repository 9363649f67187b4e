"""Deprecated parts of answers that no plan reads, and what answers tell of all that was used."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from graphql import FieldNode, get_named_type

from schema.connections import ROW_ID
from schema.names import camel, pascal
from schema.payloads import shown_beside
from schema.selections import Selections
from services.engine.deprecation import Deprecated, Noticed, each_once
from services.engine.noticing import action_name, members
from services.engine.procedures import AnyProcedure, Output, Part, fields_of
from services.engine.resource import Action, Resource

Marks = dict[str, dict[str, Deprecated]]
"""Deprecated fields by the name of their type, and then by their own; types without any are left out."""


def of_procedure(procedure: AnyProcedure) -> Marks:
    """Return what is deprecated of the answer to a procedure."""
    told = members(procedure.name, fields_of(procedure.outputs))
    name = pascal(procedure.name)
    found = dict(_of_outputs(name, procedure.outputs, told))
    # The fields of an answer stand in a result or in a payload, whichever there is.
    top = found.pop(name, {})
    return found | ({f"{name}Result": top, f"{name}Payload": top} if top else {})


def _of_outputs(
    name: str, outputs: Iterable[Output], told: dict[str, Deprecated]
) -> Iterator[tuple[str, dict[str, Deprecated]]]:
    own: dict[str, Deprecated] = {}
    for each in outputs:
        if isinstance(each, Part):
            yield from _of_outputs(f"{name}{pascal(each.name)}", each.fields, told)
        elif each.deprecated is not None:
            own[_shown_as(each.name)] = told[each.name]
    if own:
        yield name, own


def _shown_as(name: str) -> str:
    return ROW_ID if name == "id" else camel(name)


def of_payload(resource: Resource, action: Action) -> Marks:
    """Return what is deprecated of the payload of an action beside the row."""
    told = {**resource.outdated_members, **members(action_name(resource, action), action.shows)}
    shown = {
        _shown_as(name): told[each.name]
        for name, each in shown_beside(resource, action).items()
        if each.deprecated is not None
    }
    return {f"{pascal(action.name)}{pascal(resource.name)}Payload": shown} if shown else {}


def picked(
    selections: Selections, marks: Marks, type_name: str, nodes: list[FieldNode]
) -> Iterator[Deprecated]:
    """Yield the deprecated fields among those that are selected of a type, and of what they lead to."""
    if not marks:
        return
    own = marks.get(type_name, {})
    for found in selections.collect(type_name, (node.selection_set for node in nodes)).values():
        name = found[0].name.value
        if name in own:
            yield own[name]
        elif not name.startswith("__"):
            of_type: Any = selections.schema.type_map[type_name]
            led: Any = get_named_type(of_type.fields[name].type)
            if hasattr(led, "fields"):
                yield from picked(selections, marks, led.name, found)


def extended(extensions: bytes, noticed: tuple[Noticed, ...]) -> bytes:
    """Return the member `extensions` of a response, perhaps empty before, with what was used in it."""
    if not noticed:
        return extensions
    told = orjson.dumps([each.members() for each in each_once(noticed)])
    if not extensions:
        return b',"extensions":{"deprecations":' + told + b"}"
    return extensions[:-1] + b',"deprecations":' + told + b"}"
