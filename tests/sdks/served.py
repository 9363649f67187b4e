"""A server of its own, a token of a workspace that is new, and what the server tells of itself."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import build_client_schema, get_introspection_query, print_schema

from tests.diptych.server_on_trial import environment, serving


@dataclass(frozen=True, slots=True)
class Served:
    """Where a server is, what lets one in, and the folder with `openapi.json` and `schema.graphql`."""

    url: str
    token: str
    documents: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return what a story is told."""
        return {"URL": self.url, "TOKEN": self.token}


@contextlib.contextmanager
def served() -> Iterator[Served]:
    """Start a server that is empty but for one workspace, and leave nothing of it running."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-sdks-"))
    folder.chmod(0o755)
    try:
        with serving(folder, "--no-demo", DIPTYCH_LIMITS="off") as server:
            server.get("/health/ready")
            documents = folder / "documents"
            documents.mkdir()
            found = Served(server.base, _token(folder), documents)
            (documents / "openapi.json").write_bytes(_asked(found, "/api/v1/openapi.json"))
            (documents / "schema.graphql").write_text(_schema(found))
            yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _token(folder: Path) -> str:
    _command(folder, "workspace", "create", "--slug", "acme", "--name", "Acme")
    options = ("--workspace", "acme", "--name", "story", "--scopes", "all:write")
    return _command(folder, "token", "create", *options).strip()


def _command(folder: Path, *words: str) -> str:
    run = [sys.executable, "-m", "diptych", *words]
    ran = subprocess.run(run, cwd=folder, env=environment(), check=True, capture_output=True, text=True)
    return ran.stdout


def _schema(found: Served) -> str:
    question = json.dumps({"query": get_introspection_query(descriptions=True, input_value_deprecation=True)})
    answer = json.loads(_asked(found, "/graphql", question.encode()))
    return print_schema(build_client_schema(answer["data"])) + "\n"


def _asked(found: Served, path: str, body: bytes | None = None) -> bytes:
    headers = {"Authorization": f"Bearer {found.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(found.url + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        content: bytes = response.read()
        return content
