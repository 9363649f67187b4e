"""GraphiQL, the GraphQL page for browsers, served from our own files: nothing is fetched from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

ASSETS_PATH = "/graphql/assets/"
"""Where the page, itself served at `/graphql`, looks for its assets; it links them relative to itself."""

# GraphiQL's menus and dialogs insert one constant style element, which stops the page behind from scrolling.
_SCROLL_LOCK = "'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='"

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {_SCROLL_LOCK}; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The `Content-Security-Policy` the page works under."""

_STATIC = Path(__file__).parent / "static"

_MEDIA_TYPES = {
    "graphiql.min.css": "text/css; charset=utf-8",
    "graphiql.min.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "react.production.min.js": "text/javascript; charset=utf-8",
    "react-dom.production.min.js": "text/javascript; charset=utf-8",
    "LICENSES.txt": "text/plain; charset=utf-8",
}


def page() -> bytes:
    """The HTML page, in UTF-8."""
    return _content("page.html")


def asset(name: str) -> tuple[bytes, str] | None:
    """A file the page links, with its media type; None for any other name."""
    media_type = _MEDIA_TYPES.get(name)
    return (_content(name), media_type) if media_type else None


def files() -> dict[str, bytes]:
    """Every such file, by its name."""
    return {name: _content(name) for name in _MEDIA_TYPES}


@cache
def _content(name: str) -> bytes:
    return (_STATIC / name).read_bytes()
