"""Versions of rows as entity tags, and the preconditions that name them (RFC 9110, section 13.1.1)."""

import hashlib
import re
from functools import lru_cache

from services.engine.errors import bad_request

ANY = "*"
_BASE_LENGTH = 12

# Empty list elements are to be skipped (RFC 9110, section 5.6.1).
_TAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)")?[ \t]*(?:,|\Z)')


def tag(id_: str, version: int) -> str:
    """Return the strong entity tag of a row's version, quotes included (S3-141, S3-143, C-54)."""
    return f'"{_base(id_, version)}"'


def matches(if_match: str, id_: str, version: int) -> bool:
    """Tell whether `If-Match` names this version of the row; weak tags never do (RFC 9110, section 8.8.3.2).

    A tag may name one representation of the version, such as one with includes: what precedes its hyphen
    counts (C-54). Raises the 400 problem where the text is neither `*` nor a list of entity tags.
    """
    known = _named(if_match)
    return known is None or _base(id_, version) in known


def check(if_match: str) -> None:
    """Raise the 400 problem unless the text is `*` or a list of entity tags."""
    _named(if_match)


def _base(id_: str, version: int) -> str:
    return hashlib.sha256(f"{id_}:{version}".encode()).hexdigest()[:_BASE_LENGTH]


@lru_cache(maxsize=64)
def _named(if_match: str) -> frozenset[str] | None:
    """Return the strong tags without what names a representation, None for any version at all."""
    text = if_match.strip(" \t")
    if text == ANY:
        return None
    named: set[str] = set()
    place, found = 0, False
    while place < len(text):
        part = _TAG.match(text, place)
        if part is None:
            raise _unreadable()
        place = part.end()
        if part[2] is not None:
            found = True
            if part[1] is None:
                named.add(part[2].partition("-")[0])
    if not found:
        raise _unreadable()
    return frozenset(named)


def _unreadable() -> Exception:
    return bad_request('If-Match takes * or entity tags in quotes, such as "a1b2c3d4e5f6".')
