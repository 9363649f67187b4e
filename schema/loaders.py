"""DataLoaders over the engine: what the executor's resolvers read through, in batches per request."""

import json
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from strawberry.dataloader import DataLoader

from schema.connections import PageInfo
from schema.types import Types
from services.engine.context import Caller
from services.engine.encoding import identifier
from services.engine.errors import bad_request, not_found
from services.engine.intent import Intent, Leaf, Listing, Load, Pick, SelectMany
from services.engine.read import INCLUDED_LIMIT, Answer, Reader, Request
from services.engine.resource import Relation, Resource

_MOST_AT_ONCE = 1_000
_LONGEST_EXACT = 18
_PAGE_FACTS = ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")


@dataclass(frozen=True, slots=True)
class Collection:
    """Which rows of a collection are wanted, the values its listing refers to, and whether to count it."""

    listing: Listing
    values: tuple[Any, ...]
    total: bool


@dataclass(slots=True)
class Loaders:
    """The loaders of one request; `touched` tells whether anything was read."""

    reader: Reader
    caller: Caller
    types: Types
    touched: bool = False
    _rows: dict[str, DataLoader[str, Any]] = field(default_factory=dict)
    _connections: dict[str, DataLoader[str, Any]] = field(default_factory=dict)
    _nested: int = 0

    def renewed(self) -> "Loaders":
        """Return loaders that remember nothing."""
        return Loaders(self.reader, self.caller, self.types, self.touched)

    async def row(self, resource: Resource, id_: str) -> Any:
        """Return one object, None if there is no such row; raises the 404 for what cannot be an id."""
        found = identifier(id_)
        if found is None:
            raise not_found()
        loader = self._rows.get(resource.name)
        if loader is None:
            loader = DataLoader(partial(self._load_rows, resource), max_batch_size=_MOST_AT_ONCE)
            self._rows[resource.name] = loader
        return await loader.load(found)

    def below(self, resource: Resource, relation: Relation, parent: str, asked: Collection) -> Awaitable[Any]:
        """Return the connection that hangs on a parent."""
        key = f"{resource.name} {relation.name} {asked!r}"
        loader = self._connections.get(key)
        if loader is None:
            load = partial(self._load_connections, resource, relation, asked)
            loader = self._connections[key] = DataLoader(load, max_batch_size=_MOST_AT_ONCE)
        return loader.load(parent)

    async def page(self, resource: Resource, asked: Collection) -> Any:
        """Return a page of a whole collection."""
        picks = self._connection_picks(resource, asked.total)
        answer = await self._read(SelectMany(resource.name, asked.listing, picks), asked.values)
        return self._connection(resource, exact_json(answer.body))

    # Batches

    async def _load_rows(self, resource: Resource, ids: list[str]) -> list[Any]:
        picks = self._object_picks(resource)
        answer = await self._read(Load(resource.name, Leaf(0), picks), (ids,))
        found = {id_: self._object(resource, exact_json(body)) for id_, body in _bodies(answer)}
        return [found.get(id_) for id_ in ids]

    async def _load_connections(
        self, resource: Resource, relation: Relation, asked: Collection, ids: list[str]
    ) -> list[Any]:
        target = self.types.catalog.target(relation)
        picks = self._connection_picks(target, asked.total)
        load = Load(resource.name, Leaf(len(asked.values)), picks, relation.name, asked.listing)
        answer = await self._read(load, (*asked.values, ids))
        self._nested += sum(int(row[2] or 0) for row in answer.rows)
        if self._nested > INCLUDED_LIMIT:
            raise bad_request(
                f"The response would include more than {INCLUDED_LIMIT} rows: ask for a smaller page or less."
            )
        found = {id_: self._connection(target, exact_json(body)) for id_, body in _bodies(answer)}
        return [found[id_] for id_ in ids]

    async def _read(self, intent: Intent, values: tuple[Any, ...]) -> Answer:
        self.touched = True
        # The root field above was charged for all that is loaded below it.
        return await self.reader.read(self.caller, Request(None, lambda: intent, values), charged=True)

    # Shapes

    def _object_picks(self, resource: Resource) -> tuple[Pick, ...]:
        names = (*(each.name for each in resource.shown_fields), "etag")
        return tuple(Pick(name, name) for name in names)

    def _connection_picks(self, resource: Resource, total: bool) -> tuple[Pick, ...]:
        node = Pick("node", "node", picks=self._object_picks(resource))
        picks = (
            Pick("edges", "edges", picks=(Pick("cursor", "cursor"), node)),
            Pick("pageInfo", "pageInfo", picks=tuple(Pick(name, name) for name in _PAGE_FACTS)),
        )
        return (*picks, Pick("totalCount", "totalCount")) if total else picks

    def _object(self, resource: Resource, row: dict[str, Any]) -> Any:
        for each in resource.shown_fields:
            if each.enum is not None and row[each.name] is not None:
                row[each.name] = self.types.inputs.enum(each.enum)[row[each.name]]
        return self.types.objects[resource.name](**row)

    def _connection(self, resource: Resource, page: dict[str, Any]) -> Any:
        types, facts = self.types.connections[resource.name], page["pageInfo"]
        edges = [
            types.edge(cursor=edge["cursor"], node=self._object(resource, edge["node"]))
            for edge in page["edges"]
        ]
        return types.connection(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=PageInfo(
                has_next_page=facts["hasNextPage"],
                has_previous_page=facts["hasPreviousPage"],
                start_cursor=facts["startCursor"],
                end_cursor=facts["endCursor"],
            ),
            total_count=page.get("totalCount"),
        )


def _bodies(answer: Answer) -> Iterable[tuple[str, bytes]]:
    for _, body, _, id_ in answer.rows:
        if body is not None and id_ is not None:
            yield id_.decode(), body


def exact_json(body: bytes | None) -> dict[str, Any]:
    """Decode JSON so that it can be encoded again without a number losing a digit."""
    found: dict[str, Any] = _DECODER.decode((body or b"{}").decode())
    return found


def _exact(text: str) -> orjson.Fragment:
    return orjson.Fragment(text.encode())


def _integer(text: str) -> Any:
    return int(text) if len(text) <= _LONGEST_EXACT else _exact(text)


_DECODER = json.JSONDecoder(parse_float=_exact, parse_int=_integer)
