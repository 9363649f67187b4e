"""Marks: texts, numbers and ids that tell whose data a piece of text holds, wherever in it they stand."""

import base64
import random
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.engine.encoding import global_id, identifier, short_identifier

_CANARY = re.compile(r"kw[a-z][0-9]{6}z", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Long enough that no two of them meet by chance: ids in any spelling, entity tags, numbers, raw tokens.
_WORD = re.compile(r"[0-9A-Za-z_-]{9,}")
_OPAQUE = re.compile(r"[0-9A-Za-z_+/-]{36,}={0,2}")
_TAG = re.compile(r"[0-9a-f]{12}")
_LEAST_OPAQUE = 36
_MOST_TRIES = 1_000
_FIRST_NUMBER = 700_000_000


@dataclass(slots=True)
class Marks:
    """Every mark that was handed out, and the workspaces that may see it."""

    visible: dict[str, frozenset[str]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    serial: int = 0

    def canary(self, letter: str, *workspaces: str) -> str:
        """Return a new text that only these workspaces may see; `letter` stands for its owner."""
        self.serial += 1
        made = f"kw{letter}{self.serial:06d}z"
        self.add(made, workspaces)
        return made

    def number(self, *workspaces: str) -> int:
        """Return a new number that only these workspaces may see."""
        self.serial += 1
        made = _FIRST_NUMBER + self.serial
        self.add(str(made), workspaces)
        return made

    def add(self, text: str, workspaces: Iterable[str]) -> None:
        """Let these workspaces see a mark, beside those that may already."""
        key = text.lower()
        self.visible[key] = self.visible.get(key, frozenset()) | frozenset(workspaces)

    def add_id(self, id_: str, workspaces: Iterable[str]) -> None:
        """Let these workspaces see an id in each of its spellings."""
        for spelling in _spellings(id_):
            self.add(spelling, workspaces)
            self.ids[spelling.lower()] = id_

    def known(self, text: str) -> bool:
        """Tell whether a text is a mark."""
        return text.lower() in self.visible

    def found(self, text: str) -> set[str]:
        """Return the marks that a text holds, those inside cursors and other opaque words too."""
        return {mark for mark in _marks(text) if mark in self.visible}

    def foreign(self, text: str, workspace: str, told: Iterable[str] = ()) -> set[str]:
        """Return the marks in a text that a workspace may not see, other than those it was `told`.

        An opaque word that was itself told is not opened.
        """
        excused = set(told)
        words = [word for word in _words(text) if word not in excused]
        found = {mark for word in words for mark in _inside(word)}
        return {
            mark for mark in found - excused if mark in self.visible and workspace not in self.visible[mark]
        }


def told_by(text: str) -> set[str]:
    """Return everything that whoever sends a text knows: its words as they are, and the marks in them."""
    words = set(_words(text))
    found = words | {mark for word in words for mark in _plain(word)}
    ids = {identifier(word) or global_id(word)[1] for word in words} | ids_in(text.lower())
    return found | {spelling.lower() for id_ in ids if id_ is not None for spelling in _spellings(id_)}


def ids_in(text: str) -> set[str]:
    """Return the UUIDs in a text."""
    return set(_UUID.findall(text))


def opaque_words(text: str) -> Iterator[str]:
    """Yield the words that may be cursors."""
    return (word for word in _OPAQUE.findall(text) if not _UUID.search(word.lower()))


def swaps(marks: Iterable[str], known: Marks) -> dict[str, str]:
    """Return for each of these marks one of the same shape that is nobody's, for ids in every spelling.

    It stands nearly where the mark does in any order.
    """
    found, ids = dict[str, str](), dict[str, str]()
    for mark in marks:
        id_ = known.ids.get(mark)
        if id_ is None:
            found[mark] = _neighbour(mark, known)
        elif id_ not in ids:
            ids[id_] = f"{id_[:-8]}{uuid.uuid4().hex[:8]}"
            found |= dict(zip(_spellings(id_), _spellings(ids[id_]), strict=True))
    return {old: new for old, new in found.items() if old != new}


def _neighbour(mark: str, known: Marks) -> str:
    if _CANARY.fullmatch(mark):
        # Two requests must not share one: a key among them would be used twice.
        near = (f"{mark[:5]}{random.randrange(10_000):04d}z" for _ in range(_MOST_TRIES))
        return next(each for each in near if not known.known(each))
    return uuid.uuid4().hex[: len(mark)] if _TAG.fullmatch(mark) else mark


def _spellings(id_: str) -> tuple[str, str, str]:
    return id_, id_.replace("-", ""), short_identifier(id_)


def _words(text: str) -> Iterator[str]:
    yield from _WORD.findall(text)
    yield from (word for word in _OPAQUE.findall(text) if not _WORD.fullmatch(word))


def _marks(text: str) -> Iterator[str]:
    for word in _words(text):
        yield from _inside(word)


def _inside(word: str) -> Iterator[str]:
    yield from _plain(word)
    if len(word) >= _LEAST_OPAQUE and not _UUID.fullmatch(word.lower()):
        yield from _opened(word)


def _plain(word: str) -> Iterator[str]:
    lower = word.lower()
    yield lower
    yield from _CANARY.findall(lower)
    if len(lower) > _LEAST_OPAQUE:
        yield from _UUID.findall(lower)


def _opened(word: str) -> Iterator[str]:
    """Yield what an opaque word holds, such as a cursor."""
    bare = word.rstrip("=")
    try:
        raw = base64.b64decode(
            bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4), validate=True
        )
    except ValueError:
        return
    for each in _WORD.findall(raw.decode("utf-8", "replace")):
        yield from _plain(each)
