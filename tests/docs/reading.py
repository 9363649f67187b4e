"""A reader who works a page through: runs its commands, sends its requests, keeps what it says to keep."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from click.testing import CliRunner

from diptych.cli import main
from services.engine.errors import CATALOGUE, Slug
from tests.diptych.server_on_trial import ROOT, environment

PATIENCE_SECONDS = 60

_KEPT = re.compile(r"^(\w+)=(?:'\"…\"'|\S*…)$")
_ASSIGNED = re.compile(r"^([A-Z_]+)=", re.M)
_OWN = re.compile(
    r"(?:(?P<name>[A-Z_]+)=\$\()?diptych (?P<words>[^|<>$;&`()]*?)(?(name)\))(?: > (?P<file>[\w.-]+))?\n"
)
_VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: header names in lower case; `body` is None where it is no JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @classmethod
    def read(cls, head: str, text: str) -> "Answer":
        """Return the response that these texts are."""
        first, *rest = head.strip().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        return cls(int(first.split()[1]), headers, _json(text))

    @property
    def statuses(self) -> set[int]:
        """Return what it says went wrong: its own status, or those of the problems in a GraphQL answer."""
        if not isinstance(self.body, dict) or not {"data", "errors"} & set(self.body) or self.status >= 400:
            return {self.status}
        told = list(_problems(self.body.get("data")))
        if "extensions" in self.body or isinstance(self.body.get("errors"), list):
            told += [each["extensions"]["problem"] for each in self.body.get("errors", ())]
        return {CATALOGUE[Slug(each["code"])].status for each in told} or {self.status}

    def kept(self, name: str) -> str:
        """Return what is kept under a name: an ETag, a cursor, or the id in the answer."""
        if name == "ETAG" and "etag" in self.headers:
            return self.headers["etag"]
        members = {"ETAG": ("etag",), "CURSOR": ("next_cursor", "endCursor")}.get(name, ("id",))
        found = _found(self.body, members)
        if found is None:
            raise FailedError(f"there is no {members[0]} to keep in {self.body}")
        return found


@dataclass(slots=True)
class Reader:
    """One page's reader: `known` are the variables by name, `answer` is the last response."""

    folder: Path
    known: dict[str, str]
    answer: Answer | None = None
    records: list[Path] = field(default_factory=list)

    def run(self, script: str) -> list[Answer]:
        """Run a command of the shell, and return the responses of its `curl`s; fails where the shell does."""
        script = script.replace(".venv/bin/diptych", "diptych")
        own = _OWN.fullmatch(script)
        if own is not None:
            printed = self._own(shlex.split(own["words"], comments=True))
            if own["name"]:
                self.known[own["name"]] = printed.strip()
            if own["file"]:
                (self.folder / own["file"]).write_text(printed)
            return []
        record = self._fresh()
        names = sorted({*self.known, *_ASSIGNED.findall(script)})
        keep = "".join(f'printf "%s" "${name}" > "$RECORD/{name}.kept"\n' for name in names)
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", script + keep],
            cwd=self.folder,
            env=self._environment(record),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        _succeeded(done)
        self.known |= {path.stem: path.read_text() for path in record.glob("*.kept")}
        found = [_recorded(head) for head in sorted(record.glob("*.head"))]
        self.answer = found[-1] if found else self.answer
        return found

    def _own(self, words: list[str]) -> str:
        """Run a command of `diptych` in this process, which has loaded it already; return what it prints."""
        with contextlib.chdir(self.folder):
            done = CliRunner(env={name: None for name in os.environ if name.startswith("DIPTYCH_")}).invoke(
                main, words
            )
        if done.exit_code:
            raise FailedError(f"exit code {done.exit_code}: {done.output[-500:]} {done.exception}")
        return done.stdout

    def python(self, text: str) -> None:
        """Run a block of Python."""
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=self.folder,
            env=self._environment(self._fresh()),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        _succeeded(done)

    def send(self, text: str) -> Answer:
        """Send a request as HTTP writes it, with the token unless it says something of Authorization."""
        head, _, body = self.filled(text).partition("\n\n")
        first, *rest = head.strip().splitlines()
        method, target, *_ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in rest)
        headers.setdefault("Authorization", f"Bearer {self.known['TOKEN']}")
        address = self.known["API"] + quote(target, safe="/?&=%,:;@!$'()*+~-._")
        return self._asked(
            urllib.request.Request(address, body.strip().encode() or None, headers, method=method)
        )

    def query(self, document: str, variables: Any, name: str | None = None) -> Answer:
        """Send an operation of GraphQL."""
        asked = {"query": document, "variables": variables, "operationName": name}
        headers = {"Authorization": f"Bearer {self.known['TOKEN']}", "Content-Type": "application/json"}
        address = f"{self.known['API']}/graphql"
        return self._asked(urllib.request.Request(address, json.dumps(asked).encode(), headers))

    def keep(self, line: str) -> bool:
        """Do as a line such as `ORDER=…` says; tell whether it is one."""
        found = _KEPT.match(line)
        if found is None:
            return line.partition("=")[0] in self.known
        if found[1] not in ("API", "TOKEN"):
            if self.answer is None:
                raise FailedError(f"nothing was answered yet: {line}")
            self.known[found[1]] = self.answer.kept(found[1])
        return True

    def filled(self, text: str) -> str:
        """Return a text with the value of every variable; raises KeyError for one that nothing assigned."""
        return _VARIABLE.sub(lambda found: self.known[found[1]], text)

    def _asked(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
                self.answer = _answered(response)
        except urllib.error.HTTPError as error:
            with error:
                self.answer = _answered(error)
        return self.answer

    def _fresh(self) -> Path:
        record = self.folder / f"record-{len(self.records)}"
        shutil.rmtree(record, ignore_errors=True)
        record.mkdir()
        self.records.append(record)
        return record

    def _environment(self, record: Path) -> dict[str, str]:
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return environment(PATH=path, RECORD=str(record), **self.known)


def programs(folder: Path) -> None:
    """Write what readers call by name: a `curl` that notes what it got, `diptych`, and a timid `make`."""
    curl = shutil.which("curl")
    assert curl is not None
    note = (
        f'n=$(printf "%03d" "$(ls "$RECORD" | grep -c head)"); : > "$RECORD/$n.head"\n'
        f'{shlex.quote(curl)} -D "$RECORD/$n.head" "$@" | tee "$RECORD/$n.body"\n'
    )
    diptych = f'exec {shlex.quote(sys.executable)} -m diptych "$@"\n'
    make = f'exec grep -q "^$1:" {shlex.quote(str(ROOT / "Makefile"))}\n'
    (folder / "bin").mkdir()
    for name, text in (("curl", note), ("diptych", diptych), ("make", make)):
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}")
        program.chmod(0o755)


