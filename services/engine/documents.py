"""Documents, checked: sparse fields, included resources, links and relationships."""

from dataclasses import dataclass, field

from db import query
from services.engine import encoding, intent
from services.engine.access import Permission, require
from services.engine.binding import Binder
from services.engine.catalog import Catalog
from services.engine.errors import Problem, bad_request
from services.engine.listing import ListingPlanner, default_sort
from services.engine.outputs import field_value
from services.engine.pricing import Reach
from services.engine.resource import Embedded, Relation, Resource, Shown

_DEEPEST_INCLUDE = 3
_ALWAYS = ("id", "inserted_at", "updated_at")


@dataclass(slots=True)
class _Set:
    """One included set in the making: the path's last relation and the sets that hang on it."""

    relation: Relation
    resource: Resource
    parent: int | None
    children: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class DocumentPlanner:
    """Plans documents for one caller; `cost` counts the resources they touch."""

    catalog: Catalog
    scopes: frozenset[str]
    binder: Binder
    listings: ListingPlanner
    cost: int = 0
    sets: list[_Set] = field(default_factory=list)
    roots: dict[str, int] = field(default_factory=dict)
    base: str = ""

    def plan(self, asked: intent.Fetch | intent.Search) -> query.Query:
        """Return the query of `asked`; raises the 400 or 403 problem naming what is wrong."""
        resource = self.catalog[asked.resource]
        self.base = asked.base
        owner = self._owner(asked)
        require(self.scopes, owner or resource, Permission.READ)
        self.binder.notice(resource.outdated)
        for path in asked.include:
            self._include(path, resource)
        sparse = self._sparse(asked.fields, resource)
        self.cost = 1 + len(self.sets)
        primary = self._object(resource, self.roots, sparse.get(resource.name), typed=False)
        included = tuple(self._included(item, index, sparse) for index, item in enumerate(self.sets))
        if isinstance(asked, intent.Fetch):
            self._reach(())
            deleted = query.Deleted.SHOWN if asked.include_deleted else query.Deleted.HIDDEN
            return query.Get(primary, self.binder.slot(asked.id, encoding.row_id), deleted, included)
        return self._page(asked, resource, owner, primary, included)

    def _owner(self, asked: intent.Fetch | intent.Search) -> Resource | None:
        parent = asked.parent if isinstance(asked, intent.Search) else None
        return self.catalog[parent.resource] if parent is not None else None

    def _page(
        self,
        asked: intent.Search,
        resource: Resource,
        owner: Resource | None,
        primary: query.Object,
        included: tuple[query.Included, ...],
    ) -> query.Page:
        paging = asked.listing.paging
        relation = owner.relations_by_name[asked.parent.relation] if owner and asked.parent else None
        if owner is not None and relation is not None:
            self.binder.notice(owner.outdated, owner.outdated_members.get(relation.name))
        probe = paging.keyset or asked.count is not query.Count.EXACT
        planned = self.listings.plan(asked.listing, resource, relation, probe=probe)
        self._reach((planned.rows.window.limit.index,))
        cursors = None
        if paging.keyset:
            forth = self.listings.cursor(planned, paging)
            cursors = (self.listings.cursor(planned, paging, backward=True), forth)
        parent = None
        if asked.parent is not None:
            parent = self.binder.slot(asked.parent.id, encoding.row_id)
        count = query.Count.NONE if paging.keyset else asked.count
        return query.Page(
            planned.rows, primary, count, cursors, included, owner.model if owner else None, parent
        )

    # Includes

    def _reach(self, slots: tuple[int, ...]) -> None:
        """Note what the lists among the sets may hold, of which nobody gives a size."""
        lists: list[int] = []
        for item in self.sets:
            above = 0 if item.parent is None else lists[item.parent]
            lists.append(above + (not item.relation.one))
            if not item.relation.one:
                self.binder.reaches.append(Reach(slots, lists[-1]))

    def _include(self, path: tuple[str, ...], resource: Resource) -> None:
        whole = ".".join(path)
        if len(path) > _DEEPEST_INCLUDE:
            raise bad_request(f"Include {whole!r} is deeper than {_DEEPEST_INCLUDE} relations.")
        parent, known = None, self.roots
        for name in path:
            relation = resource.relations_by_name.get(name)
            if relation is None:
                raise bad_request(f"{whole!r} cannot be included: {resource.plural} have no {name!r}.")
            self.binder.notice(resource.outdated_members.get(name))
            resource = self.catalog.target(relation)
            self.binder.notice(resource.outdated)
            if name not in known:
                require(self.scopes, resource, Permission.READ)
                self.sets.append(_Set(relation, resource, parent))
                known[name] = len(self.sets) - 1
            parent = known[name]
            known = self.sets[parent].children

    def _included(self, item: _Set, index: int, sparse: dict[str, set[str]]) -> query.Included:
        made = self._object(item.resource, item.children, sparse.get(item.resource.name), typed=True)
        relation = item.relation
        if relation.one:
            return query.Included(made, item.resource.type, item.parent, relation.via, "id")
        order = _default_order(item.resource, relation)
        return query.Included(made, item.resource.type, item.parent, "id", relation.via, order)

    # Fields

    def _sparse(self, fields: tuple[tuple[str, str], ...] | None, primary: Resource) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for prefix, name in fields or ():
            resource = self._addressed(prefix, name, primary)
            found = resource.canonical(name)
            if not _is_shown(resource, found):
                raise bad_request(f"{_joined(prefix, name)!r} is not a field of {resource.plural}.")
            self.binder.notice(resource.outdated_members.get(found))
            wanted.setdefault(resource.name, set(_ALWAYS)).add(found)
        return wanted

    def _addressed(self, prefix: str, name: str, primary: Resource) -> Resource:
        if not prefix:
            return primary
        for item in self.sets:
            if item.relation.name == prefix:
                return item.resource
        resource = self.catalog.by_key.get(prefix)
        if resource is primary or any(item.resource is resource for item in self.sets):
            return resource or primary
        raise _not_in_play(prefix, name)

    # Objects

    def _object(
        self, resource: Resource, relations: dict[str, int], only: set[str] | None, *, typed: bool
    ) -> query.Object:
        outputs: list[query.Output] = [query.Constant("type", resource.type)] if typed else []
        outputs += [
            field_value(resource, item.name, item.name)
            for item in resource.shown_fields
            if only is None or item.name in only
        ]
        outputs += [_embed(resource, item) for item in resource.embedded if only is None or item.name in only]
        outputs.append(query.Links("links", self._links(resource)))
        if relations:
            outputs.append(query.References("relationships", self._references(relations)))
        return query.Object(resource.model, tuple(outputs))

    def _links(self, resource: Resource) -> tuple[query.Link, ...]:
        own = f"{self.base}/{resource.path}/"
        links = [query.Link("self", own, "id")]
        for relation in resource.relations:
            if relation.one:
                path = self.catalog.target(relation).path
                links.append(query.Link(relation.name, f"{self.base}/{path}/", relation.via))
            elif relation.nested:
                links.append(query.Link(relation.name, own, "id", f"/{relation.name.replace('_', '-')}"))
        return tuple(links)

    def _references(self, relations: dict[str, int]) -> tuple[query.Reference, ...]:
        return tuple(
            query.Reference(
                name,
                self.sets[index].resource.type,
                index,
                self.sets[index].relation.via if self.sets[index].relation.one else None,
            )
            for name, index in relations.items()
        )


