"""Merge patches (RFC 7396): a map in a JSON field is changed member by member instead of replaced."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.engine.errors import Invalid
from services.engine.resource import Kind, Resource
from services.engine.validate import read_field
from services.engine.values import Inner, accuse

LARGEST = 1_048_576
"""How many bytes a JSON field may have after a merge, as UTF-8."""

_TOO_LONG = Invalid("too_long", f"After the merge this would exceed {LARGEST} bytes.")


def merged(stored: Any, patch: Any) -> Any:
    """Return `stored` changed by `patch`: maps are merged, a null removes, anything else replaces.

    Neither argument is altered. Both must have been read by a field's reader, which bounds their depth.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(stored) if isinstance(stored, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def merge_values(
    resource: Resource, stored: Mapping[str, Any], clean: dict[str, Any], invalid: dict[str, list[Invalid]]
) -> None:
    """Merge the maps in `clean` into those of `stored`; one that grows beyond its bounds becomes invalid.

    A field's own null still clears it, as it does without merging.
    """
    for name, patch in list(clean.items()):
        if isinstance(patch, dict) and _is_json(resource, name):
            result = read_field(resource, name, merged(stored.get(name), patch))
            if not isinstance(result, Invalid | Inner) and len(orjson.dumps(result)) > LARGEST:
                result = _TOO_LONG
            if isinstance(result, Invalid | Inner):
                # What was stored before its rules were made may not fit them.
                accuse(invalid, name, result)
                del clean[name]
            else:
                clean[name] = result


def _is_json(resource: Resource, name: str) -> bool:
    facts = resource.facts.get(name)
    return facts is not None and facts.kind is Kind.JSON
