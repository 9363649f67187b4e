"""What Schemathesis is told of Diptych that no document says; it loads this file in its own process."""

import json
import os
import re
import uuid
from typing import Any

import schemathesis

SPARED = frozenset(json.loads(os.environ.get("DIPTYCH_SPARED", "[]")))
"""Ids of the token and the workspace that the judge itself asks with."""

FLAT = "DIPTYCH_FLAT_FILTERS"
"""Set where filters are judged without what leads back to filters."""

BEYOND_SCHEMAS = {
    # What other rows hold, which no schema knows.
    "already_taken": re.compile(r".*"),
    "not_found": re.compile(r".*"),
    # The state of a row, and what a plan has room for, told of one row among others.
    "conflict": re.compile(r"items\.\d+$"),
    "feature_limit_reached": re.compile(r"items\.\d+$"),
    # Rules between a field and others; texts of U+001C to U+001F, which ECMA-262 takes for no white space.
    "cant_be_blank": re.compile(r".*\b(currency|quantity|name|unit_price_cents|text)"),
    # What a row is to become.
    "exclusion": re.compile(r".*\b(order_id|product_id|tier|scopes|role|text)"),
    # The present moment; the sign of a return, which only imports bring; totals of an order.
    "greater_than": re.compile(r".*\b(expires_at|quantity)"),
    "less_than": re.compile(r".*\b(quantity|unit_price_cents|metadata|nutrition)"),
    # Check digits, names of time zones and languages, texts of GraphQL, what RFC 5321 says of addresses;
    # that white space.
    "invalid_format": re.compile(
        r".*\b(gtin|email|text|website|logo_url|image_url|settings\.\w+|metadata|nutrition)"
    ),
    "inclusion": re.compile(r".*\b(settings\.\w+|scopes|feature)"),
    # Sums of lengths in lists.
    "invalid_date": re.compile(r".*_at\b"),
}
"""Codes of field errors that a request may meet though every schema takes it, with the fields."""

BETWEEN_PARAMETERS = re.compile(
    "|".join(
        (
            # An opaque text of the server's own.
            r"^The cursor ",
            r"does not go with",
            r"exclude each other: ",
            r"^direction takes next or prev, and only beside a cursor",
            r"names no resource of this request; include ",
            # No type of GraphQL can be left out and yet not be null, or be a list and not be empty.
            r"^Filter \S+ is (null|an empty list);",
            r"^A field may be sorted by only once",
            # The coverage phase sends 0 for it, whatever its pattern says.
            r"^If-Match takes \* or entity tags",
            # Which arguments there are depends on the tool that is named beside them.
            r"^'\w+' is no argument of \w+; there are",
            # JSON has no largest number, and I-JSON (RFC 7493) has.
            r"beyond 64 bits",
        )
    )
)
"""What is said of parameters each of which is right for itself."""

UNFORESEEABLE = frozenset({401, 403, 404, 409, 412, 429})
"""Statuses that depend on who asks, and on what there is; so does a key that was used before."""

_ENDING = frozenset({"PUT", "PATCH", "DELETE", "POST"})


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Say what the law leaves to the description: sizes and numbers of pages are cut to their bounds.

    The bounds stand in the schema because S3-027 puts them there, for clients; S3-171 and C-23 forbid to
    refuse what lies beyond them.
    """
    parameters = raw_schema.get("components", {}).get("parameters", {})
    for name in ("Page", "PerPage", "Offset"):
        for bound in ("minimum", "maximum"):
            parameters.get(name, {}).get("schema", {}).pop(bound, None)
    if FLAT in os.environ:
        flatten(raw_schema["components"]["schemas"])


def flatten(schemas: dict[str, Any]) -> None:
    """Take out of filters what leads back to filters.

    The coverage phase walks every path through a schema, of which there is no end here; fuzzing draws from
    the schemas as they are.
    """
    for name, schema in schemas.items():
        if name.endswith("Filter") and "properties" in schema:
            schema["properties"] = {
                member: each
                for member, each in schema["properties"].items()
                if member not in ("and", "or", "not") and "Related" not in each.get("$ref", "")
            }


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Aim elsewhere what would end the token or the workspace that all other cases need."""
    if case.method not in _ENDING:
        return
    if case.path_parameters and case.path_parameters.get("id") in SPARED:
        case.path_parameters["id"] = str(uuid.uuid4())
    if isinstance(case.body, dict):
        for member in ("ids", "items"):
            listed = case.body.get(member)
            if isinstance(listed, list) and any(map(_is_spared, listed)):
                case.body[member] = [each for each in listed if not _is_spared(each)] or [str(uuid.uuid4())]


def _is_spared(item: Any) -> bool:
    found = item.get("id") if isinstance(item, dict) else item
    return isinstance(found, str) and found in SPARED


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Keep every failure but refusals of what no schema can foresee, which are told by their codes.

    A server error of GraphQL is to Schemathesis whatever has not one of Apollo's codes; ours have the codes
    of the catalogue, beside a problem object whose status tells whose fault it is.
    """
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        return not _unforeseeable(json.loads(response.content))
    if kind in ("GraphQLServerError", "GraphQLClientError"):
        errors = json.loads(response.content)["errors"]
        problems = [each["extensions"]["problem"] for each in errors]
        return not all(_unbounded(problem) or _unforeseeable(problem) for problem in problems)
    return True


def _unbounded(problem: dict[str, Any]) -> bool:
    """Tell whether a problem is about a bound, a length or a pattern, none of which GraphQL can express.

    What is required is told there too, since a mutation tells of all that is wrong in its payload.
    """
    return problem["status"] == 422 or bool(
        re.search(r"^At most \d+ |must not be negative", problem["detail"])
    )


def _unforeseeable(problem: dict[str, Any]) -> bool:
    """Tell whether a problem is one that a request may meet though every schema takes it."""
    if problem["status"] in UNFORESEEABLE or problem["code"] == "idempotency-key-mismatch":
        return True
    if problem["code"] == "validation-failed":
        return all(
            code in BEYOND_SCHEMAS and BEYOND_SCHEMAS[code].match(field)
            for field, codes in problem["errors"].items()
            for code in codes
        )
    return problem["status"] == 400 and bool(BETWEEN_PARAMETERS.search(problem["detail"]))
