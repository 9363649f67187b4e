"""The whole document, and the parts of it that tell of one module."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rest import compat
from rest.http import BASE
from rest.openapi import calls, mcp, standing
from rest.openapi.deprecation import said_of_all, timeline
from rest.openapi.draft import Draft, Json
from rest.openapi.examples import illustrate
from rest.openapi.operations import Operation, Operations
from services.engine.catalog import Catalog

OWN_MODULE = "platform"
"""The tag of what tells of the server itself."""

_ABOUT = """\
One declaration, two surfaces: everything here is also at `/graphql`.

Send the token as `Authorization: Bearer …` (or as `X-API-Key`). A refusal is a problem document (RFC 9457).

Filters are written `filter[field]=value` or `filter[field][operator]=value`, and all of them must hold. They
also lead through relations, `filter[customer.name][like]=ada`, and into maps, `filter[metadata.a]=b`.

GET addresses answer HEAD too, and every address answers OPTIONS.

What is deprecated works as before until a release removes it, no sooner than its sunset. It is marked here
and listed in `x-deprecations`, and whoever uses it is told in the headers `Deprecation`, `Sunset`, `Warning`
and `Link`. A version of the API is supported for twelve months after the next one is there."""


def document(catalog: Catalog, version: str) -> Json:
    """Return the OpenAPI document of a catalogue; `version` is that of the server."""
    draft = Draft(catalog)
    paths: dict[str, Json] = {}
    for found, made in _operations(draft):
        illustrate(draft, made)
        item = paths.setdefault(found.path, {})
        if found.server is not None:
            item["servers"] = [{"url": found.server, "description": "Beside the API"}]
        others = _aliases(catalog, found.path)
        if others:
            item["x-aliases"] = others
        item[found.method] = made
    return _whole(draft, paths, version)


def _operations(draft: Draft) -> Iterator[tuple[Operation, Json]]:
    for resource in draft.catalog:
        yield from Operations(draft, resource).all()
    for procedure in draft.catalog.procedures:
        yield calls.operation(draft, procedure)
    yield from standing.operations(draft, OWN_MODULE)
    yield from mcp.operations(draft, OWN_MODULE)


def _aliases(catalog: Catalog, path: str) -> list[str]:
    """Return the other paths of the same address."""
    for procedure in catalog.procedures:
        if path == f"/{procedure.path}":
            return [f"/{alias}" for alias in procedure.aliases]
    head, _, rest = path[1:].partition("/")
    return [f"/{name}/{rest}".rstrip("/") for name, alias in compat.PATHS.items() if alias.path == head]


def _whole(draft: Draft, paths: Json, version: str) -> Json:
    tags = [{"name": each.name, "description": each.doc} for each in draft.catalog.modules]
    used = {tag for item in paths.values() for tag in _tags(item)}
    tags.append({"name": OWN_MODULE, "description": "The server itself: its health and its description."})
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": "Diptych API",
            "version": version,
            "description": _ABOUT,
        },
        "servers": [{"url": BASE, "description": said_of_all(draft, "API v1")}],
        "x-deprecations": timeline(draft),
        "security": [{"BearerAuth": []}],
        "tags": [tag for tag in tags if tag["name"] in used],
        "paths": paths,
        "components": {**draft.components, "securitySchemes": _SECURITY},
    }
    return needed(found)


_SECURITY: Json = {
    "BearerAuth": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the workspace, or of a session.",
    }
}


def of_module(whole: Json, name: str) -> Json:
    """Return what a document tells of one module."""
    return _part(whole, name, {path for path, item in whole["paths"].items() if name in _tags(item)})


def below(whole: Json, name: str, segments: Collection[str]) -> Json:
    """Return what a document tells of the addresses that begin with any of these segments, under a name."""
    return _part(whole, name, {path for path in whole["paths"] if path[1:].partition("/")[0] in segments})


def _part(whole: Json, name: str, kept: Collection[str]) -> Json:
    paths = {path: item for path, item in whole["paths"].items() if path in kept}
    used = {tag for item in paths.values() for tag in _tags(item)}
    tags = [tag for tag in whole["tags"] if tag["name"] in used]
    info = {**whole["info"], "title": f"{whole['info']['title']}: {name}"}
    return needed({**whole, "info": info, "tags": tags, "paths": paths})


def _tags(item: Mapping[str, Any]) -> set[str]:
    return {tag for made in item.values() if isinstance(made, dict) for tag in made["tags"]}


def needed(whole: Json) -> Json:
    """Return a document with the components alone that its operations lead to, in alphabetical order."""
    components = whole["components"]
    reached: set[tuple[str, str]] = set()
    waiting = list(_references(whole["paths"]))
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting += _references(components[place[0]][place[1]])
    kept: Json = {"securitySchemes": components["securitySchemes"]}
    for section, name in sorted(reached):
        kept.setdefault(section, {})[name] = components[section][name]
    return {**whole, "components": kept}


def _references(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("$ref", "mapping"):
                for target in [value] if name == "$ref" else value.values():
                    _, _, section, own = target.split("/")
                    yield section, own
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)
