"""The section of a resource: its fields, relations, operations, and a body that makes one."""

from collections.abc import Iterator
from typing import Any

import orjson

from rest.agents.told import Told, default, kind, outdated
from rest.http import BASE
from rest.openapi.draft import camel, pascal
from services.engine.actions import writes
from services.engine.resource import Action, Embedded, Field, Kind, Relation, Resource, Shown


def section(told: Told, resource: Resource) -> Iterator[str]:
    """Yield the lines of a resource."""
    scopes = [scope for scope in told.catalog.scopes if scope.partition(":")[0] == resource.scope]
    yield f"#### {resource.plural}\n"
    listed = ", ".join(f"`{scope}`" for scope in scopes)
    yield f"{resource.doc} Scopes: {listed}. Sorted by `{resource.sort}`.{outdated(resource)}"
    yield ""
    yield from (_field(resource, field) for field in resource.fields if _is_told(field))
    for item in resource.embedded:
        yield _embedded(item)
    if resource.relations:
        listed = ", ".join(_relation(told, each) for each in resource.relations)
        yield f"\nRelations: {listed}."
    body = creating(told, resource)
    if body is not None:
        yield f"\nTo create: `{orjson.dumps(body).decode()}`"
    yield ""
    yield from _operations(told, resource)
    yield ""


def line(resource: Resource) -> str:
    """Return what a resource is, in one line: where there is no room for its section."""
    told = ", ".join(f"`{field.name}`{'*' if field.required else ''}" for field in resource.fields)
    return f"- {BASE}/{resource.path}: {resource.doc} Fields (`*` required): {told}.{outdated(resource)}"


def _is_told(field: Field) -> bool:
    return field.shown is not Shown.NEVER or field.writable


def _relation(told: Told, relation: Relation) -> str:
    plural = told.catalog.target(relation).plural
    return f"`{relation.name}` → {plural}{'[]' if relation.many else ''}{outdated(relation)}"


def _field(resource: Resource, field: Field) -> str:
    facts = resource.facts_of(field)
    held = kind(field, facts, null=facts.nullable and not field.required) + default(field, facts)
    return f"- `{field.name}`: {held}{_marked(field)} {field.doc}{outdated(field)}"


def _marked(field: Field) -> str:
    found = marks(field)
    return f" [{found}]" if found else ""


def marks(field: Field) -> str:
    """Return the letters of what can be done with a field."""
    told = (
        ("R", field.required),
        ("C" if field.fixed else "W", field.writable),
        ("F", field.filterable),
        ("S", field.sortable),
        ("Q", field.searchable),
        ("1", field.shown is Shown.ONCE),
    )
    return "".join(letter for letter, holds in told if holds)


def _embedded(item: Embedded) -> str:
    return (
        f"- `{item.name}`: list≤{item.most} [W] {item.doc} Each takes {', '.join(item.fields)} "
        f"(and `id`, to keep one that is there), and shows {', '.join(item.shown)}."
    )


def creating(told: Told, resource: Resource) -> dict[str, Any] | None:
    """Return a body that makes a row: what is required, and what has an example of its own."""
    example = told.example(f"{camel(f'create_{resource.name}')}Request")
    if example is None:
        return None
    body = {field.name: example[field.name] for field in resource.writable if _shown(resource, field)}
    for item in resource.embedded:
        inner = {name: item.resource.all_fields[name] for name in item.fields}
        kept = [name for name, field in inner.items() if _shown(item.resource, field)]
        body[item.name] = [{name: each[name] for name in kept} for each in example[item.name]]
    return body


def _shown(resource: Resource, field: Field) -> bool:
    if resource.facts[field.name].kind is Kind.UUID:
        return field.required
    return field.required or field.example is not None


def _operations(told: Told, resource: Resource) -> Iterator[str]:
    by_id = {camel(f"{action.name}_{resource.name}"): action for action in resource.actions}
    for line in told.of_resource(resource):
        said = _said(resource, by_id[line.id]) if line.id in by_id else ""
        yield f"- {line.method} {line.path} {line.id}{said}"
    one, many, type_ = camel(resource.name), camel(resource.plural), pascal(resource.name)
    yield f"- GraphQL: `{one}(id)`, `{many}(…)`; `{type_}`, `{type_}Filter`, `{type_}Sort`"


def _said(resource: Resource, action: Action) -> str:
    """Return what is to be said of an action beyond its name."""
    said = [] if action.doc == _USUAL.get(action.kind) else [action.doc]
    if action.inputs:
        said.append(f"Takes {', '.join(map(_input, action.inputs))}.")
    shown = resource.shown_by(action)
    if shown:
        said.append(f"Answers besides {', '.join(map(_output, shown))}.")
    return (f": {' '.join(said)}" if said else "") + outdated(action)


def _input(field: Field) -> str:
    return f"`{field.name}`: {kind(field, field.own_facts)}{default(field, field.own_facts)}"


def _output(field: Field) -> str:
    return f"`{field.name}`{' (shown once)' if field.shown is Shown.ONCE else ''}"


_USUAL = {action.kind: action.doc for action in writes()}
