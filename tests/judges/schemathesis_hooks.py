"""What Schemathesis is told of Diptych that no document says; it loads this file itself, in its own process."""

import json
import os
import uuid
from typing import Any

import schemathesis

SPARED = frozenset(json.loads(os.environ.get("DIPTYCH_SPARED", "[]")))
"""Ids of the token and the workspace that the judge itself asks with."""

SEARCHING = "DIPTYCH_JUDGED_SEARCHES"
"""Set where searches alone are judged in the coverage phase."""

_ENDING = frozenset({"PUT", "PATCH", "DELETE", "POST"})


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Say what the law leaves to the description: sizes and numbers of pages are cut to their bounds.

    The bounds stand in the schema because S3-027 puts them there, for clients; S3-171 and C-23 forbid to
    refuse what lies beyond them.
    """
    parameters = raw_schema.get("components", {}).get("parameters", {})
    for name in ("Page", "PerPage"):
        for bound in ("minimum", "maximum"):
            parameters.get(name, {}).get("schema", {}).pop(bound, None)
    if SEARCHING in os.environ:
        _flatten(raw_schema["components"]["schemas"])


def _flatten(schemas: dict[str, Any]) -> None:
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
            if isinstance(listed, list):
                case.body[member] = [each for each in listed if not _spared(each)] or [str(uuid.uuid4())]


def _spared(item: Any) -> bool:
    return (item.get("id") if isinstance(item, dict) else item) in SPARED if _hashable(item) else False


def _hashable(item: Any) -> bool:
    return isinstance(item.get("id") if isinstance(item, dict) else item, str)
