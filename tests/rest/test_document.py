"""Envelopes and link headers as plain functions."""

import orjson
import pytest

from rest.document import Links, single


@pytest.mark.parametrize(
    ("included", "document"),
    [
        (None, {"data": {"id": 1}}),
        ([], {"data": {"id": 1}, "included": []}),
        ([None, b"[]"], {"data": {"id": 1}, "included": []}),
        (
            [b'[{"a":1},{"a":2}]', None, b'[{"b":3}]'],
            {"data": {"id": 1}, "included": [{"a": 1}, {"a": 2}, {"b": 3}]},
        ),
        ([b"[]", b'[{"b":3}]', b"[]"], {"data": {"id": 1}, "included": [{"b": 3}]}),
    ],
)
def test_a_single_resource_is_spliced_into_its_envelope(
    included: list[bytes | None] | None, document: object
) -> None:
    """S3-155, S3-227."""
    assert orjson.loads(single(b'{"id":1}', included)) == document


def test_links_are_relative_references_in_the_header() -> None:
    """S3-161, RFC 8288."""
    links = Links("/a?self", '/a?q=x[y]&z="<>', None, "/a?page=2", None)

    assert orjson.loads(links.json()) == {
        "self": "/a?self",
        "first": '/a?q=x[y]&z="<>',
        "prev": None,
        "next": "/a?page=2",
        "last": None,
    }
    assert links.header() == (b"link", b'</a?page=2>; rel="next", </a?q=x%5By%5D&z=%22%3C%3E>; rel="first"')
