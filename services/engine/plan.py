"""Planning: an intent judged against the declarations, the caller's scopes and the limits."""

from dataclasses import dataclass, field

from db import query
from services.engine import encoding, intent
from services.engine.access import Permission, require
from services.engine.binding import Binder, Plan
from services.engine.catalog import Catalog
from services.engine.documents import DocumentPlanner
from services.engine.errors import bad_request
from services.engine.intent import Listing, Pick
from services.engine.listing import ListingPlanner, PlannedRows
from services.engine.outputs import field_value
from services.engine.pricing import Reach, Tariff
from services.engine.resource import Relation, Resource

_PAGE_FACTS = frozenset({"hasNextPage", "hasPreviousPage", "startCursor", "endCursor", "__typename"})
_CURSOR_FACTS = frozenset({"startCursor", "endCursor"})
_OF_ANY = frozenset({"id", "__typename"})


def plan(asked: intent.Intent, catalog: Catalog, scopes: frozenset[str]) -> Plan:
    """Return the plan of `asked`.

    Raises the 400 problem naming an unknown name or an exceeded limit, and the 403 problem for a resource
    that `scopes` do not let the caller read.
    """
    planner = _Planner(catalog, scopes)
    match asked:
        case intent.Fetch() | intent.Search():
            documents = DocumentPlanner(catalog, scopes, planner.binder, planner.listings)
            return planner.finished(documents.plan(asked), documents.cost)
        case intent.Select():
            found = planner.reached(asked.resource)
            id_ = planner.binder.slot(asked.id, encoding.row_id)
            made: query.Query = query.Get(planner.object(found, asked.picks, ()), id_)
        case intent.SelectAny():
            made = planner.any_of(asked)
        case intent.SelectMany():
            found = planner.reached(asked.resource)
            made = query.Connect(planner.connection(found, None, asked.listing, asked.picks, ()))
        case intent.Load():
            made = planner.load(asked)
    return planner.finished(made, planner.cost)


