"""Inputs for any procedure, good and bad, made from its declaration alone."""

from collections.abc import Iterator
from typing import Any

from services.engine.procedures import AnyProcedure, Method
from services.engine.resource import Field, Kind

_SAMPLES: dict[Kind, Any] = {
    Kind.UUID: "0f0e0d0c-0b0a-4a0b-8c0d-0e0f00010203",
    Kind.STRING: "words",
    Kind.INTEGER: 2,
    Kind.BIG_INTEGER: 2**40,
    Kind.DECIMAL: "2.50",
    Kind.BOOLEAN: True,
    Kind.DATETIME: "2026-05-06T07:08:09Z",
    Kind.JSON: {"a": [1, {"b": None}]},
}


def sample(field: Field) -> Any:
    """Return a value that fits the kind of an input: its own example if it has one."""
    assert field.kind is not None
    one = next(iter(field.enum)) if field.enum is not None else field.example or _SAMPLES[field.kind]
    return [one] if field.many else one


def least(procedure: AnyProcedure) -> dict[str, Any]:
    """Return what is required."""
    return {field.name: sample(field) for field in procedure.inputs if field.required}


def whole(procedure: AnyProcedure) -> dict[str, Any]:
    """Return something for every input."""
    return {field.name: sample(field) for field in procedure.inputs}


def bad(procedure: AnyProcedure) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield inputs that both surfaces must refuse alike, each with a name.

    What no schema of GraphQL lets through, such as a text for a number, is left to the tests of each surface.
    """
    for field in procedure.inputs:
        rest = {name: value for name, value in whole(procedure).items() if name != field.name}
        if field.required and field.name not in procedure.in_path:
            yield f"no {field.name}", rest
            if procedure.method is not Method.GET:
                yield f"null {field.name}", {**rest, field.name: None}
            if field.kind is Kind.STRING and field.enum is None and not field.many:
                yield f"blank {field.name}", {**rest, field.name: " "}
        for value in _odd(field):
            yield f"{field.name} {value!r}"[:60], {**rest, field.name: [value] if field.many else value}


def _odd(field: Field) -> Iterator[Any]:
    match field.kind:
        case Kind.UUID:
            yield "not-an-id"
        case Kind.DATETIME:
            yield from ("yesterday", "2026-02-31T00:00:00Z")
        case Kind.DECIMAL:
            yield "1.2.3"
        case Kind.INTEGER | Kind.BIG_INTEGER:
            if field.minimum is not None:
                yield int(field.minimum) - 1
            if field.maximum is not None:
                yield int(field.maximum) + 1
