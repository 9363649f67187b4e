"""Reading many rows at once says of each exactly what reading it alone says."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog import CATALOG
from services.engine.columns import read_rows
from services.engine.resource import ActionKind, Resource
from services.engine.validate import read_values
from services.products import PRODUCT

_IDS = [str(uuid.UUID(int=number, version=4)) for number in range(3)]
_ODD_TEXTS = (
    *("a", " a", "a ", "", " ", "\n", "\x7f", "é", "e\u0301", "\0", "\\u0000", "\ud800", "x" * 256, "true"),
    *("a-b", "https://x.example/a", "4006381333931", "40063813339-31", "0.10", "EUR", "active"),
    *("2026-01-31T12:00:00Z", "ada@example.com", _IDS[0].upper(), *_IDS),
)
_TEXTS = st.text(max_size=6) | st.sampled_from(_ODD_TEXTS)
_NUMBERS = st.sampled_from([0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**53 - 1, 2**53, -(2**53), 0.0, -0.0, 1.5])
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
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


@st.composite
def _one_column(draw: st.DrawFn) -> tuple[Resource, list[dict[str, Any]]]:
    """Draw a resource and many values for one of its fields, mostly of one kind."""
    resource = draw(st.sampled_from(_WRITABLE))
    names = [*(field.name for field in resource.writable), *resource.embedded_by_name]
    name = draw(st.sampled_from([*names, "id", "deleted_at", "nothing"]))
    kind = draw(
        st.sampled_from([_TEXTS, _NUMBERS, st.sampled_from(_IDS), _VALUES, st.dictionaries(_TEXTS, _VALUES)])
    )
    return resource, [{name: value} for value in draw(st.lists(kind, min_size=2, max_size=5))]


@given(_one_column())
def test_a_column_is_read_as_its_values_are(drawn: tuple[Resource, list[dict[str, Any]]]) -> None:
    assert_same(*drawn)


@given(st.data(), st.sampled_from(_WRITABLE))
def test_rows_are_read_as_each_is_alone(data: st.DataObject, resource: Resource) -> None:
    """They may have different fields, and good ones beside bad ones."""
    fields = st.sampled_from([field.name for field in resource.writable])
    rows = st.lists(st.dictionaries(fields, _VALUES, max_size=4), max_size=4)
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
