"""What the embedded engine says when it cannot work."""

import errno
import os
import pwd
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
    if isinstance(error, PermissionError):
        return _not_allowed(Path(error.filename or folder))
    where = error.filename or folder
    return EngineError(f"PostgreSQL cannot be kept in {folder}: {error.strerror or error} ({where}).")


def user_name(uid: int) -> str:
    """Return the name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _not_allowed(path: Path) -> EngineError:
    existing = next((part for part in (path, *path.parents) if os.path.lexists(part)), path)
    uid = existing.lstat().st_uid
    if uid == os.geteuid():
        return EngineError(
            f"{existing} may not be written to: allow it, or set DIPTYCH_DATA_DIR to another folder."
        )
    owner = user_name(uid)
    return EngineError(
        f"{existing} belongs to the user {owner}: run this command as {owner}, or set DIPTYCH_DATA_DIR to "
        "a folder of your own."
    )
