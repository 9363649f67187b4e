"""What MkDocs adds to the pages that are written by hand: those of resources, tables, and the navigation."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from services.engine.errors import CATALOGUE
from tests.contracts.documented import code_rows, setting_rows
from tests.docs import resources

DOCS = Path(__file__).parents[2] / "docs"
_TABLE = re.compile(r"^<!-- table: (\w+) -->$", re.M)


def on_config(config: Any) -> Any:
    """Complete the navigation by what is told from folders (MkDocs)."""
    config["nav"] = completed(config["nav"])
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the resources (MkDocs)."""
    from mkdocs.structure.files import File

    for path, text in resources.pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put tables in the places that ask for them (MkDocs)."""
    return with_tables(markdown)


def completed(nav: list[dict[str, list[Any]]]) -> list[dict[str, list[Any]]]:
    """Return the navigation with every page of the site: resources, and what the file does not name."""
    named = set(re.findall(r"[\w/-]+\.md", str(nav)))
    paths = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    left = [path for path in paths if path not in named and not path.endswith("README.md")]
    guides = [path for path in left if path.startswith("guides/")]
    decisions = [path for path in left if path.startswith("decisions/")]
    reports = [path for path in left if "/" not in path]
    more = [{"Resources": list(resources.pages())}, {"More guides": guides}]
    more += [{"What was measured": reports}, {"Decisions": decisions}]
    return [*nav, *(section for section in more if next(iter(section.values())))]


def with_tables(markdown: str) -> str:
    """Return a page with the tables that it names; raises KeyError for a table that does not exist."""
    return _TABLE.sub(lambda found: "\n".join(TABLES[found[1]]()), markdown)


def _problems() -> Iterator[str]:
    yield "| Status | `code` | Means | Then |\n|---|---|---|---|"
    for kind in CATALOGUE.values():
        yield f"| {kind.status} | `{kind.slug}` | {_cell(kind.meaning)} | {_cell(kind.remedy)} |"


def _codes() -> Iterator[str]:
    yield "| Code | Means |\n|---|---|"
    yield from code_rows()


def _settings() -> Iterator[str]:
    yield "| Setting | Default | Meaning |\n|---|---|---|"
    yield from setting_rows()


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "problems": _problems,
    "codes": _codes,
    "settings": _settings,
}
"""The tables by the names that pages ask for them by: `<!-- table: problems -->`."""
