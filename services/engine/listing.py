"""Collections, checked: filter, search, sort and page as rows of the query tree."""

from dataclasses import dataclass

from db import query
from services.engine import encoding
from services.engine.binding import Binder, key_encoder
from services.engine.catalog import Catalog
from services.engine.errors import bad_request
from services.engine.filters import FilterPlanner
from services.engine.intent import Listing, Paging, SortTerm
from services.engine.resource import Relation, Resource

MOST_SORT_TERMS = 3
"""How many fields rows may be sorted by."""


@dataclass(frozen=True, slots=True)
class PlannedRows:
    """The rows of a collection, and what names its query in cursors."""

    rows: query.Rows
    text: str
    narrowed_by: tuple[int, ...]


@dataclass(slots=True)
class ListingPlanner:
    """Plans collections for one caller, into one set of binds."""

    catalog: Catalog
    scopes: frozenset[str]
    binder: Binder

    def plan(
        self, listing: Listing, resource: Resource, relation: Relation | None = None, *, probe: bool
    ) -> PlannedRows:
        """Return the rows of `listing`; raises the 400 or 403 problem naming what is wrong."""
        filters = FilterPlanner(self.catalog, self.scopes, self.binder)
        parts = [] if listing.filter is None else [filters.plan(listing.filter, resource)]
        if listing.q is not None:
            if not resource.searchable:
                raise bad_request(f"{resource.plural} cannot be searched by text.")
            parts.append(query.Match(self.binder.slot(listing.q, encoding.search_words)))
        where = query.All(tuple(parts)) if parts else None
        order = self._order(listing.sort, resource, relation)
        shown = listing.include_deleted or filters.touches_deleted
        rows = query.Rows(
            resource.model,
            order,
            self._window(listing.paging, order, probe),
            where,
            query.Deleted.SHOWN if shown else query.Deleted.HIDDEN,
            relation.via if relation is not None else None,
        )
        text, slots = _canonical(where)
        names = (resource.name, relation.via if relation else "", _spelled(order), str(rows.deleted), text)
        return PlannedRows(rows, "|".join(names), slots)

    def cursor(self, planned: PlannedRows, paging: Paging, *, backward: bool = False) -> query.Slot:
        """Return the slot of the beginning of this collection's cursors."""
        return self.binder.cursor(planned.text, planned.narrowed_by, paging.cursor, backward)

    def _order(
        self, terms: tuple[SortTerm, ...], resource: Resource, relation: Relation | None
    ) -> tuple[query.Order, ...]:
        if len(terms) > MOST_SORT_TERMS:
            raise bad_request(f"At most {MOST_SORT_TERMS} fields may be sorted by, not {len(terms)}.")
        self.binder.notice(*(resource.outdated_members.get(resource.canonical(term.name)) for term in terms))
        asked = terms or default_sort(resource, relation)
        order = [self._term(term, resource) for term in asked]
        names = [term.column for term in order]
        if len(set(names)) < len(names):
            raise bad_request("A field may be sorted by only once.")
        if "id" not in names:
            # The tie-breaker runs the way of the last term, so that one index serves both.
            order.append(query.Order("id", order[-1].descending, nullable=False))
        return tuple(order)

    def _term(self, term: SortTerm, resource: Resource) -> query.Order:
        name = resource.canonical(term.name)
        field = resource.all_fields.get(name)
        if field is None or not field.sortable:
            raise bad_request(f"{term.name!r} is not a field to sort {resource.plural} by.")
        return query.Order(name, term.descending, resource.facts[name].nullable)

    def _window(self, paging: Paging, order: tuple[query.Order, ...], probe: bool) -> query.Window:
        limit = self.binder.limit(paging.size, encoding.relay_size if paging.relay else encoding.page_size)
        if paging.cursor is not None:
            if len(paging.nulls) != len(order):
                raise bad_request("The cursor belongs to another query: keep its filter, search and sort.")
            after = tuple(
                None if null else self.binder.slot(paging.cursor, key_encoder(place, len(order)))
                for place, null in enumerate(paging.nulls)
            )
            return query.Window(limit, probe, after=after, backward=paging.backward)
        if paging.keyset or (paging.page in (None, 1) and paging.offset is None):
            return query.Window(limit, probe, backward=paging.backward)
        skipped = self.binder.slot((paging.page, paging.size, paging.offset), encoding.rows_before)
        return query.Window(limit, probe, offset=skipped)


def default_sort(resource: Resource, relation: Relation | None) -> tuple[SortTerm, ...]:
    """Return the order of a collection whose caller names none (S3-188)."""
    text = relation.sort if relation is not None and relation.sort else resource.sort
    return tuple(SortTerm(name.removeprefix("-"), name.startswith("-")) for name in text.split(","))


def _spelled(order: tuple[query.Order, ...]) -> str:
    return ",".join(("-" if term.descending else "") + term.column for term in order)


def _canonical(node: query.Condition | None) -> tuple[str, tuple[int, ...]]:
    """Return a condition as text that does not depend on how it was written, and its slots in that order."""
    match node:
        case None:
            return "", ()
        case query.All() | query.Some():
            parts = sorted(_canonical(part) for part in _flattened(node))
            if len(parts) == 1:
                return parts[0]
            joined = ("&" if isinstance(node, query.All) else "+").join(text for text, _ in parts)
            return f"({joined})", tuple(slot for _, slots in parts for slot in slots)
        case query.Never():
            text, slots = _canonical(node.part)
            return f"!{text}", slots
        case query.Related():
            text, slots = _canonical(node.condition)
            return f"{node.model.__tablename__}.{node.ours}.{node.theirs}.{node.deleted}[{text}]", slots
        case query.Match():
            return "q", (node.slot.index,)
        case query.Compare():
            slots = () if node.slot is None else (node.slot.index,)
            return f"{node.column} {node.operator} {node.negated}", slots
        case query.ComparePath():
            return f"{node.column}# {node.operator} {node.negated}", tuple(s.index for s in node.slots)


def _flattened(node: query.All | query.Some) -> list[query.Condition]:
    found: list[query.Condition] = []
    for part in node.parts:
        found += _flattened(part) if isinstance(part, type(node)) else [part]
    return found
