"""Compilation: one text per tree, values only in slots, a fence on every table."""

import re
from typing import Any

import pytest

from db.compile import SYSTEM_VALUES, compile_query
from db.models import Brand, Product
from db.query import (
    All,
    Compare,
    Count,
    Estimate,
    Get,
    Object,
    Order,
    Page,
    Query,
    Rows,
    Slot,
    Value,
    Window,
)
from services.catalog import CATALOG
from services.engine.intent import Fetch, Leaf, Listing, Paging, Parent, Search
from services.engine.plan import plan

ORDER = (Order("name", False, False), Order("id", False, False))
BRAND = Object(Brand, (Value("id", "id"), Value("name", "name")))
ALL = frozenset({"all:read"})


def page(**changes: Any) -> Page:
    values: dict[str, Any] = {"where": None, "count": Count.EXACT, **changes}
    rows = Rows(Brand, ORDER, Window(Slot(0), offset=Slot(1)), values["where"])
    return Page(rows, BRAND, values["count"])


def test_equal_trees_share_one_text() -> None:
    """Design 4: the tree is the key of the cache."""
    assert compile_query(page()) is compile_query(page())
    assert compile_query(page(count=Count.NONE)).text != compile_query(page()).text


def test_every_placeholder_has_a_source() -> None:
    """Values stand in slots and system values; nothing is written into the text."""
    compiled = compile_query(page(where=All((Compare("name", "like", Slot(2)),))))

    numbers = {int(number) for number in re.findall(r"(?<!\w)\$(\d+)", compiled.text)}
    assert numbers == set(range(1, len(compiled.sources) + 1))
    assert {source for source in compiled.sources if isinstance(source, int)} == {0, 1, 2}
    assert {source for source in compiled.sources if isinstance(source, str)} <= set(SYSTEM_VALUES)


def test_an_estimate_explains_and_reads_nothing() -> None:
    compiled = compile_query(Estimate(page().rows))

    assert compiled.text.startswith("EXPLAIN (FORMAT JSON) SELECT 1")


@pytest.mark.parametrize("operator", ["is", "=", "; DROP TABLE brands"])
def test_an_unknown_operator_is_a_programming_error(operator: str) -> None:
    with pytest.raises(ValueError, match="no comparison"):
        compile_query(page(where=Compare("name", operator, Slot(2))))


def test_an_unknown_column_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        compile_query(page(where=Compare("nope", "eq", Slot(2))))


def every_query() -> dict[str, Query]:
    """Return a query of every kind for every resource, with each of its relations included."""
    found: dict[str, Query] = {}
    for resource in CATALOG:
        include = tuple((relation.name,) for relation in resource.relations)
        listings = {
            "page": Listing(paging=Paging(page=1), q=Leaf(0) if resource.searchable else None),
            "first": Listing(paging=Paging(keyset=True)),
            "after": Listing(paging=Paging(keyset=True, cursor=Leaf(0), nulls=(False, False))),
            "before": Listing(
                paging=Paging(keyset=True, cursor=Leaf(0), nulls=(False, False), backward=True)
            ),
        }
        found[f"{resource.name} get"] = plan(
            Fetch(resource.name, Leaf(0), "/b", None, include), CATALOG, ALL
        ).query
        for name, listing in listings.items():
            asked = Search(resource.name, listing, "/b", None, include)
            found[f"{resource.name} {name}"] = plan(asked, CATALOG, ALL).query
        for relation in resource.relations:
            if relation.nested:
                nested = Search(
                    relation.target,
                    listings["page"],
                    "/b",
                    parent=Parent(resource.name, relation.name, Leaf(0)),
                )
                found[f"{resource.name} {relation.name}"] = plan(nested, CATALOG, ALL).query
    return found


QUERIES = every_query()


@pytest.mark.parametrize("name", QUERIES)
def test_every_table_of_every_statement_is_fenced(name: str) -> None:
    """S3-061, Q-21: the check itself runs; and each tenant table stands beside a workspace condition."""
    text = compile_query(QUERIES[name]).text

    tables = re.findall(r"(?:FROM|JOIN|,)\s+(\w+) AS ([\w$]+)", text)
    tenant = {resource.plural for resource in CATALOG if resource.tenant} | {"tokens"}
    aliases = [alias for table, alias in tables if table in tenant]
    assert aliases
    for alias in aliases:
        assert re.search(rf"(?<!\w){re.escape(alias)}\.workspace_id = \$", text), (alias, text)


@pytest.mark.parametrize("name", QUERIES)
def test_every_statement_proves_the_token_first(name: str) -> None:
    """Design 7: liveness rides in the request's own statement."""
    compiled = compile_query(QUERIES[name])

    whole = " ".join(compiled.text.split())
    first = whole[re.search(r"(^|\) |, )SELECT \(SELECT token\.version", whole).end() :].split(") AS token")[
        0
    ]  # type: ignore[union-attr]  # It must be there.
    assert "token.revoked_at IS NULL" in first
    assert "token.deleted_at IS NULL" in first
    assert "token.expires_at" in first
    assert "tenant.deleted_at IS NULL" in first
    assert "token" in compiled.sources


def test_no_tree_reads_a_row_by_id_alone() -> None:
    """S3-077."""
    text = compile_query(Get(Object(Product, (Value("id", "id"),)), Slot(0))).text

    assert re.search(r"workspace_id = \$\d+(::UUID)? AND [\w$]+\.id = \$", text)
    assert "deleted_at IS NULL" in text
