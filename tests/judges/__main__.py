"""Schemathesis on REST, on a server of its own: `python -m tests.judges [options of st run]`."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.diptych.server_on_trial import Server, environment, serving

HERE = Path(__file__).parent
PROGRAM = HERE / ".venv" / "bin" / "st"
WORKSPACES = {"own": "acme", "other": "globex"}
"""Whose tokens ask: the one that is judged, and a stranger's, which must see nothing of it."""


def main(options: list[str]) -> int:
    """Judge every operation, or those that the options name, and return the exit code of Schemathesis."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-judged-"))
    folder.chmod(0o755)
    try:
        with serving(folder, "--no-demo", DIPTYCH_LIMITS="off") as server:
            server.get("/health/ready")
            return judged(server, folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judged(server: Server, folder: Path, options: list[str]) -> int:
    """Let Schemathesis ask a server, with a token of each workspace."""
    told = {
        "auth": [
            {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
            for name, token in tokens(folder).items()
        ]
    }
    (folder / "tokens.json").write_text(json.dumps(told))
    shutil.copy(HERE / "schemathesis.toml", folder)
    command = [
        PROGRAM,
        "--config-file",
        "schemathesis.toml",
        "run",
        f"{server.base}/api/v1/openapi.json",
        "--origin",
        server.base,
    ]
    return subprocess.run([*command, *options], cwd=folder).returncode


def tokens(folder: Path) -> dict[str, str]:
    """Make both workspaces, and return the raw text of a token that may do everything in each."""
    made = {}
    for name, slug in WORKSPACES.items():
        _command(folder, "workspace", "create", "--slug", slug, "--name", slug)
        scopes = ("--name", "judge", "--scopes", "all:write")
        made[name] = _command(folder, "token", "create", "--workspace", slug, *scopes).strip()
    return made


def _command(folder: Path, *words: str) -> str:
    run = [sys.executable, "-m", "diptych", *words]
    return subprocess.run(
        run, cwd=folder, env=environment(), check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
