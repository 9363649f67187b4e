"""Values of fields: each reader turns what was sent into what is stored, or says what is wrong with it."""

import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson

from db.describe import ColumnFacts, Kind
from db.models.columns import LARGEST_SAFE_INTEGER
from services.engine.encoding import identifier
from services.engine.errors import Invalid
from services.engine.resource import Field

Read = Callable[[Any], Any]
"""Takes one value and returns the one to store, or an `Invalid`, or an `Inner` of a composite one."""


Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Inner:
    """What is wrong inside a value, such as a list of lines, by path within it (`2.quantity`)."""

    invalid: Mapping[str, list[Invalid]]


def accuse(invalid: dict[str, list[Invalid]], name: str, found: Invalid | Inner) -> None:
    """Note what a reader found wrong with a field, or inside it."""
    if isinstance(found, Inner):
        invalid.update((f"{name}.{path}", faults) for path, faults in found.invalid.items())
    else:
        invalid[name] = [found]


BLANK = Invalid("cant_be_blank", "This is required.")

DEEPEST = 20
"""How many levels a map or list in a JSON field may have."""

LARGEST_INTEGER = 2**31 - 1
"""The largest integer that an INTEGER column holds."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)([Zz]|[+-]00:00)?"
)


def reader(field: Field, facts: ColumnFacts, *, from_text: bool) -> Read:
    """Return the reader of `field`, from JSON values or from the texts of a form or file."""
    if field.enum is not None:
        return _enum(field.enum)
    if facts.kind in (Kind.INTEGER, Kind.BIG_INTEGER):
        return _integer(*bounds(field, facts), from_text)
    if facts.kind is Kind.DECIMAL:
        return _decimal(field, facts)
    if facts.kind is Kind.JSON:
        return _json(list if facts.array else dict, from_text)
    if facts.kind is Kind.STRING:
        return _exact if field.exact else _string
    return {Kind.UUID: read_uuid, Kind.DATETIME: read_datetime, Kind.BOOLEAN: _boolean(from_text)}[facts.kind]


def clean_text(value: str) -> str | Invalid:
    """Return `value` in normal form C without outer spaces; NUL and half characters cannot be stored."""
    if value.isascii():
        return _NUL if "\x00" in value else value.strip()
    try:
        value.encode()
    except UnicodeEncodeError:
        return Invalid("invalid_format", "The text is not valid Unicode (UTF-8).")
    return _NUL if "\x00" in value else unicodedata.normalize("NFC", value).strip()


_NUL = Invalid("invalid_format", "The text contains a NUL character.")


def _string(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else Invalid("invalid_format", "This must be a text.")


def _exact(value: Any) -> Any:
    cleaned = _string(value)
    # What is nothing but spaces is as good as nothing.
    return cleaned if isinstance(cleaned, Invalid) or not cleaned else value


def _enum(allowed: Iterable[StrEnum]) -> Read:
    values = frozenset(str(member) for member in allowed)
    outside = Invalid("inclusion", f"This must be one of {', '.join(str(member) for member in allowed)}.")

    def read(value: Any) -> Any:
        return value if isinstance(value, str) and value in values else outside

    return read


def bounds(field: Field, facts: ColumnFacts) -> tuple[Number, Number]:
    """Return the least and the greatest value of an integer field."""
    small = facts.kind is Kind.INTEGER
    largest = LARGEST_INTEGER if small else LARGEST_SAFE_INTEGER
    return (
        field.minimum if field.minimum is not None else -largest - small,
        field.maximum if field.maximum is not None else largest,
    )


def _integer(low: Number, high: Number, from_text: bool) -> Read:
    bound = _bounds(low, high)

    def read(value: Any) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        number = _digits(value) if from_text and isinstance(value, str) else value
        if isinstance(number, Invalid):
            return number
        if isinstance(number, float) and number.is_integer():
            # To JSON Schema and to GraphQL 2.0 is an integer.
            number = int(number)
        # A boolean is an integer to Python, but not to whoever sent it.
        if not isinstance(number, int) or isinstance(number, bool):
            return Invalid("not_an_integer", "This must be an integer.")
        return bound(number)

    return read


def _digits(value: str) -> int | Invalid:
    text = value.strip()
    if _INTEGER.fullmatch(text):
        # Longer numbers exceed every bound by far, and converting them costs quadratic time.
        return int(text[:32])
    if _NUMBER.fullmatch(text):
        return Invalid("not_an_integer", "This must be an integer, without a fraction.")
    return Invalid("not_a_number", "This must be a number.")


def _decimal(field: Field, facts: ColumnFacts) -> Read:
    scale = facts.scale or 0
    ceiling = Decimal(10) ** ((facts.precision or 1000) - scale) - Decimal(10) ** -scale
    bound = _bounds(
        field.minimum if field.minimum is not None else -ceiling,
        field.maximum if field.maximum is not None else ceiling,
    )
    fraction = Invalid("invalid_format", f"At most {scale} digits may follow the decimal point.")

    def read(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > 64 or not _DECIMAL.fullmatch(value.strip()):
            return Invalid("not_a_number", 'This must be a decimal number in a string, such as "0.0875".')
        number = Decimal(value.strip())
        exponent = number.as_tuple().exponent
        return fraction if isinstance(exponent, int) and -exponent > scale else bound(number)

    return read


def _bounds(minimum: Number, maximum: Number) -> Read:
    def read(value: Any) -> Any:
        if value < minimum:
            return Invalid("greater_than", f"This must be at least {minimum}.")
        if value > maximum:
            return Invalid("less_than", f"This must be at most {maximum}.")
        return value

    return read


def _boolean(from_text: bool) -> Read:
    texts = {"true": True, "false": False}

    def read(value: Any) -> Any:
        found = texts.get(value.strip().lower()) if from_text and isinstance(value, str) else value
        return found if isinstance(found, bool) else Invalid("inclusion", "This must be true or false.")

    return read


def read_uuid(value: Any) -> uuid.UUID | Invalid:
    """Return the UUID spelled out in `value`, in full or in the short form (C-35)."""
    found = identifier(value.strip()) if isinstance(value, str) else None
    if found is not None:
        return uuid.UUID(found)
    return Invalid("invalid_uuid", "This must be a UUID such as 7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20.")


def read_datetime(value: Any) -> datetime | Invalid:
    """Return the instant `value` names in UTC (ISO 8601 with `Z` or `+00:00`)."""
    found = _DATETIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None and found[3] not in (None, "-00:00"):
        try:
            return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
        except ValueError:
            return Invalid("invalid_date", f"There is no such moment as {found[0]}.")
    return Invalid("invalid_date", "This must be a moment in UTC such as 2026-01-31T12:00:00Z.")


def _json(container: type, from_text: bool) -> Read:
    shape = Invalid("invalid_format", f"This must be a {'map' if container is dict else 'list'}.")

    def read(value: Any) -> Any:
        if from_text and isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                return Invalid("invalid_format", "This is not valid JSON.")
        if not isinstance(value, container):
            return shape
        return _fault_in(value, DEEPEST) or value

    return read


def _fault_in(value: Any, levels: int) -> Invalid | None:
    """Return what keeps `value` from being stored and read back unchanged, if anything."""
    if isinstance(value, str):
        text = clean_text(value)
        return text if isinstance(text, Invalid) else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        safe = abs(value) <= LARGEST_SAFE_INTEGER
        return None if safe else Invalid("less_than", "An integer exceeds 9007199254740991; send it as text.")
    if isinstance(value, float):
        return None
    if levels == 0:
        return Invalid("invalid_format", f"Maps and lists may be nested {DEEPEST} levels deep.")
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return next(filter(None, (_fault_in(part, levels - 1) for part in value)), None)
