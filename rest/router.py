"""The derived routes: every resource's collection, search, single and nested addresses."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rest import bodies, compat, conditional, document, enums, exporting, identity, query_string, search_body
from rest.http import BASE, JSON, PRIVATE, Handler, Headers, Request, Response
from rest.library import Library
from rest.mcp import facade
from rest.mcp.offer import Offer
from rest.problems import method_not_allowed, response
from rest.procedures import Calls
from rest.query_string import Parsed
from rest.writing import Complete, Writes
from services.engine import encoding, intent, read
from services.engine.calling import Guest, Procedures
from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.deprecation import Noticed
from services.engine.dispatch import Writer
from services.engine.errors import Problem, Slug, not_found
from services.engine.read import Reader
from services.engine.resource import Relation, Resource

_SAFE = ("GET", "HEAD")
_ACCEPTED = (b"*/*", b"application/*", b"application/json", b"application/problem+json")


@dataclass(frozen=True, slots=True)
class Route:
    """The methods of one address, in the order in which `Allow` names them."""

    handlers: dict[str, Handler]

    @property
    def methods(self) -> tuple[str, ...]:
        """Return every method the address answers."""
        return (*self.handlers, "OPTIONS")


class Rest:
    """The REST surface: requests of authenticated callers to responses."""

    def __init__(
        self,
        catalog: Catalog,
        reader: Reader,
        writer: Writer,
        *,
        origin: str = "",
        version: str = "",
        surfaces: Sequence[str] = (),
        sdl: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._catalog, self._reader, self._writer, self._origin = catalog, reader, writer, origin
        self.library = Library(catalog, version, surfaces=surfaces, sdl=sdl)
        self.modules = compat.modules(catalog)
        self._published = Route(_readable(self._description))
        self._collections: dict[str, Route] = {}
        self._literals: dict[tuple[str, str], Route] = {}
        self._singles: dict[str, Route] = {}
        self._below: dict[tuple[str, str], Route] = {}
        for resource in catalog:
            self._derive(resource, resource.path)
        for path, alias in compat.PATHS.items():
            aliased = catalog.by_path.get(alias.path)
            if aliased is not None:
                self._derive(aliased, path, alias.complete)
        for path, handler in identity.handlers(reader).items():
            self._collections[path] = Route(_readable(handler))
        self._collections[enums.PATH] = Route(_readable(enums.handler(catalog, reader)))
        self.offer = Offer(self, catalog, version)
        self._facade = facade.Facade(self.offer, reader)
        self._calls = Calls(catalog.procedures, Procedures(writer), reader)
        self._procedures = {place: Route(found) for place, found in self._calls.handlers().items()}

    def route(self, segments: tuple[str, ...]) -> Route | None:
        """Return what answers at the path segments below the base, if anything."""
        if self.library.holds(segments):
            return self._published
        place = self._calls.place(segments)
        if place is not None:
            return self._procedures[place]
        if segments[0] == facade.NAME:
            found = self._facade.handlers(segments[1:])
            return Route(found) if found else None
        match segments:
            case (path,):
                return self._collections.get(path)
            case (path, name):
                return self._literals.get((path, name)) or self._singles.get(path)
            case (path, _, name):
                return self._below.get((path, name))
        return None

    def options(self, segments: tuple[str, ...]) -> Response | None:
        """Return the answer to OPTIONS, which needs no token (C-16), None where there is no such address."""
        route = self.route(segments)
        if route is None:
            return None
        headers = [(b"allow", ", ".join(route.methods).encode())]
        if "PATCH" in route.handlers:
            headers.append((b"accept-patch", b", ".join(bodies.PATCHES)))
        return Response(204, headers)

    def is_public(self, method: str, segments: tuple[str, ...]) -> bool:
        """Tell whether that request needs no token."""
        if self.library.holds(segments):
            return method in self._published.handlers
        return self._calls.public(method, segments) is not None

    async def visit(self, guest: Guest, request: Request) -> Response:
        """Return the response to a request that needs no token; raises a Problem."""
        if self.library.holds(request.segments):
            return await self.library.answer(request)
        _check_accept(request.headers.get(b"accept"))
        return await self._calls.visit(guest, request)

    async def answer(self, caller: Caller, request: Request) -> Response:
        """Return the response to any request, problems included."""
        try:
            found = await self._answer(caller, request)
        except Problem as problem:
            found = self.problem(await self._proven(problem, caller), caller)
        if caller.outdated:
            here = self.address(request.method, request.segments)
            caller.outdated = tuple(Noticed(each.operation or here, each.used) for each in caller.outdated)
        return found

    def address(self, method: str, segments: tuple[str, ...]) -> str:
        """Return how an operation is told of, such as `GET /orders/{id}`; empty where nothing answers."""
        if self.route(segments) is None:
            return ""
        place = self._calls.place(segments)
        if place is None:
            known = len(segments) == 1 or segments[:2] in self._literals or self.library.holds(segments)
            place = segments if known else (segments[0], "{id}", *segments[2:])
        return f"{method} /{'/'.join(place)}"

    def problem(self, problem: Problem, caller: Caller) -> Response:
        """Return the response of a problem in this caller's request."""
        return response(problem, instance=caller.instance, request_id=caller.request_id, origin=self._origin)

    async def _proven(self, problem: Problem, caller: Caller) -> Problem:
        """Return the problem that a live token hears, and the 401 for a dead one, which hears only that."""
        try:
            await self._reader.confirm(caller)
        except Problem as refusal:
            return refusal
        return problem

    async def _answer(self, caller: Caller, request: Request) -> Response:
        route = self.route(request.segments)
        handler = route.handlers.get(request.method) if route is not None else None
        if handler is None:
            return await self._unanswered(caller, request, route)
        if request.segments[1:] != (exporting.NAME,):
            _check_accept(request.headers.get(b"accept"))
        return await handler(caller, request)

    async def _unanswered(self, caller: Caller, request: Request, route: Route | None) -> Response:
        await self._reader.confirm(caller)
        if route is None:
            raise not_found(f"There is nothing at {request.path}.")
        problem, headers = method_not_allowed(request.method, route.methods)
        found = self.problem(problem, caller)
        return Response(found.status, [*found.headers, *headers], found.body)

    async def _description(self, caller: Caller, request: Request) -> Response:
        return await self.library.answer(request)

    # Derivation

    def _derive(self, resource: Resource, path: str, complete: Complete | None = None) -> None:
        writes = Writes(resource, self._writer, self._reader, origin=self._origin, complete=complete)
        self._collections[path] = Route({**_readable(self._lister(resource)), **writes.collection()})
        self._singles[path] = Route({**_readable(self._getter(resource)), **writes.single()})
        self._literals[path, "search"] = Route({"POST": self._searcher(resource)})
        if resource.exported:
            self._literals[path, exporting.NAME] = Route(_readable(exporting.handler(resource, self._reader)))
        for literal, handlers in (("bulk", writes.bulk()), ("bulk-delete", writes.bulk_delete())):
            if handlers:
                self._literals[path, literal] = Route(handlers)
        for verb, handler in writes.verbs().items():
            self._below[path, verb.replace("_", "-")] = Route({"POST": handler})
        for relation in resource.relations:
            if relation.many and relation.nested:
                target = self._catalog.target(relation)
                handler = self._lister(target, resource, relation)
                self._below[path, relation.name.replace("_", "-")] = Route(_readable(handler))

    def _getter(self, resource: Resource) -> Handler:
        async def get(caller: Caller, request: Request) -> Response:
            parsed = query_string.parse_one(request.query, resource)
            answer = await self._reader.read(
                caller,
                read.Request(
                    ("get", resource.name, parsed.shape),
                    lambda: _fetch(resource, parsed),
                    (request.segments[1],),
                ),
            )
            return _single(answer, request, parsed)

        return get

    def _lister(
        self, resource: Resource, owner: Resource | None = None, relation: Relation | None = None
    ) -> Handler:
        name = f"{owner.name}.{relation.name}" if owner and relation else resource.name

        async def get(caller: Caller, request: Request) -> Response:
            parsed = query_string.parse_many(request.query, resource, self._reader.codec, caller.now)
            if owner is not None:
                parsed.names["parent"] = len(parsed.values)
                parsed.values.append(request.segments[1])
            given = dict(parsed.shape)
            answer = await self._reader.read(
                caller,
                read.Request(
                    ("list", name, parsed.shape, tuple(parsed.names.items())),
                    lambda: _search(resource, parsed, owner, relation),
                    parsed.values,
                ),
            )
            if not answer.has_owner:
                raise not_found()
            keyset = "cursor" in given or given.get("pagination") == "cursor"
            return document.collection(
                answer, parsed, request.path, keyset=keyset, with_includes="include" in given
            )

        return get

    def _searcher(self, resource: Resource) -> Handler:
        async def post(caller: Caller, request: Request) -> Response:
            sent = bodies.read_if_any(request)
            body = search_body.read(sent, request.query, resource, self._reader.codec, caller.now)
            asked = body.intent(BASE)
            answer = await self._reader.read(caller, read.Request(asked, lambda: asked, body.parsed.values))
            return document.collection(
                answer,
                body.parsed,
                request.path,
                keyset=asked.listing.paging.keyset,
                with_includes=bool(asked.include),
            )

        return post


