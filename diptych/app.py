"""The application: settings in, one ASGI callable out."""

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI

from db import migrate
from db.driver import DatabaseError, Driver, Statement
from diptych import edge, logs, runtime, shell
from diptych.entrance import Entrance, networks
from diptych.later import Later
from diptych.notices import notices
from diptych.origins import Origins
from diptych.settings import Settings
from diptych.together import Together
from rest.router import Rest
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.deployment import JudgedOperation
from services.engine.errors import Invalid
from services.engine.verify import verify
from services.engine.verify_deprecations import overdue
from services.engine.watching import Watch
from services.tokens import Environment

if TYPE_CHECKING:
    from diptych.graphql import GraphQLSurface

_log = logging.getLogger("diptych")

_OBJECTS_BETWEEN_LOOKS = 20_000
_REVISION = Statement(migrate.CURRENT_REVISION_SQL)


def create() -> edge.Application:
    """Return the application that the environment describes (for `uvicorn --factory`)."""
    logs.configure()
    return create_app(Settings())


def create_app(settings: Settings, catalog: Catalog = CATALOG) -> edge.Application:
    """Return the application that serves `catalog`; raises VerificationFailed if a declaration is unsound."""
    if settings.database_url is None:
        raise ValueError("The application needs a database; `diptych serve` starts one by itself.")
    _check(catalog)

    async def judge(text: str) -> JudgedOperation | Sequence[Invalid]:
        return await (await graphql.ready()).judge(text)

    running = runtime.build(settings, settings.database_url, catalog, judge)
    graphql = Later(lambda: _graphql(settings, running))
    told = version("diptych")
    # Agents come seldom, so what they need is loaded when the first of them does.
    agents = Later(lambda: _mcp(settings, running, rest, told))
    surfaces: dict[str, Later[edge.Surface]] = {"/graphql": graphql, "/mcp": agents}
    rest = Rest(
        catalog,
        running.reader,
        running.writer,
        origin=settings.public_url,
        version=told,
        surfaces=tuple(surfaces),
        sdl=_sdl(graphql),
    )
    checks, lifespan = Together(_checks(running, graphql)), _lifespan(settings, running, graphql, rest)
    around = shell.build(
        told, checks, lifespan, settings.public_url, catalog=catalog, surfaces=tuple(surfaces)
    )
    return edge.Edge(
        rest,
        surfaces,
        around,
        running.authenticator,
        running.limiter,
        Watch(running.database),
        notices(catalog, running.tally, settings.deprecation_style, settings.public_url),
        _at_the_edge(settings),
    )


def _at_the_edge(settings: Settings) -> edge.EdgeSettings:
    return edge.EdgeSettings(
        tuple(settings.cors_origins),
        settings.body_limit,
        settings.public_url,
        rate_aliases=settings.rate_headers == "all",
        entrance=_entrance(settings),
    )


def _checks(running: runtime.Runtime, graphql: Later[edge.Surface]) -> shell.Checks:
    async def checks() -> dict[str, str]:
        await graphql.ready()
        found = await _checked(running.driver)
        if running.limiter.lost is not None:
            found["redis"] = "unavailable" if running.limiter.lost else "ok"
        return found

    return checks


def _check(catalog: Catalog) -> None:
    """Raise VerificationFailed if a declaration is unsound, and warn of what should have been gone by now."""
    verify(catalog)
    for sentence in overdue(catalog, datetime.now(UTC).date()):
        _log.warning(sentence)


def _lifespan(
    settings: Settings, running: runtime.Runtime, graphql: Later[edge.Surface], rest: Rest
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _end_with_parent()
        # A request for many rows makes thousands of objects and lets them go, none of them in cycles.
        gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 10, 10)
        graphql.begin()
        await running.limiter.open()
        noting = asyncio.create_task(running.note_uses(settings.token_use_seconds))
        describing = asyncio.create_task(rest.library.prepare())
        metering = asyncio.create_task(running.meter(settings.usage_seconds))
        yield
        describing.cancel()
        noting.cancel()
        metering.cancel()
        # What has been spent is written down before the connections close.
        for found in await asyncio.gather(metering, return_exceptions=True):
            if isinstance(found, Exception):
                _log.warning("It was not written down what was spent last: %s", found)
        await running.limiter.close()
        await running.driver.close()

    return lifespan


def _entrance(settings: Settings) -> Entrance:
    return Entrance(
        networks(settings.trusted_proxies),
        settings.https_required,
        settings.public_url,
        settings.header_limit,
    )


async def _checked(driver: Driver) -> dict[str, str]:
    try:
        rows = await driver.fetch(_REVISION, ())
    except DatabaseError as error:
        known = error.sqlstate == "42P01"
        return {
            "database": "ok" if known else "unavailable",
            "migrations": "missing" if known else "unknown",
        }
    current = bool(rows) and rows[0][0] == migrate.head().encode()
    return {"database": "ok", "migrations": "ok" if current else "outdated"}


def _graphql(settings: Settings, running: runtime.Runtime) -> "GraphQLSurface":
    # Loading Strawberry and its like would make a start a third longer.
    from diptych.graphql import GraphQLSurface
    from schema.endpoint import GraphQL
    from schema.endpoint import Settings as GraphQLSettings

    open_to_developers = settings.env is not Environment.PROD
    trusted = settings.operations == "trusted"
    told = GraphQLSettings(settings.public_url, settings.body_limit, open_to_developers, trusted=trusted)
    return GraphQLSurface(
        GraphQL(running.reader.catalog, running.reader, running.writer, told),
        page=settings.env is Environment.DEV,
    )


def _mcp(settings: Settings, running: runtime.Runtime, rest: Rest, told: str) -> edge.Surface:
    from diptych.mcp import McpSurface
    from rest.mcp.protocol import Protocol

    protocol = Protocol(
        rest.offer, running.reader, told, body_limit=settings.body_limit, site=settings.public_url
    )
    origins = Origins(tuple(settings.cors_origins), settings.public_url)
    return McpSurface(protocol, origins, settings.public_url)


def _sdl(graphql: "Later[GraphQLSurface]") -> Callable[[], Awaitable[str]]:
    async def sdl() -> str:
        return await (await graphql.ready()).sdl()

    return sdl


def _end_with_parent() -> None:
    """End a worker whose parent was killed, so that nothing is left running."""
    parent = os.environ.get("DIPTYCH_PARENT")
    if parent is None or int(parent) == os.getpid():
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
