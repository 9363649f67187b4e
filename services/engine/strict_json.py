"""JSON read strictly: nothing that two readers could understand differently, nothing built to exhaust one."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
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
    keys, texts = _walked(value)
    joined = "".join(texts)
    if "\0" in joined:
        raise JsonProblem("holds a NUL character (\\u0000), which no field can store.")
    # Decoding keeps the last of equal keys, so fewer decoded than written means that some were equal.
    if _written_keys(text, joined) != keys:
        _refuse_repeated_key(text)
    return value


def _walked(value: Any) -> tuple[int, list[str]]:
    """Return the number of object keys and every text of a decoded value, keys included.

    Raises JsonProblem for nesting beyond the limit and for a number beyond 64 bits.
    """
    keys, nesting = 0, -1
    texts: list[str] = []
    level: list[Any] = [[value]]
    while level:
        if nesting == MAX_NESTING:
            raise JsonProblem(f"is nested deeper than {MAX_NESTING} levels.")
        nesting += 1
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                keys += len(item)
                texts += item
                _sort_out(item.values(), texts, inner)
            else:
                _sort_out(item, texts, inner)
        level = inner
    return keys, texts


def _sort_out(values: Iterable[Any], texts: list[str], inner: list[Any]) -> None:
    """Add texts to `texts` and what holds further values to `inner`; raises JsonProblem for huge numbers."""
    for value in values:
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is dict or kind is list:
            inner.append(value)
        elif kind is float and abs(value) >= _LARGEST_NUMBER:
            raise JsonProblem("holds a number beyond 64 bits; such numbers are sent as strings.")


def _written_keys(text: bytes, decoded: str) -> int:
    """Return how many keys are written: the colons outside texts, `decoded` being all texts together."""
    if rb"\u003" not in text:
        return text.count(b":") - decoded.count(":")
    # A colon may be written as an escape here, so that counting colons would lie.
    return sum(map(bool, _STRINGS.findall(text)))


def _refuse_repeated_key(text: bytes) -> NoReturn:
    def distinct(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonProblem(f"gives the key '{key[:64]}' twice in one object.")
            seen.add(key)

    # Values that decoding dropped have not been judged: they may be nested deeper than can be read.
    with suppress(RecursionError):
        json.loads(text, object_pairs_hook=distinct)
    raise JsonProblem("gives a key twice in one object.")
