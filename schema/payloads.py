"""What mutations answer: payloads, the results of bulk requests, and problems as data."""

from dataclasses import dataclass
from typing import Any

import strawberry

from schema.connections import made_type
from schema.inputs import enum_type
from schema.names import camel, constant, pascal, words
from schema.scalars import JSON
from schema.types import Types
from services.engine.context import Caller
from services.engine.enumerations import field_codes
from services.engine.errors import CATALOGUE, Problem, Slug
from services.engine.resource import Action, ActionKind, Field, Resource, Shown
from services.engine.validate import ERROR_CODES

IN_PAYLOADS = frozenset({400, 404, 409, 412, 422, 428})
"""The statuses of problems that a payload tells; all others are errors beside the data."""

_REPLAYED_DOC = "Whether this repeats the answer to an earlier request with the same idempotency key."
_PROBLEM_DOC = "Why nothing was written; null where it was."
_STATUS_DOCS = {
    "created": "It was made.",
    "updated": "It was changed.",
    "deleted": "It was deleted.",
    "failed": "It was refused; `problem` says why.",
    "skipped": "It was not tried, because another one failed.",
}
WriteStatus: Any = enum_type(
    "WriteStatus",
    "What became of one item of a bulk request.",
    {constant(word): (word, doc) for word, doc in _STATUS_DOCS.items()},
)


def _code_doc(code: str) -> str:
    text = ERROR_CODES.get(code) or CATALOGUE[Slug(code.replace("_", "-"))].meaning
    return f"{text} Spelled `{code}` in `errors`."


FieldErrorCode: Any = enum_type(
    "FieldErrorCode",
    "What may be wrong with a field, or with a row of a bulk request.",
    {constant(code): (code, _code_doc(code)) for code in field_codes()},
)


@strawberry.type(description="One thing that is wrong with one field of the input.")
class FieldError:
    """A member of `errors` and `error_messages`, typed."""

    field: str = strawberry.field(
        description="The field as the input spells it, such as `priceCents` or `lineItems.0.quantity`."
    )
    code: FieldErrorCode = strawberry.field(description="What is wrong.")
    message: str = strawberry.field(description="The same as a sentence.")


@strawberry.type(
    name="Problem", description="Why a request was refused: the object that REST answers with (RFC 9457)."
)
class ProblemObject:
    """A problem of the catalogue as data."""

    type: str = strawberry.field(description="Address of the kind of problem, which explains it.")
    title: str = strawberry.field(description="Name of the kind of problem.")
    status: int = strawberry.field(description="The HTTP status that REST answers with.")
    detail: str = strawberry.field(description="What is wrong this time, as a sentence.")
    instance: str = strawberry.field(description="Path of the request.")
    code: str = strawberry.field(description="Stable name of the kind of problem, such as `not-found`.")
    request_id: str = strawberry.field(description="The request's id, under which the server logs it.")
    field_errors: list[FieldError] = strawberry.field(
        description="What is wrong with each field; empty where none is to blame."
    )
    errors: JSON | None = strawberry.field(
        description="Codes of what is wrong, by field in REST's spelling, such as `price_cents`."
    )
    error_messages: JSON | None = strawberry.field(
        description="Sentences on what is wrong, by field in REST's spelling."
    )
    retry_after: int | None = strawberry.field(
        description="After how many seconds it is worth trying again; null where that would not help."
    )
    extensions: JSON | None = strawberry.field(
        description="Further members that this problem has over REST, by name."
    )


@strawberry.type(description="How a bulk request went.")
class WriteSummary:
    """The counts of a bulk request."""

    total: int = strawberry.field(description="How many items were sent.")
    succeeded: int = strawberry.field(description="How many were written.")
    failed: int = strawberry.field(description="How many were refused.")


_OWN = ("field_errors", "extensions")
_MEMBERS = tuple(
    each.python_name
    for each in ProblemObject.__strawberry_definition__.fields  # type: ignore[attr-defined]  # Strawberry adds it.
    if each.python_name not in _OWN
)


