"""File locks that the kernel frees when their holder ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path

from db.embedded.errors import EngineError

PAUSE_SECONDS = 0.01


def acquire(path: Path, *, shared: bool, patience: float, busy: str) -> int:
    """Lock `path`, waiting at most `patience` seconds, and return the descriptor that holds the lock.

    Closing the descriptor frees the lock. Raises EngineError with the sentence `busy` when time is up.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while not _try(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise EngineError(busy)
        time.sleep(PAUSE_SECONDS)
    return descriptor


def is_free(path: Path) -> bool:
    """Tell whether no process holds an exclusive lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def is_unshared(path: Path) -> bool:
    """Tell whether no process shares the lock on `path`: nobody holds it, or one holds it exclusively."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _try(descriptor, fcntl.LOCK_EX) or not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def wait_until_free(path: Path) -> None:
    """Block until no process holds an exclusive lock on `path`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
