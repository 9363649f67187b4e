"""Starts the embedded PostgreSQL or joins the one that runs, and says how it is doing."""

import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from db.embedded import locks, watcher
from db.embedded.cluster import SUPERUSER, initialise
from db.embedded.errors import EngineError, disk_full, from_os, reports_full_disk
from db.embedded.place import Place, existing, prepare
from db.embedded.processes import live_postmaster
from db.embedded.programs import Programs, environment, find, within_reach

PORT = 5432  # It only names the socket: the server listens on no network address.
DATABASE = "diptych"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
TURN_SECONDS = 330.0
LONGEST_DELAY = 30.0  # seconds between attempts to revive a server that cannot start.
FULL_DISK = 2**20  # bytes left.
LONGEST_LOG = 10 * 2**20
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    # Failed statements are the application's to report; here they would only copy people's data.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
}
# Refused connections are logged as fatal too, but they are not what stopped the server.
FATAL = re.compile(r"(?:FATAL|PANIC):  (?!the database system is )")
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

log = logging.getLogger(__name__)


class Embedded:
    """One process's share in the embedded server, which runs while anybody holds such a share."""

    def __init__(self, data_dir: Path, place: Place, programs: Programs, *, durable: bool) -> None:
        self._data_dir = data_dir
        self._place = place
        self._programs = programs
        self._durable = durable
        self._lease: int | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def dsn(self, database: str = DATABASE) -> str:
        """Return the libpq connection string for `database`."""
        return make_conninfo(host=str(self._place.sockets), port=PORT, user=SUPERUSER, dbname=database)

    def url(self, database: str = DATABASE) -> URL:
        """Return the SQLAlchemy URL for `database`, for the psycopg driver."""
        query = {"host": str(self._place.sockets), "port": str(PORT)}
        return URL.create("postgresql+psycopg", username=SUPERUSER, database=database, query=query)

    def stop(self) -> None:
        """Give up this process's share; when it was the last one, wait for the server to stop."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        os.close(lease)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and locks.is_unshared(self._place.lease):
            if locks.is_free(self._place.watch_lock):
                if self._watcher is not None:
                    self._watcher.wait()
                return
            time.sleep(locks.PAUSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _join(self) -> None:
        self._lease = locks.acquire(
            self._place.lease,
            shared=True,
            patience=START_SECONDS + watcher.STOP_SECONDS,
            busy=f"The PostgreSQL server in {self._place.home} is stopping and does not end: try later.",
        )
        try:
            self._bring_up()
            self._create_database()
        except BaseException:
            self.stop()
            raise
        threading.Thread(target=self._keep_watched, name="embedded-postgres", daemon=True).start()

    def _bring_up(self) -> None:
        """Return once the server answers, launching it (or a watcher for it) where none is watched."""
        deadline = time.monotonic() + START_SECONDS
        mark: int | None = None
        while True:
            if locks.is_free(self._place.watch_lock):
                if mark is not None:
                    raise self._failure(mark)
                mark = self._launch()
            refusal = self._refusal()
            if refusal is None:
                return
            if time.monotonic() > deadline:
                raise EngineError(
                    f"PostgreSQL runs in {self._place.home} but has not answered for {START_SECONDS:.0f} "
                    f"seconds: {refusal.strip()} (see {self._place.log})."
                )
            time.sleep(locks.PAUSE_SECONDS)

    def _launch(self) -> int:
        """Start a watcher and return the size of the log before its first line."""
        place = self._place
        held = locks.acquire(
            place.watch_lock, shared=False, patience=START_SECONDS, busy=f"{place.watch_lock} stays taken."
        )
        try:
            if place.log.exists() and place.log.stat().st_size > LONGEST_LOG:
                place.log.replace(place.log.with_suffix(".log.1"))
            with place.log.open("ab") as output:
                mark = output.tell()
                # The watcher inherits the locked descriptor, so there is no moment without a holder.
                self._watcher = subprocess.Popen(  # noqa: S603 - our own script, no shell.
                    [sys.executable, "-I", "-S", watcher.__file__, json.dumps(self._task())],
                    cwd="/",
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(held,),
                    start_new_session=True,
                )
        finally:
            os.close(held)
        return mark

    def _task(self) -> dict[str, object]:
        place, account = self._place, self._place.account
        return {
            "command": self._command(),
            "data": str(place.data),
            "sockets": str(place.sockets),
            "lease": str(place.lease),
            "serve_lock": str(place.serve_lock),
            "user": [account.uid, account.gid] if account.popen() else None,
            "adopt": live_postmaster(place.data),
        }

    def _command(self) -> list[str]:
        settings = SETTINGS if self._durable else SETTINGS | FORGETFUL_SETTINGS
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        place = self._place
        return [self._programs["postgres"], "-D", str(place.data), "-k", str(place.sockets), *flags]

    def _refusal(self) -> str | None:
        """Return why the server does not take connections yet, None when it does."""
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _create_database(self) -> None:
        try:
            with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if known.fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.errors.DiskFull as error:
            raise disk_full(self._place.home) from error
        except psycopg.Error as error:
            raise EngineError(f"The database '{DATABASE}' could not be created: {error}.") from error

    def _failure(self, mark: int) -> EngineError:
        with self._place.log.open("rb") as output:
            output.seek(mark)
            lines = output.read().decode(errors="replace").splitlines()
        # A log on a full disk stays empty.
        full = shutil.disk_usage(self._place.home).free < FULL_DISK
        if full or any(reports_full_disk(line) for line in lines):
            return disk_full(self._place.home)
        fatal = [line for line in lines if FATAL.search(line)]
        reason = FATAL.split((fatal or lines or ["its log is empty"])[-1])[-1]
        return EngineError(
            f"PostgreSQL did not start in {self._place.home}: {reason} (see {self._place.log})."
        )

    def _keep_watched(self) -> None:
        """Launch another watcher whenever the current one ends while this process holds its share."""
        delay, launched = 0.0, -watcher.SETTLED_SECONDS
        with contextlib.suppress(FileNotFoundError):  # The data folder was deleted under the server.
            while True:
                locks.wait_until_free(self._place.watch_lock)
                if self._watcher is not None:
                    self._watcher.wait()
                settled = time.monotonic() - launched > watcher.SETTLED_SECONDS
                delay = 0.0 if settled else min(delay * 2 + 0.1, LONGEST_DELAY)
                time.sleep(delay)
                if self._lease is None:
                    return
                launched = time.monotonic()
                self._replace_watcher()

    def _replace_watcher(self) -> None:
        try:
            with _turn(self._data_dir):
                if self._lease is not None and locks.is_free(self._place.watch_lock):
                    log.warning("The watcher of %s has ended; another is started.", self._place.home)
                    self._launch()
        except EngineError as error:
            log.warning("%s", error)


@contextlib.contextmanager
def _turn(data_dir: Path) -> Iterator[int]:
    lock = locks.acquire(
        data_dir / "postgres.lock",
        shared=False,
        patience=TURN_SECONDS,
        busy=f"Another process has been starting the database in {data_dir} for too long: end it and retry.",
    )
    try:
        yield lock
    finally:
        os.close(lock)


def start(data_dir: Path, bin_dir: Path | None = None, *, durable: bool = True) -> Embedded:
    """Start the embedded PostgreSQL of `data_dir`, or join it, and return once it answers queries.

    `bin_dir` overrides which programs run. Without `durable` the server forgets what it wrote when the
    machine fails, which suits tests alone. Raises EngineError with a sentence for the operator.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _turn(data_dir) as lock:
            place = prepare(data_dir)
            programs = within_reach(find(bin_dir, place.major), place.account, place.home)
            if place.major is None:
                initialise(place, programs, start_lock=lock, durable=durable)
            embedded = Embedded(data_dir, place, programs, durable=durable)
            embedded._join()
        return embedded
    except OSError as error:
        raise from_os(error, data_dir) from error


def status(data_dir: Path) -> str:
    """Return one sentence about the embedded PostgreSQL of `data_dir`, changing nothing."""
    try:
        place = existing(data_dir)
        if place is None or place.major is None:
            return f"There is no embedded database in {data_dir} yet: the first start makes it."
        pid = live_postmaster(place.data)
    except EngineError as error:
        return str(error)
    except OSError as error:
        return str(from_os(error, data_dir))
    kept = f"Embedded PostgreSQL {place.major} in {place.home}"
    if pid is None:
        return f"{kept} is stopped; the next start takes it up."
    if locks.is_free(place.watch_lock):
        return f"{kept} runs as process {pid} without a watcher; the next start takes it over."
    return f"{kept} runs as process {pid} and listens in {place.sockets}."
