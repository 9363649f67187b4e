"""Makes a new database folder that is either complete or absent."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from db.embedded.errors import EngineError, disk_full, reports_full_disk
from db.embedded.place import Place
from db.embedded.programs import Programs, environment

DRAFT_PREFIX = "pgdata.new-"
SUPERUSER = "postgres"
SMALLEST_DISK = 100 * 2**20
INITDB_SECONDS = 300
# The built-in provider sorts alike on every system; it came with version 17.
FIRST_BUILTIN_LOCALE = 17


def initialise(place: Place, programs: Programs, *, start_lock: int, durable: bool) -> None:
    """Initialise the database folder of `place` beside its final name, then rename it.

    The descriptor `start_lock` is given to `initdb`, so that nobody starts the server while an
    `initdb` whose parent was killed is still writing. Raises EngineError.
    """
    for leftover in place.home.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if place.data.exists() and any(place.data.iterdir()):
        raise EngineError(
            f"{place.data} holds files but no PG_VERSION, so it is no complete database: restore it from a "
            "backup, or move it away to start empty."
        )
    free = shutil.disk_usage(place.home).free
    if free < SMALLEST_DISK:
        raise EngineError(
            f"The disk that holds {place.home} is too full for a new database: it has {free // 2**20} MB "
            f"free and needs {SMALLEST_DISK // 2**20} MB."
        )
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=place.home))
    try:
        os.chown(draft, place.account.uid, place.account.gid)
        _run_initdb(draft, place, programs, start_lock, durable)
        draft.rename(place.data)
        _sync(place.home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _run_initdb(draft: Path, place: Place, programs: Programs, start_lock: int, durable: bool) -> None:
    command = [programs["initdb"], "-D", str(draft), "-U", SUPERUSER, "-A", "trust", "--no-instructions"]
    command += [*_locale(programs), *_sync_method(programs, durable)]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, no shell.
            command,
            cwd="/",
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INITDB_SECONDS,
            pass_fds=(start_lock,),
            **place.account.popen(),
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"PostgreSQL's initdb did not end within {INITDB_SECONDS} seconds.") from error
    if done.returncode == 0:
        return
    if reports_full_disk(done.stderr):
        raise disk_full(place.home)
    last = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1].rstrip(".")
    raise EngineError(f"PostgreSQL could not initialise a database in {place.home}: {last}.")


def _locale(programs: Programs) -> list[str]:
    if programs.major >= FIRST_BUILTIN_LOCALE:
        return ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["-E", "UTF8", "--locale=C.UTF-8", "--lc-messages=C"]


def _sync_method(programs: Programs, durable: bool) -> list[str]:
    if not durable:
        return ["--no-sync"]
    # One syncfs is several times faster than a thousand fsyncs, where the system has it.
    if programs.major >= FIRST_BUILTIN_LOCALE and sys.platform == "linux":
        return ["--sync-method=syncfs"]
    return []


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
