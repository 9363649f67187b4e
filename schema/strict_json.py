"""JSON read strictly: nothing that two readers could understand differently, nothing built to exhaust one."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

MAX_NESTING = 64
_LARGEST_NUMBER = 2**64

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"([ \t\r\n]*:)?', re.DOTALL)
"""Every string of a JSON text, with the colon that follows when the string is a key."""


class JsonProblem(ValueError):
    """A text is not strict JSON; its message completes the sentence 'The body …'."""


def load(text: bytes) -> Any:
    """Decode a JSON text in UTF-8.

    Raises JsonProblem for anything but RFC 8259 JSON, and for what that leaves open: keys given twice, lone
    surrogates, NUL characters, numbers beyond 64 bits, and nesting deeper than `MAX_NESTING`.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise JsonProblem(f"is not JSON: {error}.") from None
    if rb"\u0000" in text or text.count(b"{") + text.count(b"[") > MAX_NESTING:
        _check(value)
    # Decoding keeps the last of equal keys, so fewer decoded than written means that some were equal.
    if _checked_keys(value) != sum(map(bool, _STRINGS.findall(text))):
        _refuse_repeated_key(text)
    return value


def _checked_keys(value: Any) -> int:
    """Count the object keys of a decoded value; raises JsonProblem for a number beyond 64 bits."""
    keys = 0
    level = [value]
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                keys += len(item)
                inner += [each for each in item.values() if isinstance(each, (dict, list, float))]
            elif isinstance(item, list):
                inner += [each for each in item if isinstance(each, (dict, list, float))]
            elif isinstance(item, float) and abs(item) >= _LARGEST_NUMBER:
                raise JsonProblem("holds a number beyond 64 bits; such numbers are sent as strings.")
        level = inner
    return keys


def _check(value: Any) -> None:
    """Raise JsonProblem for NUL characters, and for nesting beyond the limit."""
    pending = [(value, 0)]
    while pending:
        item, nesting = pending.pop()
        if isinstance(item, str):
            _refuse_nul(item)
        elif isinstance(item, (dict, list)):
            if nesting == MAX_NESTING:
                raise JsonProblem(f"is nested deeper than {MAX_NESTING} levels.")
            if isinstance(item, dict):
                _refuse_nul("".join(item))
            inner = item.values() if isinstance(item, dict) else item
            pending.extend((each, nesting + 1) for each in inner)


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise JsonProblem("holds a NUL character (\\u0000), which no field can store.")


def _refuse_repeated_key(text: bytes) -> NoReturn:
    def distinct(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonProblem(f"gives the key '{key[:64]}' twice in one object.")
            seen.add(key)

    json.loads(text, object_pairs_hook=distinct)
    raise JsonProblem("gives a key twice in one object.")
