"""The catalogue of APIs: one entry for each module and for each other surface (RFC 9727, S0-002, S0-003)."""

from collections.abc import Iterator, Sequence
from typing import Any

from rest.discovery.resource import GRAPHQL, metadata_path
from rest.http import BASE
from rest.library import CATALOGUE_LINK, SCHEMA
from services.engine.catalog import Catalog

KIND = b'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'
_OPENAPI = "application/openapi+json"

Link = dict[str, str]


def linkset(catalog: Catalog, origin: str, surfaces: Sequence[str]) -> dict[str, Any]:
    """Return the catalogue; `origin` begins every address in it."""
    return {"linkset": list(_entries(catalog, origin, surfaces))}


def link_header(catalog: Catalog, surfaces: Sequence[str]) -> bytes:
    """Return the header that names the catalogue and what is in it (RFC 9727, section 2)."""
    anchors = [entry["anchor"] for entry in _entries(catalog, "", surfaces)]
    return b", ".join([CATALOGUE_LINK, *(f'<{anchor}>; rel="item"'.encode() for anchor in anchors)])


def _entries(catalog: Catalog, origin: str, surfaces: Sequence[str]) -> Iterator[dict[str, Any]]:
    described = _link(origin, f"{BASE}/openapi.json", _OPENAPI, "All of it")
    yield _entry(origin, f"{BASE}/", described)
    for module in catalog.modules:
        base = f"/{module.name}{BASE}/"
        yield _entry(origin, base, _link(origin, f"{base}openapi.json", _OPENAPI, module.doc))
    for surface in surfaces:
        schema = _link(origin, f"{BASE}/{SCHEMA}", "application/graphql", "The schema")
        yield _entry(origin, surface, schema if surface == GRAPHQL else None)


def _entry(origin: str, path: str, described: Link | None) -> dict[str, Any]:
    own = metadata_path(path.partition(BASE)[1] or path)
    return {
        "anchor": f"{origin}{path}",
        **({} if described is None else {"service-desc": [described]}),
        "service-doc": [
            _link(origin, "/docs", "text/html", "For people"),
            _link(origin, f"{BASE}/agents", "text/markdown", "For language models"),
        ],
        "service-meta": [_link(origin, own, "application/json", "How to authenticate")],
        "status": [_link(origin, "/health/ready", "application/json", "Whether it is ready")],
    }


def _link(origin: str, path: str, kind: str, title: str) -> Link:
    return {"href": f"{origin}{path}", "type": kind, "title": title}
