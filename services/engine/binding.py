"""Binding: the values of one request, encoded into the slots of a plan."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from db.query import Query, Slot
from services.engine.cursor import Cursor, CursorCodec, fingerprint
from services.engine.deprecation import Deprecated
from services.engine.encoding import Encoder
from services.engine.errors import bad_request
from services.engine.intent import Leaf, Scalar
from services.engine.pricing import Price, Reach, Tariff

MOST_NESTED_ROWS = 250_000
"""The most rows that the page sizes of nested lists may multiply to."""


@dataclass(frozen=True, slots=True)
class Bind:
    """One slot: where its value comes from and how it is encoded."""

    source: Scalar
    encode: Encoder


@dataclass(frozen=True, slots=True)
class CursorBind:
    """The slot of a page's cursors: which query they belong to, and the cursor it must match."""

    slot: int
    text: str
    narrowed_by: tuple[int, ...]
    given: Leaf | None
    backward: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked intent: the query, how to bind it, and what it costs.

    `limits` are the slots of page sizes; `sizes` holds, for every nested list, those on the way to it. Of
    several `tariffs` the dearest counts. `outdated` is what the intent names that is deprecated.
    """

    query: Query
    binds: tuple[Bind, ...]
    cursors: tuple[CursorBind, ...]
    limits: tuple[int, ...]
    sizes: tuple[tuple[int, ...], ...]
    tariffs: tuple[Tariff, ...]
    outdated: tuple[Deprecated, ...] = ()

    def price(self, bound: Sequence[bytes | None], rows: int = 1) -> Price:
        """Return what a request with such slots costs, for `rows` resources of its kind at once."""
        if len(self.tariffs) == 1:
            return self.tariffs[0].price(bound, rows)
        return max(tariff.price(bound, rows) for tariff in self.tariffs)

    def bind(self, values: Sequence[Any], codec: CursorCodec, now: float) -> list[bytes | None]:
        """Return the encoded slots; raises the 400 problem naming the first value that does not fit."""
        bound = [bind.encode(resolve(bind.source, values)) for bind in self.binds]
        if self.sizes:
            self._check_sizes(bound)
        for item in self.cursors:
            query = fingerprint(item.text, [bound[slot] for slot in item.narrowed_by])
            if item.given is not None and values[item.given.index].query != query:
                raise bad_request("The cursor belongs to another query: keep its filter, search and sort.")
            bound[item.slot] = codec.beginning(query, backward=item.backward, now=now)
        return bound

    def _check_sizes(self, bound: Sequence[bytes | None]) -> None:
        most = sum(prod(int(bound[slot] or 0) for slot in path) for path in self.sizes)
        if most > MOST_NESTED_ROWS:
            raise bad_request(
                f"Nested lists could hold {most} rows, more than {MOST_NESTED_ROWS}: ask for smaller pages."
            )


def resolve(source: Scalar, values: Sequence[Any]) -> Any:
    """Return the value of `source`: a leaf's, a tuple of them, or the constant itself."""
    if isinstance(source, Leaf):
        return values[source.index]
    return tuple(resolve(part, values) for part in source) if isinstance(source, tuple) else source


@dataclass(slots=True)
class Binder:
    """The binds of a plan in the making."""

    binds: list[Bind] = field(default_factory=list)
    cursors: list[CursorBind] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    sizes: list[tuple[int, ...]] = field(default_factory=list)
    reaches: list[Reach] = field(default_factory=list)
    outdated: dict[Deprecated, None] = field(default_factory=dict)

    def notice(self, *named: Deprecated | None) -> None:
        """Note what the intent names, as far as it is deprecated."""
        for each in named:
            if each is not None:
                self.outdated[each] = None

    def limit(self, source: Scalar, encode: Encoder) -> Slot:
        """Return a new slot for a page size."""
        slot = self.slot(source, encode)
        self.limits.append(slot.index)
        return slot

    def slot(self, source: Scalar, encode: Encoder) -> Slot:
        """Return a new slot for `source`."""
        self.binds.append(Bind(source, encode))
        return Slot(len(self.binds) - 1)

    def cursor(self, text: str, narrowed_by: tuple[int, ...], given: Leaf | None, backward: bool) -> Slot:
        """Return a new slot for the beginning of a page's cursors."""
        made = self.slot(None, _nothing)
        self.cursors.append(CursorBind(made.index, text, narrowed_by, given, backward))
        return made


def key_encoder(place: int, count: int) -> Encoder:
    """Return the encoder of one key of a decoded cursor."""

    def encode(value: Cursor) -> bytes | None:
        if len(value.keys) != count:
            raise bad_request("The cursor belongs to another query: keep its filter, search and sort.")
        key = value.keys[place]
        return None if key is None else key.encode()

    return encode


def _nothing(value: Any) -> bytes | None:
    return None
