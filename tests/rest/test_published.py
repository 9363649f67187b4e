"""Which representation a request gets (RFC 9110, section 12.5.1), and how it is sent."""

import gzip

import pytest

from rest.published import Published, publish
from services.engine.errors import Problem

FORMS = {
    b"text/html; charset=utf-8": Published.of_bytes(b"<p>1</p>"),
    b"application/json": Published.of(1),
    b"text/markdown; charset=utf-8": Published.of_bytes(b"1"),
}
HTML, JSON, MARKDOWN = FORMS


def kind(accept: bytes) -> bytes:
    """Return the content type of the answer."""
    found = publish(FORMS, {b"accept": accept})
    assert found.status == 200
    return dict(found.headers)[b"content-type"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (b"", HTML),
        (b"*/*", HTML),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        (b"application/json", JSON),
        (b"application/*", JSON),
        (b"text/markdown", MARKDOWN),
        (b"text/markdown, text/html", MARKDOWN),
        (b"text/html;q=0.2, text/markdown;q=0.7", MARKDOWN),
        (b"text/*;q=0.3, application/json;q=0.2", HTML),
        (b"*/*, text/html;q=0", JSON),
        (b"text/html;level=1", HTML),
        (b"TEXT/Markdown ; Q=1.0", MARKDOWN),
        (b"application/json;q=0.001, image/png", JSON),
        (b"application/json;q=nonsense", JSON),
    ],
)
def test_the_one_that_is_wanted_most_is_sent(accept: bytes, expected: bytes) -> None:
    assert kind(accept) == expected


@pytest.mark.parametrize("accept", [b"image/png", b"text/html;q=0", b"*/*;q=0", b",", b"html"])
def test_none_is_sent_that_is_not_wanted(accept: bytes) -> None:
    with pytest.raises(Problem, match=r"text/html or application/json or text/markdown"):
        publish(FORMS, {b"accept": accept})


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (b"gzip", True),
        (b"br, gzip;q=0.5", True),
        (b"*", True),
        (b"", False),
        (b"br", False),
        (b"gzip;q=0", False),
        (b"*, gzip;q=0.000", False),
    ],
)
def test_it_is_packed_where_that_is_understood(encoding: bytes, packed: bool) -> None:
    found = publish(FORMS, {b"accept-encoding": encoding})

    headers = dict(found.headers)
    assert (headers.get(b"content-encoding") == b"gzip") is packed
    assert headers[b"etag"].endswith(b'-gzip"') is packed
    assert (gzip.decompress(found.body) if packed else found.body) == b"<p>1</p>"
    assert headers[b"vary"] == b"Accept, Accept-Encoding"


def test_what_the_client_has_is_not_sent_again() -> None:
    tag = dict(publish(FORMS, {}).headers)[b"etag"]

    for known in (tag, b"W/" + tag, b'"other", ' + tag, b"*"):
        again = publish(FORMS, {b"if-none-match": known}, seconds=5)
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers).keys() == {b"etag", b"cache-control", b"vary"}
        assert dict(again.headers)[b"cache-control"] == b"public, max-age=5"
    other = publish(FORMS, {b"if-none-match": tag, b"accept": b"application/json"})
    assert other.status == 200
