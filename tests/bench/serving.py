"""Starts the servers under test, each one process on its own core, and ends exactly those."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.bench import meter
from tests.bench.stage import SERVER_CORE
from tests.bench.targets import Target, inherited

START_SECONDS = 60.0


class Servers:
    """The processes this run has started, ended on any way out."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self._started: list[subprocess.Popen[bytes]] = []
        atexit.register(self.stop)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)

    def start(self, target: Target) -> tuple[int, int]:
        """Start `target` and return its process id and its port once it accepts connections."""
        port = free_port()
        process = self.spawn(
            target.command(port), target.environment(port), target.folder, log=f"{target.name}.log"
        )
        self._await(process, port, target.name)
        return process.pid, port

    def spawn(
        self, command: Sequence[str], environment: dict[str, str], folder: Path, log: str
    ) -> subprocess.Popen[bytes]:
        """Start `command` on the servers' core, its output going to the file `log`."""
        with (self._log_folder / log).open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_on_server_core if meter.can_pin() else None,
            )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End the processes and wait for them."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self._started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started.clear()

    def _await(self, process: subprocess.Popen[bytes], port: int, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            time.sleep(0.1)
        written = (self._log_folder / f"{name}.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{name} did not start; its output ends with:\n{written}")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _on_server_core() -> None:
    os.sched_setaffinity(0, {SERVER_CORE})


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
