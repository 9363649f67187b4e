"""The whole application on a given database, started and stopped as a server would."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from db.driver import Driver
from diptych import edge
from diptych.app import create_app
from services.catalog import CATALOG
from services.engine.catalog import Catalog
from tests.support import seed


@asynccontextmanager
async def running(
    database: str, catalog: Catalog = CATALOG, **changes: Any
) -> AsyncIterator[edge.Application]:
    """Run the application through its lifespan (ASGI); `changes` are settings."""
    application = create_app(seed.settings(database, **changes), catalog)
    events: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    answers: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    life = asyncio.create_task(application(scope, events.get, answers.put))  # type: ignore[arg-type]  # A coroutine.
    await events.put({"type": "lifespan.startup"})
    assert (await answers.get())["type"] == "lifespan.startup.complete"
    try:
        yield application
    finally:
        await events.put({"type": "lifespan.shutdown"})
        assert (await answers.get())["type"] == "lifespan.shutdown.complete"
        await life


def driver_of(application: edge.Application) -> Driver:
    """Return the application's driver, whose counters tell what reached the database."""
    assert isinstance(application, edge.Edge)
    return application._authenticator._driver
