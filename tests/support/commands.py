"""An operator's commands, run in this process, and what they say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from diptych.cli import main
from tests.support.seed import SECRET

Run = Callable[..., Result]
"""Runs a command, with `typed` on its standard input, and returns its result."""


def commands(database: str, folder: Path, patch: pytest.MonkeyPatch) -> Run:
    """Return what runs commands in a folder, on a database that the environment names."""
    patch.chdir(folder)
    patch.setenv("DIPTYCH_DATABASE_URL", database)
    patch.setenv("DIPTYCH_ENV", "test")
    patch.setenv("DIPTYCH_SECRET_KEY", SECRET)

    def invoke(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, words, input=typed)

    return invoke


def printed(result: Result) -> str:
    """Return what a command that succeeded has written."""
    assert result.exit_code == 0, result.output
    return result.stdout.removesuffix("\n")


def refused(result: Result) -> str:
    """Return why a command failed, which wrote nothing else."""
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr.removeprefix("Error: ").removesuffix("\n")
