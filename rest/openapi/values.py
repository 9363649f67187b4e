"""Schemas of single values: as they are answered, as they are taken, and as they are compared with."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from rest.openapi.deprecation import marked
from rest.openapi.draft import Draft, Json, among, array, nullable, opened, strict
from services.engine import encoding
from services.engine.resource import Field, Kind, Members, Operator, Resource, Shown
from services.engine.values import bounds

_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|\+00:00)$"
_NOT_BLANK = r"\S"

_PLAIN: dict[Kind, Json] = {
    Kind.UUID: {"type": "string", "format": "uuid"},
    Kind.STRING: {"type": "string"},
    Kind.INTEGER: {"type": "integer", "format": "int32"},
    Kind.BIG_INTEGER: {"type": "integer", "format": "int64"},
    Kind.DECIMAL: {"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"},
    Kind.BOOLEAN: {"type": "boolean"},
    Kind.DATETIME: {"type": "string", "format": "date-time"},
    Kind.JSON: {"type": "object", "additionalProperties": True},
    Kind.NUMBER: {"type": "number"},
}

_SENT: dict[Kind, Json] = {**_PLAIN, Kind.DATETIME: {**_PLAIN[Kind.DATETIME], "pattern": _MOMENT}}
"""The same where it is sent: a moment in UTC."""

_EXAMPLES: dict[Kind, Any] = {
    Kind.DATETIME: "2026-03-15T10:00:00Z",
    Kind.INTEGER: 3,
    Kind.BIG_INTEGER: 1999,
    Kind.DECIMAL: "0.0875",
    Kind.BOOLEAN: True,
    Kind.JSON: {"source": "import"},
    Kind.NUMBER: 0.5,
}

Facts = Any
"""What the column of a field says of it, or the field itself where it has none."""


def named(draft: Draft, enum: type[StrEnum]) -> Json:
    """Return the schema of an enum's values, in the order in which they are declared."""
    said = (enum.__doc__ or enum.__name__).split("\n")[0]
    return draft.schema(
        enum.__name__, lambda: {"type": "string", "description": said, "enum": [str(each) for each in enum]}
    )


def shown(draft: Draft, field: Field, facts: Facts, *, forgotten: bool = False) -> Json:
    """Return the schema of a field in an answer; one that is `forgotten` is null in a repeated answer."""
    found = named(draft, field.enum) if field.enum else _of_kind(field, facts)
    if field.members is not None:
        found = draft.schema(field.members.name, _held, field.members)
    found = array(found) if field.many else found
    null = facts.nullable and not field.required and not field.sparse
    null = null or (forgotten and field.shown is Shown.ONCE)
    return _told(field, facts, nullable(found) if null else found)


def taken(draft: Draft, field: Field, facts: Facts) -> Json:
    """Return the schema of a field in a request."""
    demanded = field.required or not facts.nullable
    found = named(draft, field.enum) if field.enum else _narrowed(field, facts, demanded)
    if field.among is not None:
        allowed = list(field.among(draft.catalog))
        known = among(allowed)
        found = array(draft.schema("Scope", lambda: known)) if facts.array else known
    if field.members is not None:
        found = draft.schema(f"{field.members.name}Input", _sent, field.members)
    found = array(found) if field.many else found
    return _told(field, facts, found if demanded else nullable(found))


def compared(draft: Draft, resource: Resource, field: Field, operator: Operator) -> Json:
    """Return the schema of what a filter compares a field with."""
    if operator is Operator.NULL:
        return {"type": "boolean"}
    one = named(draft, field.enum) if field.enum else _SENT[resource.facts[field.name].kind]
    if operator is Operator.LIKE:
        return {"type": "string", "maxLength": encoding.LONGEST_TEXT}
    many = operator in (Operator.IN, Operator.NIN)
    return array(one, minItems=1, maxItems=encoding.LONGEST_LIST) if many else one


def _held(members: Members) -> Json:
    return opened(dict.fromkeys(members.texts, _PLAIN[Kind.STRING]), list(members.texts))


def _sent(members: Members) -> Json:
    return strict(dict.fromkeys(members.texts, nullable(_PLAIN[Kind.STRING])), [])


def _of_kind(field: Field, facts: Facts) -> Json:
    if not facts.array:
        return _PLAIN[facts.kind]
    return array({"examples": ["a"]} if field.among is None else {"type": "string"})


def _narrowed(field: Field, facts: Facts, demanded: bool) -> Json:
    narrow: dict[Kind, Callable[[], Json]] = {
        Kind.STRING: lambda: _text(field, facts, demanded),
        Kind.INTEGER: lambda: _bounded(field, facts),
        Kind.BIG_INTEGER: lambda: _bounded(field, facts),
        Kind.DECIMAL: lambda: _digits(field, facts),
    }
    plain = _of_kind(field, facts) if facts.array else _SENT[facts.kind]
    return {**plain, **narrow.get(facts.kind, dict)()}


def _text(field: Field, facts: Facts, demanded: bool) -> Json:
    found: Json = {} if facts.max_length is None else {"maxLength": facts.max_length}
    if demanded or field.shortest is not None:
        found["minLength"] = field.shortest or 1
    pattern = field.pattern or (_NOT_BLANK if demanded else None)
    return found if pattern is None else {**found, "pattern": pattern}


def _bounded(field: Field, facts: Facts) -> Json:
    low, high = bounds(field, facts)
    return {"minimum": int(low), "maximum": int(high)}


def _digits(field: Field, facts: Facts) -> Json:
    sign = "" if field.minimum is not None and field.minimum >= 0 else "-?"
    scale = facts.scale or 0
    whole = (facts.precision or 1000) - scale
    if field.minimum is not None and field.maximum is not None:
        whole = min(whole, len(str(int(field.maximum))))
    return {"pattern": rf"^{sign}0*\d{{1,{whole}}}" + (rf"(\.\d{{1,{scale}}})?$" if scale else "$")}


def _told(field: Field, facts: Facts, schema: Json) -> Json:
    """Return a schema with what the declaration says of the field, and an example."""
    example = field.example if field.example is not None else _EXAMPLES.get(facts.kind)
    found = marked({**schema, "description": field.doc}, field.deprecated)
    if field.enum is not None or example is None or facts.array is not isinstance(example, list):
        return found
    pattern = schema.get("pattern")
    fits = not (pattern and isinstance(example, str)) or re.search(pattern, example)
    return {**found, "examples": [example]} if fits else found
