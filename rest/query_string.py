"""Query strings: from raw text to shape and values, and from a shape to an intent."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from rest import compat
from services.engine.cursor import CursorCodec
from services.engine.errors import bad_request
from services.engine.intent import Comparison, Condition, Count, Junction, Leaf, Listing, Paging, SortTerm
from services.engine.resource import Resource

LONGEST_QUERY = 16_384
_MOST_PARAMETERS = 100
_UNESCAPED = "".join(map(chr, range(0x21, 0x7F)))

_FILTER = re.compile(r"filter\[([^\[\]]+)\](?:\[([^\[\]]*)\])?\Z")
_FIELDS = re.compile(r"fields\[([^\[\]]+)\]\Z")
_LEAVES = frozenset({"q", "page", "per_page", "offset"})
_STRUCTURE = frozenset(
    {"sort", "with_count", "include_deleted", "fields", "include", "pagination", "direction"}
)
PAGING = frozenset({"page", "per_page", "offset", "cursor", "direction", "pagination"})
_LISTS = frozenset({"sort", "fields", "include"})
_OTHER_PLACES = frozenset({"cursor", "offset", "pagination"})
_ON_ONE = frozenset({"fields", "include", "include_deleted"})


@dataclass(slots=True)
class Parsed:
    """A query string: its shape, which fixes the intent, and the values outside it by parameter name.

    `listing` and `document` are made from the shape alone; `kept` is the raw text of the parameters that
    links carry on, `own_cursor` the cursor as it was sent.
    """

    shape: tuple[tuple[str, Any], ...]
    values: list[Any]
    names: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    own_cursor: str | None = None

    @property
    def backward(self) -> bool:
        """Tell whether the page lies before its cursor: as the direction says, else as the cursor does."""
        given = dict(self.shape)
        cursor = given.get("cursor")
        return bool(given["direction"] == "prev" if "direction" in given else cursor and cursor[1])

    def value(self, name: str) -> Any:
        """Return the value sent under `name`, or None."""
        place = self.names.get(name)
        return None if place is None else self.values[place]


def pairs(raw: bytes) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and raw text of each parameter; raises the 400 problem on bad encodings."""
    if not raw:
        return
    if len(raw) > LONGEST_QUERY:
        raise bad_request("The query string is too long; use POST …/search instead.")
    # Bytes that stand there unescaped are escaped, so that links made of them are valid and lead back here.
    text = raw.decode("latin-1") if raw.isascii() else quote_from_bytes(raw, _UNESCAPED)
    parts = text.split("&")
    if len(parts) > _MOST_PARAMETERS:
        raise bad_request(f"At most {_MOST_PARAMETERS} query parameters are read.")
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            yield _decoded(name), _decoded(value), part


def parse_one(raw: bytes, resource: Resource) -> Parsed:
    """Return the parameters of a single resource; raises the 400 problem naming an unknown one."""
    parsed = Parsed((), [])
    shape: list[tuple[str, Any]] = []
    for name, value, _ in pairs(raw):
        if name not in _ON_ONE and not _FIELDS.match(name):
            raise bad_request(f"{name!r} is not a query parameter of a single {resource.name}.")
        _add(shape, name, value)
    parsed.shape = tuple(shape)
    return parsed


def parse_many(raw: bytes, resource: Resource, codec: CursorCodec, now: float) -> Parsed:
    """Return the parameters of a collection; raises the 400 problem naming what is wrong."""
    parsed = Parsed((), [])
    shape: list[tuple[str, Any]] = []
    for sent, value, text in pairs(raw):
        name = compat.PARAMETERS.get(sent, sent)
        if name in _LEAVES:
            if name != "q" or value.strip():
                parsed.names[name] = len(parsed.values)
                parsed.values.append(value)
                _add(shape, name, None)
        elif name in _STRUCTURE:
            _add(shape, name, value)
        elif name == "cursor":
            _add_cursor(shape, parsed, value, codec, now)
        else:
            _add_filter(shape, parsed, name, value, resource)
        if name not in PAGING:
            parsed.kept.append(text)
    if parsed.value("page") == "1" and not _OTHER_PLACES.isdisjoint(name for name, _ in shape):
        # Clients that were generated send the default by themselves, so it goes with everything.
        del parsed.names["page"]
        shape = [each for each in shape if each[0] != "page"]
    parsed.shape = tuple(shape)
    return parsed


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise bad_request("The query string is not valid UTF-8.") from None


def _add(shape: list[tuple[str, Any]], name: str, value: Any) -> None:
    for place, (known, before) in enumerate(shape):
        if known == name:
            # Some clients repeat the name for every entry of a list.
            if name not in _LISTS and not _FIELDS.match(name):
                raise bad_request(f"Query parameter {name!r} is given twice.")
            shape[place] = name, f"{before},{value}"
            return
    shape.append((name, value))


def _add_cursor(
    shape: list[tuple[str, Any]], parsed: Parsed, value: str, codec: CursorCodec, now: float
) -> None:
    if not value:
        _add(shape, "cursor", None)
        return
    cursor = codec.decode(value, now)
    parsed.own_cursor = value
    parsed.names["cursor"] = len(parsed.values)
    parsed.values.append(cursor)
    _add(shape, "cursor", (cursor.nulls, cursor.backward))


