"""Every block of the documentation is true: run, checked, or marked with the reason why not."""

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

from db import migrate
from db.embedded import start
from services import demo
from tests.diptych.server_on_trial import ROOT, Server, serving
from tests.docs.blocks import Block, blocks, pages
from tests.docs.checking import UntrueError, check
from tests.docs.reading import FailedError, Reader, programs
from tests.docs.twins import PAGE, SURFACES, Twins

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="diptych-docs-"))
    folder.chmod(0o755)
    with start(folder / ".diptych") as database:
        migrate.upgrade(database.dsn())
        demo.fill(database.dsn(), count=500)
    programs(folder)
    with serving(folder, "--demo", DIPTYCH_LIMITS="off") as started:
        shop = Reader(folder, {"API": started.base})
        shop.run('diptych workspace create --slug shop --name "My shop"\n')
        # What a page names as a file of its reader's.
        text = "query Names { brands(first: 5) { nodes { name } } }"
        manifest = {hashlib.sha256(text.encode()).hexdigest(): text}
        (folder / "persisted-queries.json").write_text(json.dumps(manifest))
        yield started
    shutil.rmtree(folder)


def test_every_block_is_true(server: Server, subtests: pytest.Subtests) -> None:
    """One test for all pages, so that they share one server."""
    judged: Counter[str] = Counter()
    known = {"API": server.base, "TOKEN": server.announced("Token")}
    for page in pages():
        judge = _judge(page, server, known)
        found = blocks(page)
        for block, following in zip_longest(found, found[1:]):
            with subtests.test(block.place):
                judged[judge.check(block, following)] += 1
        if isinstance(judge, Twins):
            assert judge.compared == 20

    fences = sum(
        line.lstrip().startswith("```") for page in pages() for line in page.read_text().splitlines()
    )
    assert judged.total() * 2 == fences
    assert judged["run"] >= 20


@dataclass(frozen=True, slots=True)
class Alone:
    """The one reader of a page."""

    reader: Reader

    def check(self, block: Block, following: Block | None) -> str:
        """Judge a block as `checking.check` does."""
        return check(block, following, self.reader)


def _judge(page: Path, server: Server, known: dict[str, str]) -> Alone | Twins:
    readers = [Reader(server.folder, dict(known)) for _ in SURFACES]
    return Twins(*readers) if page.name == PAGE else Alone(readers[0])


def test_the_page_on_both_surfaces_has_a_pair_for_everything() -> None:
    found = [block.language for block in blocks(ROOT / "docs" / PAGE) if block.language]

    assert found == [*SURFACES] * 21


def test_twins_notice_what_differs(server: Server, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```http\nGET /api/v1/brands?per_page=2\n```\n```graphql\n{ brands { nodes { id } } }\n```\n"
    )
    known = {"API": server.base, "TOKEN": server.announced("Token")}
    twins = Twins(Reader(server.folder, dict(known)), Reader(server.folder, dict(known)))
    rest, graphql = blocks(page)

    twins.check(rest, None)
    with pytest.raises(UntrueError, match="disagree"):
        twins.check(graphql, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```sql\nSELECT 1;\n```", "needs a mark"),
        ("```\nRubbish\n```", "neither kept nor marked"),
        ("<!-- not run: -->\n```sh\nfalse\n```", "the reason is missing"),
        ("```sh\nfalse\n```", "exit code 1"),
        ('```sh\ncurl -s -H "X-API-Key: $TOKEN" "$API/api/v1/nothing"\n```', "status=404"),
        ("```http\nGET /api/v1/nothing\n```", "status=404"),
        ("```graphql\n{ nothing }\n```", "nothing"),
        ("```graphql\ntype Nothing { id: ID! }\n```", "type Nothing"),
        ("<!-- in: tests/docs/blocks.py -->\n```python\nnothing = 1\n```", "nothing = 1"),
        ("```python\nraise SystemExit(3)\n```", "exit code 3"),
        ('```http\nGET /api/v1/token\n```\n<!-- answered -->\n```json\n{"data": 1}\n```', "workspace"),
        ('<!-- schema: CustomerCreate -->\n```json\n{"type": 1}\n```', "type"),
        ("```sh\nmake nothing\n```", "exit code 1"),
    ],
)
def test_a_block_that_is_not_true_fails(server: Server, tmp_path: Path, text: str, complaint: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    found = blocks(page)
    reader = Reader(server.folder, {"API": server.base, "TOKEN": server.announced("Token")})

    for block in found[:-1]:
        check(block, None, reader)
    with pytest.raises((UntrueError, FailedError), match=complaint):
        check(found[-1], None, reader)


@pytest.mark.parametrize(
    "text", ["<!-- not tested -->\n```sh\ntrue\n```", "```sh\ntrue\n"], ids=["unknown mark", "open fence"]
)
def test_a_page_that_hides_a_block_fails(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)

    with pytest.raises(ValueError, match=r"mark|closed"):
        blocks(page)


def test_the_readme_has_a_test_of_its_own() -> None:
    """It runs the shell's blocks; all others only tell what to keep or which make target to call."""
    found: list[Block] = blocks(ROOT / "README.md")

    assert {block.language for block in found} == {"", "sh"}
    assert sum(block.language == "sh" for block in found) >= 15
