"""The one place that judges the fields of a write, for every surface and for imports alike."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.engine.errors import Invalid
from services.engine.resource import Resource
from services.engine.values import Read, reader

BLANK = Invalid("cant_be_blank", "This is required.")
UNKNOWN = Invalid("unknown_field", "There is no such field.")

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

    `from_text` reads the texts of a form or file, where a blank one means absent; otherwise the values
    are what JSON held. `stored` is the row being changed; without it a new row is made, and required
    fields must be there. Fields that only the server writes are ignored, as Q-02 says.
    """
    readers = _readers(resource, from_text)
    clean: dict[str, Any] = {}
    invalid: dict[str, list[Invalid]] = {}
    for name, value in values.items():
        if from_text and isinstance(value, str) and (not value or value.isspace()):
            continue
        read = readers.get(name)
        if read is None:
            if name not in resource.all_fields and name not in _DOCUMENT_MEMBERS:
                invalid[name] = [UNKNOWN]
            continue
        result = read(value)
        if isinstance(result, Invalid):
            invalid[name] = [result]
        else:
            clean[name] = result
    if stored is None:
        for name in _required(resource):
            if name not in clean and name not in invalid:
                invalid[name] = [BLANK]
    _apply_rules(resource, {**(stored or {}), **clean}, invalid)
    return clean, invalid


def read_field(resource: Resource, name: str, value: Any, *, from_text: bool = False) -> Any:
    """Return one value of any field of `resource`, writable or not, ready to store, or an `Invalid`."""
    return _reader(resource, name, from_text)(value)


def _apply_rules(resource: Resource, values: Mapping[str, Any], invalid: dict[str, list[Invalid]]) -> None:
    for rule in resource.rules:
        for name, found in rule(values).items():
            # A field that could not be read is not accused a second time of being absent.
            if name not in invalid:
                invalid[name] = [found]


@lru_cache(maxsize=512)
def _readers(resource: Resource, from_text: bool) -> dict[str, Read]:
    return {item.name: _reader(resource, item.name, from_text) for item in resource.fields if item.writable}


@lru_cache(maxsize=512)
def _required(resource: Resource) -> tuple[str, ...]:
    return tuple(item.name for item in resource.fields if item.required)


@lru_cache(maxsize=4096)
def _reader(resource: Resource, name: str, from_text: bool) -> Read:
    field, facts = resource.all_fields[name], resource.facts[name]
    typed, check = reader(field, facts, from_text=from_text), field.check
    longest = facts.max_length
    too_long = Invalid("too_long", f"The text may have at most {longest} characters.")

    def read(value: Any) -> Any:
        if value is None:
            return None if facts.nullable else BLANK
        result = typed(value)
        if isinstance(result, Invalid):
            return result
        if result == "" and not facts.nullable:
            return BLANK
        result = result if check is None else check(result)
        # A check may shorten the text, so its length counts only now.
        return too_long if longest and isinstance(result, str) and len(result) > longest else result

    return read
