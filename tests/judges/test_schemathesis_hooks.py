"""What is dropped of Schemathesis' failures, and what never is."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.judges.schemathesis_hooks import before_load_schema, filter_failure


def kept(kind: str, answer: Any) -> bool:
    failure = type(kind, (), {})()
    found = filter_failure(None, failure, None, SimpleNamespace(content=json.dumps(answer).encode()))
    assert isinstance(found, bool)
    return found


def refusal(status: int, code: str, detail: str = "", **errors: list[str]) -> dict[str, Any]:
    return {"status": status, "code": code, "detail": detail, "errors": errors}


@pytest.mark.parametrize(
    "problem",
    [
        refusal(400, "bad-request", "'colour' is not a query parameter of /api/v1/brands."),
        refusal(400, "malformed-request", "The body is no JSON."),
        refusal(415, "unsupported-media-type"),
        refusal(422, "validation-failed", name=["unknown_field"]),
        refusal(422, "validation-failed", name=["too_long"]),
        refusal(422, "validation-failed", slug=["already_taken"], sku=["inclusion"]),
        refusal(500, "internal-error"),
    ],
    ids=lambda problem: f"{problem['status']} {problem['code']} {problem['errors']}",
)
def test_refusals_that_a_schema_can_foresee_are_findings(problem: dict[str, Any]) -> None:
    assert kept("RejectedPositiveData", problem)


@pytest.mark.parametrize(
    "problem",
    [
        refusal(400, "bad-request", "The cursor is malformed; use one from a previous response."),
        refusal(409, "conflict"),
        refusal(412, "precondition-failed"),
        refusal(422, "idempotency-key-mismatch"),
        refusal(422, "validation-failed", slug=["already_taken"], brand_id=["not_found"]),
    ],
    ids=lambda problem: f"{problem['status']} {problem['code']} {problem['errors']}",
)
def test_refusals_that_depend_on_what_there_is_are_none(problem: dict[str, Any]) -> None:
    assert not kept("RejectedPositiveData", problem)


def test_an_error_of_graphql_is_a_finding_unless_every_problem_is_the_clients() -> None:
    theirs = {"extensions": {"problem": refusal(404, "not-found")}}
    ours = {"extensions": {"problem": refusal(500, "internal-error")}}

    assert not kept("GraphQLServerError", {"errors": [theirs]})
    assert kept("GraphQLServerError", {"errors": [theirs, ours]})


@pytest.mark.parametrize("kind", ["ServerError", "JsonSchemaError", "AcceptedNegativeData", "UseAfterFree"])
def test_failures_of_other_checks_are_findings(kind: str) -> None:
    assert kept(kind, refusal(404, "not-found"))


def test_nothing_but_bounds_of_paging_is_taken_out_of_the_document() -> None:
    page = {"schema": {"type": "integer", "minimum": 1, "default": 1}}
    other = {"schema": {"type": "integer", "minimum": 1}}
    document = {"components": {"parameters": {"Page": page, "Other": other}}}

    before_load_schema(None, document)

    assert document == {
        "components": {"parameters": {"Page": {"schema": {"type": "integer", "default": 1}}, "Other": other}}
    }
