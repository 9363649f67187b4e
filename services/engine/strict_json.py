"""JSON read strictly: nothing that two readers could understand differently, nothing built to exhaust one."""

import json
import re
from collections.abc import Callable, Iterable
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
        where = _clause(_place(value, lambda item: isinstance(item, str) and "\0" in item))
        raise JsonProblem(f"holds a NUL character (\\u0000){where}, which no field can store.")
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
                values = item.values()
            else:
                values = item
            if _sort_out(values, texts, inner):
                where = _clause(_place(value, _is_huge))
                raise JsonProblem(f"holds a number beyond 64 bits{where}; such numbers are sent as strings.")
        level = inner
    return keys, texts


def _sort_out(values: Iterable[Any], texts: list[str], inner: list[Any]) -> bool:
    """Add texts to `texts` and what holds further values to `inner`; tell whether a number is too large."""
    huge = False
    for value in values:
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is dict or kind is list:
            inner.append(value)
        elif kind is float:
            huge |= _is_huge(value)
    return huge


def _is_huge(value: Any) -> bool:
    return isinstance(value, float) and abs(value) >= _LARGEST_NUMBER


def _place(value: Any, is_wrong: Callable[[Any], bool], levels: int = MAX_NESTING) -> list[str] | None:
    """Return the path to the first wrong part of `value`, looking so many levels deep."""
    if is_wrong(value) or (isinstance(value, dict) and any(map(is_wrong, value))):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner if levels else ():
        found = _place(each, is_wrong, levels - 1)
        if found is not None:
            return [str(name), *found]
    return None


def _clause(path: list[str] | None) -> str:
    return f" in '{'.'.join(path)[:64]}'" if path else ""


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
