"""Starts the embedded PostgreSQL or joins the one that runs, and says how it is doing."""

import contextlib
import json
import os
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
from db.embedded.errors import NO_SPACE, EngineError, disk_full, from_os
from db.embedded.place import Place, existing, prepare
from db.embedded.processes import live_postmaster
from db.embedded.programs import Programs, environment, find, within_reach

PORT = 5432  # It only names the socket: the server listens on no network address.
DATABASE = "diptych"
START_SECONDS = 60.0
TURN_SECONDS = 330.0
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
FORGETFUL_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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
        """Give up this process's share; the server stops when it was the last one."""
        lease, self._lease = self._lease, None
        if lease is not None:
            os.close(lease)

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
        self._bring_up()
        self._create_database()
        threading.Thread(target=self._keep_watched, name="embedded-postgres", daemon=True).start()

    def _bring_up(self) -> None:
        """Return once the server answers, launching it (or a watcher for it) where none is watched."""
        deadline = time.monotonic() + START_SECONDS
        mark = -1
        while True:
            if locks.is_free(self._place.watch_lock):
                if mark >= 0:
                    raise self._failure(mark)
                mark = self._launch()
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise EngineError(
                    f"PostgreSQL was started in {self._place.home} but has not answered for "
                    f"{START_SECONDS:.0f} seconds; it may be recovering: see {self._place.log}."
                )
            time.sleep(locks.PAUSE_SECONDS)

    def _launch(self) -> int:
        """Start a watcher and return the size of the log before its first line."""
        place = self._place
        held = locks.acquire(
            place.watch_lock, shared=False, patience=START_SECONDS, busy="The watcher's lock is taken."
        )
        account = place.account
        task = {
            "command": self._command(),
            "data": str(place.data),
            "sockets": str(place.sockets),
            "lease": str(place.lease),
            "log": str(place.log),
            "user": [account.uid, account.gid] if account.popen() else None,
            "adopt": live_postmaster(place.data),
        }
        if place.log.exists() and place.log.stat().st_size > LONGEST_LOG:
            place.log.replace(place.log.with_suffix(".log.1"))
        # The watcher inherits the locked descriptor, so there is no moment without a holder.
        with place.log.open("ab") as log:
            mark = log.tell()
            self._watcher = subprocess.Popen(  # noqa: S603 - our own script, no shell.
                [sys.executable, "-I", "-S", watcher.__file__, json.dumps(task)],
                cwd="/",
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(held,),
                start_new_session=True,
            )
        os.close(held)
        return mark

    def _command(self) -> list[str]:
        settings = SETTINGS if self._durable else SETTINGS | FORGETFUL_SETTINGS
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        place = self._place
        return [self._programs["postgres"], "-D", str(place.data), "-k", str(place.sockets), *flags]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

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
        with self._place.log.open("rb") as log:
            log.seek(mark)
            lines = log.read().decode(errors="replace").splitlines()
        if any(NO_SPACE in line for line in lines):
            return disk_full(self._place.home)
        fatal = [line for line in lines if "FATAL:" in line or "PANIC:" in line]
        reason = (fatal or lines or ["its log is empty"])[-1].split("FATAL:")[-1].split("PANIC:")[-1].strip()
        return EngineError(
            f"PostgreSQL did not start in {self._place.home}: {reason} (see {self._place.log})."
        )

    def _keep_watched(self) -> None:
        """Launch another watcher whenever the current one ends while this process holds its share."""
        delay = 0.1
        while True:
            locks.wait_until_free(self._place.watch_lock)
            if self._watcher is not None:
                self._watcher.wait()
            if self._lease is None:
                return
            began = time.monotonic()
            with contextlib.suppress(EngineError, OSError), _turn(self._data_dir):
                if self._lease is not None and locks.is_free(self._place.watch_lock):
                    self._launch()
            time.sleep(delay)
            delay = 0.1 if time.monotonic() - began > watcher.SETTLED_SECONDS else min(delay * 2, 30.0)


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
    embedded = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _turn(data_dir) as lock:
            place = prepare(data_dir)
            programs = within_reach(find(bin_dir, place.major), place.account, place.home)
            embedded = Embedded(data_dir, place, programs, durable=durable)
            if place.major is None:
                initialise(place, programs, start_lock=lock, durable=durable)
            embedded._join()
        return embedded
    except OSError as error:
        raise from_os(error, data_dir) from error
    except BaseException:
        if embedded is not None:
            embedded.stop()
        raise


def status(data_dir: Path) -> str:
    """Return one sentence about the embedded PostgreSQL of `data_dir`, changing nothing."""
    try:
        place = existing(data_dir)
        if place is None or place.major is None:
            return f"There is no embedded database in {data_dir} yet: the first start makes it."
        pid = live_postmaster(place.data)
    except EngineError as error:
        return str(error)
    kept = f"Embedded PostgreSQL {place.major} in {place.home}"
    if pid is None:
        return f"{kept} is stopped; the next start takes it up."
    if locks.is_free(place.watch_lock):
        return f"{kept} runs as process {pid} without a watcher; the next start takes it over."
    return f"{kept} runs as process {pid} and listens in {place.sockets}."
