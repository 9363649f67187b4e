"""Metadata of the protected resources: how a token is sent, and which scopes there are (RFC 9728)."""

from collections.abc import Sequence
from typing import Any

from rest.http import BASE
from services.engine.catalog import Catalog

METADATA = "/.well-known/oauth-protected-resource"
GRAPHQL, MCP = "/graphql", "/mcp"

_NAMES = {"": "Diptych", BASE: "Diptych over REST", GRAPHQL: "Diptych over GraphQL", MCP: "Diptych over MCP"}


def metadata_path(path: str) -> str:
    """Return where the resource is described that a path belongs to (RFC 9728, section 3.1)."""
    known = (each for each in (BASE, GRAPHQL, MCP) if f"{path}/".startswith(f"{each}/"))
    return METADATA + next(known, "")


def is_known(path: str, surfaces: Sequence[str]) -> bool:
    """Tell whether a path is that of a resource here: the whole server, REST, or another surface."""
    return path in ("", BASE) or path in surfaces


def metadata(catalog: Catalog, origin: str, path: str) -> dict[str, Any]:
    """Return the metadata of the resource at a path.

    No authorization server is named: tokens come from an operator, from other tokens or from a login here.
    """
    return {
        "resource": f"{origin}{path}",
        "resource_name": _NAMES.get(path, "Diptych"),
        "bearer_methods_supported": ["header"],
        "scopes_supported": list(catalog.scopes),
        "resource_documentation": f"{origin}{BASE}/agents",
    }
