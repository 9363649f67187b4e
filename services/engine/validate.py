"""The one place that judges the fields of a write, for every surface and for imports alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import orjson

from db.constraints import Fault, FaultKind
from db.describe import ColumnFacts
from services.engine import embedding
from services.engine.errors import Invalid
from services.engine.resource import Action, Field, Kind, Resource, Rule
from services.engine.stored import stored_values
from services.engine.values import BLANK as BLANK
from services.engine.values import LARGEST_INTEGER, Inner, Read, accuse, reader

UNKNOWN = Invalid("unknown_field", "There is no such field.")
TAKEN = Invalid("already_taken", "Another row has this value, which must be unique.")
MISSING = Invalid("not_found", "There is no such row.")
LIFE_CYCLE = Invalid("exclusion", "This is set by DELETE and cleared by restoring, never written.")

ERROR_CODES: dict[str, str] = {
    "cant_be_blank": "A required value is missing or empty.",
    "already_taken": "Another row has this value, which must be unique.",
    "invalid_format": "The value does not have the form that the field needs.",
    "too_short": "The text or list is below its least length.",
    "too_long": "The text or list is above its greatest length.",
    "not_a_number": "The value is not a number.",
    "not_an_integer": "A fraction or a text was given for an integer.",
    "greater_than": "The number must be above a threshold.",
    "less_than": "The number must be below a threshold.",
    "inclusion": "The value is not among the allowed ones.",
    "exclusion": "The value is among the forbidden ones.",
    "invalid_uuid": "The value is not a UUID.",
    "invalid_date": "The value is not an ISO 8601 date or moment in UTC.",
    "not_found": "The row that the value refers to does not exist.",
    "unknown_field": "The resource has no such field.",
    "incomplete_group": "Another line of the same group is invalid, so none was imported.",
}
"""Every code of a field error and what it means (S3-268 to S3-270)."""

# A tuple made once: this is asked of every value of every write.
_FAULTS = (Invalid, Inner)

# A client may send back what it read, so the members of a document that are no fields are ignored.
_DOCUMENT_MEMBERS = frozenset({"links", "relationships", "short_id"})


def validate(
    resource: Resource,
    values: Mapping[str, Any],
    *,
    from_text: bool = False,
    stored: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, list[Invalid]]]:
    """Return the values to store, typed and normalised, and everything wrong with them by field.

    All stages in one: `read_values`, `demand_required`, `apply_rules`. `stored` is the row being changed;
    without it a new row is made, and required fields must be there.
    """
    clean, invalid = read_values(resource, values, from_text=from_text)
    if stored is None:
        demand_required(resource, clean, invalid)
    apply_rules(resource.rules, {**stored, **clean} if stored else clean, invalid)
    return clean, invalid


def read_values(
    resource: Resource, values: Mapping[str, Any], *, from_text: bool = False
) -> tuple[dict[str, Any], dict[str, list[Invalid]]]:
    """Return the values that can be read, typed and normalised, and what is wrong with the others by field.

    `from_text` reads the texts of a form or file, where a blank one means absent; otherwise the values
    are what JSON held, where null clears a field and a blank text is an empty text, which only a nullable
    field without a format of its own takes. Fields that only the server writes are ignored (Q-02), but a
    row cannot be deleted by writing `deleted_at`.
    """
    readers = _shape(resource, from_text).readers
    clean: dict[str, Any] = {}
    invalid: dict[str, list[Invalid]] = {}
    for name, value in values.items():
        if from_text and isinstance(value, str) and (not value or value.isspace()):
            continue
        read = readers.get(name)
        if read is None:
            found = _fault_of_unwritable(resource, name, value)
            if found is not None:
                invalid[name] = [found]
            continue
        result = read(value)
        if isinstance(result, _FAULTS):
            accuse(invalid, name, result)
        else:
            clean[name] = result
    return clean, invalid


def read_inputs(action: Action, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Invalid]]]:
    """Return the inputs of `action`, defaults for those not sent, and what is wrong with them by name."""
    found = {item.name: item.default for item in action.inputs}
    invalid: dict[str, list[Invalid]] = {}
    readers = _inputs(action)
    for name, value in values.items():
        read = readers.get(name)
        result = UNKNOWN if read is None else read(value)
        if isinstance(result, _FAULTS):
            accuse(invalid, name, result)
        elif result is not None:
            # A null says no more than silence does.
            found[name] = result
    for item in action.inputs:
        if item.required and item.name not in values:
            invalid[item.name] = [BLANK]
    return found, invalid


@lru_cache(maxsize=512)
def _inputs(action: Action) -> dict[str, Read]:
    return {item.name: reader_of(item, item.own_facts, from_text=False) for item in action.inputs}


def readers(resource: Resource) -> Mapping[str, Read]:
    """Return the readers of what a client may write, by field name."""
    return _shape(resource, False).readers


def demand_required(
    resource: Resource, clean: Mapping[str, Any], invalid: dict[str, list[Invalid]], *, new: bool = True
) -> None:
    """Accuse the required fields that are absent; a replacement (not `new`) need not repeat fixed ones."""
    for name in _shape(resource, False).required[new]:
        if name not in clean and name not in invalid:
            invalid[name] = [BLANK]


def with_defaults(resource: Resource, clean: Mapping[str, Any], *, new: bool = True) -> dict[str, Any]:
    """Return a value for every writable field: the given one, else its column's default, else null.

    So a replacement resets what it leaves out (S3-105, C-40); it leaves fixed fields as they are.
    """
    shape = _shape(resource, False)
    result = {**shape.defaults[new], **clean}
    for name, text in shape.containers:
        if name not in clean:
            # A fresh one every time, since a rule may fill it.
            result[name] = orjson.loads(text)
    return result


def apply_rules(rules: Iterable[Rule], values: Mapping[str, Any], invalid: dict[str, list[Invalid]]) -> None:
    """Judge the fields of a row together; `values` is the whole row as it will be."""
    for rule in rules:
        for name, found in rule(values).items():
            # A field that could not be read is not accused a second time of being absent.
            if name not in invalid:
                invalid[name] = [found]


def invalid_of(fault: Fault) -> Invalid:
    """Return what a violated database constraint says of its field, in a standard code and a sentence."""
    if fault.kind is FaultKind.TAKEN:
        return TAKEN
    if fault.kind is FaultKind.MISSING:
        return MISSING
    return BLANK if fault.code == BLANK.code else Invalid(fault.code, ERROR_CODES[fault.code])


def read_field(resource: Resource, name: str, value: Any, *, from_text: bool = False) -> Any:
    """Return one value of any field of `resource`, writable or not, ready to store, or an `Invalid`."""
    return _reader(resource, name, from_text)(value)


def _fault_of_unwritable(resource: Resource, name: str, value: Any) -> Invalid | None:
    if name == "deleted_at":
        return None if value is None else LIFE_CYCLE
    if name in resource.all_fields or name in resource.beside or name in _DOCUMENT_MEMBERS:
        return None
    # What was included beside another resource tells its type.
    return None if name == "type" and value == resource.type else UNKNOWN


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is worked out once per resource; `required` and `defaults` go by whether the row is new."""

    readers: dict[str, Read]
    required: dict[bool, tuple[str, ...]]
    defaults: dict[bool, dict[str, Any]]
    containers: tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=512)
