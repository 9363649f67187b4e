"""What the server acknowledged: the only truth that the database is held to."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Entry:
    """One row: the actions acknowledged for it, in order, and its last document over REST where known."""

    resource: str
    id: str
    marker: str
    actions: list[str] = field(default_factory=list)
    document: bytes | None = None
    lines: int = 0

    @property
    def version(self) -> int:
        """Return the version that the row must have."""
        return len(self.actions)

    @property
    def deleted(self) -> bool:
        """Tell whether the row must be deleted."""
        return self.actions[-1:] == ["deleted"]


@dataclass(slots=True)
class Ledger:
    """All that was acknowledged in one workspace, and what no server should have answered."""

    workspace: str
    rows: dict[str, Entry] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    """Markers of writes without a key whose outcome nobody was told: they may have happened once."""
    unexpected: list[str] = field(default_factory=list)

    def made(self, resource: str, id_: str, marker: str, *, lines: int = 0) -> Entry:
        """Enter a row whose creation was acknowledged."""
        if id_ in self.rows:
            self.unexpected.append(f"{resource} {id_} was made twice")
        entry = Entry(resource, id_, marker, ["created"], lines=lines)
        self.rows[id_] = entry
        return entry
