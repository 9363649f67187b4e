"""Judging what was sent, before anything is looked up: the values of every item, all at once."""

from collections.abc import Sequence
from typing import Any

from db.writing import groups
from services.engine import bulk, versions
from services.engine.access import Permission, allows
from services.engine.catalog import Catalog
from services.engine.columns import read_rows
from services.engine.context import Caller
from services.engine.encoding import identifier, new_identifiers
from services.engine.errors import Invalid, Problem, Slug, not_found
from services.engine.merging import merge_values
from services.engine.resource import ActionKind, Resource
from services.engine.validate import (
    MISSING,
    TAKEN,
    apply_rules,
    demand_required,
    read_inputs,
    with_defaults,
)
from services.engine.work import Change
from services.engine.writing import Item, Write

FIXED = Invalid("exclusion", "This is decided when the row is made and cannot be changed.")

_UNNAMED = "A replacement must name the version it replaces: send If-Match with the resource's ETag."
_MOST_GENERATED = 10
_WHOLE = (ActionKind.CREATE, ActionKind.REPLACE)
_VALUED = (*_WHOLE, ActionKind.UPDATE)


def changes_of(asked: Write) -> list[Change]:
    """Return the items as changes, their values read; raises the 404 problem for what cannot be an id."""
    kind, items = asked.action.kind, asked.items
    new = kind is ActionKind.CREATE
    ids = new_identifiers(len(items)) if new else [_id_of(asked, item) for item in items]
    if kind in _VALUED:
        read = read_rows(asked.resource, [item.values for item in items])
    else:
        read = [read_inputs(asked.action, item.values) for item in items]
    changes = []
    for place, (item, id_, (values, invalid)) in enumerate(zip(items, ids, read, strict=True)):
        if kind in _WHOLE:
            demand_required(asked.resource, values, invalid, new=new)
        change = Change(id_, values, None, 0, place if asked.bulk else None, item.values, invalid)
        if kind not in _VALUED:
            change.values, change.inputs = {}, values
        changes.append(change)
    if asked.bulk and not new:
        bulk.check_ids(asked, changes)
    return changes


def _id_of(asked: Write, item: Item) -> str:
    found = identifier(item.id)
    if found is None and not asked.bulk:
        raise not_found()
    if item.if_match is not None:
        versions.check(item.if_match)
    return found or str(item.id)


def complete(asked: Write, changes: Sequence[Change]) -> None:
    """Give the fields that nobody sent their defaults, where whole rows are written."""
    resource, new = asked.resource, asked.action.kind is ActionKind.CREATE
    for change in changes if asked.action.kind in _WHOLE else ():
        for name in resource.fallbacks:
            if change.values.get(name) is None and name not in change.invalid:
                change.generated[name] = 0
        change.values = with_defaults(resource, change.values, new=new)
        for name in change.invalid:
            # What could not be read is not what the default would be.
            change.values.pop(name, None)
        if change.generated:
            generate(resource, change)


def generate(resource: Resource, change: Change) -> None:
    """Make the values of fields that nobody sent anew, by the number of attempts so far."""
    for name, attempt in change.generated.items():
        fallback = resource.all_fields[name].fallback
        if fallback is not None and not change.invalid:
            change.values[name] = fallback(change.values, attempt)


def separate(resource: Resource, changes: Sequence[Change]) -> None:
    """Make values that nobody sent anew where another row of the same request has them already."""
    if len(changes) < 2 or not any(change.generated for change in changes):
        return
    for group in groups(resource.model):
        # What was sent is kept, so it comes first.
        ordered = sorted(changes, key=lambda change: any(name in change.generated for name in group))
        seen: set[tuple[Any, ...]] = set()
        for change in ordered:
            while (values := tuple(change.values.get(name) for name in group)) in seen and None not in values:
                if not _again(resource, change, group):
                    break
            seen.add(values)


def _again(resource: Resource, change: Change, group: Sequence[str]) -> bool:
    """Make the values of `group` that nobody sent anew; false where there are none, or no end of it."""
    made = [name for name in group if change.generated.get(name, _MOST_GENERATED) < _MOST_GENERATED]
    for name in made:
        change.generated[name] += 1
    if made:
        generate(resource, change)
    return bool(made)


