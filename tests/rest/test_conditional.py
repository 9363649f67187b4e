"""Entity tags and If-None-Match as plain functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest.conditional import entity_tag, is_current

ID = "7d3f8a52-0f6b-4c1e-9d2a-1b6c5e4f3a20"


def test_a_tag_names_id_version_and_representation() -> None:
    """S3-141, S3-143, C-54."""
    tags = {
        entity_tag(ID, 1),
        entity_tag(ID, 2),
        entity_tag(ID[:-1] + "1", 1),
        entity_tag(ID, 1, b"a"),
        entity_tag(ID, 1, b"b"),
    }

    assert len(tags) == 5
    assert entity_tag(ID, 1) == entity_tag(ID, 1)
    assert entity_tag(ID, 1, b"a").startswith(entity_tag(ID, 1)[:-1] + b"-")


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (None, False),
        (b"", False),
        (b'"a"', True),
        (b'W/"a"', True),
        (b'"b", "a"', True),
        (b'"b","c"', False),
        (b"*", True),
        (b'*, "b"', False),
        (b"a", False),
    ],
)
def test_the_comparison_is_weak(sent: bytes | None, known: bool) -> None:
    """RFC 9110, section 13.1.2."""
    assert is_current(sent, b'"a"') is known


@given(st.binary(max_size=100))
def test_no_header_is_current_by_chance(sent: bytes) -> None:
    assert not is_current(sent, b'"0123456789ab"') or b"0123456789ab" in sent or sent.strip() == b"*"