def _is_shown(resource: Resource, name: str) -> bool:
    if name in resource.embedded_by_name:
        return True
    field = resource.all_fields.get(name)
    return field is not None and field.shown is Shown.ALWAYS


def _embed(resource: Resource, item: Embedded) -> query.Embed:
    relation = resource.relations_by_name[item.relation]
    values = tuple(field_value(item.resource, name, name) for name in item.shown)
    return query.Embed(
        item.name,
        query.Object(item.resource.model, values),
        relation.via,
        _default_order(item.resource, relation),
    )


def _default_order(resource: Resource, relation: Relation) -> tuple[query.Order, ...]:
    terms = default_sort(resource, relation)
    order = tuple(
        query.Order(term.name, term.descending, resource.facts[term.name].nullable) for term in terms
    )
    return (*order, query.Order("id", order[-1].descending, nullable=False))


def whole_document(catalog: Catalog, resource: Resource, base: str) -> query.Object:
    """Return a resource as REST shows it where nothing is left out and nothing included."""
    binder, nobody = Binder(), frozenset[str]()
    planner = DocumentPlanner(catalog, nobody, binder, ListingPlanner(catalog, nobody, binder), base=base)
    return planner._object(resource, {}, None, typed=False)


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _not_in_play(prefix: str, name: str) -> Problem:
    return bad_request(
        f"{_joined(prefix, name)!r} names no resource of this request; include {prefix!r} first."
    )
