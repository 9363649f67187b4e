"""Query strings: raw text to shape and values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest.query_string import (
    LONGEST_QUERY,
    field_name,
    include_paths,
    pairs,
    parse_many,
    parse_one,
    sort_terms,
)
from services.brands import BRAND
from services.engine.cursor import CursorCodec
from services.engine.errors import Problem
from services.engine.intent import SortTerm
from services.products import PRODUCT

CODEC = CursorCodec(b"k" * 32)


def many(raw: bytes):  # type: ignore[no-untyped-def]  # The type is the module's own.
    return parse_many(raw, PRODUCT, CODEC, 0.0)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", []),
        (b"&&", []),
        (b"a=1&b=2", [("a", "1", "a=1"), ("b", "2", "b=2")]),
        (b"a", [("a", "", "a")]),
        (b"a=b=c", [("a", "b=c", "a=b=c")]),
        (b"a+b=c+d", [("a b", "c d", "a+b=c+d")]),
        (b"a%5Bb%5D=%C3%A4", [("a[b]", "ä", "a%5Bb%5D=%C3%A4")]),
        (b"q=%2B", [("q", "+", "q=%2B")]),
        (b"q=100%", [("q", "100%", "q=100%")]),
        (b"q=%zz", [("q", "%zz", "q=%zz")]),
        ("q=ä".encode(), [("q", "ä", "q=%C3%A4")]),
        (b"filter[a]=1", [("filter[a]", "1", "filter[a]=1")]),
    ],
)
def test_parameters_are_decoded_and_kept_as_they_came(raw: bytes, found: list[tuple[str, str, str]]) -> None:
    """S3-157: kept texts go into links, so bytes that do not belong into a URL are escaped there."""
    assert list(pairs(raw)) == found


@pytest.mark.parametrize("raw", [b"q=%ff", b"%ff", b"\xff=1", b"q=%c3", b"q=%ed%a0%80"])
def test_what_is_not_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem, match="UTF-8"):
        list(pairs(raw))


def test_the_query_string_is_bounded() -> None:
    list(pairs(b"q=" + b"a" * (LONGEST_QUERY - 2)))
    list(pairs(b"&".join(b"a=1" for _ in range(100))))

    with pytest.raises(Problem, match="too long"):
        list(pairs(b"q=" + b"a" * (LONGEST_QUERY - 1)))
    with pytest.raises(Problem, match="100"):
        list(pairs(b"&".join(b"a=1" for _ in range(101))))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Issue: invalid UTF-8 is a 4xx, never a stumble."""
    try:
        for _, _, text in pairs(raw):
            assert text.isascii()
    except Problem:
        pass


def test_values_stand_outside_the_shape() -> None:
    """Design 4: equal shapes share one plan."""
    first = many(b"filter[name]=a&q=x&page=1&per_page=2&sort=name")
    second = many(b"filter[name]=b&q=y&page=7&per_page=9&sort=name")

    assert first.shape == second.shape
    assert hash(first.shape) == hash(second.shape)
    assert first.values == ["a", "x", "1", "2"]
    assert second.values == ["b", "y", "7", "9"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"filter[name]=a", b"filter[name][neq]=a"),
        (b"filter[sku][null]=true", b"filter[sku][null]=false"),
        (b"filter[status]=deleted", b"filter[status]=active"),
        (b"sort=name", b"sort=-name"),
        (b"fields=name", b"fields=sku"),
        (b"cursor=", b""),
        (b"q=x", b""),
    ],
)
def test_what_changes_the_statement_belongs_to_the_shape(first: bytes, second: bytes) -> None:
    assert many(first).shape != many(second).shape


def test_both_spellings_of_equality_have_one_shape() -> None:
    """S3-218."""
    assert many(b"filter[name]=a").shape == many(b"filter[name][eq]=b").shape


def test_links_keep_everything_but_the_paging() -> None:
    """S3-157."""
    parsed = many(b"sort=name&page=2&per_page=5&filter[name][like]=%C3%A4&q=x")

    assert parsed.kept == ["sort=name", "filter[name][like]=%C3%A4", "q=x"]


def test_a_single_resource_takes_few_parameters() -> None:
    """S3-206, S3-236, C-33."""
    parsed = parse_one(b"fields=name&fields[products]=sku&include=products&include_deleted=true", BRAND)

    assert dict(parsed.shape) == {
        "fields": "name",
        "fields[products]": "sku",
        "include": "products",
        "include_deleted": "true",
    }
    with pytest.raises(Problem, match="'page'"):
        parse_one(b"page=1", BRAND)


def test_lists_are_cut_at_commas() -> None:
    """S3-185, S3-205, S3-226."""
    assert sort_terms("name,-sku") == (SortTerm("name", False), SortTerm("sku", True))
    assert include_paths(["a.b", "c"]) == (("a", "b"), ("c",))
    assert field_name("", "brands.name") == ("brands", "name")
    assert field_name("products", "name") == ("products", "name")
    for wrong in ("", "name,", ",", " "):
        with pytest.raises(Problem, match="sort"):
            sort_terms(wrong)