def _shape(resource: Resource, from_text: bool) -> _Shape:
    writable = resource.writable
    defaults = {item.name: resource.facts[item.name].default for item in writable}
    containers = {name: value for name, value in defaults.items() if isinstance(value, dict | list)}
    plain = stored_values(resource, {**defaults, **dict.fromkeys(containers)})
    return _Shape(
        readers={item.name: _reader(resource, item.name, from_text) for item in writable}
        | {
            item.name: embedding.reader(item, partial(read_values, item.resource))
            for item in resource.embedded
        },
        required={
            new: tuple(item.name for item in resource.fields if item.required and (new or not item.fixed))
            for new in (True, False)
        },
        defaults={
            new: {item.name: plain[item.name] for item in writable if new or not item.fixed}
            for new in (True, False)
        },
        containers=tuple((name, orjson.dumps(value)) for name, value in containers.items()),
    )


@lru_cache(maxsize=4096)
def _reader(resource: Resource, name: str, from_text: bool) -> Read:
    return reader_of(resource.all_fields[name], resource.facts[name], from_text=from_text)


def reader_of(field: Field, facts: ColumnFacts, *, from_text: bool) -> Read:
    """Return what judges and reads one field that holds what `facts` say."""
    typed, check = reader(field, facts, from_text=from_text), field.check
    demanded = field.required or not facts.nullable
    longest = facts.max_length
    too_long = Invalid("too_long", f"The text may have at most {longest} characters.")
    if check is None and (facts.kind is not Kind.STRING or field.enum is not None):
        return _bare(typed, BLANK if demanded else None)

    def read(value: Any) -> Any:
        if value is None:
            return BLANK if demanded else None
        result = typed(value)
        if isinstance(result, Invalid):
            return result
        if result == "" and demanded:
            return BLANK
        result = result if check is None else check(result)
        # A check may shorten the text, so its length counts only now.
        return too_long if longest and isinstance(result, str) and len(result) > longest else result

    return read if check is not None or from_text or field.exact else _quick(read, longest)


def _bare(typed: Read, nothing: Invalid | None) -> Read:
    """Return the reader of a value that is no free text."""

    def read(value: Any) -> Any:
        return nothing if value is None else typed(value)

    return read


def _quick(careful: Read, longest: int | None) -> Read:
    """Return the reader of a text that decides at once on what most texts are: plain ASCII, not too long."""
    most = longest or LARGEST_INTEGER

    def read(value: Any) -> Any:
        # Printable ASCII is in normal form and holds no NUL.
        if type(value) is str and value.isascii() and value.isprintable():
            text = value.strip()
            if 0 < len(text) <= most:
                return text
        return careful(value)

    return read