def _readable(handler: Handler) -> dict[str, Handler]:
    return dict.fromkeys(_SAFE, handler)


def _fetch(resource: Resource, parsed: Parsed) -> intent.Fetch:
    given = dict(parsed.shape)
    return intent.Fetch(
        resource.name,
        intent.Leaf(0),
        BASE,
        query_string.fields(parsed),
        query_string.include(parsed),
        query_string.flag(given, "include_deleted", False),
    )


def _search(
    resource: Resource, parsed: Parsed, owner: Resource | None, relation: Relation | None
) -> intent.Search:
    parent = None
    if owner is not None and relation is not None:
        parent = intent.Parent(owner.name, relation.name, intent.Leaf(parsed.names["parent"]))
    return intent.Search(
        resource.name,
        query_string.listing(parsed, resource),
        BASE,
        query_string.fields(parsed),
        query_string.include(parsed),
        query_string.count_mode(parsed),
        parent,
    )


def _single(answer: read.Answer, request: Request, parsed: Parsed) -> Response:
    data = read.found(answer.body)
    included = answer.included(page=False) if any(name == "include" for name, _ in parsed.shape) else None
    body = document.single(data, included)
    id_ = encoding.identifier(request.segments[1]) or ""
    tag = conditional.entity_tag(id_, answer.version, body if parsed.shape else None)
    headers: Headers = [JSON, (b"etag", tag), *PRIVATE]
    if conditional.is_current(request.headers.get(b"if-none-match"), tag):
        return Response(304, headers[1:])
    return Response(200, headers, body)


def _check_accept(accept: bytes | None) -> None:
    if not accept or accept in _ACCEPTED:
        return
    ranges = (part.partition(b";") for part in accept.split(b","))
    if not any(kind.strip().lower() in _ACCEPTED and rest.strip() != b"q=0" for kind, _, rest in ranges):
        raise Problem(Slug.NOT_ACCEPTABLE, "Only application/json is served here.")
