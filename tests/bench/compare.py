"""Reduces every target's answers to one form and demands that they say the same."""

import decimal
import json
from typing import Any

from tests.bench import creating, serials, wire, works
from tests.bench.ledger import Ledger
from tests.bench.serials import Serials
from tests.bench.targets import Target
from tests.bench.works import Case, Subject, Work

SAMPLE = 25
"""How many cases of a work are compared before it is timed."""

DECORATION = frozenset({"links", "relationships", "type", "__typename"})
"""Members that say nothing about the row itself."""

OPAQUE = frozenset({"nutrition", "metadata"})
MADE = frozenset({"id", "inserted_at", "updated_at"})
"""Members that every server makes anew for a new row."""

FULL = {
    Subject.PRODUCT: 1,
    Subject.PRODUCTS: works.PAGE,
    Subject.DEEP: works.PAGE,
    Subject.ORDERS: works.PAGE,
    Subject.CREATION: 1,
    Subject.CREATIONS: creating.BULK,
}
"""How many rows the right answer holds."""


class Unequal(Exception):
    """Two targets answered one case differently; the message says where."""


def demand_equal(
    ports: dict[Target, int], work: Work, chosen: list[Case], ledger: Ledger
) -> dict[Target, int]:
    """Compare the targets' answers to a sample of `chosen`; return the mean size of each one's bodies.

    What one target writes is removed before the next is asked to write the same. Raises Unequal with a
    sentence naming the first difference.
    """
    sizes = dict.fromkeys(ports, 0)
    sample = chosen[:: max(1, len(chosen) // SAMPLE)][:SAMPLE]
    for case in sample:
        first: tuple[Target, Any] | None = None
        serial = serials.fresh()
        for target, port in ports.items():
            body = _answer(target, port, work, case, serial)
            if works.writes(work):
                ledger.clear(tidy=False)
            sizes[target] += len(body) // len(sample)
            facts = canonical(work, json.loads(body))
            if first is None:
                first = target, facts
                _demand_substance(target, work, facts)
            elif difference := differ(first[1], facts):
                raise Unequal(f"{work} of {case}: {first[0].name} and {target.name} differ at {difference}.")
    return sizes


def _demand_substance(target: Target, work: Work, facts: Any) -> None:
    rows = facts["rows"]
    full = FULL[works.SUBJECTS[work]]
    if len(rows) != full:
        raise Unequal(f"{target.name} answered {len(rows)} rows to {work} where {full} exist.")


def _answer(target: Target, port: int, work: Work, case: Case, serial: int) -> bytes:
    request = Serials(serial).filled(target.request(work, case))
    status, body = wire.ask(port, request)
    if status != works.status(work) or b'"errors"' in body[:20]:
        raise Unequal(f"{target.name} answered {status} to {request.method} {request.path}: {body[:600]!r}")
    return body


def canonical(work: Work, answer: dict[str, Any]) -> dict[str, Any]:
    """Return what `answer` says: its rows, nested and in REST spelling, and its exact count if it has one."""
    if works.is_graphql(work):
        if answer.get("errors"):
            raise Unequal(f"GraphQL errors: {answer['errors']}")
        (root,) = answer["data"].values()
        if works.writes(work):
            root = root.get("product", root)
            if root is None:
                raise Unequal(f"Nothing was written: {answer}")
        rows, total = _nodes(root), root.get("totalCount") if isinstance(root, dict) else None
    else:
        rows, total = _rest_rows(answer), (answer.get("pagination") or {}).get("total_count")
    facts = [_fact(row) for row in rows]
    return {"rows": [_unmade(fact) for fact in facts] if works.writes(work) else facts, "total": total}


def _unmade(fact: dict[str, Any]) -> dict[str, Any]:
    """Return a new row with what its server made only told to be there."""
    return {name: value is not None if name in MADE else value for name, value in fact.items()}


def _rest_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer["data"] if isinstance(answer["data"], list) else [answer["data"]]
    if "summary" in answer:
        data = [item["data"] for item in data]
    included = {row["id"]: row for row in answer.get("included", ())}
    return [_joined(row, included) for row in data]


def _joined(row: dict[str, Any], included: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return `row` with the rows that its relationships point at, as nested members."""
    joined = dict(row)
    for name, link in row.get("relationships", {}).items():
        if isinstance(link, list):
            joined[name] = [_joined(included[end["id"]], included) for end in link]
        else:
            joined[name] = _joined(included[link["id"]], included) if link else None
    return joined


def _nodes(found: Any) -> list[Any]:
    if isinstance(found, list):
        return found
    return found.get("nodes", [found])


def _fact(row: dict[str, Any]) -> dict[str, Any]:
    return {
        works.snake(name): _value(works.snake(name), value)
        for name, value in row.items()
        if name not in DECORATION
    }


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "items":
        return sorted((_fact(item) for item in _nodes(value)), key=lambda item: item["position"])
    if name in OPAQUE:
        return json.loads(value) if isinstance(value, str) else value
    if isinstance(value, dict):
        return _fact(value)
    if name.endswith("_cents"):
        return int(value)
    if name.endswith("_at"):
        return works.as_instant(value)
    if name == "tax_rate":
        return decimal.Decimal(str(value)).normalize()
    return value.lower() if name == "status" else value


def differ(left: Any, right: Any, path: str = "") -> str | None:
    """Return where and how two values differ first, or None."""
    if isinstance(left, dict) and isinstance(right, dict):
        if lone := left.keys() ^ right.keys():
            return f"{path or '/'}: only one has {', '.join(sorted(map(str, lone)))}"
        pairs = [(name, left[name], right[name]) for name in left]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = [(index, *pair) for index, pair in enumerate(zip(left, right, strict=True))]
    else:
        return None if left == right else f"{path}: {left!r} is not {right!r}"
    return next((found for name, a, b in pairs if (found := differ(a, b, f"{path}/{name}"))), None)
