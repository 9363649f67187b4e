"""Values of requests as texts that PostgreSQL reads, or a clear refusal."""

import base64
import os
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NoReturn, TypeAlias

import orjson

from db.describe import Kind
from services.engine.errors import bad_request, not_found

Encoder: TypeAlias = Callable[[Any], bytes | None]

LONGEST_LIST = 500
LONGEST_TEXT = 2_000
MOST_GLOBAL_IDS = 100
DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE_SIZE = 500
_LARGEST_OFFSET = 2**62

_DIGITS = re.compile(r"-?[0-9.]{1,400}\Z")
_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?\Z")
_GLOBAL_ID = re.compile(r"([A-Za-z]{1,64}):([0-9A-Za-z-]{22,36})\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|\+00:00)\Z"
)
_RANGES = {Kind.INTEGER: 2**31 - 1, Kind.BIG_INTEGER: 2**63 - 1}
_NAMES = {
    Kind.UUID: "a UUID",
    Kind.STRING: "a text",
    Kind.INTEGER: "an integer in range",
    Kind.BIG_INTEGER: "an integer in range",
    Kind.DECIMAL: "a decimal number",
    Kind.BOOLEAN: "true or false",
    Kind.DATETIME: "an ISO 8601 time in UTC, such as 2026-03-15T10:00:00Z",
    Kind.JSON: "a scalar",
}


def encoder(kind: Kind, enum: type[StrEnum] | None, label: str) -> Encoder:
    """Return the encoder of one value of `kind`; it raises the 400 problem naming `label`."""
    if enum is not None:
        return _member(enum, label)
    convert, textual = _CONVERTERS[kind], kind in (Kind.STRING, Kind.JSON)

    def encode(value: Any) -> bytes:
        text = convert(value)
        if text is None:
            _refuse(value, label, _NAMES[kind])
        if textual:
            _check_text(text, label)
        return text.encode()

    return encode


def list_encoder(item: Encoder, label: str) -> Encoder:
    """Return the encoder of a list: comma-separated text or a JSON list, as an array literal."""

    def encode(value: Any) -> bytes:
        values = value.split(",") if isinstance(value, str) else value
        if not isinstance(values, list | tuple):
            _refuse(value, label, "a list")
        if len(values) > LONGEST_LIST:
            raise bad_request(f"The list for {label} has {len(values)} values; {LONGEST_LIST} are allowed.")
        return array([item(one) or b"" for one in values])

    return encode


