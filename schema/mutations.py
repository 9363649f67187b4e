"""The mutation type: one field for each action of each resource, and its twin for many rows at once."""

from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.inputs import argument
from schema.names import camel, pascal
from schema.payloads import Payload, Payloads
from schema.procedures import KEY_DOC, mutation_fields
from schema.types import Resolver, Types, resolved
from schema.write_inputs import WriteInputs
from services.engine.access import permission
from services.engine.catalog import Catalog
from services.engine.resource import Action, ActionKind, Resource
from services.engine.writing import MOST_ITEMS

MakeResolver = Callable[[str, Resource, Action, Payload, bool], Resolver]
"""Returns what resolves the mutation of that name, of one row or of many."""

_MANY = (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.DELETE)
_WITH_INPUT = (ActionKind.CREATE, ActionKind.REPLACE, ActionKind.UPDATE)

_ID_DOC = "Which one: a UUID, or its 22-character short form."
_IF_MATCH_DOC = "The `etag` that the row must still have, or `*` for any; as the header If-Match over REST."
_DRY_RUN_DOC = (
    "Judge everything and answer what would be, but write nothing; lists below it show what is stored."
)
_ATOMIC_DOC = "Write all or none. If false, each one is written or refused by itself."
_MERGE_DOC = "Merge JSON fields into what is stored (RFC 7396), instead of replacing them."


def mutation_type(catalog: Catalog, types: Types, make: MakeResolver) -> Any | None:
    """Return the mutation type of a catalogue, None where nothing can be written."""
    inputs, payloads = WriteInputs(catalog, types.inputs), Payloads(types)
    fields: list[StrawberryField] = mutation_fields(catalog, types.inputs)
    for resource in catalog:
        for action in resource.actions:
            payload, name = payloads.single(resource, action), f"{camel(action.name)}{pascal(resource.name)}"
            fields.append(
                resolved(
                    name,
                    payload.type | None,
                    f"{action.doc} {_scope(resource, action)}",
                    make(name, resource, action, payload, False),
                    _single(resource, action, inputs),
                )
            )
            if action.kind in _MANY and resource.bulk:
                many, name = payloads.bulk(resource, action), f"{camel(action.name)}{pascal(resource.plural)}"
                fields.append(
                    resolved(
                        name,
                        many.type | None,
                        f"{action.doc} Up to {MOST_ITEMS} at once. {_scope(resource, action)}",
                        make(name, resource, action, many, True),
                        _bulk(resource, action, inputs),
                    )
                )
    if not fields:
        return None
    bare = type("Mutation", (), {"__module__": __name__})
    for field in fields:
        setattr(bare, field.python_name, field)
    doc = "Everything that can be written. Each field is a transaction of its own; they run in order."
    return strawberry.type(bare, name="Mutation", description=doc)


def _scope(resource: Resource, action: Action) -> str:
    return f"Needs the scope `{resource.scope}:{permission(action)}`."


def _single(resource: Resource, action: Action, inputs: WriteInputs) -> list[StrawberryArgument]:
    found: list[StrawberryArgument] = []
    if action.kind is not ActionKind.CREATE:
        found.append(argument("id", strawberry.ID, _ID_DOC))
    if action.kind in _WITH_INPUT:
        found.append(argument("input", inputs.single[resource.name, action.kind], "Its values."))
    elif action.inputs:
        inputs_type = inputs.actions[resource.name, action.name]
        found.append(argument("input", inputs_type | None, "What it takes."))
    if action.kind is not ActionKind.CREATE:
        needed = " Required." if action.kind is ActionKind.REPLACE else ""
        found.append(argument("ifMatch", str | None, _IF_MATCH_DOC + needed))
    return [*found, *_merging(action), *_common()]


def _bulk(resource: Resource, action: Action, inputs: WriteInputs) -> list[StrawberryArgument]:
    if action.kind is ActionKind.DELETE:
        items = argument("ids", list[strawberry.ID], f"Which ones, 1 to {MOST_ITEMS}.")
    else:
        item = inputs.bulk[resource.name, action.kind]
        items = argument("items", list[item], f"The values of each, 1 to {MOST_ITEMS}.")  # type: ignore[valid-type]  # A type made at run time.
    return [items, argument("atomic", bool, _ATOMIC_DOC, default=True), *_merging(action), *_common()]


def _merging(action: Action) -> list[StrawberryArgument]:
    if action.kind is not ActionKind.UPDATE:
        return []
    return [argument("merge", bool, _MERGE_DOC, default=False)]


def _common() -> list[StrawberryArgument]:
    return [
        argument("idempotencyKey", str | None, KEY_DOC),
        argument("dryRun", bool, _DRY_RUN_DOC, default=False),
    ]
