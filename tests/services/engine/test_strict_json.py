"""Strict JSON: what two readers could understand differently is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.engine.strict_json import MAX_NESTING, JsonProblem, load

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6) | st.sampled_from(
    [":", '"', "\\", '":', "a:b", "\\u003a", "::"]
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any, escape: bool, doubled: list[int]) -> str:
    """Write JSON by hand: with escaped colons where asked, and the doubled-th key of all twice."""
    if isinstance(value, list):
        return "[" + ",".join(written(item, escape, doubled) for item in value) + "]"
    if not isinstance(value, dict):
        text = json.dumps(value, ensure_ascii=False)
        return text.replace(":", "\\u003A") if escape else text
    members = []
    for name, item in value.items():
        member = f"{written(name, escape, doubled)} : {written(item, escape, doubled)}"
        members += [member] * (2 if doubled[0] == 0 else 1)
        doubled[0] -= 1
    return "{" + ",".join(members) + "}"


def keys(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (len(value) if isinstance(value, dict) else 0) + sum(map(keys, inner))


@given(_VALUES, st.booleans())
def test_whatever_is_plain_is_read_as_it_is(value: Any, escape: bool) -> None:
    assert load(written(value, escape, [-1]).encode()) == value


@given(_VALUES, st.booleans(), st.data())
def test_any_key_given_twice_is_noticed(value: Any, escape: bool, data: st.DataObject) -> None:
    """Also where texts hold colons, escaped or not."""
    wrapped = {"k": value}
    place = data.draw(st.integers(0, keys(wrapped) - 1))

    with pytest.raises(JsonProblem, match="twice"):
        load(written(wrapped, escape, [place]).encode())


@pytest.mark.parametrize(
    "text",
    [
        rb'{"a":1,"a":1,"b":"\u003a"}',
        rb'{"a":"\u003A","a":"x"}',
        rb'{"a":":","a":1}',
        rb'{"a":1,"\u0061":2}',
        b'{"a":' + b"[" * 900 + b"]" * 900 + b',"a":1}',
        b'[{"b":{"a":1}},{"a":1 , "c":2,"a" :3}]',
    ],
)
def test_keys_given_twice_are_refused(text: bytes) -> None:
    with pytest.raises(JsonProblem, match="twice"):
        load(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b"{a:1}",
        b'{"a":1}{"b":2}',
        b"\xff",
        b'"\xed\xa0\x80"',
        rb'"\ud800"',
        b'{"a":"\x00"}',
        b"/* x */ {}",
        b"\xef\xbb\xbf{}",
        b"[" * 2000,
        b"9" * 400,
        b"1e400",
        b"-18446744073709551616",
        rb'{"a\u0000":1}',
        rb'[["\u0000"]]',
    ],
)
def test_what_is_not_strict_is_refused(text: bytes) -> None:
    with pytest.raises(JsonProblem):
        load(text)


def test_nesting_is_bounded_in_objects_and_lists_alike() -> None:
    fits = b'{"a":[' * (MAX_NESTING // 2) + b"1" + b"]}" * (MAX_NESTING // 2)

    assert load(fits) == json.loads(fits)
    with pytest.raises(JsonProblem, match=f"deeper than {MAX_NESTING} levels"):
        load(b"[" + fits + b"]")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (rb'{"a": {"b": [1, "x\u0000"]}}', "'a.b.1'"),
        (rb'{"c": {"a\u0000": 1}}', "'c'"),
        (b'{"x": 1, "p": [{"q": 1e300}]}', "'p.0.q'"),
        (b'{"price_cents": 100000000000000000000}', "'price_cents'"),
        (b'{"deep": ' + b"[" * 700 + b"1" + b"]" * 700 + b', "n": [1e30]}', "'n.0'"),
    ],
)
def test_the_place_of_what_is_wrong_is_named(text: bytes, where: str) -> None:
    with pytest.raises(JsonProblem, match=where):
        load(text)