def array(values: list[bytes]) -> bytes:
    """Return a PostgreSQL array literal of `values`."""
    quoted = (b'"' + one.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"' for one in values)
    return b"{" + b",".join(quoted) + b"}"


def text_array(texts: Iterable[str]) -> bytes:
    """Return texts, such as ids, as a PostgreSQL array."""
    return array([text.encode() for text in texts])


def decoded(value: bytes | None) -> str:
    """Return a text of the database; a null is empty."""
    return (value or b"").decode()


def substring_encoder(label: str, *, as_sent: bool = False) -> Encoder:
    """Return the encoder of a `like` pattern: the value anywhere, its wildcards taken literally (C-30).

    `as_sent` is for texts inside JSON, which are stored as they came.
    """
    plain = encoder(Kind.STRING, None, label)

    def encode(value: Any) -> bytes:
        normal = plain(value) or b""
        text = value.encode() if as_sent else normal
        return b"%" + re.sub(rb"([\\%_])", rb"\\\1", text) + b"%"

    return encode


def search_words(value: Any) -> bytes:
    """Return `q` as a tsquery: every word, as a prefix (S3-194, C-31)."""
    text = encoder(Kind.STRING, None, "q")(value) or b""
    words = [word.replace("\\", "\\\\").replace("'", "''") for word in text.decode().split()]
    return " & ".join(f"'{word}':*" for word in words).encode()


def json_scalar(value: Any, label: str) -> list[bytes]:
    """Return the JSON readings of a scalar: as it is, and for a text also the number or boolean it spells."""
    if isinstance(value, bool | int | float):
        return [orjson.dumps(value)]
    if not isinstance(value, str):
        _refuse(value, label, _NAMES[Kind.JSON])
    _check_text(value, label)
    return [*_spelled(value), orjson.dumps(value)]


def _spelled(value: str) -> list[bytes]:
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(found, bool | int | float):
        return []
    # Digits go as they are, since a float would round them; an exponent could exceed what PostgreSQL reads.
    return [value.encode() if _DIGITS.match(value) else orjson.dumps(found)]


def size_of(value: Any) -> int:
    """Return the page size meant by `value`, clamped to 1..500 (S3-171, C-23)."""
    return (
        DEFAULT_PAGE_SIZE if value is None else min(max(whole(value, "the page size"), 1), LARGEST_PAGE_SIZE)
    )


def page_size(value: Any) -> bytes:
    """Return the page size as the statement's limit."""
    return b"%d" % size_of(value)


def relay_size(value: Any) -> bytes:
    """Return `first` or `last` as the statement's limit: zero rows are none, fewer are refused (Relay)."""
    size = DEFAULT_PAGE_SIZE if value is None else whole(value, "the page size")
    if size < 0:
        raise bad_request(f"The page size must not be negative, as {size} is.")
    return b"%d" % min(size, LARGEST_PAGE_SIZE)


def page_of(page: Any) -> int:
    """Return the page number meant by `page`, at least 1 (S3-170)."""
    return 1 if page is None else max(whole(page, "page"), 1)


def rows_before(value: tuple[Any, Any, Any]) -> bytes:
    """Return how many rows to skip for (page, page size, offset)."""
    page, size, offset = value
    skipped = (page_of(page) - 1) * size_of(size) if offset is None else max(whole(offset, "offset"), 0)
    return b"%d" % min(skipped, _LARGEST_OFFSET)


def row_id(value: Any) -> bytes:
    """Return the id of a row; one that cannot be an id belongs to no row (Q-01)."""
    found = identifier(value)
    if found is None:
        raise not_found()
    return found.encode()


def row_ids(value: Any) -> bytes:
    """Return a list of ids as an array literal."""
    return array([row_id(one) for one in value])


def global_ids(values: Any) -> bytes:
    """Return the row ids of global ids as an array literal, null where one cannot be an id."""
    if len(values) > MOST_GLOBAL_IDS:
        raise bad_request(f"At most {MOST_GLOBAL_IDS} ids may be asked for at once, not {len(values)}.")
    return b"{" + b",".join((global_id(one)[1] or "NULL").encode() for one in values) + b"}"


def how_many(values: Any) -> bytes:
    """Return the number of values."""
    return b"%d" % len(values)


def global_types(values: Any) -> bytes:
    """Return the types that global ids name as an array literal, null where one names none."""
    return b"{" + b",".join((global_id(one)[0] or "NULL").encode() for one in values) + b"}"


def global_id(value: Any) -> tuple[str | None, str | None]:
    """Return the type and row id behind an id of any form: a UUID, its short form, or base64 of both."""
    plain = identifier(value)
    if plain is not None:
        return None, plain
    try:
        found = _GLOBAL_ID.match(base64.b64decode(value, validate=True).decode("ascii"))
    except (TypeError, ValueError):
        return None, None
    return (found[1], identifier(found[2])) if found else (None, None)


def whole(value: Any, label: str) -> int:
    """Return an integer parameter, kept in a range the database can count in."""
    text = _integer(value, _LARGEST_OFFSET)
    if text is None:
        if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit():
            raise bad_request(f"{label} is too large.")
        _refuse(value, label, "an integer in range")
    return int(text)


def identifier(value: Any) -> str | None:
    """Return the canonical UUID behind `value`, or None: any case, without hyphens, or short (C-35)."""
    if not isinstance(value, str):
        return None
    if _CANONICAL.match(value):
        return value
    if len(value) == _SHORT_LENGTH:
        return _from_short(value)
    try:
        return str(uuid.UUID(value)) if len(value) in (32, 36) and value.isascii() else None
    except ValueError:
        return None


def new_identifier() -> str:
    """Return a fresh random UUID (RFC 9562, version 4)."""
    return new_identifiers(1)[0]


def new_identifiers(count: int) -> list[str]:
    """Return so many fresh random UUIDs: asking the system once costs less than asking it for each."""
    every = os.urandom(16 * count).hex()
    return [_spelled_out(every[start : start + 32]) for start in range(0, len(every), 32)]


def _spelled_out(digits: str) -> str:
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


# The two highest bits of this digit are 1 and 0 (RFC 9562, section 4.1).
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


_SHORT_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SHORT_LENGTH = 22


def _from_short(value: str) -> str | None:
    number = 0
    for character in value:
        digit = _SHORT_ALPHABET.find(character)
        if digit < 0:
            return None
        number = number * len(_SHORT_ALPHABET) + digit
    return str(uuid.UUID(int=number)) if number < 2**128 else None


def short_identifier(value: str) -> str:
    """Return the 22-character form of a UUID (base 57, most significant digit first)."""
    number, digits = uuid.UUID(value).int, ""
    while number:
        number, digit = divmod(number, len(_SHORT_ALPHABET))
        digits = _SHORT_ALPHABET[digit] + digits
    return digits.rjust(_SHORT_LENGTH, _SHORT_ALPHABET[0])


def _refuse(value: Any, label: str, wanted: str) -> NoReturn:
    try:
        shown = orjson.dumps(value, default=str).decode(errors="replace")[:80]
    except TypeError:
        # An integer beyond 64 bits, or a text that is not Unicode.
        shown = repr(value)[:80]
    raise bad_request(f"{shown} is not {wanted}, as {label} needs.")


def _member(enum: type[StrEnum], label: str) -> Encoder:
    values = {str(member): str(member).encode() for member in enum}

    def encode(value: Any) -> bytes:
        found = values.get(value) if isinstance(value, str) else None
        if found is None:
            _refuse(value, label, f"one of {', '.join(values)}")
        return found

    return encode


def _check_text(value: str, label: str) -> None:
    if "\0" in value or (not value.isprintable() and any(0xD800 <= ord(c) <= 0xDFFF for c in value)):
        raise bad_request(f"The value for {label} holds a character that cannot be stored.")
    if len(value) > LONGEST_TEXT:
        raise bad_request(f"The value for {label} is longer than {LONGEST_TEXT} characters.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _normal_text(value: Any) -> str | None:
    """Return a text in the normal form in which texts are stored (Q-30)."""
    if not isinstance(value, str) or value.isascii():
        return _text(value)
    return unicodedata.normalize("NFC", value)


def _json_text(value: Any) -> str | None:
    """Return a JSON scalar as the text that PostgreSQL reads it as."""
    return orjson.dumps(value).decode() if isinstance(value, bool | int | float) else _text(value)


def _integer(value: Any, largest: int) -> str | None:
    if isinstance(value, bool):
        return None
    if (isinstance(value, str) and _INTEGER.match(value)) or (
        isinstance(value, float) and value.is_integer()
    ):
        value = int(value)
    return str(value) if isinstance(value, int) and -largest - 1 <= value <= largest else None


def _decimal(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, Decimal):
        value = format(value, "f")
    if not isinstance(value, str) or not _DECIMAL.match(value):
        return None
    try:
        return str(Decimal(value))
    except InvalidOperation:
        return None


def _boolean(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value in ("true", "false") else None


def _datetime(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if not isinstance(value, str):
        return None
    try:
        if _DATE.match(value):
            return f"{date.fromisoformat(value).isoformat()}T00:00:00+00:00"
        if _DATETIME.match(value):
            return datetime.fromisoformat(value).isoformat()
    except ValueError:
        return None
    return None


_CONVERTERS: dict[Kind, Callable[[Any], str | None]] = {
    Kind.UUID: identifier,
    Kind.STRING: _normal_text,
    Kind.INTEGER: lambda value: _integer(value, _RANGES[Kind.INTEGER]),
    Kind.BIG_INTEGER: lambda value: _integer(value, _RANGES[Kind.BIG_INTEGER]),
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATETIME: _datetime,
    Kind.JSON: _json_text,
}
