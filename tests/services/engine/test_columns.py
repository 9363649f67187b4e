"""Reading many rows at once says of each exactly what reading it alone says."""

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.catalog import CATALOG
from services.engine.columns import read_rows
from services.engine.resource import ActionKind, Resource
from services.engine.validate import read_values
from services.products import PRODUCT

_IDS = [str(uuid.UUID(int=number, version=4)) for number in range(3)]
_GOOD: tuple[Any, ...] = (
    *("a", "a-b", "https://x.example/a", "4006381333931", "EUR", "active", "0.10", "starter", "viewer"),
    *(
        "2026-01-31T12:00:00Z",
        "ada@example.com",
        "x" * 255,
        _IDS[0],
        1,
        0,
        True,
        {},
        {"a": 1},
        [],
        [{"quantity": 1}],
    ),
)
"""For every field there is something among these that it takes."""

_ODD: tuple[Any, ...] = (
    *(None, False, -1, 2**31 - 1, 2**31, -(2**31), 2**53 - 1, 2**53, -(2**53), 0.0, -0.0, 1.0, 1.5),
    *("", " ", " a", "a ", "\n", "a\x7f", "é", "e\u0301", "a\0", "\\u0000", "\ud800", "x" * 256, "true"),
    *("40063813339-31", "4006381333930", "A-B", _IDS[0].upper(), f" {_IDS[0]}", *_IDS[1:]),
    *(
        {"a": 2**53},
        {"a\0": 1},
        {"a": "\0"},
        {"a": "\\u0000"},
        {"a": "\ud800"},
        {"a": {"b": [1]}},
        [1],
        [None],
    ),
)
_TEXTS = st.text(max_size=6) | st.sampled_from([each for each in (*_GOOD, *_ODD) if isinstance(each, str)])
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from((*_GOOD, *_ODD)) | st.none() | st.booleans() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_WRITABLE = [
    each for each in CATALOG.resources if any(action.kind is ActionKind.CREATE for action in each.actions)
]


def nested(levels: int) -> Any:
    return {} if levels == 1 else {"a": nested(levels - 1)}


def exactly(value: Any) -> Any:
    """Return `value` so that 1, 1.0 and true differ, and 0.0 and -0.0."""
    if isinstance(value, dict):
        return {name: exactly(part) for name, part in value.items()}
    if isinstance(value, list):
        return [exactly(part) for part in value]
    return type(value), repr(value)


def assert_same(resource: Resource, rows: list[dict[str, Any]]) -> None:
    together, alone = read_rows(resource, rows), [read_values(resource, row) for row in rows]
    assert [invalid for _, invalid in together] == [invalid for _, invalid in alone]
    assert exactly([values for values, _ in together]) == exactly([values for values, _ in alone])


def fields(resource: Resource) -> list[str]:
    """Return what a row may be sent with, and what is ignored or refused."""
    writable = (field.name for field in resource.writable)
    return [*writable, *resource.embedded_by_name, "id", "deleted_at", "nothing"]


@pytest.mark.parametrize("resource", _WRITABLE, ids=lambda resource: resource.name)
def test_a_column_is_read_as_its_values_are(resource: Resource) -> None:
    for name in fields(resource):
        for good in _GOOD:
            for other in (*_GOOD, *_ODD):
                assert_same(resource, [{name: good}, {name: other}])
                assert_same(resource, [{name: other}, {name: good}])


@pytest.mark.parametrize("resource", _WRITABLE, ids=lambda resource: resource.name)
def test_every_field_takes_something(resource: Resource) -> None:
    """Otherwise the test above would compare refusals alone."""
    for field in resource.writable:
        assert not all(read_values(resource, {field.name: good})[1] for good in _GOOD), field.name


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(_WRITABLE))
def test_rows_are_read_as_each_is_alone(data: st.DataObject, resource: Resource) -> None:
    """They may have different fields, and good ones beside bad ones."""
    rows = st.lists(st.dictionaries(st.sampled_from(fields(resource)), _VALUES, max_size=4), max_size=4)
    assert_same(resource, data.draw(rows))


@pytest.mark.parametrize("levels", [1, 2, 19, 20, 21, 60])
def test_depth_counts_within_each_map(levels: int) -> None:
    rows = [{"metadata": nested(levels)}, {"metadata": {}}]

    assert_same(PRODUCT, rows)
    assert [bool(invalid) for _, invalid in read_rows(PRODUCT, rows)] == [levels > 20, False]


def test_a_row_is_not_what_was_sent() -> None:
    """A rule that completes the values of a row leaves alone what was sent."""
    sent = [{"name": "Oats", "quantity": 1}, {"name": "Rye", "quantity": 2}]

    (values, _), _ = read_rows(PRODUCT, sent)
    values["slug"] = "oats"

    assert sent[0] == {"name": "Oats", "quantity": 1}
    assert read_rows(PRODUCT, []) == []
