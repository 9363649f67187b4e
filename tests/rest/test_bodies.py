"""Bodies as plain functions: media types and JSON objects."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest import bodies
from rest.http import Request
from services.engine.errors import Problem, Slug


def request(body: bytes = b"", content_type: bytes | None = b"application/json") -> Request:
    headers = {} if content_type is None else {b"content-type": content_type}
    return Request("POST", "/api/v1/things", ("things",), b"", headers, body)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"application/json", bodies.JSON_TYPE),
        (b"APPLICATION/JSON;charset=UTF-8", bodies.JSON_TYPE),
        (b"application/json; profile=x", bodies.JSON_TYPE),
        (b"application/merge-patch+json", bodies.MERGE_TYPE),
        (b'application/merge-patch+json ; charset="utf-8"', bodies.MERGE_TYPE),
    ],
)
def test_the_type_of_a_patch_is_told(content_type: bytes, kind: bytes) -> None:
    """C-41."""
    assert bodies.read(request(b'{"a": 1}', content_type), *bodies.PATCHES) == ({"a": 1}, kind)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        b"",
        b"text/json",
        b"application/merge-patch+json",
        b"application/json;charset=ascii",
        b"application/json, x",
    ],
)
def test_other_types_are_refused(content_type: bytes | None) -> None:
    """Q-04."""
    with pytest.raises(Problem) as found:
        bodies.read(request(b"{}", content_type))
    assert found.value.slug is Slug.UNSUPPORTED_MEDIA_TYPE
    assert found.value.detail == "The body must be application/json, in UTF-8."


def test_a_wrong_type_is_told_even_without_a_body() -> None:
    """Q-04: whoever names a type means to send something."""
    with pytest.raises(Problem) as found:
        bodies.read_if_any(request(b"", b"text/plain"))
    assert found.value.slug is Slug.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("content_type", [None, b"application/json"])
@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_no_body_is_an_empty_one_where_none_is_needed(body: bytes, content_type: bytes | None) -> None:
    if body and content_type is None:
        with pytest.raises(Problem) as found:
            bodies.read_if_any(request(body, content_type))
        assert found.value.slug is Slug.UNSUPPORTED_MEDIA_TYPE
    else:
        assert bodies.read_if_any(request(body, content_type)) == {}
        with pytest.raises(Problem, match="missing"):
            bodies.read(request(body, content_type))


def test_a_body_that_would_be_ignored_is_refused() -> None:
    bodies.refuse(request(b""))
    with pytest.raises(Problem, match="POST /api/v1/things"):
        bodies.refuse(request(b" "))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_object_or_a_problem(body: bytes) -> None:
    with suppress(Problem):
        assert isinstance(bodies.parsed(body), dict)
