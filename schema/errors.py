"""Problems as GraphQL errors: the adapter of the error catalogue, total by construction.

`extensions.code` is the problem's slug in capitals, and `extensions.problem` the same RFC 9457 object that
REST answers with. What the specification itself refuses (syntax, validation, coercion) is a bad request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from schema.http import HttpProblem
from schema.limits import GuardViolation
from services.engine.context import Caller
from services.engine.errors import Problem, Slug, bad_request

_LONGEST_MESSAGE = 500

Path = Sequence[str | int]
Locations = Sequence[dict[str, int]]


@dataclass(frozen=True, slots=True)
class Failure:
    """One problem of a response: of one field, where it has a path, else of the whole request."""

    problem: Problem
    path: Path | None = None
    locations: Locations = ()

    def entry(self, *, instance: str, request_id: str, origin: str = "") -> dict[str, Any]:
        """Return the response's error entry (GraphQL specification, section 7.1.2)."""
        members = self.problem.members(instance=instance, request_id=request_id, origin=origin)
        entry: dict[str, Any] = {"message": self.problem.detail}
        if self.locations:
            entry["locations"] = list(self.locations)
        if self.path is not None:
            entry["path"] = list(self.path)
        entry["extensions"] = {"code": self.problem.kind.code, "problem": members}
        if "errors" in members:
            entry["extensions"]["errors"] = members["errors"]
        return entry


class RefusedError(Exception):
    """A request was refused before anything ran."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__("; ".join(failure.problem.detail for failure in failures))
        self.failures = failures


def refused(problem: Problem) -> RefusedError:
    """Return the refusal of a whole request."""
    return RefusedError(Failure(problem))


def of_graphql(error: GraphQLError) -> Failure:
    """Return the failure behind an error of graphql-core; raises an original error that is not foreseen."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    locations = [{"line": at.line, "column": at.column} for at in error.locations or ()]
    if isinstance(original, Problem):
        return Failure(original, error.path, locations)
    if original is not None:
        raise original
    return Failure(bad_request(_bounded(error.message)), error.path, locations)


def of_guard(violation: GuardViolation) -> Problem:
    """Return the problem of a document that passed a limit."""
    return bad_request(violation.message)


def of_http(problem: HttpProblem) -> Problem:
    """Return the catalogue's form of what HTTP refused."""
    return Problem(Slug(problem.slug), problem.detail)


def again(problem: Problem) -> Problem:
    """Return an equal problem to raise, since a kept one would gather the tracebacks of every raise."""
    return Problem(problem.slug, problem.detail, problem.invalid, problem.extensions)


def entries(failures: Sequence[Failure], caller: Caller, origin: str) -> list[dict[str, Any]]:
    """Return the error entries of one response."""
    return [
        failure.entry(instance=caller.instance, request_id=caller.request_id, origin=origin)
        for failure in failures
    ]


def _bounded(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"
