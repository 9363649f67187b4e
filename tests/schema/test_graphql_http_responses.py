"""GraphQL over HTTP: media types, statuses, encoding, and mutations by safe methods."""

import orjson
import pytest
from graphql import parse as parse_document

from schema.http import (
    HttpProblem,
    MediaType,
    encode,
    encode_batch,
    is_mutation,
    negotiate,
    prefers_html,
    require_safe,
    status_for,
)

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (GRAPHQL.upper(), GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.8, {JSON};q=0.9", JSON),
        (f"{GRAPHQL};q=0.8, */*;q=0.9", JSON),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (f"{JSON}, */*", JSON),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{GRAPHQL};q=0, {JSON};q=0.001", JSON),
        ("application/*;q=0.2, text/html", JSON),
        (f"{GRAPHQL};q=0.5, {GRAPHQL};q=1, {JSON};q=0.7", GRAPHQL),
        (f"{GRAPHQL};charset=latin1, {JSON}", JSON),
        (f"{GRAPHQL};q=lots, {JSON};q=0.1", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (f" , ;, {JSON}", JSON),
    ],
)
def test_the_response_type_follows_the_accept_field(accept: str | None, chosen: str) -> None:
    """RFC 9110 section 12.5.1; GraphQL over HTTP, media types."""
    assert negotiate(accept) == chosen


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/*",
        f"{JSON};q=0",
        "*/*;q=0",
        f"{JSON};charset=latin1",
        "json",
        "/",
        ",",
        f"{JSON};q=nan",
    ],
)
def test_nothing_acceptable_is_406(accept: str) -> None:
    with pytest.raises(HttpProblem) as caught:
        negotiate(accept)

    assert (caught.value.status, caught.value.slug) == (406, "not-acceptable")
    assert GRAPHQL in caught.value.detail


def test_content_types_name_their_encoding() -> None:
    assert MediaType.GRAPHQL.header == f"{GRAPHQL}; charset=utf-8"
    assert MediaType.JSON.header == f"{JSON}; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (f"text/html, {JSON}", True),
        (f"text/html;q=0.5, {JSON}", False),
        ("*/*", False),
        (None, False),
        ("text/html;q=0", False),
        (JSON, False),
    ],
)
def test_only_browsers_that_name_html_are_shown_a_page(accept: str | None, expected: bool) -> None:
    assert prefers_html(accept) is expected


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
def test_the_graphql_type_carries_the_errors_status_unless_data_is_there(status: int) -> None:
    assert status_for(MediaType.GRAPHQL, False, status) == status
    assert status_for(MediaType.GRAPHQL, True, status) == 200


@pytest.mark.parametrize(
    ("status", "sent"),
    [(400, 200), (403, 200), (404, 200), (422, 200), (401, 401), (429, 429), (500, 500), (503, 503)],
)
def test_plain_json_hides_only_the_statuses_that_the_document_decided(status: int, sent: int) -> None:
    """GraphQL over HTTP, `application/json` responses."""
    assert status_for(MediaType.JSON, False, status) == sent
    assert status_for(MediaType.JSON, True, status) == 200


def test_finished_json_is_copied_into_a_response() -> None:
    ready = orjson.Fragment(b'{"a":  1}')

    assert encode({"data": ready}) == b'{"data":{"a":  1}}'
    assert encode_batch([b'{"data":1}', b'{"data":2}']) == b'[{"data":1},{"data":2}]'


DOCUMENT = "query A { a } mutation B { b } subscription C { c } fragment F on Mutation { b }"


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("{ a }", None, False),
        ("mutation { a }", None, True),
        (DOCUMENT, "A", False),
        (DOCUMENT, "B", True),
        (DOCUMENT, "C", False),
        (DOCUMENT, "F", False),
        (DOCUMENT, "Missing", False),
        (DOCUMENT, None, True),
    ],
)
def test_a_mutation_is_known_by_the_operation_that_would_run(
    source: str, name: str | None, expected: bool
) -> None:
    assert is_mutation(parse_document(source), name) is expected


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mutation_by_a_safe_method_is_refused(method: str) -> None:
    """Attack 4."""
    with pytest.raises(HttpProblem) as caught:
        require_safe(method, parse_document(DOCUMENT), "B")

    assert (caught.value.status, caught.value.slug) == (405, "method-not-allowed")
    assert caught.value.headers == {"Allow": "POST"}


def test_queries_by_get_and_mutations_by_post_are_not_refused() -> None:
    assert require_safe("GET", parse_document(DOCUMENT), "A") is None
    assert require_safe("POST", parse_document(DOCUMENT), "B") is None
