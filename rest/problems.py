"""Problems as responses (RFC 9457): the REST adapter of the error catalogue."""

import orjson

from rest.http import PROBLEM_JSON, Headers, Response
from services.engine.errors import Problem, Slug


def response(problem: Problem, *, instance: str, request_id: str, origin: str = "") -> Response:
    """Return the response of `problem`; `origin` prefixes its type URI."""
    members = problem.members(instance=instance, request_id=request_id, origin=origin)
    headers: Headers = [PROBLEM_JSON, (b"cache-control", b"no-store")]
    if problem.slug is Slug.INVALID_TOKEN:
        headers.append((b"www-authenticate", b'Bearer realm="api", error="invalid_token"'))
    if problem.retry_after is not None or problem.slug is Slug.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"%d" % (problem.retry_after or 1)))
    if problem.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    return Response(problem.kind.status, headers, orjson.dumps(members))


def method_not_allowed(method: str, allowed: tuple[str, ...]) -> tuple[Problem, Headers]:
    """Return the 405 problem and its `Allow` header (RFC 9110, section 15.5.6)."""
    listed = ", ".join(allowed)
    problem = Problem(Slug.METHOD_NOT_ALLOWED, f"{method} is not allowed here; allowed are {listed}.")
    return problem, [(b"allow", listed.encode())]
