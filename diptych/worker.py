"""Periodic work: what nobody asks for and must be done all the same, beside a server or on its own."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import click

from db.driver import DatabaseUnavailable, Driver
from db.migrate import conninfo
from db.sweeping import sweep
from diptych import logs
from diptych.engines import database
from diptych.settings import Settings

_FIRST_BACKOFF = 1.0
_STATEMENT_SECONDS = 30.0
_PATIENCE_SECONDS = 5.0

_log = logging.getLogger("diptych.worker")


class Worker:
    """Does the periodic work at once and then every `pause` seconds; after a failure it tries again sooner.

    Any number may work on one database: what one is at, the others leave to it. `pooled` says that a pooler
    in transaction mode is in between. Raises DatabaseUnavailable if the address of the database is malformed.
    """

    def __init__(self, url: str, *, pause: float, pooled: bool = False) -> None:
        self._pause = pause
        # Connections are made for each round, so that none idles and none is lost meanwhile.
        self._driver = partial(
            Driver,
            conninfo(url),
            size=1,
            statement_timeout=_STATEMENT_SECONDS,
            application_name="diptych worker",
            prepare=not pooled,
            startup_options=not pooled,
        )
        # A malformed address is told at once, since no later round would find it better.
        self._driver()
        self._backoff = _FIRST_BACKOFF

    async def run(self) -> None:
        """Work until cancelled, whatever fails meanwhile."""
        while True:
            pause = await self._round()
            await asyncio.sleep(pause)

    async def _round(self) -> float:
        """Do all there is to do; return the seconds until the next round."""
        try:
            await self._work()
        except Exception as error:
            pause, self._backoff = min(self._backoff, self._pause), self._backoff * 2
            _log.warning("The periodic work failed.", extra={"error": str(error), "again_in_seconds": pause})
            return pause
        self._backoff = _FIRST_BACKOFF
        return self._pause

    async def _work(self) -> None:
        driver = self._driver()
        try:
            await sweep(driver)
        finally:
            await driver.close()


def work(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C, with the embedded database unless one is configured.

    A configured one is expected to be there and migrated at some time, and may come and go.
    """
    logs.configure()
    configured = settings.database_url
    with database(settings) if configured is None else nullcontext(configured) as url:
        try:
            worker = _worker(settings, url)
        except DatabaseUnavailable as error:
            raise click.ClickException(error.message) from None
        asyncio.run(_until_told(worker))


@contextmanager
def working(settings: Settings, url: str) -> Iterator[None]:
    """Work in a thread for as long as the block runs; it cannot outlive the process, however that ends."""
    logs.configure()
    loop = asyncio.new_event_loop()
    task = loop.create_task(_worker(settings, url).run())
    thread = threading.Thread(target=_run, args=(loop, task), name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(_PATIENCE_SECONDS)
        if not thread.is_alive():
            loop.close()


def _worker(settings: Settings, url: str) -> Worker:
    pooled = settings.database_pooler == "transaction"
    return Worker(url, pause=settings.worker_seconds, pooled=pooled)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        loop.run_until_complete(task)


async def _until_told(worker: Worker) -> None:
    task = asyncio.create_task(worker.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    click.echo("The worker runs.")
    with suppress(asyncio.CancelledError):
        await task
