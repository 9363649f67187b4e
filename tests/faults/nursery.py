"""A process that has the whole application ready and forks workers from itself, to be killed.

Run as `python -m tests.faults.nursery OPTIONS`, where OPTIONS is JSON. Commands arrive as lines of JSON and
each is answered by one line; when its input ends, so do the workers. The workers share one listening socket,
which outlives them: who calls while there is none is served by the next.
"""

import gc
import json
import os
import signal
import socket
import sys
import time
from typing import Any

import uvicorn

import schema.endpoint  # noqa: F401 - imported once, here, rather than by every worker.
from diptych import logs
from diptych.app import create_app
from diptych.edge import Application, Edge
from diptych.protocol import Protocol
from tests.faults import suicide
from tests.faults.mutants import change
from tests.support.seed import settings

STOP_SECONDS = 10
PATIENCE_SECONDS = 30


class Nursery:
    """Forks, ends and buries workers."""

    def __init__(self, application: Application, listener: socket.socket) -> None:
        self._application = application
        self._listener = listener
        self._workers: set[int] = set()

    def obey(self, command: dict[str, Any]) -> int:
        """Do one thing; return the pid of what was forked, or the status of what has ended."""
        match command:
            case {"fork": options}:
                return self._fork(options)
            case {"end": pid, "signal": number}:
                os.kill(pid, number)
                return self._bury(pid)
            case {"await": pid}:
                return self._bury(pid)
        raise ValueError(f"unknown command {command}")

    def close(self) -> None:
        """Kill whatever worker is left."""
        for pid in list(self._workers):
            os.kill(pid, signal.SIGKILL)
            self._bury(pid)

    def _fork(self, options: dict[str, Any]) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                self._work(options)
            finally:
                os._exit(1)
        self._workers.add(pid)
        return pid

    def _bury(self, pid: int) -> int:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"worker {pid} does not end")
            time.sleep(0.001)
        self._workers.discard(pid)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _work(self, options: dict[str, Any]) -> None:
        """Serve as a worker of `diptych serve` does; answers of the nursery are not a worker's to write."""
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        change(options.pop("mutant", None))
        suicide.plan(**options)
        config = uvicorn.Config(
            self._application,
            loop="uvloop",
            http=Protocol,
            ws="none",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            log_config=None,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        # uvicorn ends gracefully and then repeats the signal.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        uvicorn.Server(config).run(sockets=[self._listener])


def main() -> None:
    """Prepare, tell the port, and obey until the input ends."""
    options = json.loads(sys.argv[1])
    logs.configure()
    os.environ["DIPTYCH_PARENT"] = str(os.getpid())
    application = create_app(settings(options["database"], database_connections=options["connections"]))
    assert isinstance(application, Edge)
    for surface in application._surfaces.values():
        # The thread that makes it has ended before the first fork.
        surface.begin().result()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        gc.collect()
        gc.freeze()
        _tell(listener.getsockname()[1])
        nursery = Nursery(application, listener)
        try:
            for line in sys.stdin:
                _tell(nursery.obey(json.loads(line)))
        finally:
            nursery.close()


def _tell(number: int) -> None:
    print(number, flush=True)


if __name__ == "__main__":
    main()
