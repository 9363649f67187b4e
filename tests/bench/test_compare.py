"""The comparison that precedes every timing: it forgives spelling and nesting, and nothing else."""

import pytest

from tests.bench import compare, data, works
from tests.bench.works import Subject, Work

REST_ORDER = {
    "data": [
        {
            "id": "o",
            "tax_rate": "0.2",
            "total_cents": 120,
            "status": "shipped",
            "inserted_at": "2026-01-01T00:00:00Z",
            "links": {"self": "/api/v1/orders/o"},
            "relationships": {
                "items": [{"type": "item", "id": "b"}, {"type": "item", "id": "a"}],
                "customer": {"type": "customer", "id": "c"},
            },
        }
    ],
    "included": [
        {"type": "customer", "id": "c", "name": "Ada", "metadata": {"cents_at": "x"}},
        {"type": "item", "id": "a", "position": 0, "relationships": {"product": None}},
        {"type": "item", "id": "b", "position": 1, "relationships": {"product": None}},
    ],
    "pagination": {"total_count": None},
}
GRAPHQL_ORDER = {
    "data": {
        "orders": {
            "nodes": [
                {
                    "id": "o",
                    "taxRate": "0.200000",
                    "totalCents": "120",
                    "status": "SHIPPED",
                    "insertedAt": "2026-01-01T01:00:00.000000+01:00",
                    "items": {
                        "nodes": [
                            {"id": "a", "position": 0, "product": None},
                            {"id": "b", "position": 1, "product": None},
                        ]
                    },
                    "customer": {"id": "c", "name": "Ada", "metadata": {"cents_at": "x"}},
                }
            ]
        }
    }
}


def test_answers_that_differ_only_in_spelling_and_nesting_are_equal() -> None:
    left, right = compare.canonical(Work.W3, REST_ORDER), compare.canonical(Work.G3, GRAPHQL_ORDER)

    assert left["rows"][0]["customer"]["name"] == "Ada"
    assert [item["id"] for item in left["rows"][0]["items"]] == ["a", "b"]
    assert compare.differ(left, right) is None


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ({"rows": [{"a": 1}]}, {"rows": [{"a": 2}]}, "/rows/0/a: 1 is not 2"),
        ({"rows": [{"a": 1}]}, {"rows": [{"a": 1, "b": 2}]}, "/rows/0: only one has b"),
        ({"rows": [1, 2]}, {"rows": [2, 1]}, "/rows/0: 1 is not 2"),
        ({"rows": [1]}, {"rows": [1, 2]}, "/rows: [1] is not [1, 2]"),
    ],
)
def test_the_first_difference_is_told_with_its_place(left: dict, right: dict, told: str) -> None:
    assert compare.differ(left, right) == told


def test_an_answer_with_graphql_errors_is_refused() -> None:
    with pytest.raises(compare.Unequal, match="GraphQL errors"):
        compare.canonical(Work.G1, {"data": {"product": None}, "errors": [{"message": "no"}]})


@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize("size", [data.FULL, data.SMALL])
def test_every_work_has_its_requests_over_all_workspaces(subject: Subject, size: data.Size) -> None:
    cases = works.cases(subject, size)

    assert len(cases) == works.count(subject)
    assert {case.workspace for case in cases} == set(range(data.WORKSPACES))
