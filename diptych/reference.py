"""The API reference for browsers at `/docs`, served from our own files: nothing is fetched from elsewhere.

It shows the public OpenAPI document with Swagger UI, whose requests carry the token of the page's own form.
"""

from functools import cache
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from diptych import assets
from rest.http import BASE
from rest.http import Response as Answer

PATH = "/docs"
ASSETS_PATH = f"{PATH}/assets/"
"""Where the page looks for its files; it links them relative to itself."""

ALIASES = (f"{PATH}/", "/api/docs", f"{BASE}/docs")
"""Addresses that lead to the page (C-79)."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The `Content-Security-Policy` the page works under (C-61)."""

_STATIC = Path(__file__).parent / "static"

_MEDIA_TYPES = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "token.css": "text/css; charset=utf-8",
    "token.js": "text/javascript; charset=utf-8",
    "LICENSES.txt": "text/plain; charset=utf-8",
}


def add(shell: FastAPI) -> None:
    """Add the page, its files and the addresses that lead to it."""

    @shell.api_route(PATH, methods=["GET", "HEAD"])
    async def docs(request: Request) -> Response:
        found = assets.response(page(), "text/html; charset=utf-8", _headers(request))
        found.headers.append((b"content-security-policy", CONTENT_SECURITY_POLICY.encode()))
        return _sent(found)

    @shell.api_route(f"{ASSETS_PATH}{{name}}", methods=["GET", "HEAD"])
    async def file(name: str, request: Request) -> Response:
        found = asset(name)
        if found is None:
            raise HTTPException(404)
        return _sent(assets.response(*found, _headers(request), request.scope["query_string"]))

    async def lead() -> Response:
        return RedirectResponse(PATH, 308)

    for alias in ALIASES:
        shell.add_api_route(alias, lead, methods=["GET", "HEAD"])


@cache
def page() -> bytes:
    """The HTML page, in UTF-8, whose links change with what they lead to."""
    addresses = {f"{ASSETS_PATH[1:]}{name}": content(name) for name in _MEDIA_TYPES}
    return assets.linked((_STATIC / "docs.html").read_bytes(), addresses)


def asset(name: str) -> tuple[bytes, str] | None:
    """A file the page links, with its media type; None for any other name."""
    media_type = _MEDIA_TYPES.get(name)
    return (content(name), media_type) if media_type else None


@cache
def content(name: str) -> bytes:
    """Return one of the files."""
    return (_STATIC / name).read_bytes()


def _headers(request: Request) -> dict[bytes, bytes]:
    return dict(request.scope["headers"])


def _sent(found: Answer) -> Response:
    return Response(
        found.body, found.status, {name.decode(): value.decode() for name, value in found.headers}
    )
