"""Resources: documents, and single rows, that agents read by their URI."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rest.http import BASE, Request
from rest.mcp.offer import Answer, Asker, Offer, told
from rest.mcp.tools import Tool, Toolbox
from rest.openapi.draft import Json
from services.engine.errors import Problem, not_found

SCHEME = "diptych://"
GUIDE = f"{SCHEME}agents.md"
"""What tells agents everything."""

_JSON = "application/json"
_ID = "{id}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of the server: where it is below the base path, and what it tells."""

    uri: str
    path: str
    media_type: str
    title: str
    description: str
    public: bool = True

    def described(self) -> Json:
        """Return it as a list of resources shows it."""
        return {
            "uri": self.uri,
            "name": self.uri.removeprefix(SCHEME),
            "title": self.title,
            "description": self.description,
            "mimeType": self.media_type,
        }


_DOCUMENTS = (
    Document(
        GUIDE,
        "agents",
        "text/markdown",
        "How to use this API",
        "Everything an agent needs to know of the API, in one short text.",
    ),
    Document(
        f"{SCHEME}enums.json",
        "enums",
        _JSON,
        "Enumerations",
        "Every enumeration by resource and field, all scopes, and the codes of errors.",
        public=False,
    ),
    Document(
        f"{SCHEME}openapi.json",
        "openapi.json",
        _JSON,
        "OpenAPI document",
        "The whole REST surface (OpenAPI 3.1); the documents of its modules are shorter.",
    ),
    Document(
        f"{SCHEME}schema.graphql",
        "schema.graphql",
        "application/graphql",
        "GraphQL schema",
        "The whole GraphQL surface, in its own language.",
    ),
)


class Resources:
    """What can be read: documents by their URI, and rows by that of the tool that gets one."""

    def __init__(self, offer: Offer, toolbox: Toolbox) -> None:
        self._offer = offer
        self.documents = {each.uri: each for each in (*_DOCUMENTS, *_of_modules(toolbox))}
        self._getters = {each.form.path[0]: each for each in _getters(toolbox)}

    def templates(self, scopes: Collection[str]) -> list[Json]:
        """Return the templates of the rows that a token of these scopes may read (RFC 6570)."""
        return [
            {
                "uriTemplate": f"{SCHEME}{path}/{_ID}",
                "name": path,
                "title": tool.title,
                "description": tool.description,
                "mimeType": _JSON,
            }
            for path, tool in self._getters.items()
            if tool.allowed(scopes)
        ]

    async def read(self, asker: Asker, uri: str) -> Answer:
        """Return what a resource holds, or the refusal of REST; raises the 404 problem for no resource."""
        found = self.documents.get(uri)
        if found is not None:
            request = _getting(found)
            return await told(await self._offer.ask(asker, request, public=found.public))
        path, _, id_ = uri.removeprefix(SCHEME).partition("/")
        tool = self._getters.get(path) if uri.startswith(SCHEME) else None
        if tool is None:
            raise missing(uri)
        return await self._offer.call(asker, tool, {"id": id_})


def missing(uri: str) -> Problem:
    """Return the 404 problem of a URI that leads to nothing."""
    return not_found(f"There is no resource {uri[:200]!r}.")


def _getting(document: Document) -> Request:
    segments = tuple(document.path.split("/"))
    headers = {b"accept": document.media_type.encode()}
    return Request("GET", f"{BASE}/{document.path}", segments, b"", headers)


def _of_modules(toolbox: Toolbox) -> Iterator[Document]:
    for module in toolbox.servers:
        uri, path = f"{SCHEME}openapi/{module}.json", f"openapi.json/{module}"
        yield Document(uri, path, _JSON, f"OpenAPI document: {module}", toolbox.modules[module])


def _getters(toolbox: Toolbox) -> Iterator[Tool]:
    for tool in toolbox.by_name.values():
        if tool.form.method == "GET" and tool.form.path[1:] == (_ID,):
            yield tool
