"""The OpenAPI documents as they are served: that of the whole server, and those of its modules."""

from rest import compat
from rest.http import Request, Response
from rest.openapi.document import below, document, of_module
from rest.published import Published, publish
from services.engine.catalog import Catalog
from services.engine.errors import not_found

NAME = "openapi.json"
"""The last segment of the address of every document."""

KIND = b"application/openapi+json"


class Documents:
    """The document of a whole server, and those of its modules."""

    def __init__(self, catalog: Catalog, version: str) -> None:
        whole = document(catalog, version)
        parts = {name: below(whole, name, segments) for name, segments in compat.MODULES.items()}
        parts |= {module.name: of_module(whole, module.name) for module in catalog.modules}
        self._found: dict[str | None, Published] = {None: Published.of(whole)}
        self._found |= {name: Published.of(part) for name, part in parts.items()}

    def answer(self, request: Request) -> Response:
        """Return the response to a request of a document; raises the 404 and 406 problems."""
        found = self._found.get(request.segments[1] if len(request.segments) > 1 else None)
        if found is None:
            raise not_found(f"There is nothing at {request.path}.")
        return publish({b"application/json": found, KIND: found}, request.headers)
