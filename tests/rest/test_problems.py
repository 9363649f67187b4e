"""Problems as responses: the headers that go with some of them."""

from typing import Any

import orjson
import pytest

from rest.problems import response
from services.engine.errors import Problem, Slug, conflict


def headers_of(problem: Problem) -> dict[bytes, bytes]:
    answer = response(problem, instance="/api/v1/things", request_id="r", origin="https://api.example")
    assert orjson.loads(answer.body)["type"] == f"https://api.example/problems/{problem.slug}"
    assert answer.status == problem.kind.status
    assert len(dict(answer.headers)) == len(answer.headers)
    return dict(answer.headers)


@pytest.mark.parametrize("slug", Slug)
def test_every_problem_is_one_and_is_kept_by_no_cache(slug: Slug) -> None:
    """S3-253."""
    headers = headers_of(Problem(slug, "So it is."))

    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"cache-control"] == b"no-store"
    assert b"idempotency-replayed" not in headers
    assert (b"retry-after" in headers) is (slug is Slug.SERVICE_UNAVAILABLE)
    assert (b"www-authenticate" in headers) is (slug is Slug.INVALID_TOKEN)


@pytest.mark.parametrize("seconds", [1, 42])
def test_whoever_may_try_again_is_told_when(seconds: int) -> None:
    """C-49."""
    assert headers_of(conflict("Wait.", retry_after=seconds))[b"retry-after"] == b"%d" % seconds


@pytest.mark.parametrize(("changes", "told"), [({}, None), ({"replayed": True}, b"true")])
def test_a_repeated_refusal_says_so(changes: dict[str, Any], told: bytes | None) -> None:
    """S3-154."""
    problem = Problem(Slug.PRECONDITION_FAILED, "Changed.", **changes)

    assert headers_of(problem).get(b"idempotency-replayed") == told
