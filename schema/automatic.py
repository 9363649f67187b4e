"""Automatic persisted queries: texts that clients sent once with their hash, kept for a while.

They are kept by workspace, since that a text is known tells that somebody sent it. What one process does not
know its client sends again, so processes need not share them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_CHARACTERS = 4_000_000
_MOST_OF_ONE = 500_000
_SECONDS = 86_400.0


@dataclass(slots=True)
class _Texts:
    """The texts of one workspace by hash, each with the moment when it ends; the first is the oldest."""

    by_hash: OrderedDict[str, tuple[str, float]] = field(default_factory=OrderedDict)
    characters: int = 0

    def drop(self, sha256: str) -> int:
        """Forget a text; return how many characters that were."""
        text, _ = self.by_hash.pop(sha256, ("", 0.0))
        self.characters -= len(text)
        return len(text)


class Automatic:
    """Texts by workspace and hash: of each workspace as many as `of_one` characters, `most` of all together.

    The least recently used go first, of the workspace that asked least recently. What was not used for
    `seconds` is gone too.
    """

    def __init__(
        self,
        *,
        most: int = _MOST_CHARACTERS,
        of_one: int = _MOST_OF_ONE,
        seconds: float = _SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._of_one, self._seconds, self._clock = most, of_one, seconds, clock
        self._workspaces: OrderedDict[str, _Texts] = OrderedDict()
        self.characters = 0

    def find(self, workspace_id: str, sha256: str) -> str | None:
        """Return a text that was kept, and keep it longer."""
        texts = self._workspaces.get(workspace_id)
        if texts is None or sha256 not in texts.by_hash:
            return None
        text, ends = texts.by_hash[sha256]
        if ends <= self._clock():
            self.characters -= texts.drop(sha256)
            return None
        self.keep(workspace_id, sha256, text)
        return text

    def keep(self, workspace_id: str, sha256: str, text: str) -> None:
        """Keep a text that is good and has this hash."""
        texts = self._workspaces.setdefault(workspace_id, _Texts())
        self._workspaces.move_to_end(workspace_id)
        self.characters -= texts.drop(sha256)
        texts.by_hash[sha256] = text, self._clock() + self._seconds
        texts.characters += len(text)
        self.characters += len(text)
        while texts.characters > self._of_one:
            self.characters -= texts.drop(next(iter(texts.by_hash)))
        while self.characters > self._most:
            self._shrink()

    def _shrink(self) -> None:
        """Forget the oldest text of the workspace that asked least recently."""
        workspace_id, texts = next(iter(self._workspaces.items()))
        if texts.by_hash:
            self.characters -= texts.drop(next(iter(texts.by_hash)))
        if not texts.by_hash:
            del self._workspaces[workspace_id]
