"""Where clients are made: packages are installed once per manifest, all else is made anew every time."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.sdks.sdk import HERE, Command, Sdk, Step
from tests.sdks.untyped import untyped

WORKSHOPS = HERE / ".made"
STAGES = ("install", "generate", "check", "story")
PATIENCE_SECONDS = 900
_INSTALLED = (".venv", "node_modules", ".installed")


class Failed(Exception):
    """A command failed; the message is what it said."""


@dataclass(slots=True)
class Made:
    """What became of one generator; `failure` names the stage that failed and what was said."""

    sdk: Sdk
    version: str = ""
    lines: int = 0
    compiled: bool = False
    passed: list[str] = field(default_factory=list)
    untyped: list[str] = field(default_factory=list)
    failure: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether the client was made and told the whole story."""
        return not self.failure and self.compiled and self.passed == list(Step)


class Workshop:
    """The folder of one generator, with a copy of its source and what the server told of itself."""

    def __init__(
        self,
        sdk: Sdk,
        served: Path,
        environment: dict[str, str],
        folder: Path = WORKSHOPS,
        installed: Path | None = None,
    ) -> None:
        """Make a workshop below `folder`; nothing is installed where the programs are `installed` already."""
        self.sdk, self.folder = sdk, folder / sdk.name
        own = (self.folder / ".venv" / "bin", self.folder / "node_modules" / ".bin")
        found = own if installed is None else (installed,)
        self._installs = installed is None
        path = os.pathsep.join([*map(str, found), os.environ["PATH"]])
        self._environment = {**os.environ, "PYTHONPATH": str(self.folder), **environment, "PATH": path}
        self._served = served

    def make(self) -> Made:
        """Install, generate, check, and tell the story; the first failure ends it."""
        made = Made(self.sdk)
        try:
            self._timed(made, "install", self._prepare)
            made.version = self._version()
            self._timed(made, "generate", lambda: self._all(self.sdk.generate))
            self._count(made)
            self._timed(made, "check", lambda: self._all(self.sdk.check))
            made.compiled = True
            self._timed(made, "story", lambda: self._tell(made))
        except Failed as failed:
            made.failure = f"{list(made.seconds)[-1]}: {failed}"
        return made

    def _count(self, made: Made) -> None:
        generated = self.folder / self.sdk.generated
        made.lines = _lines(generated)
        if self.sdk.lacks is not None:
            made.untyped = untyped(generated, self.folder / "openapi.json")
            if set(made.untyped) != self.sdk.lacks:
                raise Failed(f"untyped are {made.untyped}, and not {sorted(self.sdk.lacks)}")

    def _timed(self, made: Made, stage: str, act: object) -> None:
        assert callable(act)
        began = time.monotonic()
        made.seconds[stage] = 0.0
        try:
            act()
        finally:
            made.seconds[stage] = time.monotonic() - began

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.iterdir():
            if old.name not in _INSTALLED:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(self.sdk.source, self.folder, dirs_exist_ok=True)
        shutil.copytree(self._served, self.folder, dirs_exist_ok=True)
        if not self._installs:
            return
        manifests = [each for each in _INSTALLING if (self.folder / each).exists()]
        wanted = hashlib.sha256(b"".join((self.folder / each).read_bytes() for each in manifests)).hexdigest()
        stamp = self.folder / ".installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            for each in manifests:
                self._all(_INSTALLING[each])
            stamp.write_text(wanted)

    def _version(self) -> str:
        told = self.folder / "node_modules" / self.sdk.tool / "package.json"
        if told.exists():
            return str(json.loads(told.read_text())["version"])
        ask = f"import importlib.metadata as m; print(m.version({self.sdk.tool!r}))"
        return self._run(("python", "-c", ask)).strip()

    def _tell(self, made: Made) -> None:
        for command in self.sdk.run:
            said = self._run(command, made.passed)
            made.passed += _passed(said)
        if made.passed != list(Step):
            raise Failed(f"the story passed {made.passed}")

    def _all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._run(command)

    def _run(self, command: Command, passed: list[str] | None = None) -> str:
        try:
            ran = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)) from error
        if ran.returncode:
            if passed is not None:
                passed += _passed(ran.stdout)
            raise Failed(f"{' '.join(command)} ended with {ran.returncode}\n{ran.stdout}")
        return ran.stdout


def _passed(said: str) -> list[str]:
    return [line.removeprefix("passed ") for line in said.splitlines() if line.startswith("passed ")]


def _lines(generated: Path) -> int:
    files = [generated] if generated.is_file() else generated.rglob("*")
    sources = [file for file in files if file.suffix in (".py", ".ts", ".tsx", ".mts")]
    if not sources:
        raise Failed(f"nothing was generated in {generated.name}")
    return sum(file.read_text().count("\n") for file in sources)


_UV = (str(Path(sys.executable).with_name("uv")), "--quiet")
_FROM_PYPI: tuple[Command, ...] = (
    (*_UV, "venv", "--allow-existing", "--python", sys.executable, ".venv"),
    (*_UV, "pip", "install", "--python", ".venv/bin/python", "--requirement", "requirements.txt"),
)
# What a folder needs besides, such as a date before which packages were published, stands in its `.npmrc`.
_FROM_NPM: tuple[Command, ...] = (
    (
        "npm",
        "install",
        "--loglevel=error",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ),
)

_INSTALLING = {"requirements.txt": _FROM_PYPI, "package.json": _FROM_NPM}