def check_readable(catalog: Catalog, caller: Caller, resource: Resource, changes: Sequence[Change]) -> None:
    """Refuse references to what the caller may not read as if it did not exist; tell the scope that lacks."""
    for relation in resource.relations:
        target = catalog.target(relation)
        if not relation.one or allows(caller.principal.scopes, target, Permission.READ):
            continue
        for change in changes:
            if relation.via in change.sent and _is_new(change, relation.via):
                change.refuse(relation.via, MISSING)
                change.extensions["required_scope"] = f"{target.scope}:{Permission.READ}"


def check_among(catalog: Catalog, resource: Resource, changes: Sequence[Change]) -> None:
    """Refuse members of lists that are none of those the catalogue knows; those that are stored may stay."""
    for field in resource.writable:
        if field.among is None:
            continue
        offered = frozenset(field.among(catalog))
        for change in changes:
            known = offered.union((change.stored or {}).get(field.name) or ())
            unknown = [each for each in change.values.get(field.name) or () if each not in known]
            if unknown:
                change.refuse(field.name, Invalid("inclusion", f"{unknown[0]!r} does not exist here."))


def against_stored(asked: Write, item: Item, change: Change, found: Change | None) -> None:
    """Judge a change against the row it changes: is it there, and is it the version that was meant?"""
    kind = asked.action.kind
    if "id" in change.invalid:
        return
    if found is None or (kind is not ActionKind.RESTORE and is_deleted(found)):
        change.problem = not_found()
        return
    change.stored, change.version = found.stored, found.version
    if kind is ActionKind.REPLACE and item.if_match is None:
        change.problem = Problem(Slug.PRECONDITION_REQUIRED, _UNNAMED)
    elif item.if_match is not None and not versions.matches(item.if_match, change.id, change.version):
        detail = "The resource has been modified since your last read. Re-fetch and retry."
        change.problem = Problem(Slug.PRECONDITION_FAILED, detail)


def as_whole(asked: Write, changes: Sequence[Change]) -> None:
    """Judge rows as they will be: merged fields, fixed fields, and the rules between fields."""
    resource = asked.resource
    rules = () if asked.action.kind in (ActionKind.DELETE, ActionKind.RESTORE) else resource.rules
    for change in changes:
        if change.stored is not None:
            if asked.merge:
                merge_values(resource, change.stored, change.values, change.invalid)
            for field in resource.writable:
                if field.fixed and _is_new(change, field.name):
                    change.refuse(field.name, FIXED)
        apply_rules(rules, change.after, change.invalid)


def take(change: Change, column: str, kind: str) -> bool:
    """Note what the database found wrong with a value; true where another value is to be tried instead."""
    if kind == "taken" and column in change.generated:
        change.generated[column] += 1
        return True
    # What a row refers to may have been deleted since; only a new reference must be alive.
    if column not in change.invalid and (kind == "taken" or _is_new(change, column)):
        change.refuse(column, TAKEN if kind == "taken" else MISSING)
    return False


def is_deleted(change: Change) -> bool:
    """Tell whether the stored row is deleted."""
    return change.stored is not None and change.stored["deleted_at"] is not None


def _is_new(change: Change, name: str) -> bool:
    """Tell whether a field gets a value that the row has not got already."""
    value = change.values.get(name)
    return value is not None and (change.stored is None or change.stored[name] != value)


def check_within(resource: Resource, changes: Sequence[Change]) -> None:
    """Refuse values that must be unique and stand in several rows of one request."""
    if len(changes) < 2:
        return
    for group in groups(resource.model):
        columns = [[change.values.get(name) for change in changes] for name in group]
        every = list(zip(*columns, strict=True))
        if len(set(every)) == len(every):
            continue
        seen: set[tuple[Any, ...]] = set()
        for change, values in zip(changes, every, strict=True):
            if None in values:
                continue
            if values in seen and group[0] not in change.invalid:
                change.refuse(group[0], TAKEN)
            seen.add(values)
