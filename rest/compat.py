"""Input aliases: what clients of older conventions send, in the words of the law, all in this one place."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.engine.catalog import Catalog
from services.engine.context import Caller
from services.engine.resource import Resource

PARAMETERS: Mapping[str, str] = {"limit": "per_page", "search": "q"}
"""Query parameters under other names (C-18, C-24)."""

_TIMES = {
    "created_after": ("inserted_at", "gte"),
    "created_before": ("inserted_at", "lte"),
    "updated_after": ("updated_at", "gte"),
    "updated_before": ("updated_at", "lte"),
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

_DOOR = re.compile(r"/ui/workspaces/([^/]+)/(tokens(?:/.*)?)")

MODULES: Mapping[str, frozenset[str]] = {
    "account": frozenset({"workspaces", "tokens", "api-keys", "token", "whoami"}),
    "brands": frozenset({"brands"}),
    "products": frozenset({"products", "categories"}),
}
"""Resources that are also served under `/{module}/api/v1` (C-78)."""


def _with_own_scopes(caller: Caller, values: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a new key, which may do what its maker may unless it says otherwise (C-07)."""
    return {"scopes": sorted(caller.principal.scopes), **values}


@dataclass(frozen=True, slots=True)
class Alias:
    """Another path of a resource, and what completes the bodies that make new ones there."""

    path: str
    complete: Callable[[Caller, dict[str, Any]], dict[str, Any]] | None = None


PATHS: Mapping[str, Alias] = {"api-keys": Alias("tokens", _with_own_scopes)}
"""Resources under other paths."""


def filter_parameter(name: str, resource: Resource) -> tuple[str, str] | None:
    """Return the field and operator that a plain parameter filters by, if it is such an alias (C-24)."""
    if name in _TIMES:
        return _TIMES[name]
    field = resource.all_fields.get(name)
    return (name, "eq") if name == "status" and field is not None and field.filterable else None


def filter_value(name: str, value: str) -> str:
    """Return the value of such a parameter: a plain date before which means the end of that day."""
    return f"{value}T23:59:59.999999Z" if name.endswith("_before") and _DATE.match(value) else value


Modules = Mapping[str, frozenset[str]]
"""The first segments of the addresses of each module, by its name."""


def modules(catalog: Catalog) -> Modules:
    """Return what is served under `/{module}/api/v1`: the modules of a catalogue, and those of old (C-78)."""
    found = {name: set(segments) for name, segments in MODULES.items()}
    for module in catalog.modules:
        own = found.setdefault(module.name, set())
        own.update(resource.path for resource in module.resources)
        own.update(place[0] for procedure in module.procedures for place in procedure.places)
    return {name: frozenset(segments) for name, segments in found.items()}


def rewritten(path: str, base: str, modules: Modules = MODULES) -> str:
    """Return the path below `base` for one under another prefix (C-78); others come back as they are."""
    if path.startswith(base):
        return path
    if path == "/openapi.json":
        return base + path
    if path.startswith("/api/"):
        first = path[5:].split("/", 1)[0]
        return path if first in ("v1", "docs") else base + path[4:]
    door = _DOOR.fullmatch(path)
    if door is not None:
        return f"{base}/{door[2]}"
    module, found, rest = path[1:].partition("/api/v1/")
    if found and rest in ("openapi.json", "agents") and "/" not in module:
        return f"{base}/{rest}/{module}"
    if found and not rest and module in modules:
        return f"{base}/"
    if found and rest.split("/", 1)[0] in modules.get(module, ()):
        return f"{base}/{rest}"
    return path


def named_workspace(path: str, header: bytes | None) -> bytes | None:
    """Return the workspace that a request names: by its header, or by the path of the tokens' other door.

    Where both name one they must agree; what is returned otherwise is the name of none.
    """
    door = _DOOR.fullmatch(path)
    if door is None:
        return header
    named = door[1].encode()
    return named if header in (None, named) else b""
