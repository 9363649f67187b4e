"""Start-up checks: a server refuses to start on declarations that contradict themselves."""

from collections import Counter
from collections.abc import Iterator

from db import constraints, describe
from services.engine.catalog import Catalog
from services.engine.errors import CATALOGUE, Slug
from services.engine.listing import default_sort
from services.engine.resource import Action, ActionKind, Field, Relation, Resource, Shown
from services.engine.validate import ERROR_CODES
from services.engine.verify_deprecations import verify_deprecations
from services.engine.verify_procedures import verify_procedures


class VerificationFailed(Exception):
    """The declarations are unsound; the message lists what is wrong, a sentence a line."""


def verify(catalog: Catalog) -> None:
    """Check every declaration; raises VerificationFailed with all findings."""
    found = [*_names(catalog), *_errors(), *verify_procedures(catalog), *verify_deprecations(catalog)]
    for resource in catalog:
        found += [*_table(resource), *_fields(resource), *_relations(catalog, resource)]
        found += [*_sort(catalog, resource), *_embedded(resource), *_actions(resource)]
        found += [*_constraints(resource), *_counted(catalog, resource)]
    if found:
        raise VerificationFailed("\n".join(found))


def _names(catalog: Catalog) -> Iterator[str]:
    """Names must be unique on each surface: paths and type names on one, field names on the other."""
    for kind, names in (
        ("path", [resource.path for resource in catalog]),
        ("type", [resource.type for resource in catalog]),
        ("name", [name for resource in catalog for name in (resource.name, resource.plural)]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield f"The {kind} {name!r} belongs to {count} resources."
    for resource in catalog:
        both = set(resource.all_fields) & set(resource.relations_by_name)
        for name in sorted(both):
            yield f"{resource.name}.{name} is both a field and a relation."
        others = {*resource.all_fields, *resource.relations_by_name}
        for name in sorted(set(resource.embedded_by_name) & others):
            yield f"{resource.name}.{name} is an embedded list with the name of a field or relation."


def _errors() -> Iterator[str]:
    for slug in Slug:
        if slug not in CATALOGUE:
            yield f"The problem {slug!r} is not in the error catalogue."


def _table(resource: Resource) -> Iterator[str]:
    if not resource.doc:
        yield f"{resource.name} has no description."
    if resource.tenant and not describe.leads_with_workspace(resource.model):
        yield f"The primary key of {resource.plural} must begin with workspace_id."
    if resource.searchable and not describe.has_column(resource.model, "search"):
        yield f"{resource.plural} declare searchable fields but have no search column."


def _fields(resource: Resource) -> Iterator[str]:
    leading = describe.indexed(resource.model)
    for field in resource.all_fields.values():
        if not field.doc:
            yield f"{resource.name}.{field.name} has no description."
        if field.name not in resource.facts:
            yield f"{resource.name}.{field.name} has no column."
        elif (field.filterable or field.sortable) and field.name not in leading:
            yield f"{resource.name}.{field.name} can be filtered or sorted by but leads no index."
        yield from _contradictions(resource, field)


def _contradictions(resource: Resource, field: Field) -> Iterator[str]:
    facts = resource.facts.get(field.name)
    if field.sortable and facts is not None and facts.kind is describe.Kind.JSON:
        yield f"{resource.name}.{field.name} holds JSON and cannot be sorted by."
    if field.shown is not Shown.ALWAYS and (field.filterable or field.sortable or field.searchable):
        yield f"{resource.name}.{field.name} is not shown, so nobody may filter, sort or search by it."
    if field.name.endswith("_cents") and "currency" not in resource.all_fields:
        yield f"{resource.name}.{field.name} is an amount without a currency beside it."
    for trait, held in (
        ("is required", field.required),
        ("has a fallback", field.fallback is not None),
        ("is fixed", field.fixed),
    ):
        if held and not field.writable:
            yield f"{resource.name}.{field.name} {trait} but cannot be written."


def _relations(catalog: Catalog, resource: Resource) -> Iterator[str]:
    known = {other.name: other for other in catalog}
    for relation in resource.relations:
        target = known.get(relation.target)
        if bool(relation.one) == bool(relation.many):
            yield f"{resource.name}.{relation.name} must name either one or many."
        if target is None:
            yield f"{resource.name}.{relation.name} leads to {relation.target!r}, which is no resource."
        elif not _has_via(resource, target, relation):
            yield f"{resource.name}.{relation.name} goes by {relation.via!r}, which is no column there."
        if not relation.doc:
            yield f"{resource.name}.{relation.name} has no description."


def _has_via(resource: Resource, target: Resource, relation: Relation) -> bool:
    return relation.via in (resource if relation.one else target).facts


def _sort(catalog: Catalog, resource: Resource) -> Iterator[str]:
    known = {other.name: other for other in catalog}
    sorts: list[tuple[str, Resource, Relation | None]] = [(resource.plural, resource, None)]
    for relation in resource.relations:
        if relation.many in known:
            sorts.append((f"{resource.name}.{relation.name}", known[relation.many], relation))
    for name, listed, by in sorts:
        for term in default_sort(listed, by):
            field = listed.all_fields.get(term.name)
            if field is None or not field.sortable:
                yield f"{name} are sorted by {term.name!r} by default, which is not sortable."


def _embedded(resource: Resource) -> Iterator[str]:
    for item in resource.embedded:
        relation = resource.relations_by_name.get(item.relation)
        if relation is None or relation.many != item.resource.name:
            yield f"{resource.name}.{item.name} embeds {item.relation!r}, which does not lead there."
        known, writable = set(item.resource.all_fields), {field.name for field in item.resource.writable}
        for name in (*item.fields, *item.shown):
            if name not in known:
                yield f"{resource.name}.{item.name} embeds the field {name!r}, which does not exist."
        for name in item.fields:
            if name in known - writable:
                yield f"{resource.name}.{item.name} takes the field {name!r}, which cannot be written."
        if not item.doc:
            yield f"{resource.name}.{item.name} has no description."


def _actions(resource: Resource) -> Iterator[str]:
    common = {kind for kind in ActionKind if kind is not ActionKind.ITEM}
    for name, count in Counter(action.name for action in resource.actions).items():
        if count > 1:
            yield f"{resource.name} has {count} actions named {name!r}."
    for action in resource.actions:
        if action.kind is ActionKind.ITEM and action.name in common:
            yield f"{resource.name}.{action.name} is an item action with the name of a common one."
        if not action.doc:
            yield f"{resource.name}.{action.name} is an action without a description."
        yield from _beside(resource, action)
    for name in ("version", "deleted_at"):
        if resource.actions and not describe.has_column(resource.model, name):
            yield f"{resource.plural} have actions but no {name} column."


def _beside(resource: Resource, action: Action) -> Iterator[str]:
    """Inputs of an action and what its answer alone shows have no column, and no name that a field has."""
    whole = f"{resource.name}.{action.name}"
    for field in (*action.inputs, *action.shows):
        if field.kind is None or not field.doc:
            yield f"{whole} has {field.name!r} without a kind or without a description."
    for field in action.shows:
        if field.name in resource.all_fields:
            yield f"{whole} shows {field.name!r}, which is the name of a field."
    if action.inputs and action.kind is not ActionKind.ITEM:
        yield f"{whole} takes inputs, which only an item action does."


def _counted(catalog: Catalog, resource: Resource) -> Iterator[str]:
    counted, plans = resource.counted, catalog.plans
    if counted is None:
        return
    if plans is not None and counted.feature not in plans.labels:
        yield f"{resource.plural} count as {counted.feature!r}, which no plan knows."
    for name, _ in counted.only:
        if not describe.has_column(resource.model, name):
            yield f"{resource.plural} count by {name!r}, which is no column."


def _constraints(resource: Resource) -> Iterator[str]:
    for name in constraints.unmapped(resource.model):
        yield f"The constraint {name} of {resource.plural} says nothing of a field."
    for name, fault in constraints.faults(resource.model).items():
        if fault.code and fault.code not in ERROR_CODES:
            yield f"The constraint {name} has the code {fault.code!r}, which is no code of a field error."