def _add_filter(
    shape: list[tuple[str, Any]], parsed: Parsed, name: str, value: str, resource: Resource
) -> None:
    alias = compat.filter_parameter(name, resource)
    if alias is None and not name.startswith("filter["):
        if _FIELDS.match(name):
            _add(shape, name, value)
            return
        raise bad_request(f"{name!r} is not a query parameter of {resource.plural}.")
    if alias is not None:
        value = compat.filter_value(name, value)
    elif "][" not in name:
        # One name for one filter, so that giving it twice in two spellings is noticed.
        name += "[eq]"
    if name.endswith("[null]") or value == "deleted":
        # These values decide the statement itself and therefore belong to the shape.
        _add(shape, name, value)
    elif name.endswith(("[in]", "[nin]")) and (leaf := dict(shape).get(name)) is not None:
        parsed.values[leaf.index] += f",{value}"
    else:
        parsed.values.append(value)
        _add(shape, name, Leaf(len(parsed.values) - 1))


# From shapes to intents


def listing(parsed: Parsed, resource: Resource) -> Listing:
    """Return the listing that a shape describes; raises the 400 problem naming what is wrong."""
    given = dict(parsed.shape)
    return Listing(
        filter=_conditions(given, resource),
        sort=sort_terms(given["sort"]) if "sort" in given else (),
        q=_leaf(parsed, "q"),
        paging=_paging(given, parsed),
        include_deleted=flag(given, "include_deleted", False),
    )


def count_mode(parsed: Parsed) -> Count:
    """Return how the collection is counted (S3-168)."""
    given = dict(parsed.shape)
    if given.get("with_count") == "estimated":
        return Count.ESTIMATED
    return Count.EXACT if flag(given, "with_count", True) else Count.NONE


def fields(parsed: Parsed) -> tuple[tuple[str, str], ...] | None:
    """Return the sparse fields as (type key, name), None where every field is wanted (S3-205)."""
    found: list[tuple[str, str]] = []
    asked = False
    for name, value in parsed.shape:
        match = _FIELDS.match(name)
        if name == "fields" or match:
            asked = True
            found += (field_name(match[1] if match else "", text) for text in _listed(value, name))
    return tuple(found) if asked else None


def include(parsed: Parsed) -> tuple[tuple[str, ...], ...]:
    """Return the include paths (S3-226)."""
    value = dict(parsed.shape).get("include")
    return () if value is None else include_paths(_listed(value, "include"))


def include_paths(names: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return include paths from their dotted forms."""
    return tuple(tuple(name.split(".")) for name in names)


def sort_terms(value: str) -> tuple[SortTerm, ...]:
    """Return the sort terms of `?sort=` (S3-185)."""
    return tuple(SortTerm(name.removeprefix("-"), name.startswith("-")) for name in _listed(value, "sort"))


def flag(given: dict[str, Any], name: str, default: bool) -> bool:
    """Return a boolean parameter; only true and false are read (S3-107)."""
    value = given.get(name)
    if value is None:
        return default
    if value not in ("true", "false"):
        raise bad_request(f"{name} takes true or false, not {value!r}.")
    return bool(value == "true")


def _listed(value: str, name: str) -> list[str]:
    found = [part.strip() for part in value.split(",")]
    if not all(found):
        raise bad_request(f"{name} has an empty entry.")
    return found


def field_name(prefix: str, text: str) -> tuple[str, str]:
    """Return a sparse field as (type key, name), the key from its own prefix if it has one (C-25)."""
    before, dot, after = text.rpartition(".")
    if dot and not before:
        raise bad_request(f"{text!r} is not a field: write resource.field, or the field alone.")
    return (before, after) if dot else (prefix, text)


def _leaf(parsed: Parsed, name: str) -> Leaf | None:
    place = parsed.names.get(name)
    return None if place is None else Leaf(place)


def _paging(given: dict[str, Any], parsed: Parsed) -> Paging:
    keyset = "cursor" in given or _is_keyset(given)
    for name in ("page", "offset"):
        if keyset and name in given:
            raise bad_request(f"{name!r} does not go with a cursor.")
    if "page" in given and "offset" in given:
        raise bad_request("'page' does not go with 'offset'.")
    nulls, _ = given.get("cursor") or ((), False)
    direction = given.get("direction")
    if direction not in (None, "next", "prev") or (direction and not keyset):
        raise bad_request("direction takes next or prev, and only beside a cursor.")
    return Paging(
        size=_leaf(parsed, "per_page"),
        page=None if keyset else _leaf(parsed, "page") or 1,
        offset=_leaf(parsed, "offset"),
        keyset=keyset,
        cursor=_leaf(parsed, "cursor"),
        nulls=nulls,
        backward=parsed.backward,
    )


def _is_keyset(given: dict[str, Any]) -> bool:
    value = given.get("pagination")
    if value not in (None, "cursor", "offset"):
        raise bad_request("pagination takes cursor or offset.")
    return bool(value == "cursor")


def _conditions(given: dict[str, Any], resource: Resource) -> Condition | None:
    parts = tuple(
        Comparison(*_path_and_operator(name, resource), value)
        for name, value in given.items()
        if name.startswith("filter[") or compat.filter_parameter(name, resource)
    )
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else Junction("and", parts)


def _path_and_operator(name: str, resource: Resource) -> tuple[tuple[str, ...], str]:
    alias = compat.filter_parameter(name, resource)
    if alias is not None:
        return (alias[0],), alias[1]
    return _filter_name(name)


@lru_cache(maxsize=1_000)
def _filter_name(name: str) -> tuple[tuple[str, ...], str]:
    match = _FILTER.match(name)
    if match is None:
        raise bad_request(f"{name!r} is not a filter: write filter[field][operator]=value.")
    return tuple(match[1].split(".")), "eq" if match[2] is None else match[2]
