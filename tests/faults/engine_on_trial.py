"""Applications to kill on their own embedded server, and proof that nothing outlives them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg

import db.embedded
from db.embedded import start
from db.embedded.place import Place, existing
from db.embedded.processes import live_postmaster

PATIENCE_SECONDS = 20
APPLICATION = """
import pathlib, sys
from db.embedded import EngineError, start
try:
    server = start(pathlib.Path(sys.argv[1]))
except EngineError as error:
    sys.exit(str(error))
print(server.dsn(), flush=True)
sys.stdin.read()
"""


def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds, and fail when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


class Application:
    """A process of its own that uses the embedded server until it is ended or killed."""

    def __init__(self, folder: Path, python: str, **options: object) -> None:
        search = [str(Path(db.embedded.__file__).parents[2]), *options.pop("search", ())]
        self.process = subprocess.Popen(
            [python, "-c", APPLICATION, str(folder)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(search)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def dsn(self) -> str:
        """Wait until the application is served, and return its connection string."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return line.strip()

    def end(self) -> str:
        """End the application as its user would, and return what it complained of."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        complaint = self.process.stderr.read()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        return complaint

    def kill(self) -> None:
        self.process.kill()
        self.end()


class Seen(NamedTuple):
    """A process as it was when it was looked at."""

    pid: int
    user: str
    command: list[str]

    @property
    def program(self) -> str:
        """The program's path or title, empty for a process that is just ending."""
        return self.command[0] if self.command else ""


class Engine:
    """A data folder, the applications on it and the processes that serve it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.applications: list[Application] = []

    def application(self, python: str = sys.executable, **options: object) -> Application:
        self.applications.append(Application(self.folder, python, **options))
        return self.applications[-1]

    @property
    def place(self) -> Place:
        place = existing(self.folder)
        assert place is not None
        return place

    def postmaster(self) -> int | None:
        return live_postmaster(self.place.data)

    def watcher(self) -> int | None:
        pids = [seen.pid for seen in self.running() if any("watcher.py" in word for word in seen.command)]
        assert len(pids) <= 1
        return pids[0] if pids else None

    def running(self) -> list[Seen]:
        """Return every live process of this folder: applications, watcher, initdb, server, backends."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                seen = Seen(process.pid, process.username(), process.cmdline())
                ended = process.status() == psutil.STATUS_ZOMBIE
                if not ended and any(str(self.folder) in word for word in (*seen.command, process.cwd())):
                    found.append(seen)
        return found

    def crash(self, application: Application) -> None:
        """Kill the application, the watcher and the server with no time for any to react to the others."""
        os.kill(application.process.pid, signal.SIGSTOP)
        for pid in (self.watcher(), self.postmaster(), application.process.pid):
            os.kill(pid, signal.SIGKILL)
        application.end()
        eventually(lambda: not self.running())

    def rows(self) -> int:
        """Start the engine here once more, return how many rows it kept and stop it."""
        with start(self.folder) as server:
            return count_rows(server.dsn())

    def log(self) -> str:
        return self.place.log.read_text()


def write_rows(dsn: str, count: int) -> None:
    """Commit `count` rows."""
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, %s) AS number", [count])


def count_rows(dsn: str) -> int:
    """Return how many rows are there."""
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]
