"""The site: every page has a place, tables and resource pages are whole, nothing comes from elsewhere."""

import json
import re

import pytest
import yaml

from services.catalog import CATALOG
from services.engine.errors import CATALOGUE
from tests.diptych.server_on_trial import ROOT
from tests.docs import resources
from tests.docs.site import DOCS, TABLES, completed, on_page_markdown

PAGES = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
SETTINGS = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def test_every_page_is_in_the_navigation_once() -> None:
    named = re.findall(r"[\w/-]+\.md", str(completed(SETTINGS["nav"])))

    assert sorted(named) == sorted([*PAGES, *resources.pages()])


def test_every_resource_has_a_page_that_tells_its_fields_relations_and_operations() -> None:
    pages = resources.pages()

    assert list(pages) == ["resources/index.md", *(resources.name(each) for each in CATALOG)]
    for each in CATALOG:
        page = pages[resources.name(each)]
        rows = [line for line in page.splitlines() if line.startswith("| `")]
        told = {line.split("`")[1] for line in rows}
        assert {field.name for field in each.fields if field.shown == "always"} <= told
        assert {relation.name for relation in each.relations} <= told
        assert f"GET /api/v1/{each.path}" in told
        # Only what GraphQL reads through the row that it belongs to has no twin there, and files.
        alone = [line for line in rows if "` |  | `" in line]
        assert all("/{id}/" in line or "/export`" in line for line in alone), alone


def test_the_examples_of_a_resource_are_json() -> None:
    for path, page in resources.pages().items():
        found = re.findall(r"^```json\n(.*?)^```", page, re.M | re.S)
        assert [type(json.loads(text)) for text in found] == [dict] * len(found), path
        assert (len(found) >= 1) == (path != "resources/index.md")


def test_every_table_is_asked_for_and_filled() -> None:
    asked = {path: re.findall(r"<!-- table: (\w+) -->", (DOCS / path).read_text()) for path in PAGES}

    assert sorted(name for names in asked.values() for name in names) == sorted(TABLES)
    errors = on_page_markdown((DOCS / "errors.md").read_text())
    assert all(f"| {kind.status} | `{kind.slug}` |" in errors for kind in CATALOGUE.values())


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        on_page_markdown("<!-- table: nothing -->")


def test_nothing_of_the_site_comes_from_elsewhere() -> None:
    assert SETTINGS["theme"]["font"] is False
    assert {"extra_javascript", "repo_url", "extra"} & set(SETTINGS) == set()
    assert SETTINGS["plugins"] == ["search"]