def shown_beside(resource: Resource, action: Action) -> dict[str, Field]:
    """Return the fields that only the answer to `action` shows, by their names in its payload."""
    shown = resource.shown_by(action)
    # The row itself stands under the name of its resource.
    return {f"raw_{field.name}" if field.name == resource.name else field.name: field for field in shown}


def problem_data(problem: Problem, caller: Caller, origin: str) -> dict[str, Any]:
    """Return the fields of a problem as data; `origin` prefixes the address of its kind."""
    members = problem.members(instance=caller.instance, request_id=caller.request_id, origin=origin)
    known = {name: members.pop(name, None) for name in _MEMBERS}
    return {**known, "field_errors": _field_errors(problem), "extensions": members or None}


def _field_errors(problem: Problem) -> list[dict[str, str]]:
    return [
        {"field": ".".join(map(camel, name.split("."))), "code": fault.code, "message": fault.message}
        for name, found in problem.invalid.items()
        for fault in found
    ]


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload type of one mutation, and the name of its results' type where it takes many items."""

    type: Any
    result: str = ""


class Payloads:
    """The payload types of one catalogue."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._results: dict[str, Any] = {}

    def single(self, resource: Resource, action: Action) -> Payload:
        """Return the payload of a mutation of one row."""
        name, what = f"{pascal(action.name)}{pascal(resource.name)}Payload", words(resource.name)
        if action.kind is ActionKind.DELETE:
            about = {"deleted_id": (strawberry.ID | None, "Identifier of what was deleted; null if refused.")}
        else:
            own = self._types.objects[resource.name]
            about = {resource.name: (own | None, f"The {what} as it is now; null if refused.")}
            about |= self._shown_beside(resource, action)
        doc = f"What became of the {what}."
        return Payload(made_type(name, doc, about | ends()))

    def bulk(self, resource: Resource, action: Action) -> Payload:
        """Return the payload of a mutation of many rows."""
        result = self._result(resource)
        fields: dict[str, tuple[Any, str]] = {
            "results": (
                list[result] | None,  # type: ignore[valid-type]  # A type made at run time.
                "What became of each item, in the order of sending; null if nothing was written.",
            ),
            "summary": (WriteSummary | None, "How many went well; null if nothing was written."),
        }
        name = f"{pascal(action.name)}{pascal(resource.plural)}Payload"
        made = made_type(name, f"What became of the {words(resource.plural)}.", fields | ends())
        return Payload(made, result.__name__)

    def _shown_beside(self, resource: Resource, action: Action) -> dict[str, tuple[Any, str]]:
        return {
            name: (
                self._types.inputs.output(resource, field) | None,
                f"{field.doc} Shown this once." if field.shown is Shown.ONCE else field.doc,
            )
            for name, field in shown_beside(resource, action).items()
        }

    def _result(self, resource: Resource) -> Any:
        if resource.name not in self._results:
            what = words(resource.name)
            fields = {
                "index": (int, "Place of the item among those sent, counted from 0."),
                "id": (strawberry.ID | None, f"Identifier of the {what}; null if none was made."),
                "status": (WriteStatus, "What became of it."),
                resource.name: (
                    self._types.objects[resource.name] | None,
                    f"The {what} as it is now; null if it was refused or deleted.",
                ),
                "problem": (ProblemObject | None, "Why it was refused; null if it was not."),
            }
            doc = f"What became of one of many {words(resource.plural)}."
            self._results[resource.name] = made_type(f"{pascal(resource.name)}Result", doc, fields)
        return self._results[resource.name]


def ends() -> dict[str, tuple[Any, str]]:
    """Return the last fields of every payload."""
    return {"problem": (ProblemObject | None, _PROBLEM_DOC), "replayed": (bool, _REPLAYED_DOC)}
