"""Well-known places on the shell: catalogue, metadata, pages of problems, and what crawlers ask for."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import Response as Answer

from diptych.icon import icon
from rest.discovery import html, linkset, pages, resource, texts
from rest.http import Headers, Response
from rest.published import Forms, Published, publish
from services.engine.catalog import Catalog
from services.engine.errors import not_found

_JSON, _PLAIN, _MARKDOWN = b"application/json", b"text/plain; charset=utf-8", b"text/markdown; charset=utf-8"
_DAY = 86_400
_METHODS = ["GET", "HEAD"]
_NO_PROVIDER = (
    "There is no OpenID provider or authorization server here: tokens are made by an operator, by other "
    f"tokens or by a login. {resource.METADATA} tells how they are sent."
)

Page = Callable[[Request], Awaitable[Answer]]


def add(shell: FastAPI, catalog: Catalog, surfaces: Sequence[str]) -> None:
    """Add the places to the shell; `surfaces` are the paths of the surfaces beside REST."""
    found = {
        "/.well-known/api-catalog": _catalogue(catalog, surfaces),
        resource.METADATA: _metadata(catalog, surfaces),
        f"{resource.METADATA}/{{path:path}}": _metadata(catalog, surfaces),
        "/.well-known/openid-configuration": _absent,
        "/.well-known/oauth-authorization-server": _absent,
        pages.PATH: _problems,
        f"{pages.PATH}/{{slug}}": _problem,
        "/llms.txt": _llms(catalog),
        "/robots.txt": _robots,
        "/favicon.ico": _favicon,
    }
    for path, page in found.items():
        shell.add_api_route(path, page, methods=_METHODS)


def _catalogue(catalog: Catalog, surfaces: Sequence[str]) -> Page:
    async def page(request: Request) -> Answer:
        made = Published.of(linkset.linkset(catalog, request.state.origin, surfaces))
        link = (b"link", linkset.link_header(catalog, surfaces))
        return _published(request, {linkset.KIND: made, _JSON: made}, more=[link])

    return page


def _metadata(catalog: Catalog, surfaces: Sequence[str]) -> Page:
    async def page(request: Request) -> Answer:
        path = request.url.path.removeprefix(resource.METADATA)
        if not resource.is_known(path, surfaces):
            raise not_found(f"There is nothing at {request.url.path}.")
        made = Published.of(resource.metadata(catalog, request.state.origin, path))
        return _published(request, {_JSON: made})

    return page


async def _absent(request: Request) -> Answer:
    raise not_found(_NO_PROVIDER)


async def _problems(request: Request) -> Answer:
    return _page(request, pages.index_page(request.state.origin))


async def _problem(request: Request) -> Answer:
    found = pages.problem_page(request.path_params["slug"], request.state.origin)
    if found is None:
        raise not_found(f"There is nothing at {request.url.path}.")
    return _page(request, found)


def _llms(catalog: Catalog) -> Page:
    async def page(request: Request) -> Answer:
        made = Published.of_bytes(texts.llms(catalog, request.state.origin).encode())
        return _published(request, {_PLAIN: made, _MARKDOWN: made})

    return page


async def _robots(request: Request) -> Answer:
    return _published(request, {_PLAIN: Published.of_bytes(texts.ROBOTS.encode())}, seconds=_DAY)


async def _favicon(request: Request) -> Answer:
    return _published(request, {b"image/x-icon": Published.of_bytes(icon())}, seconds=_DAY)


def _page(request: Request, forms: Forms) -> Answer:
    return _published(request, forms, seconds=_DAY, more=html.POLICY)


def _published(request: Request, forms: Forms, *, seconds: int = 60, more: Headers | None = None) -> Answer:
    headers = {name.lower().encode(): value.encode("latin-1") for name, value in request.headers.items()}
    return _answer(publish(forms, headers, seconds=seconds, more=more))


def _answer(found: Response) -> Answer:
    headers = {name.decode(): value.decode("latin-1") for name, value in found.headers}
    return Answer(found.body, found.status, headers)
