"""A `diptych serve` of its own, and every process that belongs to it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import psutil

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


def eventually(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds, and fail when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a process that is told nothing but `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIPTYCH_")}
    return kept | {"PYTHONPATH": str(ROOT)} | settings


class Server:
    """`diptych serve` in `folder`, on a port that the system chooses unless told otherwise."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.folder = folder
        self.lines: list[str] = []
        port = () if "DIPTYCH_PORT" in settings else ("--port", "0")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "diptych", "serve", *port, *options],
            cwd=folder,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def announced(self, name: str) -> str:
        """Return what the server said after `name`, waiting until it does."""
        assert self.process.stdout is not None
        while True:
            for line in self.lines:
                if line.startswith(f"{name} "):
                    return line.split(maxsplit=1)[1].strip()
            line = self.process.stdout.readline()
            assert line, self.complaint()
            self.lines.append(line)

    @property
    def base(self) -> str:
        """Return the server's address."""
        return self.announced("REST").removesuffix("/api/v1/products")

    def get(self, path: str, token: str | None = None) -> tuple[int, object]:
        """Return status and JSON of a GET, waiting for a server that is still starting."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(self.base + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
                return response.status, orjson.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, orjson.loads(error.read())

    def interrupt(self) -> int:
        """Press Ctrl-C, which reaches the whole process group, and return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)

    def signal(self, number: int) -> int:
        """Send one signal to the first process alone and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def complaint(self) -> str:
        """Return what the server wrote to its error stream, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def running(self) -> list[list[str]]:
        """Return every live process of this folder: servers, workers, watcher, database."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                words = process.cmdline()
                ours = any(str(self.folder) in word for word in (*words, process.cwd()))
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(words)
        return found

    def close(self) -> None:
        """End whatever is left of the server, and its pipes."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[Server]:
    """Start a server in `folder` and leave nothing of it running."""
    server = Server(folder, *options, **settings)
    try:
        yield server
    finally:
        server.close()
        eventually(lambda: not server.running())
