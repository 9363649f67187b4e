"""Maps are merged as RFC 7396 says, within the bounds of their field."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.errors import Invalid
from services.engine.merging import LARGEST, merge_values, merged
from services.products import PRODUCT

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from("xy"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@pytest.mark.parametrize(
    ("stored", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(stored: Any, patch: Any, result: Any) -> None:
    """RFC 7396, appendix A; C-41."""
    assert merged(stored, patch) == result


@given(MAPS, MAPS)
def test_merging_twice_is_merging_once_and_alters_no_argument(stored: Any, patch: Any) -> None:
    before = copy.deepcopy((stored, patch))
    once = merged(stored, patch)

    assert merged(once, patch) == once
    assert (stored, patch) == before


def test_only_maps_in_json_fields_are_merged() -> None:
    stored = {"metadata": {"a": 1, "b": {"c": 2}}, "nutrition": {"kept": 1}, "name": "Oats"}
    clean: dict[str, Any] = {"metadata": {"b": {"c": None, "d": 3}}, "nutrition": None, "name": "Rye"}
    invalid: dict[str, list[Invalid]] = {}

    merge_values(PRODUCT, stored, clean, invalid)

    assert invalid == {}
    assert clean == {"metadata": {"a": 1, "b": {"d": 3}}, "nutrition": None, "name": "Rye"}


def test_what_is_null_or_absent_counts_as_an_empty_map() -> None:
    for stored in ({}, {"metadata": None}):
        clean: dict[str, Any] = {"metadata": {"a": 1, "b": None}}
        merge_values(PRODUCT, stored, clean, {})
        assert clean == {"metadata": {"a": 1}}


def test_a_map_does_not_grow_beyond_its_bounds_by_merging() -> None:
    clean: dict[str, Any] = {"metadata": {"b": "x" * (LARGEST // 2)}}
    invalid: dict[str, list[Invalid]] = {}

    merge_values(PRODUCT, {"metadata": {"a": "x" * (LARGEST // 2)}}, clean, invalid)

    assert clean == {}
    assert [found.code for found in invalid["metadata"]] == ["too_long"]
