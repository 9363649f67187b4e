"""Where judges work: servers of their own, the tokens of two workspaces, and the tools beside this file."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from tests.diptych.server_on_trial import ROOT, Server, environment, serving

HERE = Path(__file__).parent
DOCS = ROOT / "docs"
PYTHON_TOOLS = HERE / ".venv" / "bin"
NODE_TOOLS = HERE / "node_modules"
WORKSPACES = {"own": "acme", "other": "globex"}
"""Whose tokens ask: the one that is judged, and a stranger's, which must see nothing of it."""


@dataclass(frozen=True, slots=True)
class House:
    """A live server with two workspaces; `tokens` are raw texts by the names of `WORKSPACES`."""

    server: Server
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Return the server's address."""
        return self.server.base

    def command(self, *words: str) -> str:
        """Return what a `diptych` command prints that is run beside the server."""
        return subprocess.run(
            [sys.executable, "-m", "diptych", *words],
            cwd=self.folder,
            env=environment(),
            check=True,
            capture_output=True,
            text=True,
        ).stdout


@dataclass(frozen=True, slots=True)
class Stage:
    """What a judge is told: a seed for whatever is drawn, and how many cases to try at the least."""

    seed: int = 1
    cases: int = 5_000

    @contextmanager
    def house(self, *options: str, **settings: str) -> Iterator[House]:
        """Start a server, by default with limits off so that no case is answered 429, and two workspaces.

        `options` are those of `diptych serve`; `settings` are environment variables.
        """
        with scratch() as folder:
            told = {"DIPTYCH_LIMITS": "off", **settings}
            with serving(folder, *(options or ("--no-demo",)), **told) as server:
                server.get("/health/ready")
                house = House(server, folder)
                for name, slug in WORKSPACES.items():
                    house.tokens[name] = made_token(house, slug)
                yield house


def made_token(house: House, slug: str, scopes: str = "all:write") -> str:
    """Make a workspace and return the raw text of a token of it; by default it may do everything."""
    house.command("workspace", "create", "--slug", slug, "--name", slug)
    words = ("token", "create", "--workspace", slug, "--name", "judge", "--scopes", scopes)
    return house.command(*words).strip()


@contextmanager
def scratch() -> Iterator[Path]:
    """Return a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-judged-"))
    # The database's own user enters it where the server runs as root.
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Ran:
    """How an outside program ended, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the JSON document that it wrote; raises ValueError with all of it where there is none."""
        start = min((at for at in (self.out.find("{"), self.out.find("[")) if at >= 0), default=-1)
        if start < 0:
            raise ValueError(f"A judge wrote no JSON:\n{self.out}\n{self.err}")
        return json.JSONDecoder().raw_decode(self.out[start:])[0]


def ran(
    command: Sequence[str | Path],
    folder: Path = HERE,
    seconds: float = 1_800,
    sent: str | None = None,
    **settings: str,
) -> Ran:
    """Run an outside program, wherever its exit code is no wonder; `sent` is what it reads."""
    told = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", **settings}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=told,
        input=sent,
        stdin=subprocess.DEVNULL if sent is None else None,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def node_tool(name: str) -> Path:
    """Return a program that package.json installs."""
    return NODE_TOOLS / ".bin" / name


@cache
def node_version(package: str) -> str:
    """Return the version of an installed npm package."""
    return str(json.loads((NODE_TOOLS / package / "package.json").read_text())["version"])


@cache
def python_version(package: str) -> str:
    """Return the version that requirements.txt pins."""
    for line in (HERE / "requirements.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise KeyError(package)
