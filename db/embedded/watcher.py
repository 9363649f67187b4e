"""The process that owns the embedded server: restarts it when it dies, stops it after its last user.

Run as a script with the standard library alone; its one argument is JSON with the keys `command`,
`data`, `sockets`, `lease`, `serve_lock`, `user` ([uid, gid] or null) and `adopt` (a running server's pid
or null).
"""

import fcntl
import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from typing import Any

PID_FILE = "postmaster.pid"
SOCKET_LOCK = ".s.PGSQL.5432.lock"
STATE_LINE = 7
SETTLED_SECONDS = 5.0
MOST_STRIKES = 6
STOP_SECONDS = 60.0
ORPHAN_SECONDS = 20.0  # A killed server's children notice within moments, unless they compute.


class Watcher:
    """Keeps one server running until its last user has gone."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.pid: int | None = task["adopt"]
        self.child: subprocess.Popen[bytes] | None = None
        self.unwanted = threading.Event()
        self.turn = threading.Lock()

    def run(self) -> int:
        """Return 0 once the server has no users, 1 when it cannot be started or kept alive."""
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self.stop, daemon=True).start())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        threading.Thread(target=self.stop_after_last_user, daemon=True).start()
        if self.pid is not None:
            _wait_for(self.pid)
            with self.turn:
                self.pid = None
        strikes = 0
        while not self.unwanted.is_set():
            began = time.monotonic()
            self.serve()
            strikes = 1 if time.monotonic() - began > SETTLED_SECONDS else strikes + 1
            if not self.unwanted.is_set() and (strikes > MOST_STRIKES or not self.was_up()):
                return 1
            self.unwanted.wait(0.1 * (2**strikes - 2))
        return 0

    def serve(self) -> None:
        """Start the server, unless it is no longer wanted, and wait for its end."""
        held = self.wait_for_orphans()
        with self.turn:
            if not self.unwanted.is_set():
                _forget_pid(self.task["data"], PID_FILE)
                _forget_pid(self.task["sockets"], SOCKET_LOCK)
                self.child = self.spawn(held)
                self.pid = self.child.pid
        # From here on the server's processes hold the lock, and they alone.
        os.close(held)
        if self.child is not None:
            self.child.wait()
        with self.turn:
            self.pid = None

    def spawn(self, held: int) -> subprocess.Popen[bytes]:
        """Start the server's process as the account that owns the data."""
        user = self.task["user"]
        account = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        return subprocess.Popen(  # noqa: S603 - our starter's own command, no shell.
            self.task["command"], cwd="/", stdin=subprocess.DEVNULL, pass_fds=(held,), umask=0o077, **account
        )

    def wait_for_orphans(self) -> int:
        """Return the locked descriptor that a server needs, once no process of an earlier one is left."""
        descriptor = os.open(self.task["serve_lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SystemExit("FATAL:  processes of an earlier server are still running") from None
                time.sleep(0.02)
            else:
                return descriptor

    def stop(self) -> None:
        """Ask the server for a fast shutdown, and for an immediate one when that takes too long."""
        with self.turn:
            self.unwanted.set()
            self.signal(signal.SIGINT)
        time.sleep(STOP_SECONDS)
        with self.turn:
            self.signal(signal.SIGQUIT)

    def signal(self, number: int) -> None:
        """Send a signal to the server if it runs."""
        if self.pid is not None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                self.pid = None

    def stop_after_last_user(self) -> None:
        """Stop the server once no process holds the lease, and keep new users waiting meanwhile."""
        lease = os.open(self.task["lease"], os.O_RDWR)
        fcntl.flock(lease, fcntl.LOCK_EX)
        self.stop()

    def was_up(self) -> bool:
        """Tell whether the server that just ended had been serving: a clean end, or none at all."""
        if self.child is not None and self.child.returncode == 0:
            return True
        try:
            with open(os.path.join(self.task["data"], PID_FILE), encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError):
            return False
        return len(lines) > STATE_LINE and lines[STATE_LINE].strip() == "ready"


def _wait_for(pid: int) -> None:
    """Block until a process that is not our child ends."""
    if sys.platform == "linux":
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        select.select([handle], [], [])
        os.close(handle)
        return
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)


def _forget_pid(folder: str, name: str) -> None:
    """Make a lock file left by a dead server name this process instead of a pid that may mean anyone.

    PostgreSQL takes its parent's pid for a stale one, yet still reads the file's shared memory key and
    refuses to start beside living backends; deleting the file would lose that check. An empty or
    damaged file holds no key, so it is removed. No server is alive here: our starter made sure.
    """
    where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # The folder belongs to an unprivileged account while we may be root, so no link is followed.
        file = os.open(name, os.O_RDWR | os.O_NOFOLLOW, dir_fd=where)
    except FileNotFoundError:
        os.close(where)
        return
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise SystemExit(f"FATAL:  {folder}/{name} is not a plain file")
    lines = os.read(file, 4096).split(b"\n")
    if lines[0].strip().isdigit():
        lines[0] = str(os.getpid()).encode()
        text = b"\n".join(lines[:STATE_LINE]) + b"\n"
        # Written before it is cut, for a full disk might not give a freed block back.
        os.pwrite(file, text, 0)
        os.ftruncate(file, len(text))
    else:
        os.unlink(name, dir_fd=where)
    os.close(file)
    os.close(where)


if __name__ == "__main__":
    sys.exit(Watcher(json.loads(sys.argv[1])).run())
