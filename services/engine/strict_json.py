"""JSON read strictly: nothing that two readers could understand differently, nothing built to exhaust one."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import orjson

MAX_NESTING = 64
_LARGEST_NUMBER = 2**64

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


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
    texts = _count_texts(value)
    escapes = b"\\" in text
    if escapes and rb"\u0000" in text:
        place = _place(value, lambda item: isinstance(item, str) and "\0" in item)
        if place is not None:
            raise JsonProblem(f"holds a NUL character (\\u0000){_clause(place)}, which no field can store.")
    # Decoding keeps the last of equal keys, so fewer decoded than written means that some were equal.
    written = len(_TEXT.findall(text)) if escapes else text.count(b'"') // 2
    if written != texts:
        _refuse_repeated_key(text)
    return value


def _count_texts(value: Any) -> int:
    """Return the number of texts in a decoded value, keys included.

    Raises JsonProblem for nesting beyond the limit and for a number beyond 64 bits.
    """
    texts, nesting = 0, -1
    level: list[Any] = [[value]]
    while level:
        if nesting == MAX_NESTING:
            raise JsonProblem(f"is nested deeper than {MAX_NESTING} levels.")
        nesting += 1
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                texts += len(item)
                item = item.values()
            # This is done for every value of every request: one loop without calls is the fastest.
            for part in item:
                kind = type(part)
                if kind is str:
                    texts += 1
                elif kind is dict or kind is list:
                    inner.append(part)
                elif kind is float and abs(part) >= _LARGEST_NUMBER:
                    where = _clause(_place(value, _is_huge))
                    raise JsonProblem(
                        f"holds a number beyond 64 bits{where}; such numbers are sent as strings."
                    )
        level = inner
    return texts


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
