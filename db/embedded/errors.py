"""What the embedded engine says when it cannot work."""

import errno
from pathlib import Path

FULL = ("No space left on device", "Disk quota exceeded")


class EngineError(Exception):
    """The embedded PostgreSQL cannot be used; the message is a sentence for the operator."""


def disk_full(folder: Path) -> EngineError:
    """Return the error for a full disk under `folder`."""
    return EngineError(f"The disk that holds {folder} is full: free some space there and start again.")


def reports_full_disk(text: str) -> bool:
    """Tell whether a program's message says that the disk is full."""
    return any(words in text for words in FULL)


def from_os(error: OSError, folder: Path) -> EngineError:
    """Turn an operating system error met while working in `folder` into a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    where = error.filename or folder
    return EngineError(f"PostgreSQL cannot be kept in {folder}: {error.strerror or error} ({where}).")
