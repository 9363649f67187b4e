"""GraphQL over HTTP: what is read from a request, and how each malformed one is refused."""

import json
from urllib.parse import quote, urlencode

import pytest

from schema.http import GraphQLRequest, HttpProblem, parse
from services.engine.strict_json import JsonProblem, load

LIMIT = 100_000


def post(body: bytes | object, content_type: str | None = "application/json", **options):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    accept = options.pop("accept", None)
    return parse(
        "POST", content_type, accept, options.pop("raw_query", b""), raw, body_limit=LIMIT, **options
    )


def get(raw_query: str | bytes, method: str = "GET"):
    raw = raw_query.encode() if isinstance(raw_query, str) else raw_query
    return parse(method, None, None, raw, b"", body_limit=LIMIT)


def problem(call, *arguments, **options) -> HttpProblem:
    with pytest.raises(HttpProblem) as caught:
        call(*arguments, **options)
    return caught.value


def test_a_post_carries_all_four_parameters() -> None:
    request = post({"query": "query A { a }", "operationName": "A", "variables": {"x": [1, None]},
                    "extensions": {"e": 1}})  # fmt: skip

    assert request == GraphQLRequest("query A { a }", "A", {"x": [1, None]}, {"e": 1})


def test_a_get_carries_all_four_parameters() -> None:
    query = urlencode({"query": "query A { a }", "operationName": "A", "variables": '{"x": "é+ "}',
                       "extensions": '{"e": 1}'})  # fmt: skip

    assert get(query) == GraphQLRequest("query A { a }", "A", {"x": "é+ "}, {"e": 1})
    assert get(query, "HEAD") == get(query)


@pytest.mark.parametrize("name", ["operationName", "variables", "extensions"])
def test_null_and_empty_optional_parameters_are_absent(name: str) -> None:
    assert post({"query": "{a}", name: None}) == GraphQLRequest("{a}")
    assert get(f"query=%7Ba%7D&{name}=") == GraphQLRequest("{a}")


def test_get_variables_may_be_a_json_null() -> None:
    assert get("query=%7Ba%7D&variables=null") == GraphQLRequest("{a}")


def test_further_json_members_are_ignored_as_the_standard_says() -> None:
    assert post({"query": "{a}", "id": "abc", "doc_id": 7}) == GraphQLRequest("{a}")


def test_a_query_that_is_no_graphql_is_still_a_well_formed_request() -> None:
    assert post({"query": ""}) == GraphQLRequest("")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
def test_json_in_utf8_is_read(content_type: str) -> None:
    assert post({"query": '{a(s: "🏃é")}'}, content_type) == GraphQLRequest('{a(s: "🏃é")}')


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/graphql-response+json",
        "application/jsonp",
        "application/json; charset=iso-8859-1",
    ],
)
def test_other_request_types_are_unsupported(content_type: str | None) -> None:
    """Attack 46."""
    refused = problem(post, {"query": "{a}"}, content_type)

    assert (refused.status, refused.slug) == (415, "unsupported-media-type")
    assert refused.headers == {"Accept": "application/json"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "QUERY", "post", ""])
def test_other_methods_are_not_allowed(method: str) -> None:
    refused = problem(parse, method, "application/json", None, b"", b'{"query":"{a}"}', body_limit=LIMIT)

    assert (refused.status, refused.slug) == (405, "method-not-allowed")
    assert refused.headers == {"Allow": "GET, HEAD, POST"}


def test_an_unacceptable_accept_field_refuses_before_the_body_is_read() -> None:
    refused = problem(post, b"not json", accept="text/csv")

    assert (refused.status, refused.slug) == (406, "not-acceptable")


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_too_large() -> None:
    body = b'{"query":"{a}"}'.ljust(LIMIT)

    assert post(body) == GraphQLRequest("{a}")

    refused = problem(post, body + b" ")
    assert (refused.status, refused.slug) == (413, "payload-too-large")
    assert problem(get, "query=" + "a" * LIMIT).status == 413


