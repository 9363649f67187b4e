"""Texts for visitors that are programs: what models and crawlers find at the root."""

from collections.abc import Iterator

from rest.http import BASE
from rest.library import SCHEMA
from services.engine.catalog import Catalog

ROBOTS = f"""\
User-agent: *
Allow: {BASE}/agents
Allow: {BASE}/openapi.json
Allow: {BASE}/{SCHEMA}
Disallow: /api/
Disallow: /graphql
Disallow: /mcp
Disallow: /health
"""
"""What crawlers may read: descriptions, but nothing that needs a token."""


def llms(catalog: Catalog, origin: str) -> str:
    """Return the text for language models, as llmstxt.org has it; `origin` begins every address in it."""
    return "\n".join(_lines(catalog, origin)) + "\n"


def _lines(catalog: Catalog, origin: str) -> Iterator[str]:
    yield "# Diptych API\n"
    yield (
        "> A multi-tenant API whose resources are declared once and served over REST, GraphQL and MCP "
        "alike, with the same rows, fields, filters, cursors, permissions, limits and errors.\n"
    )
    yield (
        f"REST is at {origin}{BASE}, GraphQL at {origin}/graphql, MCP at {origin}/mcp. Send "
        "`Authorization: Bearer …` to each. The first link is all that is needed to use them.\n"
    )
    yield "## Docs\n"
    yield _item(origin, "The whole API in one text", f"{BASE}/agents", "Markdown, under 50 KB, with examples")
    yield _item(origin, "Reference", "/docs", "every operation, for people")
    yield _item(origin, "Problems", "/problems", "every refusal, what it means and what to do")
    yield "\n## Machine-readable\n"
    yield _item(origin, "OpenAPI 3.1", f"{BASE}/openapi.json", "every operation, schema and example")
    for module in catalog.modules:
        path = f"/{module.name}{BASE}/openapi.json"
        yield _item(origin, f"OpenAPI of {module.name}", path, module.doc.rstrip("."))
    yield _item(origin, "GraphQL schema", f"{BASE}/{SCHEMA}", "in the schema definition language")
    yield _item(origin, "Catalogue of APIs", "/.well-known/api-catalog", "a linkset (RFC 9727)")
    yield "\n## Optional\n"
    yield _item(origin, "Enums", f"{BASE}/enums", "the values of every enum; needs a token")
    yield _item(origin, "Health", "/health/ready", "whether the server is ready")


def _item(origin: str, name: str, path: str, said: str) -> str:
    return f"- [{name}]({origin}{path}): {said}."
