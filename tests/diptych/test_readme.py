"""The commands of the README do what it says, against a real server with a small demo."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db import migrate
from db.embedded import start
from services import demo
from tests.diptych.server_on_trial import ROOT, Server, environment, serving

README = (ROOT / "README.md").read_text()


def commands(page: str) -> list[str]:
    """Return the commands that a page shows, in its order."""
    return [
        block
        for text in re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
        for block in re.split(r"\n(?=curl |\.venv/|printf )", text.strip())
    ]


_BEFORE, _, _REST = README.partition("\n### Writing\n")
_WRITING, _, _AFTER = _REST.partition("\n## ")
WRITES = commands(_WRITING)
COMMANDS = commands(_BEFORE) + commands(_AFTER)

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
    elif "/mcp/" in command:
        assert len(json.loads(answer["result"]["content"])["data"]) == 2
    else:
        assert answer["data"]
        assert ("include=" in command) == bool(answer.get("included"))


@dataclass(frozen=True)
class Told:
    """What `curl -i` prints."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


def answered(server: Server, command: str, known: dict[str, str]) -> Told:
    """Run one request of the writing tour, and keep what its reader is told to keep."""
    printed = ran(server, command, API=server.base, TOKEN=server.announced("Token"), **known)
    head, _, body = printed.partition("\n\n")
    first, *rest = head.splitlines()
    told = Told(
        int(first.split()[1]),
        {k.lower(): v for k, v in (line.split(": ", 1) for line in rest)},
        json.loads(body),
    )
    *_, resource, id_ = f"//{told.headers.get('location', '')}".split("/")
    if resource == "products":
        known |= {"PRODUCT": id_, "ETAG": told.headers["etag"]}
    elif resource == "orders":
        known["ORDER"] = id_
    return told


def test_the_writing_tour_does_what_it_says(server: Server) -> None:
    known: dict[str, str] = {}
    create, patch, *rest = WRITES
    made, again = answered(server, create, known), answered(server, create, known)
    patched, stale = answered(server, patch, known), answered(server, patch, known)
    tried, bulk, order, confirmed, shipped, late, graphql, history = (
        answered(server, command, known) for command in rest
    )

    assert (made.status, again.status, again.body) == (201, 201, made.body)
    assert ("idempotency-replayed" in made.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert (patched.status, patched.body["data"]["price_cents"], stale.status) == (200, 279, 412)
    assert (tried.status, set(tried.body["errors"])) == (422, {"name", "price_cents", "gtin", "colour"})
    assert (bulk.status, [each["status"] for each in bulk.body["data"]]) == (207, ["created", "failed"])
    assert (order.status, order.body["data"]["total_cents"]) == (201, 3 * 279 + 59)
    assert [(each.status, each.body["data"]["status"]) for each in (confirmed, shipped)] == [
        (200, "confirmed"),
        (200, "shipped"),
    ]
    assert (late.status, late.body["code"]) == (409, "conflict")
    payloads = graphql.body["data"]
    assert payloads["createOrder"]["order"]["totalCents"] == 2 * 279
    assert payloads["deliverOrder"] == {"order": {"status": "DELIVERED"}, "problem": None}
    assert payloads["cancelOrder"]["problem"]["code"] == "conflict"
    words = ("created", "confirmed", "shipped", "delivered")
    assert [row["action"] for row in history.body["data"]] == [f"order.{word}" for word in words]


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
