"""Full-text search with `q` (S3.20)."""

import re

import pytest

from services.catalog import CATALOG
from tests.support.client import Client
from tests.support.expected import ids, in_order, newest
from tests.support.seed import Row, Seed

SEARCHABLE = {resource.plural: resource.searchable for resource in CATALOG if resource.searchable}


def words(row: Row, *names: str) -> set[str]:
    text = " ".join(str(row[name]) for name in names if row[name])
    return set(re.findall(r"[^\W_]+", text.lower()))


def matching(seed: Seed, plural: str, *beginnings: str) -> list[Row]:
    """Return the live rows in which every beginning begins some word."""
    return [
        row
        for row in seed.live(plural)
        if all(
            any(word.startswith(beginning) for word in words(row, *SEARCHABLE[plural]))
            for beginning in beginnings
        )
    ]


def test_the_documented_fields_are_searched() -> None:
    """S3-196."""
    assert SEARCHABLE == {
        "brands": ("name", "description"),
        "categories": ("name", "description"),
        "products": ("name", "sku", "description", "ingredients"),
        "customers": ("name", "email"),
        "orders": ("number",),
        "order_items": ("name",),
    }


@pytest.mark.parametrize(
    ("plural", "q", "beginnings"),
    [
        ("products", "sweet", ["sweet"]),
        ("products", "SWEET", ["sweet"]),
        ("products", "swe", ["swe"]),
        ("products", "s", ["s"]),
        ("products", "sweet tea", ["sweet", "tea"]),
        ("products", "tea   sweet", ["sweet", "tea"]),
        ("products", "rolled bread", ["rolled", "bread"]),
        ("products", "salt", ["salt"]),
        ("products", "käse", ["käse"]),
        ("products", "KÄSE", ["käse"]),
        ("products", "nothing-at-all", ["nothing", "at", "all"]),
        ("brands", "süß", ["süß"]),
        ("brands", "makes number", ["makes", "number"]),
        ("categories", "everything", ["everything"]),
        ("customers", "customer 3", ["customer", "3"]),
        ("orders", "1003", ["1003"]),
        ("orders", "101", ["101"]),
        ("order_items", "loose line", ["loose", "line"]),
    ],
)
async def test_every_word_must_begin_some_word(
    api: Client, seed: Seed, plural: str, q: str, beginnings: list[str]
) -> None:
    """S3-194, S3-197, C-31."""
    answer = await api.get(f"/api/v1/{plural.replace('_', '-')}?q={q}")

    expected = matching(seed, plural, *beginnings)
    assert answer.ids() == ids(newest(expected))
    assert answer.json()["pagination"]["total_count"] == len(expected)


@pytest.mark.parametrize("field", ["name", "sku", "description", "ingredients"])
async def test_each_searchable_field_is_found_by_a_word_of_it(api: Client, seed: Seed, field: str) -> None:
    """S3-196."""
    row = next(row for row in seed.live("products") if row[field])
    word = row[field].split()[0].strip(",")

    assert str(row["id"]) in (await api.get(f"/api/v1/products?q={word}")).ids()


@pytest.mark.parametrize("q", ["", " ", "%20%20", "%09", "+", "%C2%A0"])
async def test_a_blank_query_is_ignored(api: Client, seed: Seed, q: str) -> None:
    """S3-198."""
    assert (await api.get(f"/api/v1/products?q={q}")).ids() == ids(newest(seed.live("products")))


async def test_search_composes_with_filter_sort_and_page(api: Client, seed: Seed) -> None:
    """S3-172, S3-190, S3-195."""
    answer = await api.get("/api/v1/products?q=rolled&filter[status]=active&sort=-name&per_page=2&page=2")

    expected = [row for row in matching(seed, "products", "rolled") if row["status"] == "active"]
    assert answer.ids() == ids(in_order(expected, "-name")[2:4])
    assert answer.json()["pagination"]["total_count"] == len(expected)


@pytest.mark.parametrize(
    "q",
    [
        "'", "''", "\\", "\\'", "&", "|", "!", "!sweet", "(", ")", ":", ":*", "*", "<->", "a & b", "a | b",
        "sweet:*", "'sweet' | 'tea'", '"sweet tea"', "sweet' & 'tea", "%25", "_", "; DROP TABLE products",
        "🍺", "\u200b", "--", "/*", "$1", "{}", "\\x00",
    ],
)  # fmt: skip
async def test_no_query_is_an_operator_or_an_error(api: Client, q: str) -> None:
    """S3-194, S3-271: everything typed is a word or nothing."""
    answer = await api.get("/api/v1/products?q=" + q.replace("&", "%26").replace("+", "%2B"))

    assert answer.status == 200


async def test_operators_do_not_widen_a_search(api: Client) -> None:
    """S3-194: words are ANDed, whatever stands between them."""
    both = (await api.get("/api/v1/products?q=sweet tea")).ids()

    for q in ("sweet | tea", "sweet %26 tea", "tea or sweet"):
        assert set((await api.get(f"/api/v1/products?q={q}")).ids()) <= set(both)


async def test_a_query_may_be_long_but_not_endless(api: Client) -> None:
    """Issue: bad input."""
    assert (await api.get("/api/v1/products?q=" + "a" * 2000)).rows() == []
    (await api.get("/api/v1/products?q=" + "a" * 2001)).names(400, "q")
    (await api.get("/api/v1/products?q=a%00b")).names(400, "q")


async def test_workspaces_cannot_be_searched(api: Client) -> None:
    """S3-196, S3-255: a parameter is refused, never ignored."""
    (await api.get("/api/v1/workspaces?q=acme")).names(400, "workspaces")


async def test_deleted_rows_are_not_found(api: Client, seed: Seed) -> None:
    """S3-318."""
    gone = seed.deleted("brands")[0]

    assert gone["name"] == "Gone Brand"
    assert (await api.get("/api/v1/brands?q=gone")).rows() == []
    assert (await api.get("/api/v1/brands?q=gone&include_deleted=true")).ids() == [str(gone["id"])]