BAD_BODIES = {
    "empty": (b"", "empty"),
    "truncated": (b'{"query": "{a', "not JSON"),
    "invalid UTF-8": (b'{"query": "\xff"}', "not JSON"),
    "byte order mark": (b'\xef\xbb\xbf{"query": "{a}"}', "not JSON"),
    "UTF-16": ('{"query": "{a}"}'.encode("utf-16"), "not JSON"),
    "NaN": (b'{"query": "{a}", "variables": {"x": NaN}}', "not JSON"),
    "Infinity": (b'{"query": "{a}", "variables": {"x": -Infinity}}', "not JSON"),
    "beyond a double": (b'{"query": "{a}", "variables": {"x": 1e999}}', "not JSON"),
    "huge integer": (b'{"query": "{a}", "variables": {"x": 18446744073709551616}}', "beyond 64 bits"),
    "huge negative": (b'{"query": "{a}", "variables": {"x": -' + b"9" * 30 + b"}}", "beyond 64 bits"),
    "lone surrogate": (b'{"query": "\\ud800"}', "not JSON"),
    "NUL in a value": (b'{"query": "{a}", "variables": {"x": ["\\u0000"]}}', "NUL"),
    "NUL in a key": (b'{"query": "{a}", "variables": {"\\u0000": 1}}', "NUL"),
    "raw NUL": (b'{"query": "\x00"}', "not JSON"),
    "comment": (b'{"query": "{a}"} // x', "not JSON"),
    "two values": (b'{"query": "{a}"}{}', "not JSON"),
    "repeated key": (b'{"query": "{a}", "query": "{b}"}', "'query' twice"),
    "repeated key, escaped": (b'{"query": "{a}", "\\u0071uery": "{b}"}', "'query' twice"),
    "repeated inner key": (b'{"query": "{a}", "variables": {"x": {"y": 1, "y": 1}}}', "'y' twice"),
    "deep": (b'{"query": "{a}", "variables": {"x": ' + b"[" * 63 + b"]" * 63 + b"}}", "64 levels"),
    "very deep": (b"[" * 50_000 + b"]" * 50_000, "not JSON"),
    "string": (b'"{a}"', "must be a JSON object, not a string"),
    "number": (b"7", "must be a JSON object, not a number"),
    "null": (b"null", "must be a JSON object, not null"),
    "missing query": (b'{"qeury": "{a}"}', "'query' is missing"),
    "null query": (b'{"query": null}', "'query' is missing"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_malformed_bodies_are_bad_requests_that_say_why(name: str) -> None:
    """Attack 37, pitfall 7."""
    body, said = BAD_BODIES[name]

    refused = problem(post, body)

    assert (refused.status, refused.slug) == (400, "bad-request")
    assert said in refused.detail


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("query", [{"a": 1}, 0, False, ["a"]]),
        ("operationName", [{"a": 1}, 0, False, ["a"]]),
        ("variables", ["a", 0, False, ["a"]]),
        ("extensions", ["a", 0, False, ["a"]]),
    ],
)
def test_parameters_of_the_wrong_type_are_named(name: str, values: list[object]) -> None:
    for value in values:
        refused = problem(post, {"query": "{a}", name: value})

        assert refused.status == 400
        assert f"'{name}' must be" in refused.detail


def test_colons_quotes_and_escapes_inside_strings_are_no_keys() -> None:
    text = (
        rb'{"query" : "{a(x: \"k\\\": \\\\\" : 1, \"k\" : 2)}", "variables"'
        + b'\n\t:{"":":", "a\\"b":"\\\\"}}'
    )

    assert post(text).variables == {"": ":", 'a"b': "\\"}


def test_nesting_of_64_levels_is_read() -> None:
    assert load(b"[" * 64 + b"]" * 64) == json.loads("[" * 64 + "]" * 64)

    with pytest.raises(JsonProblem):
        load(b"[" * 65 + b"]" * 65)


def test_the_largest_exact_integers_are_read_exactly() -> None:
    assert load(b"[18446744073709551615, -9223372036854775808]") == [2**64 - 1, -(2**63)]


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert load(rb'"\\u0000"') == "\\u0000"


@pytest.mark.parametrize("count", [1, 10])
def test_a_batch_is_a_tuple_in_order(count: int) -> None:
    requests = post([{"query": f"{{a{i}}}"} for i in range(count)])

    assert requests == tuple(GraphQLRequest(f"{{a{i}}}") for i in range(count))


@pytest.mark.parametrize("count", [0, 11, 1_000])
def test_an_empty_or_large_batch_is_refused(count: int) -> None:
    """Attack 33."""
    refused = problem(post, [{"query": "{a}"}] * count)

    assert (refused.status, refused.slug) == (400, "bad-request")
    assert f"this one {count}" in refused.detail


def test_a_malformed_request_of_a_batch_is_named_by_its_place() -> None:
    assert "of request 2 must be a JSON object" in problem(post, [{"query": "{a}"}, []]).detail
    assert "'query' of request 1 is missing" in problem(post, [{}]).detail


@pytest.mark.parametrize(
    ("raw_query", "said"),
    [
        ("", "'query' is missing"),
        ("operationName=A", "'query' is missing"),
        ("query=%7Ba%7D&querry=1", "Unknown query parameter 'querry'"),
        ("query=%7Ba%7D&query=%7Bb%7D", "'query' is given twice"),
        ("query=%7Ba%7D&variables=%5B1%5D", "'variables' must be an object, not a list"),
        ("query=%7Ba%7D&variables=%7B", "'variables' is not JSON"),
        ("query=%7Ba%7D&extensions=7", "'extensions' must be an object, not a number"),
        ("query=%7Ba%7D&variables=" + quote('{"a":1,"a":2}'), "'a' twice"),
        ("query=%00", "'query' holds a NUL"),
        ("query=%ff", "UTF-8"),
        ("query=%ed%a0%80", "UTF-8"),
        (b"query=\xff", "UTF-8"),
        ("query", "form-encoded"),
        ("&".join(["query=a"] * 6), "up to five"),
    ],
)
def test_malformed_urls_are_bad_requests_that_say_why(raw_query: str | bytes, said: str) -> None:
    refused = problem(get, raw_query)

    assert (refused.status, refused.slug) == (400, "bad-request")
    assert said in refused.detail


def test_a_get_never_carries_a_batch() -> None:
    assert problem(get, "query=%5B%7B%7D%5D&variables=%5B%7B%7D%5D").status == 400


def test_a_post_with_url_parameters_is_refused_rather_than_half_read() -> None:
    refused = problem(post, {"query": "{a}"}, raw_query=b"query=%7Bb%7D")

    assert (refused.status, refused.slug) == (400, "bad-request")


def test_long_names_are_cut_in_details() -> None:
    assert len(problem(get, "x" * 5_000 + "=1").detail) < 250
    assert len(problem(post, ('{"' + "k" * 900 + '":1,"' + "k" * 900 + '":1}').encode()).detail) < 250
