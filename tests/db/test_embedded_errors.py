"""What the embedded engine says when the operating system refuses something."""

import errno
import os
from pathlib import Path

from db.embedded.errors import from_os


def test_a_folder_of_ones_own_that_is_closed_is_called_so(tmp_path: Path) -> None:
    refusal = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "postgres"))

    assert str(from_os(refusal, tmp_path)).startswith(f"{tmp_path} may not be written to")