def shows(shown: Any, found: Any) -> bool:
    """Tell whether all that is shown was found, where `…` in a string stands for anything."""
    if isinstance(shown, dict):
        return isinstance(found, dict) and all(
            name in found and shows(value, found[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(found, list)
            and len(shown) == len(found)
            and all(shows(*pair) for pair in zip(shown, found, strict=True))
        )
    if isinstance(shown, str) and "…" in shown:
        pattern = ".*".join(map(re.escape, shown.split("…")))
        return isinstance(found, str) and re.fullmatch(pattern, found, re.S) is not None
    return bool(shown == found) and type(shown) is type(found)


class FailedError(Exception):
    """A command of a page failed; it says what the command wrote."""


def _succeeded(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise FailedError(f"exit code {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")


def _recorded(head: Path) -> Answer:
    told, body = head.read_text().replace("\r", ""), head.with_suffix(".body").read_text().replace("\r", "")
    # With -i the head is part of what curl prints.
    return Answer.read(told, body.removeprefix(told))


def _answered(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, _json(response.read().decode()))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _problems(data: Any) -> list[dict[str, Any]]:
    """Return the problems in the payloads of mutations."""
    payloads = data.values() if isinstance(data, dict) else ()
    return [each["problem"] for each in payloads if isinstance(each, dict) and each.get("problem")]


def _found(body: Any, members: Sequence[str]) -> str | None:
    """Return the first text that is a member of one of these names."""
    if isinstance(body, dict):
        own = next((body[name] for name in members if isinstance(body.get(name), str)), None)
        return own or next((text for each in body.values() if (text := _found(each, members))), None)
    if isinstance(body, list):
        return next((text for each in body if (text := _found(each, members))), None)
    return None
