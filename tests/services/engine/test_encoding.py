"""Values of requests as texts for PostgreSQL: accepted exactly, refused by name."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.describe import Kind
from db.models import ProductStatus
from services.engine import encoding
from services.engine.errors import Problem

ID = uuid.UUID("7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.UUID, str(ID), str(ID)),
        (Kind.UUID, str(ID).upper(), str(ID)),
        (Kind.UUID, ID.hex, str(ID)),
        (Kind.STRING, "ä 'x'", "ä 'x'"),
        (Kind.STRING, "", ""),
        (Kind.INTEGER, "-5", "-5"),
        (Kind.INTEGER, 5, "5"),
        (Kind.INTEGER, "007", "7"),
        (Kind.INTEGER, 2**31 - 1, "2147483647"),
        (Kind.INTEGER, -(2**31), "-2147483648"),
        (Kind.BIG_INTEGER, str(2**63 - 1), "9223372036854775807"),
        (Kind.DECIMAL, "0.0875", "0.0875"),
        (Kind.DECIMAL, "-12", "-12"),
        (Kind.DECIMAL, 0.5, "0.5"),
        (Kind.DECIMAL, Decimal("1E+2"), "100"),
        (Kind.BOOLEAN, "true", "true"),
        (Kind.BOOLEAN, False, "false"),
        (Kind.INTEGER, 1.0, "1"),
        (Kind.DATETIME, "2026-03-15T10:00:00Z", "2026-03-15T10:00:00+00:00"),
        (Kind.DATETIME, "2026-03-15", "2026-03-15T00:00:00+00:00"),
        (Kind.DATETIME, datetime(2026, 3, 15, 10, tzinfo=UTC), "2026-03-15T10:00:00+00:00"),
        (Kind.JSON, "x", "x"),
        (Kind.JSON, True, "true"),
        (Kind.JSON, 1.5, "1.5"),
    ],
)
def test_a_fitting_value_is_encoded(kind: Kind, value: Any, text: str) -> None:
    """S3-103, S3-220, C-35."""
    assert encoding.encoder(kind, None, "here")(value) == text.encode()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.UUID, "x"), (Kind.UUID, 5), (Kind.UUID, None),
        (Kind.STRING, 5), (Kind.STRING, None), (Kind.STRING, "\0"), (Kind.STRING, "\ud800"),
        (Kind.STRING, "x" * 2001), (Kind.STRING, ["x"]),
        (Kind.INTEGER, 2**31), (Kind.INTEGER, True), (Kind.INTEGER, 1.5), (Kind.INTEGER, "1.0"),
        (Kind.INTEGER, "\u0661"), (Kind.INTEGER, "9" * 30), (Kind.INTEGER, "1\n"),
        (Kind.BIG_INTEGER, 2**63),
        (Kind.DECIMAL, "1e5"), (Kind.DECIMAL, "NaN"), (Kind.DECIMAL, True), (Kind.DECIMAL, "1" * 31),
        (Kind.BOOLEAN, "1"), (Kind.BOOLEAN, 1), (Kind.BOOLEAN, "True"),
        (Kind.DATETIME, "2026-03-15T10:00:00"), (Kind.DATETIME, "2026-03-15T10:00:00+01:00"),
        (Kind.DATETIME, "2026-13-15"), (Kind.DATETIME, 5), (Kind.DATETIME, "2026-03-15T10:00:00Z\n"),
        (Kind.JSON, {}), (Kind.JSON, None), (Kind.JSON, "\0"),
    ],
)  # fmt: skip
def test_an_unfitting_value_is_refused_by_its_label(kind: Kind, value: Any) -> None:
    """Q-08: the problem names where the value was wanted."""
    with pytest.raises(Problem, match="here"):
        encoding.encoder(kind, None, "here")(value)


def test_an_enum_takes_its_values_alone() -> None:
    encode = encoding.encoder(Kind.STRING, ProductStatus, "status")

    assert encode("active") == b"active"
    for wrong in ("ACTIVE", "", None, 1, ["active"]):
        with pytest.raises(Problem, match="draft, active, archived"):
            encode(wrong)


@pytest.mark.parametrize(
    ("value", "pattern"),
    [("abc", b"%abc%"), ("", b"%%"), ("50%", b"%50\\%%"), ("a_b", b"%a\\_b%"), ("a\\b", b"%a\\\\b%")],
)
def test_wildcards_of_a_substring_are_escaped(value: str, pattern: bytes) -> None:
    """C-30."""
    assert encoding.substring_encoder("name like")(value) == pattern


@pytest.mark.parametrize(
    ("q", "query"),
    [
        ("sweet", b"'sweet':*"),
        ("  sweet   tea ", b"'sweet':* & 'tea':*"),
        ("o'brien", b"'o''brien':*"),
        ("a\\b", b"'a\\\\b':*"),
        ("a & b", b"'a':* & '&':* & 'b':*"),
    ],
)
def test_search_words_are_quoted_prefixes(q: str, query: bytes) -> None:
    """S3-194, C-31."""
    assert encoding.search_words(q) == query


@pytest.mark.parametrize(
    ("value", "readings"),
    [
        ("x", [b'"x"']),
        ("5", [b"5", b'"5"']),
        ("5.10", [b"5.10", b'"5.10"']),
        ("true", [b"true", b'"true"']),
        ("null", [b'"null"']),
        ("[1]", [b'"[1]"']),
        ("12345678901234567890123", [b"12345678901234567890123", b'"12345678901234567890123"']),
        ("1e-999999", [b"0.0", b'"1e-999999"']),
        (5, [b"5"]),
        (False, [b"false"]),
        (1.5, [b"1.5"]),
    ],
)
def test_a_json_scalar_has_a_reading_for_each_type_it_may_mean(value: Any, readings: list[bytes]) -> None:
    """S3-224."""
    assert encoding.json_scalar(value, "metadata.a") == readings


def test_lists_become_array_literals() -> None:
    """S3-215, Q-10."""
    encode = encoding.list_encoder(encoding.encoder(Kind.STRING, None, "name in"), "name in")

    assert encode("a,b") == b'{"a","b"}'
    assert encode(['a"b', "c\\d", "e,f", "{}", "NULL"]) == b'{"a\\"b","c\\\\d","e,f","{}","NULL"}'
    assert encode([]) == b"{}"
    for wrong in (5, None, {"a": 1}, ["a"] * 501):
        with pytest.raises(Problem, match="name in"):
            encode(wrong)


@pytest.mark.parametrize(
    ("value", "size"),
    [(None, 100), (1, 1), ("7", 7), (0, 1), ("-9", 1), (500, 500), (501, 500), (10**9, 500)],
)
def test_page_sizes_are_clamped(value: Any, size: int) -> None:
    """S3-168, S3-171, C-23."""
    assert encoding.size_of(value) == size


@pytest.mark.parametrize(("value", "page"), [(None, 1), (1, 1), ("3", 3), (0, 1), (-5, 1), (2**62, 2**62)])
def test_pages_are_clamped(value: Any, page: int) -> None:
    """S3-168, S3-170."""
    assert encoding.page_of(value) == page


@pytest.mark.parametrize(
    ("value", "skipped"),
    [
        ((None, None, None), b"0"),
        ((3, 10, None), b"20"),
        ((None, 10, 7), b"7"),
        ((None, 10, -7), b"0"),
        ((2**62, 500, None), b"%d" % 2**62),
    ],
)
def test_rows_before_a_page_are_counted_within_what_the_database_counts(value: Any, skipped: bytes) -> None:
    """C-18."""
    assert encoding.rows_before(value) == skipped


@pytest.mark.parametrize("value", ["x", "", 1.5, True, [1], 10**30, "9" * 5000, "1e3", " 1"])
def test_numbers_that_are_none_are_refused_by_name(value: Any) -> None:
    """C-23."""
    with pytest.raises(Problem, match="page"):
        encoding.whole(value, "page")


@given(st.uuids())
def test_short_ids_are_read_back(id_: uuid.UUID) -> None:
    """C-35: the 22 characters hold the same 128 bits."""
    short = encoding.short_identifier(str(id_))

    assert len(short) == 22
    assert encoding.identifier(short) == str(id_)


@given(st.text(max_size=40) | st.binary().map(bytes.hex))
def test_no_text_breaks_the_reading_of_ids(text: str) -> None:
    """Q-01: it is an id in canonical form, or none."""
    found = encoding.identifier(text)

    assert found is None or str(uuid.UUID(found)) == found


@given(st.text(max_size=60))
def test_search_words_never_leave_their_quotes(q: str) -> None:
    """S3-194: outside the quotes stand only prefixes and ands."""
    try:
        query = encoding.search_words(q).decode()
    except Problem:
        return
    outside = query.replace("''", "").replace("\\\\", "")
    assert set("".join(outside.split("'")[::2])) <= set(":* &")
