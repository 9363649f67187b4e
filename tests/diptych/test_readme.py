"""The commands of the README do what it says, against a real server with a small demo."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from db.embedded import start
from services import demo
from tests.diptych.server_on_trial import ROOT, Server, environment, serving

README = (ROOT / "README.md").read_text()
COMMANDS = [
    block
    for text in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
    for block in re.split(r"\n(?=curl |\.venv/|printf )", text.strip())
]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="diptych-readme-"))
    folder.chmod(0o755)
    with start(folder / ".diptych") as database:
        migrate.upgrade(database.dsn())
        demo.fill(database.dsn(), count=500)
    with serving(folder, "--demo") as started:
        yield started
    shutil.rmtree(folder)


def ran(server: Server, command: str, **variables: str) -> str:
    """Run a command as a reader of the README would, and return what it prints."""
    diptych = f"{shlex.quote(sys.executable)} -m diptych"
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace(".venv/bin/diptych", diptych)],
        cwd=server.folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_shows_enough_to_be_worth_running() -> None:
    assert len([command for command in COMMANDS if command.startswith("curl")]) >= 7


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("curl")])
def test_a_request_of_the_tour_finds_something(server: Server, command: str) -> None:
    answer = json.loads(ran(server, command, API=server.base, TOKEN=server.announced("Token")))

    if "colour" in command:
        assert (answer["status"], "'colour'" in answer["detail"]) == (400, True)
    elif "graphql" in command:
        assert "errors" not in answer
        assert answer["data"]["orders"]["nodes"][0]["items"]["nodes"]
    else:
        assert answer["data"]
        assert ("include=" in command) == bool(answer.get("included"))


def test_the_other_commands_of_the_readme_work_in_their_order(server: Server) -> None:
    printed = {}
    for command in COMMANDS:
        if not command.startswith("curl"):
            printed[command] = ran(server, command)

    imported = next(text for command, text in printed.items() if " import " in command)
    token = next(text for command, text in printed.items() if "token create" in command).strip()
    assert imported == "2 rows imported, 0 rejected.\n"
    status, found = server.get("/api/v1/products?sort=name", token)
    assert status == 200
    told = [(row["name"], row["gtin"], row["metadata"]) for row in found["data"]]
    assert told == [
        ("Highlighter", "04006381333931", {"colour": "yellow"}),
        ("Lemonade", "05000112637922", {}),
    ]
