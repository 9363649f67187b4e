"""The file that holds every rejection, one JSON object per line."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import orjson

from services.importing.entries import Rejection
from services.importing.refusal import ImportRefused


class ErrorFile:
    """Appends rejections after the first `size` bytes of a file, so what a lost batch wrote is forgotten."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = path.open("r+b" if path.exists() and size else "wb")
        except OSError as error:
            raise ImportRefused(f"The error file {path} cannot be written: {error.strerror}.") from error
        self._file.truncate(min(size, path.stat().st_size))
        self.size = self._file.seek(0, os.SEEK_END)

    def write(self, rejections: Iterable[Rejection]) -> None:
        """Append and make durable, as the batch that counts them is about to be committed."""
        for rejection in rejections:
            self.size += self._file.write(orjson.dumps(rejection, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, and remove it if there was nothing to reject."""
        self._file.close()
        if self.size == 0:
            self.path.unlink()
