"""The application: settings in, one ASGI callable out."""

import gc
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from db import migrate
from db.driver import DatabaseError, Statement
from diptych import edge, logs, runtime, shell
from diptych.later import Later
from diptych.settings import Settings
from rest.router import Rest
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from services.engine.verify import verify
from services.tokens import Environment

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
    verify(catalog)
    running = runtime.build(settings, settings.database_url, catalog)
    graphql = Later(lambda: _graphql(settings, running))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        _end_with_parent()
        # A request for many rows makes thousands of objects and lets them go, none of them in cycles.
        gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 10, 10)
        graphql.begin()
        yield
        await running.driver.close()

    async def checks() -> dict[str, str]:
        await graphql.ready()
        try:
            rows = await running.driver.fetch(_REVISION, ())
        except DatabaseError as error:
            known = error.sqlstate == "42P01"
            return {
                "database": "ok" if known else "unavailable",
                "migrations": "missing" if known else "unknown",
            }
        current = bool(rows) and rows[0][0] == migrate.head().encode()
        return {"database": "ok", "migrations": "ok" if current else "outdated"}

    return edge.Edge(
        Rest(catalog, running.reader, running.writer, origin=settings.public_url),
        {"/graphql": graphql},
        shell.build(version("diptych"), checks, lifespan, settings.public_url),
        running.authenticator,
        edge.EdgeSettings(tuple(settings.cors_origins), settings.body_limit, settings.public_url),
    )


def _graphql(settings: Settings, running: runtime.Runtime) -> edge.Surface:
    # Loading Strawberry and its like would make a start a third longer.
    from diptych.graphql import GraphQLSurface
    from schema.endpoint import GraphQL
    from schema.endpoint import Settings as GraphQLSettings

    open_to_developers = settings.env is not Environment.PROD
    told = GraphQLSettings(settings.public_url, settings.body_limit, open_to_developers)
    return GraphQLSurface(
        GraphQL(running.reader.catalog, running.reader, running.writer, told),
        page=settings.env is Environment.DEV,
    )


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
