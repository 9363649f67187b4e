"""Looks for a live PostgreSQL server on a folder, whatever its pid file says."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


def live_postmaster(data: Path) -> int | None:
    """Return the pid of the PostgreSQL server that serves `data`, None when there is none.

    The process table is asked rather than postmaster.pid, for a pid file may name a dead process, a
    zombie, or a stranger that was given the same number.
    """
    processes = _linux() if sys.platform == "linux" else _portable()
    for pid, words in processes:
        if words and os.path.basename(words[0]) == "postgres" and _serves(words, data):
            return pid
    return None


def _serves(words: list[str], data: Path) -> bool:
    # Only the server itself keeps its arguments: its children retitle themselves.
    for flag, value in itertools.pairwise(words):
        if flag == "-D":
            return os.path.realpath(value) == str(data)
    return False


def _linux() -> Iterator[tuple[int, list[str]]]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        # A zombie has no arguments, so it is never taken for a server.
        yield int(name), os.fsdecode(line).rstrip("\0").split("\0")


def _portable() -> Iterator[tuple[int, list[str]]]:
    # `ps` joins arguments with spaces, so the folder is cut out between the flags that surround it.
    shown = subprocess.run(
        ["/bin/ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, errors="surrogateescape"
    )
    for line in shown.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        program, flag, rest = command.partition(" -D ")
        if flag:
            yield int(pid), [program.strip(), "-D", rest.partition(" -k ")[0]]
