"""Filters, checked: names, operators and values against the declarations."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from db import query
from db.describe import Kind
from services.engine import encoding
from services.engine.access import Permission, require
from services.engine.binding import Binder
from services.engine.catalog import Catalog
from services.engine.errors import Problem, bad_request
from services.engine.intent import Comparison, Condition, Junction, Within
from services.engine.resource import EQUALITY, OPERATORS, Check, Field, Operator, Relation, Resource

_DEEPEST_PATH = 3
_DEEPEST_JSON_PATH = 8
_MOST_CONDITIONS = 50
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_VIRTUAL_DELETED = "deleted"
_EQUAL = (Operator.EQ, Operator.NEQ)


@dataclass(slots=True)
class FilterPlanner:
    """Turns the filter of one intent into conditions, and notes whether it asks for deleted rows."""

    catalog: Catalog
    scopes: frozenset[str]
    binder: Binder
    touches_deleted: bool = False
    count: int = 0

    def plan(self, node: Condition, resource: Resource, depth: int = 0) -> query.Condition:
        """Return `node` checked; raises the 400 or 403 problem naming what is wrong."""
        if isinstance(node, Within):
            return self._within(node, resource, depth)
        if isinstance(node, Junction):
            parts = tuple(self.plan(part, resource, depth) for part in node.parts)
            if node.kind == "not":
                return query.Never(query.All(parts))
            return query.All(parts) if node.kind == "and" else query.Some(parts)
        self.count += 1
        if self.count > _MOST_CONDITIONS:
            raise bad_request(f"A filter may hold at most {_MOST_CONDITIONS} conditions.")
        return self._comparison(node, node.path, resource, depth)

    def _within(self, node: Within, resource: Resource, depth: int) -> query.Condition:
        relation = resource.relations_by_name.get(node.relation)
        if relation is None:
            raise bad_request(f"{node.relation!r} is not a relation to filter {resource.plural} by.")
        _check_depth(node.relation, depth)
        self.binder.notice(resource.outdated_members.get(relation.name))
        return self._related(relation, lambda target: self.plan(node.condition, target, depth + 1))

    def _comparison(
        self, node: Comparison, path: tuple[str, ...], resource: Resource, depth: int
    ) -> query.Condition:
        name = resource.canonical(path[0])
        self.binder.notice(resource.outdated_members.get(name))
        relation = resource.relations_by_name.get(name)
        if relation is not None and len(path) > 1:
            _check_depth(name, depth)
            return self._related(relation, lambda target: self._comparison(node, path[1:], target, depth + 1))
        field = resource.all_fields.get(name)
        if path == ("status",) and node.value == _VIRTUAL_DELETED and node.operator in _EQUAL:
            # `deleted` is no status but the way the law spells the deleted rows, of every resource.
            self.touches_deleted = True
            return query.Compare("deleted_at", Operator.NULL, negated=node.operator == Operator.EQ)
        if field is None or not field.filterable:
            raise _unknown(node, resource)
        if resource.facts[field.name].kind is Kind.JSON:
            return self._inside(node, path[1:], resource, field)
        if len(path) > 1:
            raise _unknown(node, resource)
        if field.name == "deleted_at" or field.reveals:
            self.touches_deleted = True
        return self._compare(node, resource, field)

    def _related(self, relation: Relation, judge: Callable[[Resource], query.Condition]) -> query.Condition:
        target = self.catalog.target(relation)
        require(self.scopes, target, Permission.READ)
        self.binder.notice(target.outdated)
        # Asking for deleted relatives does not bring up deleted rows, nor the other way round.
        outside, self.touches_deleted = self.touches_deleted, False
        inner = judge(target)
        deleted = query.Deleted.SHOWN if self.touches_deleted else query.Deleted.HIDDEN
        self.touches_deleted = outside
        ours, theirs = (relation.via, "id") if relation.one else ("id", relation.via)
        return query.Related(target.model, ours, theirs, inner, deleted)

    def _compare(self, node: Comparison, resource: Resource, field: Field) -> query.Condition:
        operator = _operator(node, resource.operators(field), field.name)
        if operator is Operator.NULL:
            return query.Compare(field.name, operator, negated=not _flag(node))
        label = f"filter {field.name} {operator}"
        encode = encoding.encoder(resource.facts[field.name].kind, field.enum, label)
        if field.check is not None and operator in EQUALITY:
            encode = _as_stored(encode, field.check)
        if operator in (Operator.IN, Operator.NIN):
            encode = encoding.list_encoder(encode, label)
        if operator is Operator.LIKE:
            encode = encoding.substring_encoder(label)
        return query.Compare(field.name, operator, self.binder.slot(node.value, encode))

    def _inside(
        self, node: Comparison, path: tuple[str, ...], resource: Resource, field: Field
    ) -> query.Condition:
        label = ".".join((field.name, *path))
        operator = _operator(node, OPERATORS[Kind.JSON], label)
        if not path:
            if operator is Operator.NULL:
                return query.Compare(field.name, operator, negated=not _flag(node))
            raise bad_request(f"Filter {field.name} needs a path into it, such as {field.name}.source.")
        if len(path) > _DEEPEST_JSON_PATH or not all(_SEGMENT.match(part) for part in path):
            raise bad_request(f"{label!r} is not a path of names into {field.name}.")
        return query.ComparePath(
            field.name, operator, *self._path_slots(node, path, operator, f"filter {label} {operator}")
        )

    def _path_slots(
        self, node: Comparison, path: tuple[str, ...], operator: Operator, label: str
    ) -> tuple[tuple[query.Slot, ...], bool]:
        slot, json = self.binder.slot, encoding.json_scalar
        if operator in (Operator.EQ, Operator.NEQ):
            return (
                slot(node.value, lambda value: _document(path, json(value, label)[0])),
                slot(node.value, lambda value: _document(path, json(value, label)[-1])),
            ), False
        steps = slot(path, encoding.text_array)
        if operator is Operator.NULL:
            return (steps,), not _flag(node)
        if operator is Operator.LIKE:
            return (steps, slot(node.value, encoding.substring_encoder(label, as_sent=True))), False
        if operator in (Operator.IN, Operator.NIN):
            item = encoding.encoder(Kind.JSON, None, label)
            return (steps, slot(node.value, encoding.list_encoder(item, label))), False
        return (steps, slot(node.value, lambda value: json(value, label)[0])), False


def _check_depth(relation: str, depth: int) -> None:
    if depth == _DEEPEST_PATH:
        raise bad_request(
            f"{relation!r} leads too far: a filter may lead through at most {_DEEPEST_PATH} relations."
        )


def _as_stored(encode: encoding.Encoder, check: Check) -> encoding.Encoder:
    """Return an encoder of values in the form in which they are stored, such as a GTIN padded to 14 digits.

    What could not be stored is compared as it was sent, and so equals nothing.
    """

    def stored(value: Any) -> bytes | None:
        sent = encode(value)
        found = check(sent.decode()) if sent is not None else None
        return found.encode() if isinstance(found, str) else sent

    return stored


def _document(path: tuple[str, ...], leaf: bytes) -> bytes:
    for part in reversed(path):
        leaf = b'{"' + part.encode() + b'":' + leaf + b"}"
    return leaf


def _operator(node: Comparison, allowed: tuple[Operator, ...], label: str) -> Operator:
    if node.operator not in allowed:
        listed = ", ".join(allowed)
        raise bad_request(f"Operator {node.operator!r} does not fit filter {label}; it takes {listed}.")
    return Operator(node.operator)


def _flag(node: Comparison) -> bool:
    flags: dict[Any, bool] = {"true": True, "false": False}
    found = node.value if isinstance(node.value, bool) else flags.get(node.value)
    if found is None:
        raise bad_request(f"Filter {'.'.join(node.path)} null takes true or false.")
    return found


def _unknown(node: Comparison, resource: Resource) -> Problem:
    return bad_request(f"{'.'.join(node.path)!r} is not a field to filter {resource.plural} by.")