@dataclass(slots=True)
class _Planner:
    """Plans graphs of picks; `cost` counts the resources they touch, `tariffs` keeps those of candidates."""

    catalog: Catalog
    scopes: frozenset[str]
    binder: Binder = field(default_factory=Binder)
    cost: int = 0
    tariffs: list[Tariff] = field(default_factory=list)

    @property
    def listings(self) -> ListingPlanner:
        return ListingPlanner(self.catalog, self.scopes, self.binder)

    def finished(self, made: query.Query, cost: int) -> Plan:
        binder = self.binder
        return Plan(
            made,
            tuple(binder.binds),
            tuple(binder.cursors),
            tuple(binder.limits),
            tuple(binder.sizes),
            tuple(self.tariffs) or (Tariff(cost, tuple(binder.reaches)),),
            tuple(binder.outdated),
        )

    def readable(self, name: str) -> Resource:
        resource = self.catalog[name]
        require(self.scopes, resource, Permission.READ)
        return resource

    def reached(self, name: str) -> Resource:
        found = self.readable(name)
        self.binder.notice(found.outdated)
        return found

    def any_of(self, asked: intent.SelectAny) -> query.Query:
        ids = self.binder.slot(asked.ids, encoding.global_ids)
        types = self.binder.slot(asked.ids, encoding.global_types)
        count = self.binder.slot(asked.ids, encoding.how_many)
        objects: list[tuple[str, query.Object]] = []
        for name, type_, picks in asked.candidates:
            self.cost, self.binder.reaches = 0, []
            # Those that nobody has named are candidates too, of which no more than the id can be asked.
            named = any(pick.name not in _OF_ANY for pick in picks)
            found = self.reached(name) if named else self.readable(name)
            objects.append((type_, self.object(found, picks, ())))
            # Each id finds one of the candidates at most, so only the dearest counts.
            reaches = (Reach((count.index, *each.slots)) for each in self.binder.reaches)
            self.tariffs.append(Tariff(self.cost, tuple(reaches)))
        return query.AnyOf(tuple(objects), ids, types)

    def load(self, asked: intent.Load) -> query.Query:
        ids = self.binder.slot(asked.ids, encoding.row_ids)
        found = self.readable(asked.resource)
        if asked.relation is None:
            return query.Batch(ids, self.object(found, asked.picks, ()))
        relation = found.relations_by_name[asked.relation]
        target = self.readable(relation.target)
        listing = asked.listing or Listing()
        return query.Batch(ids, self.connection(target, relation, listing, asked.picks, ()))

    def object(self, resource: Resource, picks: tuple[Pick, ...], sizes: tuple[int, ...]) -> query.Object:
        self.cost += 1
        return query.Object(resource.model, tuple(self._output(resource, pick, sizes) for pick in picks))

    def _output(self, resource: Resource, pick: Pick, sizes: tuple[int, ...]) -> query.Output:
        if pick.name == "__typename":
            return query.Constant(pick.alias, pick.text)
        if pick.name == "etag":
            return query.Etag(pick.alias)
        self.binder.notice(resource.outdated_members.get(pick.name))
        relation = resource.relations_by_name.get(pick.name)
        if relation is None:
            return field_value(resource, pick.name, pick.alias, enum_names=True)
        target = self.reached(relation.target)
        if relation.one:
            return query.One(pick.alias, relation.via, self.object(target, pick.picks, sizes))
        made = self.connection(target, relation, pick.listing or Listing(), pick.picks, sizes)
        return query.Many(pick.alias, made)

    def connection(
        self,
        resource: Resource,
        relation: Relation | None,
        listing: Listing,
        picks: tuple[Pick, ...],
        sizes: tuple[int, ...],
    ) -> query.Connection:
        planned = self.listings.plan(listing, resource, relation, probe=_probes(picks))
        sizes = (*sizes, planned.rows.window.limit.index)
        if len(sizes) > 1:
            self.binder.sizes.append(sizes)
        if relation is not None:
            self.binder.reaches.append(Reach(sizes))
        before = self.cost
        parts = tuple(self._part(resource, pick, sizes) for pick in picks)
        # A list counts as one resource however often its objects are picked, or if only counted.
        self.cost = max(self.cost, before + 1)
        return query.Connection(planned.rows, parts, self._cursor(planned, listing, picks))

    def _cursor(self, planned: PlannedRows, listing: Listing, picks: tuple[Pick, ...]) -> query.Slot | None:
        shown = any(
            part.name == "cursor" or part.name in _CURSOR_FACTS for pick in picks for part in pick.picks
        )
        if not shown and listing.paging.cursor is None:
            return None
        return self.listings.cursor(planned, listing.paging)

    def _part(self, resource: Resource, pick: Pick, sizes: tuple[int, ...]) -> query.Part:
        match pick.name:
            case "nodes":
                return query.Nodes(pick.alias, self.object(resource, pick.picks, sizes))
            case "edges":
                return query.Edges(
                    pick.alias, tuple(self._edge_part(resource, part, sizes) for part in pick.picks)
                )
            case "pageInfo":
                names = tuple((part.alias, part.name) for part in pick.picks if part.name in _PAGE_FACTS)
                return query.PageInfo(pick.alias, names)
            case "totalCount":
                return query.Total(pick.alias)
            case "__typename":
                return query.Constant(pick.alias, pick.text)
        raise bad_request(f"{pick.name!r} is not part of a connection.")

    def _edge_part(
        self, resource: Resource, pick: Pick, sizes: tuple[int, ...]
    ) -> tuple[str, str, query.Object | str | None]:
        if pick.name == "node":
            return pick.alias, pick.name, self.object(resource, pick.picks, sizes)
        return pick.alias, pick.name, pick.text or None


def _probes(picks: tuple[Pick, ...]) -> bool:
    facts = {part.name for pick in picks if pick.name == "pageInfo" for part in pick.picks}
    return bool(facts & {"hasNextPage", "hasPreviousPage"})
