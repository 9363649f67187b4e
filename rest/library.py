"""The documents below the base path that need no token: what the API is, for machines and for models."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from rest.agents.text import text
from rest.http import BASE, Headers, Request, Response
from rest.openapi import serving
from rest.published import Forms, Published, publish
from services.engine.catalog import Catalog
from services.engine.errors import bad_request, not_found

INDEX, AGENTS, SCHEMA = "", "agents", "schema.graphql"

CATALOGUE_LINK = b'</.well-known/api-catalog>; rel="api-catalog"'
"""Where the catalogue of APIs is, as a header says it (RFC 9727, section 3)."""

_LINKS: Headers = [
    (
        b"link",
        CATALOGUE_LINK
        + b', </api/v1/openapi.json>; rel="service-desc"; type="application/openapi+json"'
        + b', </api/v1/agents>; rel="service-doc"; type="text/markdown"',
    )
]


class Library:
    """The documents of one server, each made beside the requests when it is first asked for.

    `sdl` returns the GraphQL schema in its own language; without it there is none. `surfaces` are the paths
    of the other surfaces.
    """

    def __init__(
        self,
        catalog: Catalog,
        version: str,
        *,
        surfaces: Sequence[str] = (),
        sdl: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._catalog, self._version, self._surfaces = catalog, version, surfaces
        self._documents: serving.Documents | None = None
        self._makers: dict[str, Callable[[], Awaitable[Forms]]] = {
            INDEX: partial(asyncio.to_thread, self._index),
            AGENTS: partial(asyncio.to_thread, self._agents),
        }
        if sdl is not None:
            self._makers[SCHEMA] = partial(_schema, sdl)
        for module in catalog.modules:
            own = partial(asyncio.to_thread, self._agents, module.name)
            self._makers[f"{AGENTS}/{module.name}"] = own
        self._made: dict[str, Forms] = {}
        self._one_at_a_time = asyncio.Lock()

    def holds(self, segments: tuple[str, ...]) -> bool:
        """Tell whether these path segments below the base lead to a document."""
        if segments[0] in (serving.NAME, AGENTS):
            # The second segment names a module.
            return len(segments) <= 2
        return len(segments) == 1 and segments[0] in self._makers

    async def prepare(self) -> None:
        """Make what is asked for most."""
        await self._described()

    async def answer(self, request: Request) -> Response:
        """Return the response to a request of a document; raises the 400, 404 and 406 problems."""
        if request.query:
            raise bad_request(f"{request.path} takes no query parameters.")
        name = request.segments[0]
        if name == serving.NAME:
            return (await self._described()).answer(request)
        if len(request.segments) > 1:
            name = f"{name}/{self._module(request)}"
        more = _LINKS if name == INDEX else None
        return publish(await self._forms(name), request.headers, more=more)

    async def _described(self) -> serving.Documents:
        if self._documents is None:
            self._documents = await asyncio.to_thread(serving.Documents, self._catalog, self._version)
        return self._documents

    async def _forms(self, name: str) -> Forms:
        if name not in self._made:
            # Whoever asks meanwhile waits for the same.
            async with self._one_at_a_time:
                if name not in self._made:
                    self._made[name] = await self._makers[name]()
        return self._made[name]

    def _module(self, request: Request) -> str:
        """Return the module that a request names; raises the 404 problem."""
        found = next((each for each in self._catalog.modules if each.name == request.segments[1]), None)
        if found is None:
            raise not_found(f"There is nothing at {request.path}.")
        return found.name

    def _agents(self, module: str | None = None) -> Forms:
        return _texts(text(self._catalog, self._version, module), b"text/markdown", b"text/plain")

    def _index(self) -> Forms:
        return {
            b"application/json": Published.of({"data": index(self._catalog, self._version, self._surfaces)})
        }


async def _schema(sdl: Callable[[], Awaitable[str]]) -> Forms:
    return await asyncio.to_thread(_texts, await sdl(), b"text/plain", b"application/graphql")


def _texts(found: str, *kinds: bytes) -> Forms:
    made = Published.of_bytes(found.encode())
    return {kind + b"; charset=utf-8": made for kind in kinds}


def index(catalog: Catalog, version: str, surfaces: Sequence[str]) -> dict[str, Any]:
    """Return what the base path itself tells: where everything is."""
    return {
        "name": "Diptych API",
        "version": version,
        "links": {
            "self": BASE,
            "openapi": f"{BASE}/{serving.NAME}",
            "agents": f"{BASE}/{AGENTS}",
            "graphql_schema": f"{BASE}/{SCHEMA}",
            "enums": f"{BASE}/enums",
            "token": f"{BASE}/token",
            "api_catalog": "/.well-known/api-catalog",
            "problems": "/problems",
            "docs": "/docs",
            **{surface.strip("/"): surface for surface in surfaces},
        },
        "resources": {resource.plural: f"{BASE}/{resource.path}" for resource in catalog},
    }
